# SPDX-License-Identifier: Apache-2.0
"""Trains pruned models with the program and holds what it writes, and how it got there, against PEFT and Transformers.

Run: python check_heal.py --shorten build/shorten [--models DIR] [--reference DIR] [--only NAME...] [--keep DIR]
For golden models of each kind and the reference model, pruned, on ready rows of random ids, on the CPU in fp32:
 lora     1. PEFT opens RUN/adapter on the pruned directory and Transformers opens RUN/model; neither says anything that Transformers
             does not say of the pruned directory; no key is missing or left over.
          2. The adapter changes the logits. Every merged tensor is W + scale B A, rounded to the file's dtype; base with adapter and
             merged model give the same logits, as far as that rounding allows.
 init     3. An adapter that PEFT made trains on: after a step with a tiny rate it still gives PEFT's logits; over 4 real steps the
             losses, gradient norms and rates are those of PEFT, and so are the logits at the end.
 patterns 4. So do adapters of PEFT's with ranks, alphas and blocks of single modules: as PEFT's logits first, and what was not adapted
             still is not after real steps.
 full     5. As 1 for RUN/model; its tensors have the pruned directory's names, shapes and dtypes, and moved.
          6. Losses, gradient norms, rates and logits at the end are those of torch's AdamW on Transformers' model.
One line a model, then a summary; the exit status is 1 when anything failed.
"""
import argparse
import json
import math
import pathlib
import random
import sys
import tempfile

import peft
import torch

import opening
import plain
from check_pruned import Failed, run

import make_heal  # from tests/golden, where opening found plain

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# name: blocks to drop
CASES = {"llama-tied": [1, 2], "llama-bias": [2], "llama-gqa": [1, 2], "mistral-window": [0], "qwen2-tied": [3], "qwen3": [1, 3],
         "novelist-14m": make_heal.REMOVED}  # fmt: skip
PART_OF_THEM = {"llama-gqa": ["q_proj", "v_proj"], "qwen3": ["down_proj", "k_proj", "o_proj"]}  # targets of PEFT's adapter; else all
# Configurations of PEFT's where modules differ.
PATTERNS = {"ranks": {"r": 2, "lora_alpha": 5, "use_rslora": True, "target_modules": r".*\.(self_attn\.[qo]_proj|down_proj)",
                      "rank_pattern": {r"layers\.0\.self_attn\.q_proj": 4, "o_proj": 1}, "alpha_pattern": {"down_proj": 9}},
            "blocks": {"r": 3, "lora_alpha": 7, "target_modules": ["k_proj", "up_proj", "model.layers.0.self_attn.v_proj"],
                       "exclude_modules": ["layers.1.self_attn.k_proj"], "layers_to_transform": [1], "layers_pattern": "layers"}}  # fmt: skip
STEPS, BATCH = 4, 4
LORA = {"--method": "lora", "--rank": 4, "--dropout": 0, "--lr": 1e-2}
FULL = {"--method": "full", "--lr": 1e-3}
SAME, CLOSE, TRAINED = 1e-5, 1e-4, 1e-3  # rounding of fp32; rounding that training has enlarged, in losses and in logits
MOVED = 1e-2  # the least change of a logit that counts as one
EPSILON = {"F32": 2.0**-24, "BF16": 2.0**-8, "F16": 2.0**-11}  # half a unit in the last place, relative


