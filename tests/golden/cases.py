# SPDX-License-Identifier: Apache-2.0
"""The table of golden models: what each config.json says and how its weights are stored. Read by make_models.py.

The configs are written in the styles users' checkpoints have: Transformers 4 keys (rope_theta, rope_scaling, torch_dtype) and
Transformers 5 keys (rope_parameters, dtype, layer_types), keys left out, keys set to null. partial_rotary_factor is out of scope.
"""
from dataclasses import dataclass, field


@dataclass
class Case:
    config: dict
    rows: tuple = (18, 12)  # lengths of the inputs; the longest is first
    calibration: int = 18  # length of the 4 calibration rows
    dtype: str = "bf16"  # what the file holds: bf16, f16, f32, or mixed (norms f32, the rest bf16)
    shards: int = 1
    embedding_std: float = 0.6
    lm_head: str = "auto"  # "copy": the file repeats the embedding as lm_head although they are tied
    inv_freq: bool = False  # the file also holds rotary_emb.inv_freq, as old LLaMA conversions do
    metadata: bool = True  # the safetensors header has {"format": "pt"}
    remove: tuple = ()  # blocks to remove for "pruned"
    # Config changes that must show in the log-probabilities: a golden model that a mistake would pass is worth nothing.
    matters: list = field(default_factory=list)


COMMON = {"hidden_act": "silu", "initializer_range": 0.02, "use_cache": True, "vocab_size": 48}
WIDTHS = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 5, "num_attention_heads": 2,
          "num_key_value_heads": 1, "max_position_embeddings": 64}  # fmt: skip


