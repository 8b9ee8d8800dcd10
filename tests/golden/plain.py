# SPDX-License-Identifier: Apache-2.0
"""Block scores and log-probabilities in the plainest way: Transformers, one whole forward pass for every question.

Imported by make_models.py, make_reference.py and tests/interop; it is no program itself. Nothing here is clever on purpose: it is
what the fast C++ code is compared with.

A model turned to float64 still takes its RMS norms, the softmax and the rotary angles in float32, because Transformers writes these
casts into its code; so scores from such a model are good to about 1e-6 relative.
"""
import copy

import torch
from transformers import AutoModelForCausalLM


def load(directory, dtype=torch.float32):
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32, attn_implementation="eager")
    return model.to(dtype).eval()


def fresh_rope(model):
    """Dynamic RoPE remembers the longest sequence it has seen; every forward pass here starts without that memory."""
    rope = model.model.rotary_emb
    model.model.rotary_emb = type(rope)(config=model.config)


def logits(model, rows):
    """rows: equally long lists of token ids -> [row, position, vocabulary]"""
    fresh_rope(model)
    return model(input_ids=torch.tensor(rows), use_cache=False).logits


@torch.no_grad()
def logprobs(model, row):
    return torch.log_softmax(logits(model, [row]), dim=-1)[0]


@torch.no_grad()
def target_logprobs(model, rows):
    """log p(row[t] | row[:t]) for t = 1 .. T-1, as float64 -> [row, T-1]"""
    targets = torch.tensor(rows)[:, 1:, None]
    out = torch.log_softmax(logits(model, rows)[:, :-1].double(), dim=-1)
    return out.gather(-1, targets)[..., 0]


def perplexity(model, rows):
    return float(torch.exp(-target_logprobs(model, rows).mean()))


def shortened(model, removed):
    """A copy without these blocks. Qwen picks the mask of block i by config.layer_types[i], so that list is shortened along."""
    short = copy.deepcopy(model)
    kept = [i for i in range(len(short.model.layers)) if i not in set(removed)]
    short.model.layers = torch.nn.ModuleList(short.model.layers[i] for i in kept)
    short.config.num_hidden_layers = len(kept)
    if getattr(short.config, "layer_types", None) is not None:
        short.config.layer_types = [short.config.layer_types[i] for i in kept]
    return short


def weights(block):
    """What magnitude and Taylor count: every parameter with "weight" in its name, norms too, biases not."""
    return {name: p for name, p in block.named_parameters() if "weight" in name}


def ppl_scores(model, rows):
    return [perplexity(shortened(model, [i]), rows) for i in range(len(model.model.layers))]


def magnitude_detail(model):
    return [{name: float(p.detach().abs().sum()) for name, p in weights(b).items()} for b in model.model.layers]


def taylor_detail(model, rows):
    """One backward pass over all rows (the loss is the mean over all targets), then sum |W * dL/dW|."""
    model.zero_grad(set_to_none=True)
    out, ids = logits(model, rows), torch.tensor(rows)
    loss = torch.nn.functional.cross_entropy(out[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    detail = [
        {name: float((p.detach() * p.grad).abs().sum()) for name, p in weights(b).items()} for b in model.model.layers
    ]
    model.zero_grad(set_to_none=True)
    return detail


@torch.no_grad()
def bi_scores(model, rows):
    """1 - mean cosine between the residual stream before and after a block. Hooks, because hidden_states[-1] of Transformers
    is taken after the final norm."""
    seen = []
    hooks = [b.register_forward_hook(lambda _, args, out: seen.append((args[0], out))) for b in model.model.layers]
    logits(model, rows)
    for hook in hooks:
        hook.remove()
    return [float(1 - torch.nn.functional.cosine_similarity(x, y, dim=-1).mean()) for x, y in seen]


def all_scores(model, rows):
    """The "scores" of an expected.json; give it a float64 model."""
    taylor, magnitude = taylor_detail(model, rows), magnitude_detail(model)
    return {
        "ppl": ppl_scores(model, rows),
        "taylor": [sum(d.values()) for d in taylor],
        "taylor_detail": {str(i): d for i, d in enumerate(taylor)},
        "magnitude": [sum(d.values()) for d in magnitude],
        "magnitude_detail": {str(i): d for i, d in enumerate(magnitude)},
        "bi": bi_scores(model, rows),
    }