def make_rows(vocabulary, count, longest, seed):
    """Random ids; three rows of four mask a prefix, the fourth has all labels, the first one too (which nobody predicts)."""
    draw, rows = random.Random(seed), []
    for i in range(count):
        ids = [draw.randrange(vocabulary) for _ in range(draw.randint(5, longest))]
        masked = 0 if i % 4 == 3 else draw.randint(1, len(ids) // 2)
        rows.append({"input_ids": ids, "labels": [-100] * masked + ids[masked:]})
    return rows


@torch.no_grad()
def logits(model, rows):
    return [make_heal.forward(model, row, False)[0] for row in rows]


def apart(ours, theirs):
    return max(float((a - b).abs().max()) for a, b in zip(ours, theirs, strict=True))


def heal(shorten, pruned, out, data, given):
    """-> the lines of train.jsonl"""
    run(shorten, "heal", pruned, "-o", out, "--objective", "ce", "--data", data, "--warmup", 0, "--batch", BATCH, "--validation", 0,
        "--no-shuffle", "--device", "cpu", "--dtype", "fp32", "-q",
        *[x for option in given.items() for x in option])  # fmt: skip
    if not (out / "heal.json").is_file():
        raise Failed("heal.json is missing")
    json.loads((out / "heal.json").read_text())
    steps = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    if [s["step"] - steps[0]["step"] for s in steps] != list(range(given["--steps"])):
        raise Failed(f"train.jsonl: not a line for each step: {steps}")
    return steps


def open_model(directory, known):
    model, messages = opening.with_transformers(directory)
    if messages - known:
        raise Failed(f"{directory.name}: Transformers says: " + " | ".join(sorted(messages - known)))
    return model


def open_adapter(pruned, adapter, known, trainable=False):
    base = open_model(pruned, known)
    with opening.listening() as messages:
        model = peft.PeftModel.from_pretrained(base, adapter, is_trainable=trainable)
    if messages:
        raise Failed("PEFT says: " + " | ".join(sorted(messages)))
    has, wants = opening.tensors_in(adapter / "adapter_model.safetensors"), peft.get_peft_model_state_dict(model)
    if has.keys() != wants.keys():
        raise Failed(f"adapter: missing {sorted(wants.keys() - has.keys())}, left over {sorted(has.keys() - wants.keys())}")
    wrong = [name for name in has if list(has[name][1]) != list(wants[name].shape)]
    if wrong:
        raise Failed(f"adapter: shapes of {wrong}")
    return model.eval()


def check_merged(ours, wanted, types):
    """Each tensor of the merged model is what PEFT merges in fp32, rounded once."""
    ours = ours.state_dict()
    for name, tensor in wanted.state_dict().items():
        off = (ours[name].double() - tensor.double()).abs()
        # The sum in fp32 is rounded before: 2^-22 of the largest entry is ample for that.
        allowed = EPSILON[types[name]] * (1 + 2**-6) * tensor.double().abs() + 2**-22 * float(tensor.abs().max())
        if bool((off > allowed).any()):
            raise Failed(f"merged: {name} is not the sum rounded once, off by up to {float(off.max()):.1e}")


@torch.no_grad()
def rounded_logits(model, types, rows):
    """Once the tensors of the model are rounded to the dtypes of a file. It stays so."""
    to = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}
    for name, tensor in model.state_dict().items():
        tensor.copy_(tensor.to(to[types[name]]))
    return logits(model, rows)


def check_logits(what, ours, exact, near, also):
    """ours comes from rounded weights, near from such too, exact from unrounded ones."""
    allowed = 2 * apart(near, exact) + also
    off = apart(ours, exact)
    if not off <= allowed:  # so that a NaN fails
        raise Failed(f"{what}: logits differ by {off:.1e}; rounding to the file's dtype explains {allowed:.1e}")