def v4(model_type, name, **keys):
    return {"_name_or_path": "tiny", "architectures": [name + "ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1,
            "eos_token_id": 2, **COMMON, **WIDTHS, "model_type": model_type, "rms_norm_eps": 1e-05, "tie_word_embeddings": False,
            "torch_dtype": "bfloat16", "transformers_version": "4.40.1", **keys}  # fmt: skip


def v5(model_type, name, **keys):
    return {"architectures": [name + "ForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1, "dtype": "bfloat16",
            "eos_token_id": 2, **COMMON, **WIDTHS, "model_type": model_type, "pad_token_id": None, "rms_norm_eps": 1e-05,
            "tie_word_embeddings": False, "transformers_version": "5.17.0", **keys}  # fmt: skip


def llama4(**keys):
    return v4("llama", "Llama", **{"pretraining_tp": 1, "rope_scaling": None, "rope_theta": 100.0, **keys})


def llama5(**keys):
    return v5("llama", "Llama", **{"attention_bias": False, "mlp_bias": False, **keys})


def qwen2(**keys):
    return v4("qwen2", "Qwen2", **{"max_window_layers": 28, "rope_theta": 100.0, "sliding_window": 4096,
                                   "use_sliding_window": False, **keys})  # fmt: skip


def without(config, *names):
    return {k: v for k, v in config.items() if k not in names}


PLAIN = [{"rope_scaling": None}]
NEAR_FACTOR, FAR_FACTOR = [1.0, 1.1, 1.3, 1.6], [1.0, 2.0, 3.5, 6.0]
LONGROPE = {"type": "longrope", "short_factor": NEAR_FACTOR, "long_factor": FAR_FACTOR}
YARN4 = {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
YARN5 = {"rope_type": "yarn", "rope_theta": 12.0, "factor": 4.0, "original_max_position_embeddings": 16,
         "beta_fast": 2.0, "beta_slow": 0.5, "truncate": False}  # fmt: skip
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
SHAPED = {"hidden_size": 24, "intermediate_size": 20, "num_hidden_layers": 4, "num_attention_heads": 6}

CASES = {
    # LLaMA: attention shapes, biases, tied embeddings
    "llama-mha": Case(without(llama4(num_attention_heads=4), "num_key_value_heads"), matters=[{"rope_theta": 1000.0}]),
    "llama-gqa": Case(llama5(**SHAPED | {"num_key_value_heads": 2, "eos_token_id": [2, 5], "head_dim": 4},
                             rope_parameters={"rope_theta": 500.0, "rope_type": "default"}), remove=(1, 2)),
    "llama-mqa": Case(llama4(**SHAPED | {"num_attention_heads": 4, "vocab_size": 53}, rms_norm_eps=0.05),
                      matters=[{"rms_norm_eps": 1e-5}]),
    "llama-tied": Case(llama4(tie_word_embeddings=True, vocab_size=64)),
    "llama-tied-copy": Case(llama4(tie_word_embeddings=True), lm_head="copy"),
    "llama-bias": Case(llama4(attention_bias=True, mlp_bias=True)),
    "llama-headdim": Case(llama4(hidden_size=18, num_attention_heads=3, head_dim=8, num_hidden_layers=4)),
    "llama-defaults": Case(without(llama4(), "rms_norm_eps", "rope_theta", "rope_scaling", "tie_word_embeddings", "torch_dtype",
                                   "attention_dropout", "max_position_embeddings"), embedding_std=0.001,
                           matters=[{"rms_norm_eps": 1e-5}, {"rope_theta": 500.0}]),
    # LLaMA: rotary embeddings
    "llama-rope-theta-nested": Case(llama5(rope_parameters={"rope_theta": 30.0, "rope_type": "default"}, head_dim=8),
                                    matters=[{"rope_parameters": {"rope_theta": 10000.0}}]),
    "llama-rope-linear": Case(llama4(rope_scaling={"type": "linear", "factor": 4.0}), matters=PLAIN),
    "llama-rope-dynamic": Case(llama4(rope_scaling={"type": "dynamic", "factor": 2.0}, max_position_embeddings=16),
                               rows=(24, 16, 12), calibration=20, matters=PLAIN),
    "llama-rope-yarn": Case(llama5(rope_parameters=YARN5, head_dim=8), rows=(24, 12),
                            matters=[{"rope_parameters": YARN5 | {"rope_type": "default"}},
                                     {"rope_parameters": YARN5 | {"truncate": True}},
                                     {"rope_parameters": YARN5 | {"beta_fast": 32}},
                                     {"rope_parameters": YARN5 | {"attention_factor": 1.0}}]),
    "llama-rope-yarn-old": Case(llama4(rope_theta=20.0, rope_scaling=YARN4 | {"mscale": 1.5, "mscale_all_dim": 0.6}),
                                rows=(24, 12), matters=PLAIN + [{"rope_scaling": YARN4}]),
    # The original length is not given, so it is max_position_embeddings.
    "llama-rope-yarn-attention": Case(llama4(rope_theta=20.0, rope_scaling={
        "rope_type": "yarn", "factor": 4.0, "attention_factor": 0.8, "beta_slow": 2}), rows=(24, 12),
        matters=PLAIN + [{"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "beta_slow": 2}},
                         {"max_position_embeddings": 24}]),
    # The row of 16 still has the short factors.
    "llama-rope-longrope": Case(llama4(rope_scaling=LONGROPE | {"factor": 4.0, "original_max_position_embeddings": 16}),
                                rows=(24, 16, 12), calibration=20, matters=PLAIN + [
        {"rope_scaling": LONGROPE | {"factor": 4.0, "original_max_position_embeddings": 40}}]),
    "llama-rope-longrope-top": Case(llama4(rope_scaling=LONGROPE, original_max_position_embeddings=16), rows=(24, 16, 12),
                                    calibration=16, matters=PLAIN + [{"original_max_position_embeddings": 40}]),
    "llama-rope-llama3": Case(llama4(rope_scaling={"rope_type": "llama3", **LLAMA3}), rows=(24, 12), matters=PLAIN),
    "llama-rope-llama3-tied": Case(llama5(rope_parameters={"rope_type": "llama3", "rope_theta": 60.0, **LLAMA3}, head_dim=8,
                                          tie_word_embeddings=True), rows=(24, 12), remove=(3,),
                                   matters=[{"rope_parameters": {"rope_theta": 60.0}}]),
    # LLaMA: ways to store the weights
    "llama-sharded": Case(llama4(), shards=2),
    "llama-f16": Case(llama4(torch_dtype="float16", rope_scaling={"rope_type": "default"}), dtype="f16"),
    "llama-f32": Case(llama5(num_hidden_layers=4, dtype="float32", rope_parameters={"rope_theta": 100}), dtype="f32",
                      metadata=False),
    "llama-mixed-dtype": Case(llama4(), dtype="mixed"),
    "llama-inv-freq": Case(llama4(num_key_value_heads=None), inv_freq=True),
    # Mistral: one window for all blocks
    "mistral-window": Case(v4("mistral", "Mistral", head_dim=None, rope_theta=100.0, sliding_window=6), rows=(24, 12), remove=(0,),
                           matters=[{"sliding_window": None}, {"sliding_window": 7}]),
    "mistral-null-window": Case(v5("mistral", "Mistral", head_dim=8, sliding_window=None,
                                   rope_parameters={"rope_theta": 100.0, "rope_type": "default"}),
                                matters=[{"sliding_window": 6}]),
    "mistral-headdim": Case(v4("mistral", "Mistral", hidden_size=20, num_attention_heads=3, head_dim=8, num_hidden_layers=4,
                               rope_theta=1000, sliding_window=None)),
    "mistral-defaults": Case(without(v4("mistral", "Mistral", num_attention_heads=16, head_dim=4, num_hidden_layers=4),
                                     "num_key_value_heads", "rms_norm_eps", "max_position_embeddings", "tie_word_embeddings"),
                             embedding_std=0.001, matters=[{"rms_norm_eps": 1e-5}, {"sliding_window": 6}, {"rope_theta": 500.0}]),
    # Qwen2: biases on q, k, v; a window for some blocks
    "qwen2-full": Case(qwen2(sliding_window=6, max_window_layers=2, vocab_size=61), matters=[{"use_sliding_window": True}]),
    "qwen2-window": Case(qwen2(use_sliding_window=True, sliding_window=6, max_window_layers=2), rows=(24, 12), remove=(0, 3),
                         matters=[{"max_window_layers": 1}, {"max_window_layers": 3}, {"sliding_window": 7}]),
    "qwen2-layertypes": Case(v5("qwen2", "Qwen2", use_sliding_window=True, sliding_window=6, max_window_layers=28,
                                num_hidden_layers=4, layer_types=["sliding_attention", "full_attention"] * 2,
                                rope_parameters={"rope_theta": 100.0, "rope_type": "default"}), rows=(24, 12), remove=(1,),
                             matters=[{"layer_types": ["full_attention", "sliding_attention"] * 2},
                                      {"layer_types": ["sliding_attention"] * 4}]),
    "qwen2-tied": Case(qwen2(tie_word_embeddings=True, vocab_size=64)),
    "qwen2-headdim": Case(qwen2(head_dim=4, num_key_value_heads=2)),
    "qwen2-yarn": Case(qwen2(rope_theta=20.0, rope_scaling=YARN4), rows=(24, 12), matters=PLAIN),
    # Qwen3: q_norm and k_norm
    "qwen3": Case(v4("qwen3", "Qwen3", hidden_size=20, head_dim=8, attention_bias=False, rms_norm_eps=1e-06, rope_scaling=None,
                     rope_theta=100, sliding_window=None, use_sliding_window=False, max_window_layers=5)),
    "qwen3-window": Case(v5("qwen3", "Qwen3", head_dim=8, attention_bias=False, use_sliding_window=True, sliding_window=6,
                            max_window_layers=3, layer_types=["full_attention"] * 3 + ["sliding_attention"] * 2,
                            rope_parameters={"rope_theta": 100.0, "rope_type": "default"}), rows=(24, 12), remove=(1, 3),
                         matters=[{"layer_types": ["full_attention"] * 5}, {"sliding_window": 5}]),
    "qwen3-bias": Case(v4("qwen3", "Qwen3", head_dim=8, attention_bias=True, rope_theta=100.0, rms_norm_eps=0.05,
                          tie_word_embeddings=True, num_hidden_layers=4), matters=[{"rms_norm_eps": 1e-6}]),
}  # fmt: skip
