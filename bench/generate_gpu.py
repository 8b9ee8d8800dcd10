# SPDX-License-Identifier: Apache-2.0
"""Decoding and prefill of a LLaMA-7B shape with random weights in bf16 on a GPU, beside Transformers.

Both make 128 tokens after 12, at batch 1 and 16, with 32 blocks (shorten also with 25), and read 4 prompts of 2,048 tokens. Transformers
generates with its cache and SDPA, as `model.generate` does. The limit of decoding is the bandwidth of reading, measured by a sum over 4 GB;
that of prefill the rate of matrix products, at 2 FLOP a token and entry of the blocks' matrices, attention counting as nothing.
usage: python bench/generate_gpu.py SHORTEN [--runs 10]
"""
import argparse
import statistics

import gpu_common
from gpu_common import LLAMA_7B


def ours(shorten, runs, *more):
    return gpu_common.json_of(shorten, "bench", "--random-weights", LLAMA_7B, "--device", "cuda", "--dtype", "bf16", "--runs", runs, "--warmup", 3,
                              "--json", "-q", *more)["results"]  # fmt: skip


def transformers_way(runs):
    """-> {(batch, input, new): median seconds}"""
    import torch

    model = gpu_common.transformers_model(LLAMA_7B)
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    out = {}
    for batch, tokens, new in ((1, 12, 128), (16, 12, 128), (4, 2048, 1)):
        ids = torch.randint(3, 32000, (batch, tokens), device="cuda")

        @torch.inference_mode()
        def work():
            if new == 1:
                model(ids, logits_to_keep=1).logits.argmax(-1)
            else:
                model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, min_new_tokens=new, max_new_tokens=new)

        out[batch, tokens, new] = gpu_common.median_seconds(work, runs)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shorten")
    parser.add_argument("--runs", type=int, default=10)
    args = parser.parse_args()
    decode = ours(args.shorten, args.runs, "--blocks", "32,25", "--batch", "1,16")
    (prefill,) = ours(args.shorten, args.runs, "--batch", "4", "--input", "2048", "--new-tokens", "1")
    peer = transformers_way(max(2, args.runs // 4))
    limit = gpu_common.read_bandwidth()

    print(f"reading {limit / 1e12:.2f} TB/s")
    print(f"{'work':<34}{'tokens/s':>10}{'decode/s':>10}{'of reading':>12}{'times faster':>14}")
    by_point = {}
    for r in decode:
        by_point[r["batch"], r["blocks"]] = r
        theirs = peer[r["batch"], 12, 128]
        faster = f"{theirs / r['latency_s']['median']:>14.2f}" if r["blocks"] == 32 else ""
        name = f"shorten, batch {r['batch']}, {r['blocks']} blocks"
        print(f"{name:<34}{r['throughput_tok_s']:>10.1f}{r['decode_tok_s']:>10.1f}{r['bandwidth_gb_s'] * 1e9 / limit:>12.2f}{faster}")
    for batch in (1, 16):
        print(f"{f'Transformers, batch {batch}, 32 blocks':<34}{batch * 128 / peer[batch, 12, 128]:>10.1f}")
    ours_s, theirs_s = statistics.median(prefill["prefill_runs_s"]), peer[4, 2048, 1]
    shape, products = gpu_common.shape_of(LLAMA_7B), gpu_common.product_rate()
    flop = 2 * 4 * 2048 * shape["num_hidden_layers"] * gpu_common.block_matrices(shape)
    print(f"{f'matrix products {products / 1e12:.0f} TFLOP/s':<54}{'of products':>12}")
    print(f"{'shorten, prefill 4 x 2048':<34}{4 * 2048 / ours_s:>10.0f}{'':>10}{flop / ours_s / products:>12.2f}{theirs_s / ours_s:>14.2f}")
    print(f"{'Transformers, prefill 4 x 2048':<34}{4 * 2048 / theirs_s:>10.0f}{'':>10}{flop / theirs_s / products:>12.2f}")
    for batch in (1, 16):
        whole, part = by_point[batch, 32], by_point[batch, 25]
        got = part["decode_tok_s"] / whole["decode_tok_s"]
        ideal = (whole["bandwidth_gb_s"] / whole["decode_tok_s"]) / (part["bandwidth_gb_s"] / part["decode_tok_s"])
        print(f"batch {batch}: 25 of 32 blocks are {got:.3f} times as fast; the bytes read say {ideal:.3f}: {got / ideal:.3f} of it")


if __name__ == "__main__":
    main()
