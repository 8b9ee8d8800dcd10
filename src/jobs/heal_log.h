// SPDX-License-Identifier: Apache-2.0
// What a run records: train.jsonl while it runs; at the end also train.csv, loss.svg and heal.json.
#pragma once

#include <chrono>
#include <vector>

#include "jobs/run_directory.h"

namespace shorten::jobs {

class HealLog {
 public:
  HealLog(fs::path run, const engine::HealRequest& request);
  void start(int64_t done, const recipe::Measured& before);  // drops lines of steps that are done again
  void step(const recipe::StepRecord& record);
  void sync() const;  // the log reaches the disk before a state that follows it
  // Writes the files; returns heal.json.
  Json finish(const SavedRun& run, const engine::HealResponse& response);

 private:
  fs::path run_;
  const engine::HealRequest& request_;
  std::vector<Json> lines_;
  int64_t done_ = 0, tokens_ = 0;
  double seconds_ = 0;
  std::chrono::steady_clock::time_point said_{};
};

}  // namespace shorten::jobs
