# SPDX-License-Identifier: Apache-2.0
"""500 HellaSwag-like questions to a LLaMA-7B shape with random weights in bf16 on a GPU, beside the harness's way.

The harness's way, in Transformers: a sequence for each choice with its context, the longest first, one padded batch a group of 16,
the log-softmax over all positions and the whole vocabulary, then the continuation's part of it.
usage: python bench/eval_gpu.py BENCH_EVAL [--runs 5]
"""
import argparse
import json
import random
import statistics
import tempfile

import gpu_common
from gpu_common import LLAMA_7B


def questions(count=500):
    """Lengths as HellaSwag's in LLaMA tokens: contexts of 20 to 160 (98 on average), four endings of 8 to 60 (30)."""
    draw = random.Random(1)
    ids = lambda n: [draw.randrange(3, 32000) for _ in range(n)]
    length = lambda mean, spread, low, high: min(high, max(low, round(draw.gauss(mean, spread))))
    return [{"context": ids(length(98, 40, 20, 160)), "choices": [ids(length(30, 12, 8, 60)) for _ in range(4)]} for _ in range(count)]


def harness_way(model, requests):
    import torch

    out = {}
    requests = sorted(enumerate(requests), key=lambda r: -len(r[1][0]) - len(r[1][1]))
    for begin in range(0, len(requests), 16):
        group = requests[begin : begin + 16]
        rows = [context + choice[:-1] for _, (context, choice) in group]
        width = max(map(len, rows))
        batch = torch.tensor([row + [0] * (width - len(row)) for row in rows], device="cuda")
        scores = torch.log_softmax(model(batch, use_cache=False).logits, dim=-1, dtype=torch.float32)
        for row, (index, (context, choice)) in zip(scores, group):
            wanted = row[len(context) - 1 : len(context) + len(choice) - 1]
            target = torch.tensor(choice, device="cuda")
            greedy = (wanted.argmax(-1) == target).all()
            out[index] = (wanted.gather(1, target.unsqueeze(1)).sum().item(), bool(greedy))
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench")
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    documents = questions()
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        file.write("".join(json.dumps(d) + "\n" for d in documents))
        file.flush()
        ours = gpu_common.json_of(args.bench, LLAMA_7B, "--random-weights", "--documents", file.name, "--device", "cuda", "--dtype", "bf16",
                                  "--repeat", args.runs + 1)  # fmt: skip

    import torch

    model = gpu_common.transformers_model(LLAMA_7B)
    requests = [(d["context"], choice) for d in documents for choice in d["choices"]]
    with torch.inference_mode():
        plain = gpu_common.median_seconds(lambda: harness_way(model, requests), 2)
        rate = gpu_common.product_rate()

    n, unshared = len(documents), sum(len(c) + len(e) - 1 for c, e in requests)
    seconds = statistics.median(ours["seconds"][1:])
    asked = sum(len(e) for _, e in requests)
    shape = gpu_common.shape_of(LLAMA_7B)
    blocks, head = shape["num_hidden_layers"] * gpu_common.block_parameters(shape), gpu_common.head_parameters(shape)
    limit = 2 * (blocks * ours["tokens"] + head * asked) / rate
    print(f"{'way':<16}{'documents/s':>12}{'tokens':>10}{'times faster':>14}")
    print(f"{'batches of 16':<16}{n / plain:>12.1f}{unshared:>10}{1:>14.2f}")
    print(f"{'shorten':<16}{n / seconds:>12.1f}{ours['tokens']:>10}{plain / seconds:>14.2f}")
    print(f"{limit / seconds:.2f} of the matrix-product limit ({rate / 1e12:.0f} TFLOP/s); peak memory {ours['device_memory_bytes'] / 1e9:.1f} GB")


if __name__ == "__main__":
    main()
