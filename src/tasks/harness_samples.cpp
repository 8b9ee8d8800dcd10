// SPDX-License-Identifier: Apache-2.0
// Files of samples: what was asked about each document, what the model answered, and hashes by which two runs
// are known to have asked the same.
#include "core/check.h"
#include "core/sha256.h"
#include "python/json.h"
#include "tasks/harness_files.h"

namespace shorten::tasks {
namespace {

// What the harness calls the arguments of a request: (context, continuation), or the text alone.
Json arguments(const Request& request, Kind kind) {
  if (kind == Kind::kText) return {{"arg_0", request.continuation}};
  return {{"arg_0", request.context}, {"arg_1", request.continuation}};
}

// The answer as strings: ["-12.3", "False"], or the log-likelihood of a text alone.
Json response(const Answer& answer, Kind kind) {
  const std::string value = python::repr(answer.loglikelihood);
  if (kind == Kind::kText) return value;
  return Json::array({value, answer.greedy ? "True" : "False"});
}

// What a document adds to the metric: a float for choices; for a last word whole numbers; a sum and its weight.
Json contribution(const MetricValue& metric, size_t i, const Example& example, Kind kind) {
  const double value = metric.documents[i];
  if (kind == Kind::kText) {
    return Json::array({value, metric.metric == Metric::kWordPerplexity ? example.words : example.bytes});
  }
  if (kind == Kind::kLastWord && metric.metric == Metric::kAcc) return static_cast<int64_t>(value);
  return value;
}

struct Hashes {
  std::string doc, prompt, target;
};

Hashes hashes(const TaskOutcome& outcome, size_t i) {
  const Example& example = outcome.data->examples[i];
  const Request& first = example.requests.front();
  return {sha256_hex(python::dump_json(outcome.data->documents[i], true)),
          sha256_hex(outcome.data->task->kind == Kind::kText ? first.continuation : first.context),
          sha256_hex(example.target)};
}

Json sample(const TaskOutcome& outcome, size_t i) {
  const Kind kind = outcome.data->task->kind;
  const Example& example = outcome.data->examples[i];
  Json out = {{"doc_id", outcome.data->ids[i]}, {"doc", outcome.data->documents[i]}, {"target", example.target}};
  Json& asked = out["arguments"] = Json::object();
  for (const Request& request : example.requests) {
    asked["gen_args_" + std::to_string(asked.size())] = arguments(request, kind);
  }
  Json answered = Json::array(), filtered = Json::array();
  for (const Answer& answer : outcome.answers[i]) {
    filtered.push_back(response(answer, kind));
    answered.push_back(Json::array({filtered.back()}));
  }
  out["resps"] = std::move(answered);
  out["filtered_resps"] = std::move(filtered);
  out["filter"] = "none";
  Json& names = out["metrics"] = Json::array();
  for (const MetricValue& metric : outcome.metrics) names.push_back(metric_name(metric.metric));
  const Hashes hash = hashes(outcome, i);
  out["doc_hash"] = hash.doc;
  out["prompt_hash"] = hash.prompt;
  out["target_hash"] = hash.target;
  for (const MetricValue& metric : outcome.metrics) {
    out[std::string(metric_name(metric.metric))] = contribution(metric, i, example, kind);
  }
  return out;
}

}  // namespace

std::string samples_file(const TaskOutcome& outcome) {
  SHORTEN_CHECK(outcome.answers.size() == outcome.data->examples.size(), "not an answer a document");
  std::string out;
  for (size_t i = 0; i < outcome.answers.size(); ++i) out += python::dump_json(sample(outcome, i), false) + "\n";
  return out;
}

std::string task_hash(const TaskOutcome& outcome) {
  Sha256 sha;
  for (size_t i = 0; i < outcome.data->examples.size(); ++i) {
    const Hashes hash = hashes(outcome, i);
    sha.update(hash.doc + hash.prompt + hash.target);
  }
  return sha.hex();
}

}  // namespace shorten::tasks