def check_steps(what, ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        for key, relative in (("loss", TRAINED), ("grad_norm", 10 * TRAINED), ("lr", 1e-6)):
            if not math.isclose(a[key], b[key], rel_tol=relative, abs_tol=1e-12):
                raise Failed(f"{what}: step {b['step']}: {key} is {a[key]}, not {b[key]}")


def settings(given, schedule, betas, decay):
    """make_heal's names for what the program was told, and for its defaults of the method."""
    return {"objective": "ce", "loss_average": "batch", "steps": given["--steps"], "batch": BATCH, "micro_batch": BATCH, "warmup": 0, "clip": 1.0,
            "eps": 1e-8, "lr": given["--lr"], "schedule": schedule, "min_lr_ratio": 0.0, "betas": betas, "weight_decay": decay}  # fmt: skip


def types_of(directory):
    """{name: dtype in the file}; the head of a tied model goes with its embedding."""
    types = {name: tensor[0] for name, tensor in opening.tensors(directory).items()}
    return {"lm_head.weight": types.get("model.embed_tokens.weight")} | types


def check_lora(shorten, pruned, rows, data, scratch, known):
    steps = heal(shorten, pruned, scratch / "lora", data, LORA | {"--steps": STEPS})
    base = open_model(pruned, known)
    first = make_heal.held_out_loss(base, rows[:BATCH])
    if not math.isclose(steps[0]["loss"], first, rel_tol=CLOSE):
        raise Failed(f"lora: the loss of the first step is {steps[0]['loss']}, Transformers has {first}")
    before = logits(base, rows[:3])
    adapted = open_adapter(pruned, scratch / "lora/adapter", known)
    with_adapter = logits(adapted, rows[:3])
    if not apart(with_adapter, before) > MOVED:
        raise Failed(f"lora: the adapter changes logits by only {apart(with_adapter, before):.1e}")
    same_tensors(pruned, scratch / "lora/model", may_stay=True)
    merged, types = open_model(scratch / "lora/model", known), types_of(scratch / "lora/model")
    wanted = adapted.merge_and_unload()
    check_merged(merged, wanted, types)
    check_logits("lora: merged", logits(merged, rows[:3]), with_adapter, rounded_logits(wanted, types, rows[:3]), SAME)


def make_adapter(pruned, out, known, **config):
    """A random adapter of PEFT's own; B is not zero."""
    torch.manual_seed(7)
    config = peft.LoraConfig(lora_dropout=0.0, bias="none", task_type="CAUSAL_LM", **config)
    model = peft.get_peft_model(open_model(pruned, known), config)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "lora_B" in name:
                p.normal_(0, 0.05)
    model.save_pretrained(out)


def check_init(shorten, pruned, rows, data, scratch, known, targets):
    made = scratch / "by-peft"
    make_adapter(pruned, made, known, r=3, lora_alpha=7, target_modules=targets)
    theirs = logits(open_adapter(pruned, made, known), rows[:3])
    given = {"--method": "lora", "--init-adapter": made, "--dropout": 0}
    heal(shorten, pruned, scratch / "init", data, given | {"--steps": 1, "--lr": 1e-8})
    ours = logits(open_adapter(pruned, scratch / "init/adapter", known), rows[:3])
    if not apart(ours, theirs) <= CLOSE:
        raise Failed(f"init: after a step with a tiny rate logits are off PEFT's by {apart(ours, theirs):.1e}")
    given |= {"--steps": STEPS, "--lr": LORA["--lr"]}
    steps = heal(shorten, pruned, scratch / "on", data, given)
    peer = open_adapter(pruned, made, known, trainable=True)
    check_steps("init", steps, make_heal.train(peer, None, rows, settings(given, "linear", [0.9, 0.999], 0.0)))
    ours = logits(open_adapter(pruned, scratch / "on/adapter", known), rows[:3])
    if not apart(ours, logits(peer, rows[:3])) <= 10 * TRAINED:
        raise Failed(f"init: trained logits are off PEFT's by {apart(ours, logits(peer, rows[:3])):.1e}")


def check_patterns(shorten, pruned, rows, data, scratch, known):
    for name, config in PATTERNS.items():
        made = scratch / f"by-peft-{name}"
        make_adapter(pruned, made, known, **config)
        theirs = logits(open_adapter(pruned, made, known), rows[:3])
        given = {"--method": "lora", "--init-adapter": made, "--dropout": 0}
        heal(shorten, pruned, scratch / f"{name}-begun", data, given | {"--steps": 1, "--lr": 1e-8})
        ours = logits(open_adapter(pruned, scratch / f"{name}-begun/adapter", known), rows[:3])
        if not apart(ours, theirs) <= CLOSE:
            raise Failed(f"{name}: after a step with a tiny rate logits are off PEFT's by {apart(ours, theirs):.1e}")
        heal(shorten, pruned, scratch / f"{name}-on", data, given | {"--steps": STEPS, "--lr": LORA["--lr"]})
        adapted = {key.rsplit(".lora_", 1)[0] for key in opening.tensors_in(made / "adapter_model.safetensors")}
        model = open_adapter(pruned, scratch / f"{name}-on/adapter", known)
        for key, tensor in peft.get_peft_model_state_dict(model).items():
            if bool(tensor.any()) != (key.rsplit(".lora_", 1)[0] in adapted):
                raise Failed(f"{name}: {key} is {'not ' if bool(tensor.any()) else ''}zero after {STEPS} steps")


def same_tensors(pruned, healed, may_stay):
    before, after = opening.tensors(pruned), opening.tensors(healed)
    if before.keys() != after.keys():
        raise Failed(f"tensors differ: missing {sorted(before.keys() - after.keys())}, left over {sorted(after.keys() - before.keys())}")
    wrong = [name for name in before if before[name][:2] != after[name][:2]]
    if wrong:
        raise Failed(f"shapes or dtypes differ: {wrong}")
    if not may_stay:
        # A norm of ones in bf16 has steps of 1/128 or 1/256: it may well stay. Matrices may not.
        still = [name for name in before if len(before[name][1]) == 2 and before[name] == after[name]]
        if still:
            raise Failed(f"did not move: {still}")


def check_full(shorten, pruned, rows, data, scratch, known):
    given = FULL | {"--steps": STEPS}
    steps = heal(shorten, pruned, scratch / "full", data, given)
    healed = open_model(scratch / "full/model", known)
    same_tensors(pruned, scratch / "full/model", may_stay=False)
    peer = open_model(pruned, known)
    check_steps("full", steps, make_heal.train(peer, None, rows, settings(given, "cosine", [0.9, 0.95], 0.1)))
    exact = logits(peer, rows[:3])
    near = rounded_logits(peer, types_of(scratch / "full/model"), rows[:3])
    check_logits("full", logits(healed, rows[:3]), exact, near, 10 * TRAINED)


def check(shorten, name, source, dropped, scratch):
    pruned = scratch / "pruned"
    run(shorten, "prune", source, "--drop", ",".join(map(str, dropped)), "-o", pruned)
    _, known = opening.with_transformers(pruned)
    vocabulary = json.loads((source / "config.json").read_text())["vocab_size"]
    rows = make_rows(vocabulary, STEPS * BATCH, 24, seed=3)
    data = scratch / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    targets = PART_OF_THEM.get(name, [p.split(".")[1] for p in make_heal.PROJECTIONS])
    problems = []
    for step in (lambda: check_lora(shorten, pruned, rows, data, scratch, known),
                 lambda: check_init(shorten, pruned, rows, data, scratch, known, targets),
                 lambda: check_patterns(shorten, pruned, rows, data, scratch, known),
                 lambda: check_full(shorten, pruned, rows, data, scratch, known)):  # fmt: skip
        try:
            step()
        except Exception as error:  # whatever goes wrong, the others are still checked
            problems.append(str(error) if isinstance(error, Failed) else repr(error))
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shorten", type=pathlib.Path, required=True, help="the program")
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "tests/golden/models")
    parser.add_argument("--reference", type=pathlib.Path, default=ROOT / "examples/novelist-14m")
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--keep", type=pathlib.Path, help="make the directories here and leave them")
    args = parser.parse_args()
    torch.set_num_threads(2)
    shorten = args.shorten.resolve()
    failed = 0
    for name in args.only:
        source = args.reference if name == "novelist-14m" else args.models / name
        with tempfile.TemporaryDirectory(prefix="shorten-heal-") as scratch:
            if args.keep:
                scratch = args.keep / name
                scratch.mkdir(parents=True)
            try:
                problems = check(shorten, name, source, CASES[name], pathlib.Path(scratch))
            except Exception as error:
                problems = [str(error) if isinstance(error, Failed) else repr(error)]
        failed += bool(problems)
        print(f"FAIL {name}: {'; '.join(problems)}" if problems else f"ok   {name}", flush=True)
    print(f"{len(args.only) - failed} of {len(args.only)} models are trained as by PEFT and Transformers")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
