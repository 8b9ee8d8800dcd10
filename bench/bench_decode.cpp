// SPDX-License-Identifier: Apache-2.0
// One decoding step of a model with the shapes of TinyLlama 1.1B on a CPU, operator by operator: how many GB of
// weights (or of cache) it reads a second, beside what plain reading of the same memory reaches in the same run.
//   bench_decode [bf16|fp16|fp32] [ROWS]...      OMP_NUM_THREADS sets the threads
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "kernels/decode.h"

namespace {

using at::Tensor;
using shorten::kernels::cached_attention, shorten::kernels::linear_add, shorten::kernels::norm_linear,
    shorten::kernels::norm_swiglu;

constexpr int64_t kBlocks = 22, kHidden = 2048, kInner = 5632, kHeads = 32, kKv = 4, kHd = 64, kVocabulary = 32000;
constexpr int64_t kContext = 2048;
constexpr int kRounds = 7;

struct Block {
  Tensor qkv, o, gate_up, down, keys, values;
};

int64_t bytes(const Tensor& x) { return x.numel() * x.element_size(); }

#ifdef __x86_64__
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
uint64_t
read_words(const uint64_t* words, int64_t n) {
  constexpr int64_t kAhead = 512;  // words
  uint64_t sums[32] = {};
  for (int64_t i = 0; i + 32 <= n; i += 32) {
    for (int64_t j = 0; j < 32; j += 8) __builtin_prefetch(words + i + j + kAhead);
    for (int64_t j = 0; j < 32; ++j) sums[j] += words[i + j];
  }
  for (int j = 1; j < 32; ++j) sums[0] += sums[j];
  return sums[0];
}

void read(const Tensor& x) {
  const auto* const words = static_cast<const uint64_t*>(x.const_data_ptr());
  at::parallel_for(0, bytes(x) / 8, 1 << 16, [&](int64_t begin, int64_t end) {
    volatile uint64_t kept = read_words(words + begin, end - begin);
    static_cast<void>(kept);
  });
}

class Clock {
 public:
  // Adds the time of run() to what `name` takes a step, and its bytes.
  template <typename Run>
  void time(const char* name, int64_t bytes, const Run& run) {
    const auto start = std::chrono::steady_clock::now();
    run();
    step_[name].first += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    step_[name].second += bytes;
  }
  void end_step() {
    for (const auto& [name, total] : step_)
      rates_[name].push_back(static_cast<double>(total.second) / total.first / 1e9);
    step_.clear();
  }
  double best(const std::string& name) { return *std::max_element(rates_[name].begin(), rates_[name].end()); }
  double median(const std::string& name) {
    std::vector<double> sorted = rates_[name];
    std::sort(sorted.begin(), sorted.end());
    return sorted[sorted.size() / 2];
  }

 private:
  std::map<std::string, std::pair<double, int64_t>> step_;
  std::map<std::string, std::vector<double>> rates_;
};

void measure(const std::vector<Block>& blocks, const Tensor& head, int64_t rows) {
  const auto options = head.options();
  const Tensor norm = at::ones({kHidden}, options), none, start = at::randn({rows, kHidden}, options);
  const Tensor position = at::full({rows}, kContext - 1, options.dtype(at::kLong));
  int64_t all = bytes(head);
  for (const Block& b : blocks) all += bytes(b.qkv) + bytes(b.o) + bytes(b.gate_up) + bytes(b.down);
  Clock clock;
  for (int round = 0; round < kRounds; ++round) {
    clock.time("step", all, [&] {
      Tensor x = start, qkv, middle;
      for (const Block& b : blocks) {
        clock.time("qkv", bytes(b.qkv), [&] { qkv = norm_linear(x, norm, 1e-5, b.qkv, none); });
        const Tensor q = qkv.narrow(1, 0, kHidden);
        clock.time("o", bytes(b.o), [&] { x = linear_add(x, q, b.o, none); });
        clock.time("gate_up", bytes(b.gate_up), [&] { middle = norm_swiglu(x, norm, 1e-5, b.gate_up, none); });
        clock.time("down", bytes(b.down), [&] { x = linear_add(x, middle, b.down, none); });
      }
      clock.time("head", bytes(head), [&] { norm_linear(x, norm, 1e-5, head, none); });
    });
    const Tensor q = at::randn({rows, kHeads, kHd}, options);
    for (const Block& b : blocks) {
      const Tensor keys = b.keys.narrow(0, 0, rows), values = b.values.narrow(0, 0, rows);
      clock.time("attention", 2 * bytes(keys), [&] { cached_attention(q, keys, values, position, 0); });
      for (const Tensor& w : {b.qkv, b.o, b.gate_up, b.down}) clock.time("read", bytes(w), [&] { read(w); });
    }
    clock.time("read", bytes(head), [&] { read(head); });
    clock.end_step();
  }
  std::printf("%lld rows, GB/s: best (median), share of reading\n", static_cast<long long>(rows));
  for (const char* name : {"read", "step", "qkv", "o", "gate_up", "down", "head", "attention"}) {
    std::printf("  %-10s %6.2f (%6.2f)  %3.0f %% (%3.0f %%)\n", name, clock.best(name), clock.median(name),
                100 * clock.best(name) / clock.best("read"), 100 * clock.median(name) / clock.median("read"));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string dtype = argc > 1 ? argv[1] : "bf16";
  std::vector<int64_t> rows;
  for (int i = 2; i < argc; ++i) rows.push_back(std::stoll(argv[i]));
  if (rows.empty()) rows = {1, 4, 16};
  const at::InferenceMode no_gradients;
  const at::TensorOptions options = dtype == "fp32" ? at::kFloat : dtype == "fp16" ? at::kHalf : at::kBFloat16;
  const int64_t most = *std::max_element(rows.begin(), rows.end());
  const auto weight = [&](int64_t n, int64_t k) { return at::full({n, k}, 0.01, options); };
  const auto cache = [&] { return at::full({most, kKv, kContext, kHd}, 0.01, options); };
  std::vector<Block> blocks;
  for (int64_t i = 0; i < kBlocks; ++i) {
    blocks.push_back({weight((kHeads + 2 * kKv) * kHd, kHidden), weight(kHidden, kHidden), weight(2 * kInner, kHidden),
                      weight(kHidden, kInner), cache(), cache()});
  }
  const Tensor head = weight(kVocabulary, kHidden);
  std::printf("%s, %d threads\n", dtype.c_str(), at::get_num_threads());
  for (const int64_t r : rows) measure(blocks, head, r);
}
