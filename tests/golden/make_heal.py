# SPDX-License-Identifier: Apache-2.0
"""Makes the reference values of training: 24 steps of LoRA, full training and distillation of a pruned examples/novelist-14m.

Run: python make_heal.py [--only CASE...] [--double]      (some minutes on two cores; the environment of requirements.txt)
Writes heal/rows.jsonl, heal/validation.jsonl and heal/<case>.json; README.md describes the keys. LoRA is PEFT's, schedules are
Transformers', AdamW and clipping are torch's; the loop, the averages and what is learnt are written out below, in the plainest way: every
row has a forward pass of its own, without padding or packing.
--double writes nothing: it computes the cases in float64 and says by how much the committed float32 values differ from that.
"""
import argparse
import hashlib
import json
import math
import pathlib

import peft
import torch
import transformers
from transformers import AutoTokenizer

import jsonfile
import plain
from make_reference import tokenize

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "examples"
MODEL = EXAMPLES / "novelist-14m"
OUT = HERE / "heal"
REMOVED = [5, 6, 7, 8, 9, 15, 19, 22]
STEPS, BATCH, MICRO, VALIDATION = 24, 4, 2, 8
MASKED = -100
PROJECTIONS = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
PLACES = 8  # of each tensor
DIGITS = 9  # enough for a float32

COMMON = {"steps": STEPS, "batch": BATCH, "micro_batch": MICRO, "warmup": 4, "clip": 1.0, "eps": 1e-8, "dropout": 0.0}
LORA = COMMON | {"method": "lora", "rank": 4, "alpha": 8, "lr": 2e-3, "schedule": "linear", "min_lr_ratio": 0.0, "betas": [0.9, 0.999],
                 "weight_decay": 0.0}  # fmt: skip
FULL = COMMON | {"method": "full", "lr": 3e-4, "schedule": "cosine", "min_lr_ratio": 0.1, "betas": [0.9, 0.95], "weight_decay": 0.1}
CE = {"objective": "ce", "loss_average": "batch"}
KD = {"objective": "kd", "loss_average": "batch"}
CASES = {
    "lora-batch": LORA | CE,
    "lora-micro": LORA | CE | {"loss_average": "micro"},
    "lora-kd": LORA | KD | {"kd_weight": 0.7, "temperature": 2.0, "hidden_weight": 0.0},
    "full-ce": FULL | CE,
    "full-kd": FULL | KD | {"kd_weight": 1.0, "temperature": 1.0, "hidden_weight": 0.05},
}


# --- data ------------------------------------------------------------------------------------------------------------


def make_rows(ids, count):
    """Pieces of 17 to 64 tokens, evenly spread over the text. Every fourth row counts whole, the others mask a prefix of 1 to half their
    length; in whole rows the first label is given too, and nobody predicts it."""
    rows = []
    for i in range(count):
        length = 17 + 29 * i % 48
        start = i * (len(ids) - 64) // (count - 1)
        row = ids[start : start + length]
        masked = 0 if i % 4 == 3 else 1 + 7 * i % (length // 2)
        rows.append({"input_ids": row, "labels": [MASKED] * masked + row[masked:]})
    return rows


def write_rows(path, rows):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(row, separators=(",", ": ")) + "\n" for row in rows)


def counting(row):
    """-> positions p whose next token is learnt, and these tokens"""
    labels = torch.tensor(row["labels"])[1:]
    where = (labels != MASKED).nonzero()[:, 0]
    return where, labels[where]


# --- models ----------------------------------------------------------------------------------------------------------


def initial(rows, columns, step, phase, k, shift):
    """sin(step * (place in the row-major tensor) + phase * k + shift), float64"""
    return torch.tensor([math.sin(step * n + phase * k + shift) for n in range(rows * columns)], dtype=torch.float64).view(rows, columns)


