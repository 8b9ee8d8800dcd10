// SPDX-License-Identifier: Apache-2.0
#include "plan/scores.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/file_format.h"
#include "family/file_keys.h"

namespace shorten::plan {
namespace {

constexpr std::string_view kScoresFormat = "shorten.scores";

// JSON has no infinity: it is the string "inf".
Json number_to_json(double value, const std::string& what) {
  if (std::isnan(value) || value == -std::numeric_limits<double>::infinity()) {
    throw diverged(what + " is not a number").found(fmt::format("{}", value)).help("score with `dtype` fp32");
  }
  return std::isinf(value) ? Json("inf") : Json(value);
}

// `value` is `key` of `owner`, or the entry of it that `entry` names.
double number_from_json(const Json& value, const JsonObject& owner, std::string_view key,
                        const std::string& entry = "") {
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value.is_number()) return value.get<double>();  // finite: JSON has no other
  throw owner.error("not a score", key)
      .expected("a number or \"inf\"")
      .found(entry.empty() ? value.dump() : fmt::format("entry {}: {}", entry, value.dump()));
}

std::vector<std::map<std::string, double>> read_detail(const JsonObject& criterion, size_t scores) {
  const JsonObject detail = criterion.object("detail");
  std::vector<std::map<std::string, double>> out(scores);
  if (detail.value().size() != out.size()) {
    throw criterion.error("detail does not fit the number of scores", "detail")
        .expected(fmt::format("{} entries, one a score", scores))
        .found(fmt::format("{}", detail.value().size()));
  }
  for (size_t i = 0; i < out.size(); ++i) {
    const JsonObject block = detail.object(std::to_string(i));
    for (const auto& [tensor, part] : block.value().items()) out[i][tensor] = number_from_json(part, block, tensor);
  }
  return out;
}

std::vector<Unit> read_units_of(const JsonObject& json, int64_t blocks) {
  std::vector<Unit> units = read_units(json, "units");
  for (const Unit& unit : units) {
    if (unit.block < blocks) continue;
    throw json.error("a score belongs to a block that the model does not have", "units")
        .expected(fmt::format("0 to {}", blocks - 1))
        .found(unit_name(unit));
  }
  return units;
}

CriterionScores read_criterion(const JsonObject& json, int64_t blocks) {
  CriterionScores result;
  if (json.has("units")) result.units = read_units_of(json, blocks);
  const Json& scores = json.array("scores");
  const size_t expected = result.units.empty() ? static_cast<size_t>(blocks) : result.units.size();
  if (scores.size() != expected) {
    throw json.error("the number of scores does not fit the model", "scores")
        .expected(fmt::format("{}, one a {}", expected, result.units.empty() ? "block" : "unit"))
        .found(fmt::format("{}", scores.size()));
  }
  for (size_t i = 0; i < scores.size(); ++i) {
    result.scores.push_back(number_from_json(scores[i], json, "scores", std::to_string(i)));
  }
  if (json.has("order") && json.array("order") != Json(result.order())) {
    throw json.error("the order contradicts the scores", "order")
        .expected(printable(Json(result.order()).dump(), 200))
        .help("leave order out: it follows from the scores");
  }
  if (json.has("detail")) result.detail = read_detail(json, expected);
  return result;
}

Calibration read_calibration(const JsonObject& json) {
  Calibration c;
  for (const Json& source : json.array("sources")) {
    const JsonObject s(source, json.file(), "key \"calibration\", key \"sources\"");
    c.sources.push_back({s.string("path"), s.string_or("sha256", "")});
  }
  c.samples = json.integer_or("samples", 0, 0, INT64_MAX);
  c.length = json.integer_or("length", 0, 0, INT64_MAX);
  c.bos = json.string_or("bos", "");
  if (json.has("seed")) {
    if (!json.at("seed").is_number_unsigned())
      throw json.error("not a seed", "seed").expected("an integer from 0 to 2^64 - 1");
    c.seed = json.at("seed").get<uint64_t>();
  }
  c.tokens_sha256 = json.string_or("tokens_sha256", "");
  return c;
}

Json to_json(const Calibration& c) {
  Json sources = Json::array();
  for (const auto& s : c.sources) sources.push_back({{"path", s.path}, {"sha256", s.sha256}});
  return {{"sources", sources}, {"samples", c.samples}, {"length", c.length},
          {"bos", c.bos},       {"seed", c.seed},       {"tokens_sha256", c.tokens_sha256}};
}

Json to_json(const std::string& name, const CriterionScores& criterion) {
  Json scores = Json::array();
  for (size_t i = 0; i < criterion.scores.size(); ++i)
    scores.push_back(number_to_json(criterion.scores[i],
                                    fmt::format("the {} score of block {}", name, unit_name(criterion.unit(i)))));
  Json out = {{"scores", scores}, {"order", criterion.order()}};
  for (const Unit& unit : criterion.units) out["units"].push_back(to_json(unit));
  for (size_t i = 0; i < criterion.detail.size(); ++i) {
    Json& block = out["detail"][std::to_string(i)] = Json::object();
    for (const auto& [tensor, part] : criterion.detail[i])
      block[tensor] = number_to_json(
          part, fmt::format("the {} score of {} in block {}", name, tensor, unit_name(criterion.unit(i))));
  }
  return out;
}

}  // namespace

