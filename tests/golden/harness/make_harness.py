# SPDX-License-Identifier: Apache-2.0
"""What lm-evaluation-harness makes of the documents in data/ with examples/novelist-14m, float32, one request at a time.

Run: python make_harness.py      in an environment with requirements.txt, and again in those with lm_eval==0.4.9.1, 0.4.3 and 0.4.2
Writes fixtures-<version>.json beside this script. The newer harness is also run by its own command line, for the form of its files:
results-*.json and samples-*.jsonl (-limit: with --limit), with what depends on the machine and the hour made blank. README.md describes the keys.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import sys
import tempfile

import torch

import harness

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent.parent / "examples"
TASKS = ["boolq", "piqa", "hellaswag", "winogrande", "arc_easy", "arc_challenge", "openbookqa", "lambada_openai", "sciq", "copa",
         "race", "mmlu", "wikitext"]  # fmt: skip
FILES = {"": ("arc_easy,copa,lambada_openai", []), "-limit": ("wikitext,openbookqa", ["--limit", "0.3"])}
BLANK = {"pretty_env_info": "", "git_hash": None, "upper_git_hash": None, "date": 0.0, "total_evaluation_time_seconds": "0"}


def fixtures():
    results = harness.evaluate(EXAMPLES / "novelist-14m", TASKS)
    tasks = {}
    for task in sorted({**results["results"], **results.get("groups", {})}):
        tasks[task] = {"metrics": harness.metrics(results, task), "version": results["versions"].get(task)}
        if task in results["samples"]:
            tasks[task] |= {"close": harness.close(results, task), "documents": harness.digits(harness.documents(results, task))}
    return {"harness": harness.VERSION, "profile": harness.PROFILES[harness.VERSION], "model": "novelist-14m", "tasks": tasks}


def files(name, tasks, more):
    """Runs the harness's command line where the model's folder is, so that no path of this machine is written."""
    from lm_eval.__main__ import cli_evaluate

    with tempfile.TemporaryDirectory() as out, contextlib.chdir(EXAMPLES):
        sys.argv = ["lm_eval", "--model", "hf", "--model_args", "pretrained=novelist-14m,dtype=float32", "--device", "cpu", "--tasks",
                    tasks, "--batch_size", "1", "--output_path", out, "--log_samples", *more]  # fmt: skip
        cli_evaluate()
        for file in sorted(pathlib.Path(out).rglob("*.json*")):
            kind, *task = file.name.rsplit("_", 1)[0].split("_", 1)
            target = HERE / f"{'-'.join([kind, *task])}{name}-{harness.VERSION}{file.suffix}"
            text = file.read_text(encoding="utf-8")
            if kind == "results":
                value = json.loads(text)
                text = json.dumps({**value, **BLANK}, indent=2, ensure_ascii=False)
                text = re.sub(r'(?<="config_source": ")[^"]*/(?=lm_eval/)', "", text)
                text = re.sub(r"(<function \w+) at 0x\w+", r"\1", text)
            target.write_text(text, encoding="utf-8")


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    torch.set_num_threads(1)
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    harness.use_data(HERE / "data")
    harness.write(HERE / f"fixtures-{harness.VERSION}.json", fixtures())
    if harness.VERSION == "0.4.13":
        for name, (tasks, more) in FILES.items():
            files(name, tasks, more)


if __name__ == "__main__":
    main()
