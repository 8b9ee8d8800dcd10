# SPDX-License-Identifier: Apache-2.0
"""Makes the reference of which modules an adapter has: what PEFT adapts in a model of three blocks for a configuration.

Run: python make_peft_modules.py      (seconds; the environment of requirements.txt)
Writes peft_modules.json: configurations, and the parts as "block module rank/alpha", or null where PEFT refuses.
"""
import pathlib

from peft import LoraConfig, get_peft_model
from peft.tuners.lora import LoraLayer
from transformers import LlamaConfig, LlamaForCausalLM

import jsonfile

HERE = pathlib.Path(__file__).resolve().parent
CONFIGS = [
    dict(target_modules=["q_proj"]),
    dict(target_modules=["q_proj"], layers_to_transform=1),
    dict(target_modules=["q_proj"], layers_to_transform=[0, 2], layers_pattern="layers"),
    dict(target_modules=["q_proj"], layers_to_transform=[]),
    # A whole path is adapted wherever it is.
    dict(target_modules=["model.layers.0.self_attn.q_proj", "v_proj"], layers_to_transform=[1]),
    dict(target_modules=["layers.1.self_attn.k_proj"]),
    # The list that the blocks lie in is an expression, too; a list of another name has no blocks.
    dict(target_modules=["q_proj"], layers_to_transform=1, layers_pattern=["h", "model.layers"]),
    dict(target_modules=["q_proj"], layers_to_transform=1, layers_pattern="l.*s"),
    dict(target_modules=["q_proj"], layers_to_transform=[0], layers_pattern="h"),
    dict(target_modules="all-linear", exclude_modules=r".*\.[01]\..*|.*self_attn.*"),
    dict(target_modules=["down_proj", "q_proj"], exclude_modules=["self_attn.q_proj"], layers_to_transform=[2]),
    dict(target_modules=r".*layers\.(0|2)\..*_proj", exclude_modules=".*(mlp|[kvo]_proj).*"),
    # An expression is of whole paths, and Python's.
    dict(target_modules=r"model\.layers\.1\.mlp\.up_pro."),
    dict(target_modules=r"no|model\.layers\.1\.mlp\.up_proj"),
    dict(target_modules=r"(?i)(?P<all>.*)(?<=LAYERS\.)1(?!\.mlp)\.(?:\w++\.)[q]_proj\Z"),
    dict(target_modules=".*.*.*(q_proj|zzz)"),
    # The first key that matches the end of a path counts.
    dict(target_modules=["o_proj"], rank_pattern={"layers.1.self_attn.o_proj": 5, "o_proj": 3, ".*": 9}),
    dict(target_modules=["o_proj"], rank_pattern={"proj": 3, "elf_attn.o_proj": 3}, alpha_pattern={r"0\..*": 8}),
    dict(target_modules=["o_proj"], rank_pattern={"^model.layers.2.self_attn.o_proj": 7}),
    dict(target_modules=["o_proj"], rank_pattern={r"\Amodel\.layers\.[^0]\..*": 7}),
    dict(target_modules=["o_proj"], alpha_pattern={r"o_proj$": 6, r"self_attn.o_proj\Z": 7}),
    # Blocks are not chosen beside an expression.
    dict(target_modules="all-linear", layers_to_transform=[0]),
    dict(target_modules=".*", layers_to_transform=0),
    dict(target_modules="(q_proj"),
]


def parts(config):
    shape = LlamaConfig(vocab_size=8, hidden_size=8, intermediate_size=8, num_hidden_layers=3, num_attention_heads=2)
    try:
        model = get_peft_model(LlamaForCausalLM(shape), LoraConfig(r=2, lora_alpha=4, task_type="CAUSAL_LM", **config))
    except Exception as e:  # of several kinds: ValueError, re.error
        print("refused:", config, e)
        return None
    out = []
    for name, module in model.base_model.model.named_modules():
        if isinstance(module, LoraLayer):
            block, module_name = name.removeprefix("model.layers.").split(".", 1)
            out.append(f"{block} {module_name} {module.r['default']}/{module.lora_alpha['default']}")
    return out


if __name__ == "__main__":
    jsonfile.write(HERE / "peft_modules.json", [{"config": c, "parts": parts(c)} for c in CONFIGS], width=400)
