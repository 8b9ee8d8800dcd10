# SPDX-License-Identifier: Apache-2.0
"""`shorten eval --tasks` beside lm-evaluation-harness: the example model, the same documents, fp32 on the CPU.

Both evaluate the first --limit documents of every task and compute the same metrics, without bootstrapped errors. The harness has its
model loaded before the clock starts and is given every batch size of --batches, of which the fastest counts; shorten is timed as a
whole process, loading included. Runs alternate.
usage: python bench/eval_cpu.py --data DIR [--limit 250] [--runs 3]       DIR holds <task>_<split>.jsonl
Needs the packages of tests/golden/harness/requirements.txt.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/golden/harness"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shorten", type=Path, default=ROOT / "build/shorten")
    parser.add_argument("--model", type=Path, default=ROOT / "examples/novelist-14m")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tasks", default="boolq,piqa,arc_easy,arc_challenge,openbookqa")
    parser.add_argument("--limit", type=int, default=250)
    parser.add_argument("--batches", type=lambda s: [int(x) for x in s.split(",")], default=[1, 4, 16, 64])
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()

    import harness
    import lm_eval
    import torch

    torch.set_num_threads(args.threads)
    harness.use_data(args.data)
    tasks = args.tasks.split(",")

    from lm_eval.models.huggingface import HFLM

    models = {batch: HFLM(pretrained=str(args.model), dtype="float32", device="cpu", batch_size=batch) for batch in args.batches}

    def theirs(batch, limit):
        start = time.perf_counter()
        result = lm_eval.simple_evaluate(model=models[batch], tasks=tasks, limit=limit, bootstrap_iters=0, log_samples=False)
        return time.perf_counter() - start, {t: result["results"][t]["acc,none"] for t in tasks}

    def ours():
        command = [args.shorten, "eval", args.model, "--tasks", args.tasks, "--task-data", args.data, "--limit", args.limit, "--profile",
                   harness.PROFILES[harness.VERSION], "--device", "cpu", "--threads", args.threads, "--json", "-q"]  # fmt: skip
        start = time.perf_counter()
        done = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        return seconds, {t: v["acc"] for t, v in json.loads(done.stdout)["models"][0]["tasks"].items()}

    tried = {batch: theirs(batch, args.limit)[0] for batch in args.batches}
    best = min(tried, key=tried.get)
    print("harness, seconds by batch size: " + ", ".join(f"{b}: {s:.1f}" for b, s in tried.items()))
    pairs = []
    for _ in range(args.runs):
        (slow, want), (fast, got) = theirs(best, args.limit), ours()
        pairs.append((slow, fast))
        for task in tasks:
            if abs(want[task] - got[task]) > 1e-9:
                print(f"{task}: acc {got[task]}, the harness has {want[task]}")
    documents = args.limit * len(tasks)
    slow, fast = (statistics.median(column) for column in zip(*pairs))
    print(f"{'way':<40}{'documents/s':>12}{'times faster':>14}")
    print(f"{f'lm-evaluation-harness {harness.VERSION}, batch {best}':<40}{documents / slow:>12.1f}{1:>14.2f}")
    print(f"{'shorten':<40}{documents / fast:>12.1f}{statistics.median(a / b for a, b in pairs):>14.2f}")


if __name__ == "__main__":
    main()
