# SPDX-License-Identifier: Apache-2.0
"""Makes the reference values of examples/novelist-14m from Transformers: calibration rows, block scores, perplexities.

Run: python make_reference.py [--model DIR] [--texts DIR] [--out DIR]      (about a minute on two cores)
Writes OUT/calibration.jsonl and OUT/expected.json; OUT is novelist-14m/ beside this script. README.md describes the keys.
"""
import argparse
import hashlib
import json
import math
import pathlib

import torch
import transformers
from transformers import AutoTokenizer

import jsonfile
import plain

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "examples"
ROWS, LENGTH, WINDOW = 10, 128, 128
DIGITS = 10


def tokenize(tokenizer, file):
    """Byte for byte: no newline translation, only a leading byte-order mark is dropped. No special tokens are added."""
    return tokenizer.encode(file.read_bytes().decode("utf-8-sig"), add_special_tokens=False)


def calibration_rows(ids):
    """Evenly spaced windows, the first at the beginning of the text and the last at its end."""
    return [ids[start : start + LENGTH] for start in (i * (len(ids) - LENGTH) // (ROWS - 1) for i in range(ROWS))]


def windows_of(ids, bos_id, bos, stride):
    """-> (tokens in the stream, windows): whole windows only, the remainder is dropped."""
    stream = [bos_id] + ids if bos == "document" else ids
    windows = [stream[s : s + WINDOW] for s in range(0, len(stream) - WINDOW + 1, stride)]
    return len(stream), [[bos_id] + w for w in windows] if bos == "every" else windows


def evaluate(model, ids, bos_id, bos, stride):
    """Overlapping windows: the first scores all its targets, a later one only the last `stride` tokens."""
    tokens, windows = windows_of(ids, bos_id, bos, stride)
    scored = []
    for first in range(0, len(windows), 8):
        scored += plain.target_logprobs(model, windows[first : first + 8])
    if stride < WINDOW:
        scored = scored[:1] + [s[-stride:] for s in scored[1:]]
    scored = torch.cat(scored)
    nll = float(-scored.mean())
    return {"text": "held-out", "bos": bos, "window": WINDOW, "stride": stride, "tokens": tokens, "predicted": scored.numel(),
            "nll": nll, "value": math.exp(nll)}  # fmt: skip


def order(scores):
    return sorted(range(len(scores)), key=lambda i: (scores[i], i))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, default=EXAMPLES / "novelist-14m")
    parser.add_argument("--texts", type=pathlib.Path, default=EXAMPLES / "texts")
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "novelist-14m")
    args = parser.parse_args()
    torch.set_num_threads(2)
    transformers.logging.set_verbosity_error()  # else: "sequence is longer than the model's maximum", before it is cut
    transformers.logging.disable_progress_bar()
    args.out.mkdir(parents=True, exist_ok=True)

    tokenizer = AutoTokenizer.from_pretrained(args.model)
    rows = calibration_rows(tokenize(tokenizer, args.texts / "calibrate.txt"))
    with open(args.out / "calibration.jsonl", "w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps({"input_ids": row}, separators=(",", ": ")) + "\n" for row in rows)

    inputs = [args.model / "model.safetensors", args.texts / "calibrate.txt", args.texts / "held-out.txt"]
    expected = {
        "transformers": transformers.__version__,
        "sha256": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in inputs},
        "calibration": "calibration.jsonl",
    }
    single = plain.load(args.model)
    expected["logprobs"] = [[round(v, 6) for v in row] for row in plain.target_logprobs(single, rows).tolist()]

    model = plain.load(args.model, torch.float64)
    held_out = tokenize(tokenizer, args.texts / "held-out.txt")
    protocols = [("document", WINDOW), ("every", WINDOW), ("none", WINDOW), ("document", WINDOW // 2)]
    results = [evaluate(model, held_out, tokenizer.bos_token_id, bos, stride) for bos, stride in protocols]
    expected["eval"] = jsonfile.digits(results, DIGITS)
    expected["baseline_perplexity"] = jsonfile.digits(plain.perplexity(model, rows), DIGITS)
    scores = jsonfile.digits(plain.all_scores(model, rows), DIGITS)
    expected["scores"] = scores
    expected["order"] = {name: order(scores[name]) for name in ("ppl", "taylor", "magnitude", "bi")}
    jsonfile.write(args.out / "expected.json", expected)
    for result in results:
        print(result)


if __name__ == "__main__":
    main()
