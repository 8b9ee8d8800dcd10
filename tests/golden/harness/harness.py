# SPDX-License-Identifier: Apache-2.0
"""Runs lm-evaluation-harness on local files. Imported by make_harness.py, make_old.py, make_real.py and bench/eval_cpu.py.

The task files are the harness's own; only where a task loads its data set it gets the local file <task>_<split>.jsonl instead.
Nothing is downloaded.
"""
import functools
import importlib.metadata
import json
import os
import pathlib

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import datasets
import evaluate as evaluate_library
import transformers

# What old versions of the harness want when imported, and nothing here uses.
evaluate_library.load = lambda *_: None  # before 0.4.3: two metrics from the network
if not hasattr(transformers, "AutoModelForVision2Seq"):  # before 0.4.10: a class of Transformers 4
    transformers.AutoModelForVision2Seq = transformers.AutoModelForImageTextToText

VERSION = importlib.metadata.version("lm_eval")
PROFILES = {"0.4.13": "v0.4.9.2", "0.4.9.1": "v0.4.3", "0.4.3": "v0.4.3", "0.4.2": "v0.4-nobos", "0.3.0": "v0.3-sep"}

# (last part of the task's dataset_path, its dataset_name) -> file; a name of None stands for any.
FILES = {("super_glue", "boolq"): "boolq_validation", ("super_glue", "copa"): "copa_validation", ("piqa", None): "piqa_validation",
         ("hellaswag", None): "hellaswag_validation", ("winogrande", None): "winogrande_validation",
         ("ai2_arc", "ARC-Easy"): "arc_easy_test", ("ai2_arc", "ARC-Challenge"): "arc_challenge_test",
         ("openbookqa", None): "openbookqa_test", ("lambada_openai", None): "lambada_openai_test", ("sciq", None): "sciq_test",
         ("race", None): "race_test", ("mmlu", None): "mmlu_test", ("mmlu_no_train", None): "mmlu_test",
         ("hendrycks_test", None): "mmlu_test",
         ("wikitext_document_level", None): "wikitext_test", ("wikitext", None): "wikitext_test"}  # fmt: skip


def read(path):
    # A file of JSON lines ends its lines with "\n" alone: str.splitlines would also cut at U+2028 and the like.
    return [json.loads(line) for line in pathlib.Path(path).read_text(encoding="utf-8").split("\n") if line]


class EverySplit(dict):
    """The one local split under every name: tasks also open the splits that examples would come from."""

    def __missing__(self, split):
        return next(iter(self.values()))


def _load_dataset(folder, path, name=None, **_):
    base = pathlib.PurePosixPath(path).stem
    file = FILES.get((base, name)) or FILES[base, None]
    rows = read(folder / f"{file}.jsonl")
    if file == "mmlu_test":
        rows = [row for row in rows if row["subject"] == name]
    return EverySplit({file.rsplit("_", 1)[1]: datasets.Dataset.from_list(rows)})


def use_data(folder):
    datasets.load_dataset = functools.partial(_load_dataset, pathlib.Path(folder))


def evaluate(model, tasks, batch_size=1, limit=None):
    """-> what the harness returns; zero-shot, float32 on the CPU."""
    from lm_eval.evaluator import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    return simple_evaluate(model=HFLM(pretrained=str(model), device="cpu", dtype="float32", batch_size=batch_size), tasks=tasks,
                           num_fewshot=0, batch_size=batch_size, limit=limit, log_samples=True, task_manager=TaskManager())


def metrics(results, task):
    """acc, acc_stderr, ... of a task or group, without the name of the filter; "N/A" is left out."""
    row = {**results.get("groups", {}), **results["results"]}[task]
    return {k.split(",")[0]: v for k, v in row.items() if "," in k and not isinstance(v, str)}


def documents(results, task):
    """One list a document: [log-likelihood, is greedy] a request, or the log-likelihood of a whole text."""
    samples = sorted(results["samples"][task], key=lambda sample: sample["doc_id"])
    return [[list(r) if isinstance(r, (list, tuple)) else r for r in sample["filtered_resps"]] for sample in samples]


def close(results, task, margin=1e-4):
    """{metric: documents} whose two best choices change places when the log-likelihoods move by less than `margin`."""
    found = {}
    for sample in results["samples"][task]:
        if len(sample["filtered_resps"]) < 2:
            continue
        lls = [ll for ll, _ in sample["filtered_resps"]]
        rules = {"acc": (lls, 1)}
        if "acc_norm" in sample:
            lengths = [len(request[1]) - 1 for request in sample["arguments"]]  # without the delimiter
            rules["acc_norm"] = ([ll / n for ll, n in zip(lls, lengths)], min(lengths))
        for metric, (values, scale) in rules.items():
            best, second = sorted(values, reverse=True)[:2]
            if best - second < margin / scale:
                found.setdefault(metric, []).append(sample["doc_id"])
    return {metric: sorted(ids) for metric, ids in found.items()}


def write(path, value):
    """JSON with a line for each document and for each short value."""
    path.write_text(_lines(value, 0) + "\n", encoding="utf-8")


def _lines(value, depth):
    if not isinstance(value, dict) or depth > 2:
        if isinstance(value, list) and len(value) > 1:
            return "[\n" + ",\n".join(json.dumps(v, separators=(",", ":"), allow_nan=False) for v in value) + "]"
        return json.dumps(value, separators=(",", ": "), allow_nan=False)
    return "{\n" + ",\n".join(f"{json.dumps(k)}: {_lines(v, depth + 1)}" for k, v in value.items()) + "}"


def digits(value, n=9):
    """Every float rounded to n significant digits."""
    if isinstance(value, list):
        return [digits(v, n) for v in value]
    return float(f"{value:.{n}g}") if isinstance(value, float) else value
