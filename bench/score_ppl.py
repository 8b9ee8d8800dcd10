# SPDX-License-Identifier: Apache-2.0
"""`score --criterion ppl` against the plain way, side by side in one run.

The plain way: Transformers, the model loaded once, for each block a full forward of the model without
it over the same 10 x 128 tokens. Both are timed without loading; runs alternate, so that drift of the
machine hits both. Prints the medians, the ratio, the peak memory of each process and whether the
numbers agree.

usage: python bench/score_ppl.py [--runs 3] [--device cpu] [--threads 2]      (environment: tests/interop/run.sh)
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
ROOT = Path(__file__).resolve().parent.parent


def ours(args, dtype):
    command = [str(args.bench), str(args.model), "--rows", str(args.rows), "--criterion", "ppl", "--dtype", dtype,
               "--device", args.device, "--threads", str(args.threads), "--repeat", "2"]
    out = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return out["seconds"][-1], out["criteria"]["ppl"], out["peak_memory_bytes"]


class Plain:
    """The left-out forwards in Transformers, fp32."""

    def __init__(self, args):
        import torch
        from transformers import AutoModelForCausalLM

        torch.set_num_threads(args.threads)
        self.torch = torch
        self.model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32).to(args.device).eval()
        rows = [json.loads(line)["input_ids"] for line in open(args.rows)]
        self.ids = torch.tensor(rows, device=args.device)

    def run(self):
        torch, inner = self.torch, self.model.model
        layers = inner.layers
        scores = []
        start = time.perf_counter()
        with torch.inference_mode():
            for left_out in range(len(layers)):
                inner.layers = torch.nn.ModuleList(layer for i, layer in enumerate(layers) if i != left_out)
                inner.config.num_hidden_layers = len(inner.layers)
                logits = self.model(self.ids, use_cache=False).logits[:, :-1].float()
                nll = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), self.ids[:, 1:].reshape(-1))
                scores.append(nll.exp().item())
        seconds = time.perf_counter() - start
        inner.layers, inner.config.num_hidden_layers = layers, len(layers)
        return seconds, scores


def plain_worker(args):
    """Runs in a process of its own, so that its peak memory is its own; one run a line of input."""
    plain = Plain(args)
    plain.run()
    print("ready", flush=True)
    for _ in sys.stdin:
        seconds, scores = plain.run()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps([seconds, scores, peak]), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=ROOT / "build/bench_score")
    parser.add_argument("--model", type=Path, default=ROOT / "examples/novelist-14m")
    parser.add_argument("--rows", type=Path, default=ROOT / "tests/golden/novelist-14m/calibration.jsonl")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--plain-worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.plain_worker:
        return plain_worker(args)

    worker = subprocess.Popen([sys.executable, *sys.argv, "--plain-worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    assert worker.stdout.readline().strip() == "ready", "the Transformers process did not start"
    times = {"plain": [], "fp32": [], "bf16": []}
    peak, result = {}, {}
    for _ in range(args.runs):
        worker.stdin.write("run\n")
        worker.stdin.flush()
        seconds, result["plain"], peak["plain"] = json.loads(worker.stdout.readline())
        times["plain"].append(seconds)
        for dtype in ("fp32", "bf16"):
            seconds, result[dtype], peak[dtype] = ours(args, dtype)
            times[dtype].append(seconds)
    worker.stdin.close()

    print(f"{'way':<28}{'seconds':>9}{'times faster':>14}{'peak memory':>14}")
    for way, label in (("plain", "Transformers, fp32"), ("fp32", "shorten, fp32"), ("bf16", "shorten, bf16")):
        ratio = statistics.median(p / t for p, t in zip(times["plain"], times[way]))
        print(f"{label:<28}{statistics.median(times[way]):>9.2f}{ratio:>14.2f}{peak[way] / 1e6:>11.0f} MB")
    difference = max(abs(a - b) / b for a, b in zip(result["fp32"]["scores"], result["plain"]))
    order = sorted(range(len(result["plain"])), key=lambda i: result["plain"][i])
    protected = {0, 1, 2, 3, len(order) - 2, len(order) - 1}
    chosen = lambda o: sorted([i for i in o if i not in protected][:8])
    print(f"largest relative difference of a score, fp32: {difference:.1e}")
    print(f"8 blocks chosen: plain {chosen(order)}")
    for dtype in ("fp32", "bf16"):
        same = chosen(result[dtype]["order"]) == chosen(order)
        print(f"                 {dtype:<5} {chosen(result[dtype]['order'])} {'the same' if same else 'DIFFERENT'}")


if __name__ == "__main__":
    main()
