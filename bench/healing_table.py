# SPDX-License-Identifier: Apache-2.0
"""Makes the table of docs/healing.md: what training gives back after blocks of a model were removed, by method, objective and data.

Every row trains the same pruned model on as many tokens (--tokens) and measures perplexity on the texts, before and after, with the
windows of `shorten eval`. Rows of 256 tokens; the settings are in METHODS below and can be changed by --lr. On text that the parent
writes, --samples says how many rows of it; without, there are enough that none comes twice.
usage: python bench/healing_table.py --book FILE... --text NAME=FILE --text NAME=FILE [--shorten build/shorten] [--device auto]
           [--drop 5,6,7 | --greedy 8] [--tokens 2000000] [--work DIR] [--only ROW...]
With --work the directories stay there, and finished rows are not made again. Needs no package.
"""
import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LENGTH = 256

# Of a method: options of `shorten heal`, the share of the steps that warms up. The paper's recipe warms up 100 of some 1,550 steps.
METHODS = {
    "LoRA r 32": ({"--method": "lora", "--rank": 32, "--alpha": 64, "--dropout": 0, "--lr": 2e-3, "--batch": 32}, 0.05),
    "LoRA r 8, the paper's": ({"--method": "lora", "--rank": 8, "--alpha": 16, "--dropout": 0.05, "--lr": 1e-4, "--batch": 64}, 0.065),
    "full": ({"--method": "full", "--lr": 5e-4, "--min-lr-ratio": 0.1, "--batch": 32}, 0.05),
    "full, hidden states matched": ({"--method": "full", "--hidden-weight": 3, "--lr": 1e-3, "--min-lr-ratio": 0, "--batch": 32}, 0.1),
}
ROWS = {  # name: method, objective, data
    "lora-ce-book": ("LoRA r 32", "ce", "book"),
    "paper-ce-book": ("LoRA r 8, the paper's", "ce", "book"),
    "lora-kd-self": ("LoRA r 32", "kd", "self"),
    "lora-kd-book": ("LoRA r 32", "kd", "book"),
    "full-ce-book": ("full", "ce", "book"),
    "full-kd-self": ("full", "kd", "self"),
    "full-kd-book": ("full", "kd", "book"),
    "full-hidden-self": ("full, hidden states matched", "kd", "self"),
}


def run(*command):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"healing_table.py: `{' '.join(map(str, command))}` exits with {done.returncode}")
    return done.stdout


def common(args):
    return ["--device", args.device, *(["--dtype", args.dtype] if args.dtype else []), *(["--threads", args.threads] if args.threads else []), "-q"]


def perplexities(args, model):
    """-> {text: perplexity}"""
    texts = [x for text in args.text for x in ("--text", text)]
    report = json.loads(run(args.shorten, "eval", model, *texts, *common(args), "--json"))
    return {p["text"]: p["value"] for p in report["models"][0]["perplexity"]}


def options_of(args, row):
    """-> the options of `shorten heal` for a row"""
    method, objective, data = ROWS[row]
    options, warm = METHODS[method]
    options = options | {"--lr": args.lr.get(method, options["--lr"])}
    steps = max(1, round(args.tokens / (options["--batch"] * LENGTH)))
    options |= {"--objective": objective, "--steps": steps, "--warmup": round(warm * steps), "--length": LENGTH, "--validation": 0, "--seed": args.seed}
    if objective == "kd" or data == "self":
        options |= {"--teacher": args.model}
    sources = args.book
    if data == "self":
        sources = ["self"]
        options |= {"--samples": args.samples or steps * options["--batch"]}
    return [x for option in options.items() for x in option] + [x for source in sources for x in ("--data", source)]


def healed(args, row, pruned, work):
    """-> tokens, minutes of training, minutes of the whole command, {text: perplexity}; made once"""
    record, out, options = work / f"{row}.json", work / row, options_of(args, row)
    said = [str(o) for o in options]
    if record.exists():
        known = json.loads(record.read_text())
        if known["options"] != said:
            sys.exit(f"healing_table.py: {record} is of other settings; remove it, or take another --work")
        return known
    if out.exists():
        shutil.rmtree(out)  # of an earlier call that was stopped
    start = time.perf_counter()
    run(args.shorten, "heal", pruned, "-o", out, *options, *common(args))
    minutes = (time.perf_counter() - start) / 60
    steps = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    result = {
        "options": said,
        "tokens": sum(s["tokens"] for s in steps),
        "training": sum(s["tokens"] / s["tokens_per_s"] for s in steps) / 60,
        "minutes": minutes,
        "perplexity": perplexities(args, out / "model"),
    }
    record.write_text(json.dumps(result) + "\n")
    return result