def with_adapter(model, settings):
    """PEFT's LoRA on all projections, its A and B set by the formulas that README.md gives."""
    config = peft.LoraConfig(r=settings["rank"], lora_alpha=settings["alpha"], lora_dropout=settings["dropout"], bias="none",
                             target_modules=[p.split(".")[1] for p in PROJECTIONS], task_type="CAUSAL_LM")  # fmt: skip
    model = peft.get_peft_model(model, config)
    for block, layer in enumerate(model.base_model.model.model.layers):
        for n, name in enumerate(PROJECTIONS):
            k = block * len(PROJECTIONS) + n
            module = layer.get_submodule(name)
            a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
            with torch.no_grad():
                a.copy_((initial(*a.shape, 0.37, 0.11, k, 0) / math.sqrt(a.shape[1])).float())
                b.copy_((0.02 * initial(*b.shape, 0.23, 0.17, k, 1)).float())
    return model


def trained(model):
    """{name in the file that a user gets: parameter}; PEFT leaves the adapter's own name out of its file."""
    return {name.replace(".default.", "."): p for name, p in model.named_parameters() if p.requires_grad}


def blocks_of(model):
    return (model.base_model.model if isinstance(model, peft.PeftModel) else model).model.layers


def forward(model, row, states):
    """-> logits [position, vocabulary], the residual stream behind each block (a list, only if states)"""
    seen = []
    hooks = [b.register_forward_hook(lambda _, args, out: seen.append(out[0])) for b in blocks_of(model)] if states else []
    out = model(input_ids=torch.tensor([row["input_ids"]]), use_cache=False).logits[0]
    for hook in hooks:
        hook.remove()
    return out, seen


# --- what is learnt --------------------------------------------------------------------------------------------------


def partners():
    """For each kept block the last block of the teacher before the next kept one."""
    kept = [i for i in range(32) if i not in REMOVED]
    return [following - 1 for following in kept[1:]] + [31]


def row_losses(student, teacher, row, settings):
    """-> {part: sum over the counting positions}, their number"""
    states = settings.get("hidden_weight", 0) > 0
    logits, mine = forward(student, row, states)
    where, targets = counting(row)
    logp = torch.log_softmax(logits[where], dim=-1)
    parts = {"ce": -logp.gather(-1, targets[:, None]).sum()}
    if settings["objective"] == "kd":
        with torch.no_grad():
            theirs, taught = forward(teacher, row, states)
        t = settings["temperature"]
        logq = torch.log_softmax(theirs[where] / t, dim=-1)
        parts["kl"] = (logq.exp() * (logq - torch.log_softmax(logits[where] / t, dim=-1))).sum()
    if states:
        squares = [((x[where] - taught[m][where]) ** 2).mean(-1).sum() for x, m in zip(mine, partners(), strict=True)]
        parts["hidden"] = torch.stack(squares).mean()
    return parts, len(where)


def objective(parts, settings):
    if settings["objective"] == "ce":
        return parts["ce"]
    w, t = settings["kd_weight"], settings["temperature"]
    loss = (1 - w) * parts["ce"] + w * t * t * parts["kl"]
    return loss + settings["hidden_weight"] * parts["hidden"] if "hidden" in parts else loss


def scheduler(optimizer, settings):
    if settings["schedule"] == "linear":
        return transformers.get_linear_schedule_with_warmup(optimizer, settings["warmup"], settings["steps"])
    return transformers.get_cosine_with_min_lr_schedule_with_warmup(optimizer, settings["warmup"], settings["steps"],
                                                                    min_lr_rate=settings["min_lr_ratio"])  # fmt: skip


@torch.no_grad()
def held_out_loss(model, rows):
    sums = [row_losses(model, None, row, CE) for row in rows]
    return float(sum(parts["ce"] for parts, _ in sums) / sum(n for _, n in sums))


