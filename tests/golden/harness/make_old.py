# SPDX-License-Identifier: Apache-2.0
"""As make_harness.py, with lm-evaluation-harness 0.3.0, which tokenizes context and continuation apart.

Run: python make_old.py      in an environment with requirements.txt, but lm_eval==0.3.0 installed with --no-deps
Its model class knows GPT-2's tokenizer only, and cuts the vocabulary at 50257; the one below is its base class, which has the whole
scoring, with another model. Modules that 0.3.0 imports for tasks not used here are replaced by nothing.
"""
import ast
import json
import pathlib
import random
import sys
import tempfile
from unittest.mock import MagicMock

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import harness

for absent in ("pycountry", "sqlitedict", "openai", "omegaconf", "zstandard", "jsonlines", "tqdm_multiprocess"):
    sys.modules.setdefault(absent, MagicMock())

import lm_eval.evaluator  # noqa: E402
import lm_eval.tasks  # noqa: E402
from lm_eval.base import BaseLM  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE.parent.parent.parent / "examples" / "novelist-14m"
TASKS = ["boolq", "piqa", "hellaswag", "winogrande", "arc_easy", "arc_challenge", "openbookqa", "lambada_openai", "sciq", "copa",
         "race", "hendrycksTest-anatomy", "hendrycksTest-us_foreign_policy", "wikitext"]  # fmt: skip


class Model(BaseLM):
    batch_size, device, max_gen_toks = 1, torch.device("cpu"), 0

    def __init__(self):
        super().__init__()
        self.answers = {}
        self.model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(MODEL)
        self.max_length = self.model.config.max_position_embeddings
        self.eot_token_id = self.tokenizer.eos_token_id

    max_length = eot_token_id = None  # the base class has them as properties

    def tok_encode(self, string):
        return self.tokenizer.encode(string, add_special_tokens=False)

    def tok_decode(self, tokens):
        return self.tokenizer.decode(tokens)

    def _model_call(self, inps):
        with torch.no_grad():
            return self.model(inps).logits

    def _model_generate(self, *_):
        raise NotImplementedError

    def loglikelihood(self, requests):
        answers = super().loglikelihood(requests)
        self.answers |= {tuple(request): list(answer) for request, answer in zip(requests, answers)}
        return answers

    def loglikelihood_rolling(self, requests):
        answers = super().loglikelihood_rolling(requests)
        self.answers |= {tuple(request): answer for request, answer in zip(requests, answers)}
        return answers


def documents(task, model):
    """The answers in the order of the file: the evaluator shuffles."""
    for doc in task.test_docs() if task.has_test_docs() else task.validation_docs():
        requests = task.construct_requests(doc, task.fewshot_context(doc, 0, rnd=random.Random(0)))
        requests = requests if isinstance(requests, (list, tuple)) else [requests]
        yield [model.answers[tuple(request.args)] for request in requests if not request.index]  # 1: whether it is greedy


def main():
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for file in (HERE / "data").iterdir():
            rows = harness.read(file)
            if file.stem == "race_test":  # 0.3.0 wants a row a problem
                rows = [{"article": row["article"], **problem} for row in rows for problem in ast.literal_eval(row["problems"])]
            (pathlib.Path(folder) / file.name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        harness.use_data(folder)
        model, tasks = Model(), lm_eval.tasks.get_task_dict(TASKS)
        results = lm_eval.evaluator.evaluate(model, tasks)
        out = {}
        for name, task in tasks.items():
            key = name.replace("hendrycksTest-", "mmlu_")
            out[key] = {"metrics": results["results"][name], "version": results["versions"][name],
                        "documents": harness.digits(list(documents(task, model)))}  # fmt: skip
    harness.write(HERE / "fixtures-0.3.0.json", {"harness": "0.3.0", "profile": "v0.3-sep", "model": MODEL.name, "tasks": out})


if __name__ == "__main__":
    main()
