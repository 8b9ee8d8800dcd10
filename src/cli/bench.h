// SPDX-License-Identifier: Apache-2.0
// The parts of `shorten bench`: what is measured, the figures, and how they are shown.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/common.h"

namespace shorten::cli {

struct BenchModel {
  std::string name;  // the path, and whether its weights are random
  std::string path;
  bool random_weights = false;
  int64_t blocks = 0, blocks_before = 0;  // kept, and of the checkpoint or shape
  std::vector<int64_t> shape;             // all but the blocks: models that share it are the same one, shortened
  uint64_t parameters = 0, weight_bytes = 0;
  ComputeUsed used;

  bool loaded() const { return !used.device.empty(); }  // else it did not fit into memory
};

struct GridPoint {
  int64_t input = 0, new_tokens = 0, batch = 0;
};

// One model at one point of the grid. Seconds of every run; empty if it ran out of memory.
struct BenchResult {
  size_t model = 0;
  GridPoint point;
  std::vector<double> latency, prefill;  // a whole run; until the first token was there
  double bytes_a_step = 0;               // that decoding reads at least
  uint64_t peak_memory = 0;              // of the process, or of the device, with all models there
  std::string out_of_memory;             // what did not fit

  bool ran() const { return !latency.empty(); }
  double throughput() const;         // new tokens of all sequences a second, the papers' figure
  double decode_throughput() const;  // the same behind the first token
  double bandwidth() const;          // bytes a second that decoding reads
};

struct Statistics {
  double mean = 0, median = 0;
  std::optional<double> deviation, half;  // half: of the 95 % confidence interval of the mean, Student's t
};
Statistics statistics(std::vector<double> values);

struct BenchReport {
  const std::vector<BenchModel>& models;
  const std::vector<BenchResult>& results;
  int64_t warmup = 0, runs = 0;
  double copy_bandwidth = 0;  // bytes a second, read and written
};
Json bench_json(const BenchReport& report);
std::string bench_table(const BenchReport& report);

// SVG: latency against throughput, a line a model; and speed against blocks removed.
std::string latency_chart(const BenchReport& report);
std::string blocks_chart(const BenchReport& report);

}  // namespace shorten::cli
