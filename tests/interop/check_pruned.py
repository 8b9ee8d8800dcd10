# SPDX-License-Identifier: Apache-2.0
"""Prunes every golden model and the reference model with the program and holds the result against Transformers.

Run: python check_pruned.py --shorten build/shorten [--models DIR] [--reference DIR] [--only NAME...] [--keep DIR]
For each model and each list of blocks to drop (1,2, and the list in the case's expected.json):
 1. Transformers opens the pruned directory and says nothing that it does not say of the source as well.
 2. Kept tensors are the source's bit for bit under their new numbers, and there are no others; config.json keeps its keys.
 3. Transformers computes from it what it computes from the source with these blocks left out.
 4. `shorten eval` computes the same log-probabilities, to 1e-4.
One line a model, then a summary; the exit status is 1 when anything failed.
"""
import argparse
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

import torch

import opening
import plain

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# Where the kind of a block follows from its index, dropping blocks has to change more than the count.
MAY_CHANGE = {"num_hidden_layers", "layer_types", "max_window_layers"}
SAME, CLOSE = 1e-6, 1e-4


class Failed(Exception):
    pass


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[:600]
        raise Failed(f"`{' '.join(map(str, command[1:]))}` exits with {done.returncode}: {said}")


def new_name(name, dropped):
    """The name after the renumbering, or None for a tensor of a dropped block."""
    match = re.match(r"(model\.layers\.)(\d+)(\..*)", name)
    if not match:
        return name
    old = int(match[2])
    return None if old in dropped else f"{match[1]}{old - sum(d < old for d in dropped)}{match[3]}"


def check_tensors(source, pruned, dropped):
    old, new = opening.tensors(source), opening.tensors(pruned)
    tied = json.loads((source / "config.json").read_text()).get("tie_word_embeddings", False)
    for name, tensor in old.items():
        renamed = new_name(name, dropped)
        if renamed is None:
            continue
        if renamed not in new:
            # Nobody reads the first; the second says nothing that the embedding does not say.
            repeated = tied and name == "lm_head.weight" and tensor == old["model.embed_tokens.weight"]
            if name.endswith("rotary_emb.inv_freq") or repeated:
                continue
            raise Failed(f"{renamed} (was {name}) is missing")
        if new.pop(renamed) != tensor:
            raise Failed(f"{renamed} is not bit for bit the source's {name}")
    if new:
        raise Failed(f"tensors that the source does not have: {sorted(new)}")


def check_files(source, pruned, dropped):
    old, new = (json.loads((d / "config.json").read_text()) for d in (source, pruned))
    kept = [i for i in range(old["num_hidden_layers"]) if i not in dropped]
    if new["num_hidden_layers"] != len(kept):
        raise Failed(f"num_hidden_layers is {new['num_hidden_layers']}, not {len(kept)}")
    changed = {k for k in old.keys() | new.keys() if k not in old or k not in new or old[k] != new[k]}
    if changed - MAY_CHANGE:
        raise Failed(f"config.json: keys changed, added or lost: {sorted(changed - MAY_CHANGE)}")
    if [k for k in new if k in old] != list(old):
        raise Failed("config.json: the keys are in another order")
    blocks = json.loads((pruned / "shorten.json").read_text())["blocks"]
    if [(b["new"], b["old"]) for b in blocks] != list(enumerate(kept)):
        raise Failed(f"shorten.json: wrong blocks {blocks}")


