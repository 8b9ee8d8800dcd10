# SPDX-License-Identifier: Apache-2.0
"""Where the time of a program goes on a GPU: its kernels, by kind, and the time between them.

Runs the command with libgpu_trace.so preloaded, which records for --ms milliseconds after --after seconds. With --steps-end NAME the part
between the first and the last kernel of that name counts, and times are of one such step: for training that is the optimiser's.
usage: python bench/gpu_trace.py --library build/libgpu_trace.so [--steps-end FusedAdam] [--after 10] [--ms 700] [--keep FILE] [--names N] -- COMMAND...
       python bench/gpu_trace.py --read FILE [--steps-end FusedAdam] [--names N]
"""
import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

KINDS = [  # the first whose pattern is found; LibTorch's matrix products are long where weights are, short where adapters are
    ("attention", r"sdpa|flash|fmha|cudnn|attention"),
    ("norms, SwiGLU, rotation", r"rms_norm|swiglu|rope"),
    ("products of 100 µs and more", None),
    ("shorter products", r"nvjet|gemm|splitK|product_kernel"),
    ("other", r""),
]
PRODUCT = re.compile(r"nvjet|gemm|product_kernel")


def kind_of(event):
    if PRODUCT.search(event["name"]) and event["dur"] >= 100:
        return "products of 100 µs and more"
    return next(kind for kind, pattern in KINDS if pattern is not None and re.search(pattern, event["name"]))


def recorded(args):
    """Runs the command -> the trace's events on the GPU, in order of time"""
    with tempfile.TemporaryDirectory(prefix="shorten-trace-") as scratch:
        file = args.keep or Path(scratch) / "trace.json"
        settings = {"LD_PRELOAD": str(args.library.resolve()), "SHORTEN_TRACE": str(file), "SHORTEN_TRACE_AFTER": str(args.after),
                    "SHORTEN_TRACE_MS": str(args.ms)}  # fmt: skip
        done = subprocess.run(args.command, env=os.environ | settings, stdout=subprocess.DEVNULL)
        if done.returncode != 0 or not file.exists():
            sys.exit(f"gpu_trace.py: the command exits with {done.returncode}; {'no trace' if not file.exists() else 'a trace'} was written")
        return events_of(file)


def events_of(file):
    events = json.loads(file.read_text())["traceEvents"]
    return sorted((e for e in events if e.get("cat") in ("kernel", "gpu_memcpy", "gpu_memset")), key=lambda e: e["ts"])


def steps_of(events, end):
    """-> the events of whole steps, how many steps; a step ends with the last of a run of kernels called `end`"""
    ends = [i for i, e in enumerate(events) if end in e["name"]]
    last = [i for i, following in zip(ends, [*ends[1:], len(events)]) if following - i > 20]
    if len(last) < 2:
        sys.exit(f"gpu_trace.py: fewer than two steps that end with {end!r} were recorded; give a longer --ms or another --after")
    return events[last[0] + 1 : last[-1] + 1], len(last) - 1


def print_names(events, steps, count):
    times, counts = collections.Counter(), collections.Counter()
    for e in events:
        name = re.sub(r"^void |at::native::|\(anonymous namespace\)::|<unnamed>::", "", e["name"])
        key = f"{kind_of(e).split()[0]:<11}{name[:110]}"
        times[key] += e["dur"]
        counts[key] += 1
    for key, time in times.most_common(count):
        print(f"{time / steps / 1e3:>8.2f} ms{counts[key] / steps:>7.0f}  {key}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", type=Path)
    parser.add_argument("--read", type=Path, help="a trace that was kept")
    parser.add_argument("--steps-end", help="part of a kernel's name")
    parser.add_argument("--after", type=float, default=10)
    parser.add_argument("--ms", type=float, default=700)
    parser.add_argument("--keep", type=Path, help="keep the trace here")
    parser.add_argument("--names", type=int, default=0, help="also the kernels that take longest, so many")
    parser.add_argument("command", nargs="*")
    args = parser.parse_args()
    if not args.read and not (args.library and args.command):
        parser.error("--library and a command are needed, or --read")
    events, steps = events_of(args.read) if args.read else recorded(args), 1
    if not events:
        sys.exit("gpu_trace.py: nothing ran on the GPU meanwhile; try another --after")
    if args.steps_end:
        events, steps = steps_of(events, args.steps_end)

    times, counts, idle, end = collections.Counter(), collections.Counter(), 0, events[0]["ts"]
    for e in events:
        times[kind_of(e)] += e["dur"]
        counts[kind_of(e)] += 1
        idle += max(0, e["ts"] - end)
        end = max(end, e["ts"] + e["dur"])
    print(f"{steps} step(s) of {(end - events[0]['ts']) / steps / 1e3:.1f} ms")
    for kind, _ in KINDS:
        print(f"{kind:<30}{times[kind] / steps / 1e3:>8.1f} ms{counts[kind] / steps:>8.0f} kernels")
    print(f"{'between kernels':<30}{idle / steps / 1e3:>8.1f} ms")
    if args.names:
        print_names(events, steps, args.names)


if __name__ == "__main__":
    main()