std::vector<int> CriterionScores::order() const {
  std::vector<int> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return scores[static_cast<size_t>(a)] < scores[static_cast<size_t>(b)]; });
  return order;
}

const CriterionScores* Scores::find(std::string_view criterion) const {
  const auto it = std::find_if(criteria.begin(), criteria.end(), [&](const auto& c) { return c.first == criterion; });
  return it == criteria.end() ? nullptr : &it->second;
}

Json to_json(const Scores& scores) {
  Json out = {{"format", kScoresFormat}, {"version", kFileVersion}};
  out["model"] = {{"path", scores.model.path},
                  {"family", scores.model.family},
                  {"blocks", scores.model.blocks},
                  {"fingerprint", scores.model.fingerprint}};
  if (scores.calibration) out["calibration"] = to_json(*scores.calibration);
  out["compute"] = {
      {"device", scores.compute.device}, {"dtype", scores.compute.dtype}, {"version", scores.compute.version}};
  if (scores.baseline_perplexity)
    out["baseline"] = {{"perplexity", number_to_json(*scores.baseline_perplexity, "the perplexity of the model")}};
  for (const auto& [name, criterion] : scores.criteria) out["criteria"][name] = to_json(name, criterion);
  return out;
}

Scores read_scores(const fs::path& file) {
  const Json parsed = read_format(file);
  const JsonObject json(parsed, file);
  expect_format(json, kScoresFormat);
  Scores scores;
  const JsonObject model = json.object("model");
  scores.model = {model.string_or("path", ""), model.string_or("family", ""), family::read_fingerprint(model),
                  model.integer("blocks", 1, family::kMaxBlocks)};
  if (json.has("calibration")) scores.calibration = read_calibration(json.object("calibration"));
  if (json.has("compute")) {
    const JsonObject compute = json.object("compute");
    scores.compute = {compute.string_or("device", ""), compute.string_or("dtype", ""),
                      compute.string_or("version", "")};
  }
  if (json.has("baseline")) {
    const JsonObject baseline = json.object("baseline");
    scores.baseline_perplexity = number_from_json(baseline.at("perplexity"), baseline, "perplexity");
  }
  const JsonObject criteria = json.object("criteria");
  for (const auto& [name, unused] : criteria.value().items())
    scores.criteria.emplace_back(name, read_criterion(criteria.object(name), scores.model.blocks));
  if (scores.criteria.empty())
    throw json.error("no criterion in the file", "criteria").expected("at least one, such as ppl");
  return scores;
}

}  // namespace shorten::plan