def check_eval(shorten, pruned, rows, expected, scratch):
    """Rows of one length at a time, with windows of that length: then each row is one window."""
    for length in sorted({len(row) for row in rows}):
        mine = [(row, e) for row, e in zip(rows, expected) if len(row) == length]
        text, per_token, report = (scratch / f for f in ("rows.jsonl", "tokens.jsonl", "report.json"))
        text.write_text("".join(json.dumps({"input_ids": row}) + "\n" for row, _ in mine))
        run(shorten, "eval", pruned, "--text", f"rows={text}", "--window", length, "--bos", "none", "--per-token", per_token,
            "--device", "cpu", "--dtype", "fp32", "-o", report, "--force")  # fmt: skip
        lines = [json.loads(line) for line in per_token.read_text().splitlines()]
        if [line["ids"] for line in lines] != [row for row, _ in mine]:
            raise Failed(f"--per-token: the windows are not the {len(mine)} rows of {length} tokens")
        for line, (_, wanted) in zip(lines, mine):
            if len(line["logprob"]) != length or line["logprob"][0] is not None:
                raise Failed(f"--per-token: not null and {length - 1} numbers: {line['logprob'][:3]}…")
            off = float((torch.tensor(line["logprob"][1:], dtype=torch.float64) - wanted).abs().max())
            if not off <= CLOSE:  # so that a NaN fails
                raise Failed(f"log-probabilities differ from Transformers' by {off:.1e}")
        result = json.loads(report.read_text())["models"][0]["perplexity"][0]
        nll = -float(torch.stack([wanted for _, wanted in mine]).mean())
        if result["predicted"] != len(mine) * (length - 1) or not math.isclose(result["nll"], nll, abs_tol=CLOSE):
            raise Failed(f"report: {result}; expected predicted {len(mine) * (length - 1)}, nll {nll:.6f}")


def check(shorten, source, rows, dropped, scratch):
    pruned = scratch / "pruned"
    run(shorten, "prune", source, "--drop", ",".join(map(str, dropped)), "-o", pruned)
    check_files(source, pruned, dropped)
    check_tensors(source, pruned, dropped)
    whole, known = opening.with_transformers(source)
    model, messages = opening.with_transformers(pruned)
    if messages - known:
        raise Failed("Transformers says: " + " | ".join(sorted(messages - known)))
    short = plain.shortened(whole, dropped)
    for row in rows:
        off = float((plain.logprobs(model, row) - plain.logprobs(short, row)).abs().max())
        if not off <= SAME:
            raise Failed(f"Transformers computes something else from the pruned directory, off by {off:.1e}")
    check_eval(shorten, pruned, rows, [plain.target_logprobs(short, [row])[0] for row in rows], scratch)


def models(args):
    """-> name, directory, rows, lists of blocks to drop"""
    for case in sorted(p.parent for p in args.models.glob("*/expected.json")):
        expected = json.loads((case / "expected.json").read_text())
        drops = [[1, 2]]
        if "pruned" in expected and expected["pruned"]["remove"] not in drops:
            drops.append(expected["pruned"]["remove"])
        yield case.name, case, expected["inputs"] + expected["calibration"], drops
    lines = (ROOT / "tests/golden/novelist-14m/calibration.jsonl").read_text().splitlines()
    yield "reference model", args.reference, [json.loads(line)["input_ids"] for line in lines[:2]], [[1, 2]]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shorten", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "tests/golden/models")
    parser.add_argument("--reference", type=pathlib.Path, default=ROOT / "examples/novelist-14m")
    parser.add_argument("--only", nargs="+", help="names of models")
    parser.add_argument("--keep", type=pathlib.Path, help="make the pruned directories here and leave them")
    args = parser.parse_args()
    torch.set_num_threads(2)
    shorten = args.shorten.resolve()
    failed = total = 0
    for name, source, rows, drops in models(args):
        if args.only and name not in args.only:
            continue
        problems = []
        for dropped in drops:
            with tempfile.TemporaryDirectory(prefix="shorten-interop-") as scratch:
                if args.keep:
                    scratch = args.keep / name.replace(" ", "-") / "-".join(map(str, dropped))
                    scratch.mkdir(parents=True)
                try:
                    check(shorten, source, rows, dropped, pathlib.Path(scratch))
                except Exception as error:  # whatever goes wrong, it is this model's failure, and the others are still checked
                    problems.append(f"without {dropped}: {error if isinstance(error, Failed) else repr(error)}")
        total, failed = total + 1, failed + bool(problems)
        print(f"FAIL {name}: {'; '.join(problems)}" if problems else f"ok   {name}", flush=True)
    print(f"{total - failed} of {total} models pass")
    return 1 if failed or not total else 0


if __name__ == "__main__":
    sys.exit(main())
