// SPDX-License-Identifier: Apache-2.0
// Latency, throughput and memory of models by the protocol of the papers (docs/protocols.md), models in turn.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/progress.h"
#include "engine/engine.h"
#include "family/model.h"
#include "report/statistics.h"

namespace shorten::jobs {

// A model, or a shape without weights.
struct BenchSubject {
  family::ModelPtr model;  // null: random weights of the shape that `config` describes
  fs::path config;
};

struct BenchRequest {
  std::vector<BenchSubject> subjects;
  std::vector<int64_t> blocks;  // each subject with so many of its blocks, the first ones; empty: with all
  std::vector<int64_t> input = {12}, new_tokens = {128}, batch = {1};  // the grid: tokens, tokens, sequences
  std::optional<std::string> prompt;  // instead of `input` random ids, the same in every row
  int64_t runs = 20, warmup = 10;
  uint64_t seed = 1234;
  engine::ComputeOptions compute;
};

struct BenchModel {
  std::string name;  // the path, and whether its weights are random
  std::string path;
  bool random_weights = false;
  int64_t blocks = 0, blocks_before = 0;  // kept, and of the checkpoint or shape
  std::vector<int64_t> shape;             // all but the blocks: models that share it are the same one, shortened
  uint64_t parameters = 0, weight_bytes = 0;
  engine::ComputeUsed used;

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

struct BenchReport {
  std::vector<BenchModel> models;
  std::vector<BenchResult> results;
  int64_t warmup = 0, runs = 0;
  double copy_bandwidth = 0;  // bytes a second, read and written

  bool any_ran() const;
};

// What does not fit into memory is a result, not an error. Throws usage_error naming the field.
BenchReport measure_speed(const BenchRequest& request, const Hooks& hooks = {});

Json to_json(const BenchReport& report);  // bench.json of docs/formats.md

// SVG: latency against throughput, a line a model; and speed against blocks removed. REQUIRES any_ran().
std::string latency_chart(const BenchReport& report);
std::string blocks_chart(const BenchReport& report);

}  // namespace shorten::jobs
