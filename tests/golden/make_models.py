# SPDX-License-Identifier: Apache-2.0
"""Makes the tiny random models of cases.py with what Transformers computes from them.

Run: python make_models.py [OUT_DIR]      (default: models/ beside this script; about half a minute)
Each case gets a directory with config.json, model.safetensors (or shards with their index) and expected.json. The weights
depend only on the name of the case, so a new case leaves the others as they are. README.md describes expected.json.
"""
import argparse
import copy
import json
import pathlib
import shutil
import zlib

import torch
import transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

import jsonfile
import plain
from cases import CASES

DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32, "mixed": torch.bfloat16}


def model_of(config):
    # A copy, because Transformers writes into the nested RoPE dictionary it is given.
    return AutoModelForCausalLM.from_config(AutoConfig.for_model(**copy.deepcopy(config)), attn_implementation="eager")


def random_weights(case, seed):
    """Large enough that blocks, positions and windows all show in the log-probabilities."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, parameter in sorted(model_of(case.config).named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        if name.endswith("bias"):
            value = 0.2 * noise
        elif "norm" in name:
            value = 1 + 0.2 * noise
        else:
            value = noise * (case.embedding_std if "embed_tokens" in name else 0.3)
        keep = case.dtype == "mixed" and "norm" in name
        tensors[name] = value if keep else value.to(DTYPES[case.dtype])
    if case.lm_head == "copy":
        tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    if case.inv_freq:
        head_dim = case.config["hidden_size"] // case.config["num_attention_heads"]
        for i in range(case.config["num_hidden_layers"]):
            # Not the true frequencies: whoever uses them is found out.
            tensors[f"model.layers.{i}.self_attn.rotary_emb.inv_freq"] = torch.full((head_dim // 2,), 0.5)
    return tensors


def save(case, tensors, out):
    metadata = {"format": "pt"} if case.metadata else None
    (out / "config.json").write_text(json.dumps(case.config, indent=2) + "\n", encoding="utf-8")
    if case.shards == 1:
        save_file(tensors, out / "model.safetensors", metadata)
        return
    names, weight_map = sorted(tensors), {}
    for s in range(case.shards):
        file = f"model-{s + 1:05}-of-{case.shards:05}.safetensors"
        # Every n-th tensor, so that each block lies in all shards.
        part = {name: tensors[name] for name in names[s :: case.shards]}
        weight_map |= dict.fromkeys(part, file)
        save_file(part, out / file, metadata)
    size = sum(t.numel() * t.element_size() for t in tensors.values())
    index = {"metadata": {"total_size": size}, "weight_map": dict(sorted(weight_map.items()))}
    (out / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def check_matters(name, case, model, inputs):
    expected = [plain.logprobs(model, row) for row in inputs]
    for change in case.matters:
        other = model_of(case.config | change).eval()
        other.load_state_dict(model.state_dict())
        moved = max(float((plain.logprobs(other, row) - e).abs().max()) for row, e in zip(inputs, expected))
        if moved < 0.02:
            raise SystemExit(f"{name}: {change} moves the log-probabilities by only {moved:.1e}; change the case")


def expect(name, case, out, seed):
    generator = torch.Generator().manual_seed(seed + 1)
    inputs = [torch.randint(case.config["vocab_size"], (n,), generator=generator).tolist() for n in case.rows]
    calibration = torch.randint(case.config["vocab_size"], (4, case.calibration), generator=generator).tolist()
    model = plain.load(out)
    check_matters(name, case, model, inputs)

    def rounded(logprobs):
        return [[round(v, 7) for v in position] for position in logprobs.tolist()]

    expected = {
        "transformers": transformers.__version__,
        "inputs": inputs,
        "logprobs": [rounded(plain.logprobs(model, row)) for row in inputs],
    }
    if case.remove:
        short = plain.shortened(model, case.remove)
        expected["pruned"] = {"remove": list(case.remove), "logprobs_row0": rounded(plain.logprobs(short, inputs[0]))}
    exact = plain.load(out, torch.float64)
    expected["calibration"] = calibration
    expected["baseline_perplexity"] = jsonfile.digits(plain.perplexity(exact, calibration), 10)
    expected["scores"] = jsonfile.digits(plain.all_scores(exact, calibration), 10)
    jsonfile.write(out / "expected.json", expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", nargs="?", type=pathlib.Path, default=pathlib.Path(__file__).parent / "models")
    args = parser.parse_args()
    torch.set_num_threads(1)  # tiny tensors; and the same order of additions everywhere
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name, case in CASES.items():
        out = args.out / name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        seed = zlib.crc32(name.encode())
        save(case, random_weights(case, seed), out)
        expect(name, case, out, seed)
        print(f"{name}: {sum(f.stat().st_size for f in out.iterdir()) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