def table(texts, whole, pruned, rows):
    """Markdown. A perplexity is followed by how many times that of the whole model it is."""
    number = lambda value, text: f"{value:.2f} ({value / whole[text]:.2f}×)"
    head = ["method", "objective", "data", "tokens", "minutes"] + [f"{t}: {when}" for t in texts for when in ("before", "after")]
    lines = [head, ["---", "---", "---", "--:", "--:"] + ["--:"] * 2 * len(texts)]
    lines.append(["unpruned", "", "", "", ""] + [x for t in texts for x in ("", number(whole[t], t))])
    lines.append(["none", "", "", "", ""] + [x for t in texts for x in (number(pruned[t], t), "")])
    for row, result in rows.items():
        values = [x for t in texts for x in (number(pruned[t], t), number(result["perplexity"][t], t))]
        lines.append([*ROWS[row], f"{result['tokens'] / 1e6:.2f} M", f"{result['training']:.1f}"] + values)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def rates(text):
    rates = {}
    for part in text.split(","):
        method, _, value = part.partition("=")
        if method not in METHODS:
            raise argparse.ArgumentTypeError(f"{method!r} is none of {', '.join(map(repr, METHODS))}")
        rates[method] = float(value)
    return rates


def choose_greedily(args, count, work):
    """-> blocks of the model, removed one after another: each time the one without which the perplexity on the text is lowest"""
    kept, removed = list(range(json.loads((args.model / "config.json").read_text())["num_hidden_layers"])), []
    protected = set(kept[:4] + kept[-2:])
    model = args.model
    for _ in range(count):
        scores = work / "scores.json"
        run(args.shorten, "score", model, "--text", *args.calibrate, "--samples", 32, "--length", 128, "-o", scores, "--force", *common(args))
        values = json.loads(scores.read_text())["criteria"]["ppl"]["scores"]
        best = min((float(v), b) for v, b in zip(values, kept) if b not in protected)[1]
        kept.remove(best)
        removed.append(best)
        model = work / "greedy"
        run(args.shorten, "prune", args.model, "--drop", ",".join(map(str, sorted(removed))), "-o", model, "--force", "-q")
    return removed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shorten", type=Path, default=ROOT / "build/shorten")
    parser.add_argument("--model", type=Path, default=ROOT / "examples/novelist-14m")
    parser.add_argument("--drop", default="5,6,7,8,9,15,19,22", help="blocks to remove [5,6,7,8,9,15,19,22]")
    parser.add_argument("--greedy", type=int, metavar="N", help="remove N blocks chosen one after another by perplexity on --calibrate")
    parser.add_argument("--calibrate", nargs="+", default=["self"], metavar="SOURCE", help="text for --greedy [self]")
    parser.add_argument("--book", "--books", nargs="+", type=Path, required=True, help="texts to train on: files or folders")
    parser.add_argument("--text", action="append", required=True, metavar="NAME=FILE", help="texts to measure on, held out; repeat it")
    parser.add_argument("--tokens", type=float, default=2e6, help="to train on, a row of the table [2e6]")
    parser.add_argument("--samples", type=int, help="rows that the parent writes [enough that none comes twice]")
    parser.add_argument("--lr", type=rates, default={}, metavar="METHOD=RATE,...", help="instead of the table's: 'LoRA r 32=2e-3,full=3e-4'")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=1234)
    parser.add_argument("--work", type=Path, help="keep the directories here")
    parser.add_argument("--only", nargs="+", choices=list(ROWS), default=list(ROWS), metavar="ROW", help="of " + ", ".join(ROWS))
    args = parser.parse_args()
    if any("=" not in text for text in args.text):
        sys.exit("healing_table.py: --text needs NAME=FILE")
    for name in ("shorten", "model"):
        setattr(args, name, getattr(args, name).resolve())

    with tempfile.TemporaryDirectory(prefix="shorten-healing-") as scratch:
        work = args.work or Path(scratch)
        work.mkdir(parents=True, exist_ok=True)
        pruned = work / "pruned"
        if args.greedy:
            removed = choose_greedily(args, args.greedy, work)
            print(f"removed one after another: {removed}", file=sys.stderr, flush=True)
            args.drop = ",".join(map(str, sorted(removed)))
        run(args.shorten, "prune", args.model, "--drop", args.drop, "-o", pruned, "--force", "-q")
        whole, before = perplexities(args, args.model), perplexities(args, pruned)
        texts, results = list(whole), {}
        for row in args.only:
            results[row] = healed(args, row, pruned, work)
            after = results[row]["perplexity"]
            print(f"{row}: " + ", ".join(f"{t} {before[t]:.2f} -> {after[t]:.2f}" for t in texts), file=sys.stderr, flush=True)
    print(table(texts, whole, before, results))
    for row, result in results.items():
        if result["minutes"] > 1.2 * result["training"] + 0.1:
            print(f"\n{row}: the whole command took {result['minutes']:.1f} minutes, with reading, sampling and writing.")


if __name__ == "__main__":
    main()
