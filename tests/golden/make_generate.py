# SPDX-License-Identifier: Apache-2.0
"""Makes the reference continuations: greedy text of Transformers in fp32, without a cache.

Run: python make_generate.py      (some minutes; the environment of requirements.txt)
Writes generate.json: for each golden model and for novelist-14m, prompts of different lengths and the tokens that greedy decoding adds,
with the margin of every choice (the best logit less the second); and the same with a repetition penalty. Each token is the argmax of a
full forward over all tokens before it. README.md describes the keys.
"""
import pathlib

import torch
import transformers
from transformers import AutoModelForCausalLM

import jsonfile

HERE = pathlib.Path(__file__).resolve().parent
NOVELIST = HERE.parent.parent / "examples/novelist-14m"
PENALTY = 1.3
# Their rotation changes with the length; what a cache holds was rotated for another one. These stay within one length's rule.
SHORT = {"llama-rope-dynamic": 14, "llama-rope-longrope": 14, "llama-rope-longrope-top": 14}


def greedy(model, prompt, tokens, penalty):
    ids, made, margins = list(prompt), [], []
    with torch.inference_mode():
        for _ in range(tokens):
            logits = model(torch.tensor([ids]), use_cache=False).logits[0, -1].float()
            if penalty != 1:
                seen = torch.tensor(sorted(set(ids)))
                logits[seen] = torch.where(logits[seen] > 0, logits[seen] / penalty, logits[seen] * penalty)
            best = logits.topk(2)
            margins.append(float(best.values[0] - best.values[1]))
            made.append(int(logits.argmax()))
            ids.append(made[-1])
    return {"prompt": list(prompt), "ids": made, "margins": [float(f"{m:.3g}") for m in margins]}


def case(folder, prompts, tokens):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    return {"greedy": [greedy(model, p, tokens, 1) for p in prompts], "penalty": [greedy(model, prompts[0], tokens, PENALTY)]}


def main():
    transformers.logging.set_verbosity_error()
    out = {"transformers": transformers.__version__, "repetition_penalty": PENALTY, "cases": {}}
    for folder in sorted((HERE / "models").iterdir()):
        prompts = [[1, 7, 3, 9, 12], [4, 2, 30], [5], [1, 40, 6, 6, 2, 11, 8]]
        longest = max(map(len, prompts))
        tokens = min(24, SHORT.get(folder.name, 99) - longest)
        out["cases"][folder.name] = case(folder, prompts, tokens)
    novelist = [[1, 365, 564, 270, 4049], [1, 357, 669, 583, 2091, 292, 263], [1]]
    out["cases"]["novelist-14m"] = case(NOVELIST, novelist, 64)
    jsonfile.write(HERE / "generate.json", out)


if __name__ == "__main__":
    main()
