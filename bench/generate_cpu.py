# SPDX-License-Identifier: Apache-2.0
"""`shorten bench` beside llama.cpp's llama-bench on the CPU: the same shape, random bf16 weights, the same threads.

Measures tokens a second of decoding, batch 1 (12 tokens in the cache, 64 new ones), and of a prefill of 512 tokens whose last
position alone gets logits. Every run is a process of its own with one warm-up inside and loading left out; runs alternate, so
that a drift of the machine hits both, and one that other programs disturbed is made again. Prints medians, the range of each,
the ratio, what decoding reads, its share of the copy bandwidth that `shorten bench` measures at the same time, and whether
llama.cpp was built with bf16 dot products. The first call writes the shape as GGUF (for 1.1 B parameters 2.2 GB).
usage: python bench/generate_cpu.py --llama-bench BUILD/bin/llama-bench --gguf FILE [--threads 2] [--runs 3]
Needs numpy and gguf 0.19.0. llama.cpp, at its commit 0c1e57098, is the source that llama-cpp-python 0.3.36 brings along:
    pip download --no-deps --no-binary llama-cpp-python llama-cpp-python==0.3.36
    tar xzf llama_cpp_python-0.3.36.tar.gz
    cmake -S llama_cpp_python-0.3.36/vendor/llama.cpp -B BUILD -G Ninja -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=ON \\
      -DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF
    ninja -C BUILD llama-bench
"""
import argparse
import ctypes
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INPUT, NEW, PREFILL = 12, 64, 512
noises = []  # of each run that counts


def write_gguf(path, shape):
    """The tensors of a LLaMA as llama.cpp names them, N(0, 0.02) in bf16; no tokenizer."""
    import gguf
    import numpy as np

    hidden, inner, blocks, vocabulary = (shape[k] for k in ("hidden_size", "intermediate_size", "num_hidden_layers", "vocab_size"))
    heads, kv_heads = shape["num_attention_heads"], shape["num_key_value_heads"]
    kv = hidden // heads * kv_heads
    matrices = {"attn_q": (hidden, hidden), "attn_k": (kv, hidden), "attn_v": (kv, hidden), "attn_output": (hidden, hidden),
                "ffn_gate": (inner, hidden), "ffn_up": (inner, hidden), "ffn_down": (hidden, inner)}  # fmt: skip
    tensors = [("token_embd", (vocabulary, hidden)), ("output", (vocabulary, hidden)), ("output_norm", (hidden,))]
    for i in range(blocks):
        tensors += [(f"blk.{i}.{name}", size) for name, size in matrices.items()]
        tensors += [(f"blk.{i}.attn_norm", (hidden,)), (f"blk.{i}.ffn_norm", (hidden,))]

    partial = path.with_name(path.name + ".partial")
    writer = gguf.GGUFWriter(partial, "llama")
    for key, value in (("block_count", blocks), ("context_length", shape["max_position_embeddings"]), ("embedding_length", hidden),
                       ("feed_forward_length", inner), ("attention.head_count", heads), ("attention.head_count_kv", kv_heads),
                       ("vocab_size", vocabulary)):  # fmt: skip
        writer.add_uint32(f"llama.{key}", value)
    writer.add_layer_norm_rms_eps(shape["rms_norm_eps"])
    writer.add_rope_freq_base(shape["rope_theta"])
    writer.add_tokenizer_model("none")
    for name, size in tensors:
        of, kind, width = (np.uint16, "BF16", 2) if len(size) == 2 else (np.float32, "F32", 4)
        writer.add_tensor_info(f"{name}.weight", size, np.dtype(of), int(np.prod(size)) * width, gguf.GGMLQuantizationType[kind])
    writer.write_header_to_file(), writer.write_kv_data_to_file(), writer.write_ti_data_to_file()
    random = np.random.default_rng(0)
    for _, size in tensors:
        data = np.ones(size, np.float32)
        if len(size) == 2:
            data = (random.standard_normal(size, np.float32) * np.float32(0.02)).view(np.uint32)
            data = ((data + 0x8000) >> 16).astype(np.uint16)
        writer.write_tensor_data(data)
    writer.close()
    partial.rename(path)


