# SPDX-License-Identifier: Apache-2.0
"""Scoring a LLaMA-7B shape with random weights in bf16 on a GPU, beside the plain way in Transformers.

Per line: median seconds of `runs` scorings once loaded, and the peak of the device's memory.
  plain ppl     a full forward for each left-out block      plain taylor  one backward of the whole model
usage: python bench/score_gpu.py BENCH_SCORE [--runs 5]
"""
import argparse
import statistics

import gpu_common
from gpu_common import LLAMA_7B

MATRIX_TOKENS = 10 * 128


def ours(bench, criterion, runs):
    out = gpu_common.json_of(bench, LLAMA_7B, "--random-weights", "--criterion", criterion, "--device", "cuda", "--dtype", "bf16", "--repeat", runs + 1)
    return statistics.median(out["seconds"][1:]), out["device_memory_bytes"]


def plain(runs):
    import torch

    model = gpu_common.transformers_model(LLAMA_7B)
    ids = torch.randint(0, 1000, (10, 128), device="cuda")
    layers = model.model.layers

    def ppl():
        for left_out in range(len(layers)):
            model.model.layers = torch.nn.ModuleList(layer for i, layer in enumerate(layers) if i != left_out)
            logits = model(ids, use_cache=False).logits[:, :-1].float()
            torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1)).item()
        model.model.layers = layers

    def taylor():
        model.zero_grad()
        model(ids, labels=ids, use_cache=False).loss.backward()
        for layer in layers:
            sum((p * p.grad).abs().sum(dtype=torch.float32) for p in layer.parameters())

    rows = []
    for name, run, gradients in (("ppl", ppl, False), ("taylor", taylor, True)):
        torch.cuda.reset_peak_memory_stats()
        with torch.set_grad_enabled(gradients):
            seconds = gpu_common.median_seconds(run, runs)
        rows.append((f"plain {name}", seconds, torch.cuda.max_memory_allocated()))
    return rows, gpu_common.product_rate()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench")
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    rows = [(f"shorten {c}", *ours(args.bench, c, args.runs)) for c in ("ppl", "taylor", "bi", "ppl,taylor,bi")]
    peers, rate = plain(args.runs)
    shape = gpu_common.shape_of(LLAMA_7B)
    block, head = gpu_common.block_parameters(shape), gpu_common.head_parameters(shape)
    limit = {"shorten ppl": (528 * block + 33 * head) * 2 * MATRIX_TOKENS / rate, "shorten taylor": (4 * 32 * block + 4 * head) * 2 * MATRIX_TOKENS / rate}
    print(f"{'way':<24}{'seconds':>9}{'memory':>12}   share of the matrix-product limit ({rate / 1e12:.0f} TFLOP/s)")
    for name, seconds, memory in rows + peers:
        share = f"   {limit[name] / seconds:.2f}" if name in limit else ""
        print(f"{name:<24}{seconds:>9.3f}{memory / 1e9:>9.1f} GB{share}")


if __name__ == "__main__":
    main()
