# SPDX-License-Identifier: Apache-2.0
"""What the *_gpu.py scripts share: shapes and their parameters, our programs' JSON, a model with random weights in Transformers, times of
work on the GPU, and the two limits of the card, measured: the rate of matrix products and the bandwidth of reading.

Imported by these scripts; it is no program itself. torch and Transformers are imported by what needs them.
"""
import json
import statistics
import subprocess
import time
from pathlib import Path

SHAPES = Path(__file__).resolve().parent / "shapes"
LLAMA_7B = SHAPES / "llama-7b.json"
TINYLLAMA = SHAPES / "tinyllama-1.1b.json"


def shape_of(path):
    return json.loads(Path(path).read_text())


def block_parameters(shape):
    """Of one block, norms included."""
    return block_matrices(shape) + 2 * shape["hidden_size"]


def block_matrices(shape):
    """Entries of the matrices of one block: what a token is multiplied with."""
    hidden, kv = shape["hidden_size"], shape["hidden_size"] // shape["num_attention_heads"] * shape["num_key_value_heads"]
    return 2 * hidden * hidden + 2 * hidden * kv + 3 * hidden * shape["intermediate_size"]


def head_parameters(shape):
    return shape["vocab_size"] * shape["hidden_size"]


def json_of(*command):
    """Runs one of our programs -> the JSON object on its standard output"""
    return json.loads(subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout)


def transformers_model(path, dtype="bfloat16"):
    """The shape as a Transformers model on the GPU, random weights, ready for inference"""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("cuda"):
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(**shape_of(path)), dtype=getattr(torch, dtype)).eval()


def seconds_of(work, runs, warmup=1):
    """-> the seconds of each run of work() on the GPU, after some that do not count"""
    import torch

    seconds = []
    for _ in range(warmup + runs):
        torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return seconds[warmup:]


def median_seconds(work, runs, warmup=1):
    return statistics.median(seconds_of(work, runs, warmup))


def product_rate():
    """FLOP/s of bf16 products of random matrices of 8192 x 8192: the limit of everything that multiplies."""
    import torch

    a = torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16)

    def ten():
        for _ in range(10):
            a @ a

    for _ in range(3):
        a @ a
    return 10 * 2 * 8192**3 / seconds_of(ten, 1, warmup=0)[0]


def read_bandwidth():
    """Bytes/s of a sum over 4 GB, the best of twenty: the limit of decoding."""
    import torch

    x = torch.zeros(1 << 30, device="cuda", dtype=torch.float32)
    return 4 * x.numel() / min(seconds_of(x.sum, 20, warmup=0))
