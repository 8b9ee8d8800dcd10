// SPDX-License-Identifier: Apache-2.0
// The torch line as a table of functions. The program is linked without LibTorch and opens
// libshorten_torch.so only for commands that compute: the others start at once, need no LibTorch, and
// the environment that LibTorch's thread pool reads can be set before it is loaded. Plain values go
// in, plain values come out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/file.h"
#include "plan/scores.h"
#include "text/windows.h"

namespace shorten {

struct ComputeOptions {
  std::string device = "auto", dtype = "auto";
  int threads = 0;  // 0: as many as there are cores
};

// What was used in the end.
struct ComputeUsed {
  std::string device, dtype;
  uint64_t device_memory = 0;  // bytes at the peak on the accelerator, 0 on a CPU
};

struct ScoreRequest {
  fs::path model;               // a checkpoint directory, or with random_weights a config.json
  bool random_weights = false;  // weights from the seed instead of the checkpoint's: for benchmarks
  std::vector<std::string> criteria;
  std::vector<std::vector<text::TokenId>> rows;  // calibration, of equal length; empty if no criterion needs text
  uint64_t seed = 0;
  int repeat = 1;  // score so many times, for benchmarks
  ComputeOptions compute;
};

struct ScoreResponse {
  std::optional<double> baseline_perplexity;
  std::vector<std::pair<std::string, plan::CriterionScores>> criteria;
  ComputeUsed used;
  std::vector<double> seconds;  // of each scoring, without loading
};

struct LogprobRequest {
  fs::path model;
  std::vector<std::vector<text::Window>> texts;
  ComputeOptions compute;
};

struct LogprobResponse {
  std::vector<std::vector<std::vector<float>>> texts;  // [text][window][position - 1]
  ComputeUsed used;
};

struct Engine {
  ScoreResponse (*score)(const ScoreRequest& request);
  LogprobResponse (*logprobs)(const LogprobRequest& request);
};

}  // namespace shorten

// The only symbol that the program looks up in libshorten_torch.so.
extern "C" const shorten::Engine* shorten_engine();
