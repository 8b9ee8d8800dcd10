# SPDX-License-Identifier: Apache-2.0
"""`shorten heal` beside PEFT on the CPU: the example model without eight blocks, the same LoRA steps on the same rows.

LoRA of rank 8 on all projections, no dropout, cross-entropy, steps of 16 rows of 256 tokens. PEFT has a plain loop (no Trainer), the
model loaded before the clock starts, and is given every size of micro-batch in --micro, of which the fastest counts; it also says what
bf16 weights would give it. shorten's rate is what it writes into train.jsonl. The first steps of each run (--skip) do not count on
either side. Runs alternate, with the same number of threads. The losses of all steps are compared before anything is printed.
usage: python bench/heal_cpu.py [--runs 3] [--steps 8] [--threads 2]      (environment: tests/interop/run.sh)
"""
import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
ROOT = Path(__file__).resolve().parent.parent
PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
WARMUP, LR = 2, 1e-3


def steps_of(rows, args):
    return [rows[i * args.batch : (i + 1) * args.batch] for i in range(args.steps)]


def peft_worker(args):
    """A process of its own. Each line of input, [dtype, micro], makes it train anew; it answers [seconds a step, losses, peak bytes]."""
    import peft
    import torch
    import transformers
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(args.threads)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    rows = [json.loads(line)["input_ids"] for line in open(args.rows)]
    print("ready", flush=True)
    for line in sys.stdin:
        dtype, micro = json.loads(line)
        model = AutoModelForCausalLM.from_pretrained(args.pruned, dtype=getattr(torch, dtype))
        config = peft.LoraConfig(r=args.rank, lora_alpha=16, lora_dropout=0.0, target_modules=PROJECTIONS, task_type="CAUSAL_LM")
        model = peft.get_peft_model(model, config)
        parameters = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=LR, weight_decay=0.0)
        rates = transformers.get_linear_schedule_with_warmup(optimizer, WARMUP, args.steps)
        seconds, losses = [], []
        for step in steps_of(rows, args):
            start, total = time.perf_counter(), 0.0
            for first in range(0, args.batch, micro):
                ids = torch.tensor(step[first : first + micro])
                loss = model(input_ids=ids, labels=ids, use_cache=False).loss * (len(ids) / args.batch)
                loss.backward()
                total += loss.item()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step(), rates.step(), optimizer.zero_grad()
            seconds.append(time.perf_counter() - start)
            losses.append(total)
        del model, parameters, optimizer, rates, loss  # before the next one is loaded
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps([seconds, losses, peak]), flush=True)


