# SPDX-License-Identifier: Apache-2.0
"""Training on a GPU beside PEFT (or plain PyTorch where PEFT is not installed), random weights and random rows of ids, bf16.

Steps of 16 rows of 256 tokens; the first --skip steps do not count. Kinds of work: LoRA of rank 8 on a LLaMA-7B shape; the same with every
block computed again in the backward pass; training all parameters of a TinyLlama-1.1B shape; and that within 24 GB, without a peer. Each
measurement is a process of its own, so that its peak of memory is its own; they alternate over --runs. A peer is tried with several sizes
of micro-batch, of which the fastest that fits counts. Full training keeps fp32 weights under autocast in the peer, as our program keeps
fp32 masters; what bf16 weights without masters would give is shown too.
The limit is the rate of bf16 matrix products, measured in the same run. FLOP a token, M being the entries of the matrices of all blocks
and H those of the head: LoRA 4 (M + H), forward and gradient of the inputs; recomputed 4 (M + H) + 2 M; all parameters 6 (M + H).
Attention, LoRA's own products, norms and the optimiser count as nothing, so the share of the limit can't reach 1.
usage: python bench/heal_gpu.py BENCH_HEAL [--runs 3] [--steps 10] [--dropout 0] [--max-memory BYTES] [--only lora,...]
"""
import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import time

import gpu_common

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
WORK = {  # name: shape, our options, the peers' options
    "lora": (gpu_common.LLAMA_7B, ["--recompute", "off"], [["--peer-method", "lora"]]),
    "lora-recompute": (gpu_common.LLAMA_7B, ["--recompute", "on"], [["--peer-method", "lora", "--recompute"]]),
    "full": (gpu_common.TINYLLAMA, ["--method", "full", "--recompute", "off"],
             [["--peer-method", "full"], ["--peer-method", "full", "--no-masters"]]),
    "full-24gb": (gpu_common.TINYLLAMA, ["--method", "full", "--max-memory", "24000000000"], []),
}  # fmt: skip


def flop_a_token(work, shape):
    matrices = shape["num_hidden_layers"] * gpu_common.block_matrices(shape)
    both = matrices + gpu_common.head_parameters(shape)
    return {"lora": 4 * both, "lora-recompute": 4 * both + 2 * matrices, "full": 6 * both, "full-24gb": 6 * both}[work]


# --- the peer, in a process of its own -------------------------------------------------------------------------------


def peer_model(args, shape):
    """-> name, model, function of ids to the loss"""
    import torch

    lora = args.peer_method == "lora"
    dtype = torch.bfloat16 if lora or args.no_masters else torch.float32
    try:
        if args.plain:
            raise ImportError
        import peft
        from transformers import AutoConfig, AutoModelForCausalLM
    except ImportError:
        from plain_llama import PlainLlama

        torch.set_default_dtype(dtype)
        with torch.device(args.device):
            model = PlainLlama(shape, rank=args.rank if lora else 0, dropout=args.dropout, recompute=args.recompute)
        torch.set_default_dtype(torch.float32)
        return "plain PyTorch", model.train(), model
    with torch.device(args.device):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**shape), dtype=dtype)
    if args.recompute:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    if lora:
        model = peft.get_peft_model(model, peft.LoraConfig(r=args.rank, lora_alpha=16, lora_dropout=args.dropout, target_modules=PROJECTIONS,
                                                           task_type="CAUSAL_LM"))  # fmt: skip
        name = f"PEFT {peft.__version__}"
    else:
        import transformers

        name = f"Transformers {transformers.__version__}"
    return name, model.train(), lambda ids: model(input_ids=ids, labels=ids, use_cache=False).loss


def peer_process(args):
    """Prints what bench_heal prints, and the peer's name."""
    import torch

    torch.manual_seed(1)
    name, model, loss_of = peer_model(args, gpu_common.shape_of(args.bench))
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.0, fused=True)
    masters = args.peer_method == "full" and not args.no_masters
    precision = torch.autocast(args.device, torch.bfloat16) if masters else contextlib.nullcontext()
    wait = torch.cuda.synchronize if args.device == "cuda" else lambda: None
    vocabulary = gpu_common.shape_of(args.bench)["vocab_size"]
    rates, losses = [], []
    for _ in range(args.steps):
        rows = torch.randint(0, vocabulary, (args.batch, args.length), device=args.device)
        wait()
        start, total = time.perf_counter(), torch.zeros((), device=args.device)
        for ids in rows.split(args.micro):
            with precision:
                loss = loss_of(ids) * (len(ids) / args.batch)
            loss.backward()
            total += loss.detach()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(total))
        wait()
        rates.append(args.batch * args.length / (time.perf_counter() - start))
    peak = torch.cuda.max_memory_allocated() if args.device == "cuda" else 0
    print(json.dumps({"tokens_per_s": rates, "peak_bytes": peak, "loss": losses, "name": name}))


# --- side by side ----------------------------------------------------------------------------------------------------