def train(model, teacher, rows, settings):
    """-> a record for each step"""
    parameters = trained(model)
    matrices = [p for p in parameters.values() if p.dim() == 2]
    others = [p for p in parameters.values() if p.dim() != 2]
    groups = [{"params": matrices, "weight_decay": settings["weight_decay"]}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=settings["lr"], betas=tuple(settings["betas"]), eps=settings["eps"])
    rates = scheduler(optimizer, settings)
    records = []
    size, micro_size = settings["batch"], settings["micro_batch"]
    for step in range(settings["steps"]):
        batch = rows[step * size : (step + 1) * size]
        micros = [batch[i : i + micro_size] for i in range(0, size, micro_size)]
        counts = [sum(len(counting(row)[0]) for row in micro) for micro in micros]
        totals = {}
        optimizer.zero_grad()
        for micro, count in zip(micros, counts):
            divisor = sum(counts) if settings["loss_average"] == "batch" else count * len(micros)
            for row in micro:
                parts, _ = row_losses(model, teacher, row, settings)
                loss = objective(parts, settings) / divisor
                loss.backward()
                totals["loss"] = totals.get("loss", 0) + float(loss.detach())
                if len(parts) > 1:
                    for name, part in parts.items():
                        totals[name] = totals.get(name, 0) + float(part.detach()) / divisor
        norm = torch.nn.utils.clip_grad_norm_(list(parameters.values()), settings["clip"])
        records.append({"step": step, "lr": rates.get_last_lr()[0]} | totals | {"grad_norm": float(norm), "counting": sum(counts)})
        optimizer.step()
        rates.step()
    return records


# --- files -----------------------------------------------------------------------------------------------------------


def probe(name, before, after):
    before, after = before.double().flatten(), after.detach().double().flatten()
    places = [i * (after.numel() - 1) // (PLACES - 1) for i in range(PLACES)]
    return {"name": name, "norm": float(after.norm()), "change": float((after - before).norm()), "entries": [[i, float(after[i])] for i in places]}


def compute(settings, rows, validation, dtype):
    teacher = plain.load(MODEL, dtype)
    model = plain.shortened(teacher, REMOVED)
    if settings["method"] == "lora":
        model = with_adapter(model, settings).to(dtype)
    start = {name: p.detach().clone() for name, p in trained(model).items()}
    before = held_out_loss(model, validation)
    records = train(model, teacher, rows, settings)
    return {
        "held_out": {"before": before, "after": held_out_loss(model, validation)},
        "steps": records,
        "trained": [probe(name, start[name], p) for name, p in trained(model).items()],
    }


def differences(got, want):
    """By how much two computations of a case differ: relative for numbers that are one, per tensor for entries."""
    relative = lambda a, b: abs(a - b) / max(abs(b), 1e-30)
    out = {"held_out": max(relative(got["held_out"][k], want["held_out"][k]) for k in want["held_out"])}
    for key in [k for k in want["steps"][0] if k not in ("step", "lr", "counting")]:
        out[key] = max(relative(a[key], b[key]) for a, b in zip(got["steps"], want["steps"], strict=True))
    pairs = list(zip(got["trained"], want["trained"], strict=True))
    out["norm"] = max(relative(a["norm"], b["norm"]) for a, b in pairs)
    out["change"] = max(relative(a["change"], b["change"]) for a, b in pairs)
    out["entry, absolute"] = max(abs(x - y) for a, b in pairs for (_, x), (_, y) in zip(a["entries"], b["entries"], strict=True))
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--double", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(2)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    OUT.mkdir(exist_ok=True)

    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    rows = make_rows(tokenize(tokenizer, EXAMPLES / "texts/calibrate.txt"), STEPS * BATCH)
    validation = make_rows(tokenize(tokenizer, EXAMPLES / "texts/held-out.txt"), VALIDATION)
    if not args.double:
        write_rows(OUT / "rows.jsonl", rows)
        write_rows(OUT / "validation.jsonl", validation)
    for case in args.only:
        file, settings = OUT / f"{case}.json", CASES[case]
        if args.double:
            off = differences(json.loads(file.read_text()), compute(settings, rows, validation, torch.float64))
            print(f"{case}: " + ", ".join(f"{k} {v:.1e}" for k, v in off.items()), flush=True)
            continue
        made = compute(settings, rows, validation, torch.float32)
        versions = {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}
        inputs = {"model.safetensors": MODEL / "model.safetensors"} | {n: OUT / n for n in ("rows.jsonl", "validation.jsonl")}
        hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in inputs.items()}
        head = {"versions": versions, "sha256": hashes, "remove": REMOVED, "settings": settings}
        jsonfile.write(file, jsonfile.digits(head | made, DIGITS), width=1000)
        first, last = made["steps"][0]["loss"], made["steps"][-1]["loss"]
        print(f"{case}: loss {first:.4f} ... {last:.4f}, held-out {made['held_out']['before']:.4f} -> {made['held_out']['after']:.4f}", flush=True)


if __name__ == "__main__":
    main()
