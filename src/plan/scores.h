// SPDX-License-Identifier: Apache-2.0
// scores.json (docs/formats.md): the importance of every block by one or more criteria, and what it
// was measured on. Low = least important, in every criterion.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/json.h"
#include "plan/unit.h"

namespace shorten::plan {

struct CriterionScores {
  std::vector<double> scores;  // scores[i] belongs to unit(i); +infinity is allowed, NaN is not
  // For criteria that sum over tensors: block → tensor name inside the block → its part.
  std::vector<std::map<std::string, double>> detail;  // empty or one entry a score
  std::vector<Unit> units = {};                       // what is scored, where that is not simply every block in turn

  Unit unit(size_t i) const { return units.empty() ? Unit{static_cast<int>(i), Part::kWhole} : units.at(i); }
  std::vector<int> order() const;  // indices of scores, least important first, ties by index
};

struct Calibration {
  struct Source {
    std::string path, sha256;
  };
  std::vector<Source> sources;
  int64_t samples = 0, length = 0;
  std::string bos;  // "document", "every" or "none"
  uint64_t seed = 0;
  std::string tokens_sha256;  // of the token ids, little-endian int32, row after row
};

struct Scores {
  struct Model {
    std::string path, family, fingerprint;
    int64_t blocks = 0;
  } model;
  std::optional<Calibration> calibration;  // absent when no criterion needed text
  struct Compute {
    std::string device, dtype, version;
  } compute;
  std::optional<double> baseline_perplexity;
  std::vector<std::pair<std::string, CriterionScores>> criteria;  // in the order asked for

  const CriterionScores* find(std::string_view criterion) const;
};

Json to_json(const Scores& scores);
Scores read_scores(const fs::path& file);  // throws bad_input with the key

}  // namespace shorten::plan