class Peft:
    def __init__(self, args):
        command = [sys.executable, __file__, "--worker", "--rows", args.rows, "--pruned", args.pruned, "--steps", args.steps, "--batch", args.batch,
                   "--rank", args.rank, "--threads", args.threads]  # fmt: skip
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline().strip() != "ready":
            sys.exit("heal_cpu.py: the PEFT process did not start")
        self.args = args

    def run(self, dtype, micro):
        """-> tokens/s, losses, peak bytes"""
        self.process.stdin.write(json.dumps([dtype, micro]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit("heal_cpu.py: the PEFT process ended")
        seconds, losses, peak = json.loads(answer)
        counted = seconds[self.args.skip :]
        return self.args.batch * self.args.length * len(counted) / sum(counted), losses, peak

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ours(args, dtype, scratch):
    """-> tokens/s, losses, peak bytes"""
    out = scratch / f"run-{time.monotonic_ns()}"
    command = [args.shorten, "heal", args.pruned, "-o", out, "--method", "lora", "--objective", "ce", "--data", args.rows, "--rank", args.rank,
               "--alpha", 16, "--dropout", 0, "--lr", LR, "--warmup", WARMUP, "--steps", args.steps, "--batch", args.batch, "--length", args.length,
               "--validation", 0, "--no-shuffle", "--device", "cpu", "--dtype", dtype, "--threads", args.threads, "-q"]  # fmt: skip
    process = subprocess.Popen([str(c) for c in command])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"heal_cpu.py: shorten heal exits with {process.returncode}")
    lines = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    counted = lines[args.skip :]
    rate = sum(r["tokens"] for r in counted) / sum(r["tokens"] / r["tokens_per_s"] for r in counted)
    return rate, [r["loss"] for r in lines], usage.ru_maxrss * 1024


def prepare(args, scratch):
    """The pruned model and the rows: ids of the calibration text, cut anywhere, all of the same length, all counting."""
    args.pruned, args.rows = scratch / "pruned", scratch / "rows.jsonl"
    subprocess.run([str(args.shorten), "prune", str(args.model), "--drop", args.drop, "-o", str(args.pruned), "-q"], check=True,
                   stdout=subprocess.DEVNULL)
    from tokenizers import Tokenizer

    text = (ROOT / "examples/texts/calibrate.txt").read_text()
    ids = Tokenizer.from_file(str(args.model / "tokenizer.json")).encode(text, add_special_tokens=False).ids
    draw = random.Random(1)
    starts = [draw.randrange(len(ids) - args.length) for _ in range(args.steps * args.batch)]
    with open(args.rows, "w") as file:
        for s in starts:
            row = ids[s : s + args.length]
            file.write(json.dumps({"input_ids": row, "labels": row}) + "\n")


def span(values):
    return f"{statistics.median(values):>9.2f}{min(values):>9.2f}{max(values):>9.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shorten", type=Path, default=ROOT / "build/shorten")
    parser.add_argument("--model", type=Path, default=ROOT / "examples/novelist-14m")
    parser.add_argument("--drop", default="5,6,7,8,9,15,19,22")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--skip", type=int, default=2)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--micro", type=lambda s: [int(x) for x in s.split(",")], default=[1, 4, 16])
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--pruned", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return peft_worker(args)
    if not 0 <= args.skip < args.steps or any(args.batch % m for m in args.micro):
        sys.exit("heal_cpu.py: --skip must leave a step, and each --micro must divide --batch")

    with tempfile.TemporaryDirectory(prefix="shorten-bench-") as scratch:
        scratch = Path(scratch)
        prepare(args, scratch)
        peer = Peft(args)
        tried = {micro: peer.run("float32", micro)[0] for micro in args.micro}
        best = max(tried, key=tried.get)
        peer.close()
        peers = {"float32": Peft(args), "bfloat16": Peft(args)}  # each with a peak of its own
        print("PEFT fp32, tokens/s by rows of a micro-batch: " + ", ".join(f"{m}: {r:.0f}" for m, r in tried.items()))
        rates, losses, peaks = {}, {}, {}
        for _ in range(args.runs):
            for way, run in (("PEFT fp32", lambda: peers["float32"].run("float32", best)), ("shorten fp32", lambda: ours(args, "fp32", scratch)),
                             ("PEFT bf16", lambda: peers["bfloat16"].run("bfloat16", best)), ("shorten bf16", lambda: ours(args, "bf16", scratch))):
                rate, losses[way], peaks[way] = run()
                rates.setdefault(way, []).append(rate)
        for peer in peers.values():
            peer.close()

    for way in losses:
        # B starts at zero, so the first steps are the same whatever A was drawn; later ones differ by the draw.
        off = [abs(a - b) / b for a, b in zip(losses[way], losses["PEFT fp32"])]
        print(f"{way}: loss {losses[way][0]:.4f} ... {losses[way][-1]:.4f}; off PEFT fp32 by {off[0]:.1e} in the first step, at most {max(off):.1e}")
    print(f"{args.steps} steps of {args.batch} x {args.length} tokens, the first {args.skip} left out; {args.threads} threads; {args.runs} runs each")
    print(f"{'way':<16}{'tokens/s':>9}{'least':>9}{'most':>9}{'times PEFT fp32':>18}{'least':>9}{'most':>9}{'peak':>12}")
    for way, values in rates.items():
        ratios = [a / b for a, b in zip(values, rates["PEFT fp32"])]
        rate = "".join(f"{v:>9.0f}" for v in (statistics.median(values), min(values), max(values)))
        print(f"{way:<16}{rate}{' ' * 9}{span(ratios)}" + f"{peaks[way] / 1e6:>9.0f} MB")


if __name__ == "__main__":
    main()