def measured(command):
    """-> the JSON object, or None when the memory did not suffice"""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode == 0:
        return json.loads(done.stdout.strip().splitlines()[-1])
    if "out of memory" in (done.stderr + done.stdout).lower():
        return None
    sys.exit(f"heal_gpu.py: `{' '.join(map(str, command))}` exits with {done.returncode}:\n{done.stderr[-2000:]}")


def rate(result, skip):
    """Tokens/s over the steps that count; all have as many tokens."""
    return statistics.harmonic_mean(result["tokens_per_s"][skip:])


def peer_command(args, shape, options, micro):
    common = ["--peer", "--steps", args.steps, "--batch", args.batch, "--length", args.length, "--rank", args.rank, "--dropout", args.dropout,
              "--device", args.device]  # fmt: skip
    return [sys.executable, __file__, shape, *common, "--micro", micro, *options, *(["--plain"] if args.plain else [])]


def best_peer(args, shape, options):
    """-> the command with the fastest micro-batch that fits, or None"""
    tried = {}
    for micro in args.micros:
        result = measured(peer_command(args, shape, options, micro))
        if result:
            tried[micro] = rate(result, args.skip)
    print(f"  peer {' '.join(options)}: " + ", ".join(f"{m} rows at a time {r:.0f} tokens/s" for m, r in tried.items()), file=sys.stderr)
    return peer_command(args, shape, options, max(tried, key=tried.get)) if tried else None


def side_by_side(args, work):
    """-> {way: [result of each run]}"""
    shape, mine, peers = WORK[work]
    shape = args.shape or shape
    ours = [args.bench, shape, "--steps", args.steps, "--batch", args.batch, "--length", args.length, "--rank", args.rank, "--dropout", args.dropout,
            "--device", args.device, "--dtype", "bf16", *mine]  # fmt: skip
    ours += ["--max-memory", args.max_memory] if args.max_memory else []
    ways = {"shorten": ours}
    for options in peers:
        ways["bf16, no masters" if "--no-masters" in options else "peer"] = best_peer(args, shape, options)
    results = {}
    for _ in range(args.runs):
        for way, command in ways.items():
            result = measured(command) if command else None
            if result:
                results.setdefault(result.get("name", "shorten") + (", no masters" if way.startswith("bf16") else ""), []).append(result)
    return results


def product_rate():
    """In a process of its own: a context on the GPU would take memory from the others."""
    return json.loads(subprocess.run([sys.executable, "-c", "import gpu_common; print(gpu_common.product_rate())"], check=True, capture_output=True,
                                     text=True, cwd=gpu_common.SHAPES.parent).stdout)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", help="the program bench_heal")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--skip", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--max-memory", help="for shorten")
    parser.add_argument("--micros", type=lambda s: [int(x) for x in s.split(",")], default=[16, 8, 4], help="of the peers [16,8,4]")
    parser.add_argument("--only", type=lambda s: s.split(","), default=list(WORK), help="of " + ",".join(WORK))
    parser.add_argument("--plain", action="store_true", help="plain PyTorch as the peer, though PEFT is there")
    parser.add_argument("--shape", help="another shape for all kinds of work")
    for hidden in ("--peer", "--recompute", "--no-masters"):
        parser.add_argument(hidden, action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--peer-method", help=argparse.SUPPRESS)
    parser.add_argument("--micro", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--device", default="cuda", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        return peer_process(args)
    if set(args.only) - set(WORK) or not 0 <= args.skip < args.steps:
        sys.exit(f"heal_gpu.py: --only takes {', '.join(WORK)}; --skip must leave a step")

    limit = product_rate() if args.device == "cuda" else 1e12
    print(f"{args.steps} steps of {args.batch} x {args.length} tokens, the first {args.skip} left out; {args.runs} runs each; matrix products "
          f"{limit / 1e12:.0f} TFLOP/s")  # fmt: skip
    print(f"{'work':<16}{'way':<34}{'tokens/s':>10}{'least':>9}{'most':>9}{'peak GB':>9}{'of limit':>10}{'times the peer':>16}{'least':>7}{'most':>7}{'loss':>8}",
          flush=True)  # fmt: skip
    for work in args.only:
        flop = flop_a_token(work, gpu_common.shape_of(args.shape or WORK[work][0]))
        results = side_by_side(args, work)
        peer = next((way for way in results if way != "shorten" and "no masters" not in way), None)
        for way, runs in results.items():
            rates = [rate(r, args.skip) for r in runs]
            faster = [a / rate(b, args.skip) for a, b in zip(rates, results[peer])] if peer else []
            median, peak, loss = statistics.median(rates), max(r["peak_bytes"] for r in runs), runs[0]["loss"][0]
            times = f"{statistics.median(faster):>16.2f}{min(faster):>7.2f}{max(faster):>7.2f}" if faster else " " * 30
            print(f"{work:<16}{way:<34}{median:>10.0f}{min(rates):>9.0f}{max(rates):>9.0f}{peak / 1e9:>9.1f}{median * flop / limit:>10.2f}{times}{loss:>8.3f}",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
