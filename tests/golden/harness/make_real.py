# SPDX-License-Identifier: Apache-2.0
"""What lm-evaluation-harness makes of the real data sets with examples/novelist-14m, float32. The texts are not in the repository.

Run: python make_real.py DATA      in the environments of make_harness.py, some minutes each
DATA/tasks has <task>_<split>.jsonl, DATA/wikitext-2 has wiki.test.raw. Writes real-<profile>.json beside this script:
the metrics, and the log-likelihoods of the first documents rounded to 6 decimals, one list a document.
"""
import argparse
import hashlib
import json
import pathlib
import tempfile

import torch

import harness

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE.parent.parent.parent / "examples" / "novelist-14m"
TASKS = {"boolq": "validation", "piqa": "validation", "arc_easy": "test", "arc_challenge": "test", "openbookqa": "test"}
DOCUMENTS = 250


def pages(raw):
    """The articles of wiki.test.raw, as the data set EleutherAI/wikitext_document_level has them."""
    page = []
    for line in raw.split("\n"):
        title = line.replace("= = =", "===").replace("= =", "==").strip()
        if title.startswith("= ") and title.endswith(" ="):
            if "\n".join(page).strip():
                yield "\n".join(page)
            page = []
        page.append(line)
    yield "\n".join(page)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=pathlib.Path)
    data = parser.parse_args().data
    torch.set_num_threads(1)

    out = {"harness": harness.VERSION, "profile": harness.PROFILES[harness.VERSION], "model": MODEL.name, "limit": DOCUMENTS, "tasks": {}}
    harness.use_data(data / "tasks")
    results = harness.evaluate(MODEL, list(TASKS), batch_size=16, limit=DOCUMENTS)
    for task, split in TASKS.items():
        lls = [[round(ll, 6) for ll, _ in document] for document in harness.documents(results, task)]
        out["tasks"][task] = {"sha256": sha256(data / "tasks" / f"{task}_{split}.jsonl"), "n": len(lls),
                              "metrics": harness.metrics(results, task), "close": harness.close(results, task), "documents": lls}  # fmt: skip

    raw = data / "wikitext-2" / "wiki.test.raw"
    with tempfile.TemporaryDirectory() as folder:
        rows = [{"page": page} for page in pages(raw.read_bytes().decode("utf-8"))]
        (pathlib.Path(folder) / "wikitext_test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        harness.use_data(folder)
        results = harness.evaluate(MODEL, ["wikitext"], batch_size=1)
    out["tasks"]["wikitext"] = {"sha256": sha256(raw), "n": len(rows), "metrics": harness.metrics(results, "wikitext"),
                                "documents": [round(ll, 4) for document in harness.documents(results, "wikitext") for ll in document]}  # fmt: skip
    harness.write(HERE / f"real-{out['profile']}.json", out)


if __name__ == "__main__":
    main()