def busy():
    """Seconds of CPU time: of the machine so far, and of the programs that this one ran."""
    ticks = [int(x) for x in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    machine = (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")
    return machine, children.ru_utime + children.ru_stime


def run(*command):
    """The program's JSON, and the share of the CPUs that everything else on the machine took meanwhile."""
    start, before = time.perf_counter(), busy()
    done = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True)
    seconds, after = time.perf_counter() - start, busy()
    others = (after[0] - before[0]) - (after[1] - before[1])
    return json.loads(done.stdout), max(0.0, others / seconds / os.cpu_count())


def quiet_run(args, *command):
    """Again when others were busy; of args.tries disturbed runs the least disturbed one."""
    best = run(*command)
    for _ in range(args.tries - 1):
        if best[1] > args.noise:
            best = min(best, run(*command), key=lambda r: r[1])
    noises.append(best[1])
    print(f"{Path(command[0]).name}: others took {best[1]:.2f} of the CPUs", file=sys.stderr)
    return best[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shorten", type=Path, default=ROOT / "build/shorten")
    parser.add_argument("--llama-bench", type=Path, required=True)
    parser.add_argument("--gguf", type=Path, required=True, help="the random model; written when it is not there")
    parser.add_argument("--shape", type=Path, default=ROOT / "bench/shapes/tinyllama-1.1b.json")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--noise", type=float, default=0.1, help="share of the CPUs that others may take in a run [0.1]")
    parser.add_argument("--tries", type=int, default=4, help="runs tried for a quiet one [4]")
    args = parser.parse_args()
    if not args.gguf.exists():
        write_gguf(args.gguf, json.loads(args.shape.read_text()))

    def ours(*point):
        out = quiet_run(args, args.shorten, "bench", "--random-weights", args.shape, *point, "--batch", 1, "--runs", 1, "--warmup", 1,
                  "--dtype", "bf16", "--device", "cpu", "--threads", args.threads, "--json", "-q")  # fmt: skip
        copies.append(out["copy_bandwidth_gb_s"])
        return out["results"][0]

    def theirs(*point):
        return quiet_run(args, args.llama_bench, "-m", args.gguf, "-t", args.threads, "-r", 1, "-o", "json", *point)[0]

    copies = []
    rates = {(work, way): [] for work in ("decode", "prefill") for way in ("shorten", "llama.cpp")}
    for i in range(args.runs):
        result = ours("--input", INPUT, "--new-tokens", NEW)
        rates["decode", "shorten"].append(result["decode_tok_s"])
        read = result["bandwidth_gb_s"] / result["decode_tok_s"]  # GB a token, weights and cache
        llama = theirs("-p", 0, "-n", NEW, "-d", INPUT)
        rates["decode", "llama.cpp"].append(llama["avg_ts"])
        rates["prefill", "shorten"].append(PREFILL / ours("--input", PREFILL, "--new-tokens", 1)["prefill_s"])
        rates["prefill", "llama.cpp"].append(theirs("-p", PREFILL, "-n", 0)["avg_ts"])

    copy = statistics.median(copies)
    print(f"{args.shape.stem}, bf16, {args.threads} threads, {llama['cpu_info']}; llama.cpp {llama['build_commit']}; {args.runs} runs each")
    print(f"{'':<22}{'tokens/s':>9}{'range':>16}{'GB/s read':>11}{'of copy':>9}{'times llama.cpp':>17}")
    for (work, way), values in rates.items():
        rate = statistics.median(values)
        ratio = statistics.median(a / b for a, b in zip(values, rates[work, "llama.cpp"]))
        bandwidth = f"{read * rate:>11.1f}{read * rate / copy:>9.2f}" if work == "decode" else " " * 20
        print(f"{work + ', ' + way:<22}{rate:>9.2f}{min(values):>8.2f}-{max(values):<7.2f}{bandwidth}{ratio:>17.2f}")
    library = next(args.llama_bench.parent.glob("libggml-cpu.so*"), None)
    bf16 = {1: "yes", 0: "no"}[ctypes.CDLL(str(library.resolve())).ggml_cpu_has_avx512_bf16()] if library else "unknown"
    print(f"copy bandwidth {copy:.1f} GB/s ({min(copies):.1f}-{max(copies):.1f}), read and written")
    print(f"llama.cpp has AVX-512 bf16 dot products: {bf16}")
    print(f"share of the CPUs that other programs took during a run: median {statistics.median(noises):.2f}, at most {max(noises):.2f}")


if __name__ == "__main__":
    main()
