// SPDX-License-Identifier: Apache-2.0
#include "tasks/harness_files.h"

#include <algorithm>
#include <map>

#include "core/version.h"
#include "python/json.h"

namespace shorten::tasks {
namespace {

constexpr int kBootstrapIterations = 100000;

// A name that the harness uses in its files before 0.4.
std::string early_name(Metric metric) {
  return std::string(metric == Metric::kPerplexity ? "ppl" : metric_name(metric));
}

std::string_view aggregation(Metric metric) {
  switch (metric) {
    case Metric::kAcc:
    case Metric::kAccNorm:
      return "mean";
    case Metric::kPerplexity:
      return "perplexity";
    case Metric::kWordPerplexity:
    case Metric::kBytePerplexity:
      return "weighted_perplexity";
    case Metric::kBitsPerByte:
      return "bits_per_byte";
  }
  return "";
}

std::string_view output_type(Kind kind) {
  switch (kind) {
    case Kind::kChoice:
      return "multiple_choice";
    case Kind::kLastWord:
      return "loglikelihood";
    case Kind::kText:
      return "loglikelihood_rolling";
  }
  return "";
}

// As PyTorch calls it: boards sort by it.
std::string torch_dtype(const std::string& dtype) {
  if (dtype == "fp32") return "float32";
  if (dtype == "fp16") return "float16";
  if (dtype == "bf16") return "bfloat16";
  return dtype;
}

std::string model_arguments(const RunFacts& facts) {
  return "pretrained=" + facts.model + ",dtype=" + torch_dtype(facts.dtype);
}

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

// 0.3: a standard error where there is one; nothing where there is none.
Json early_results(std::span<const TaskOutcome> outcomes, const RunFacts& facts) {
  Json results = Json::object(), versions = Json::object();
  for (const TaskOutcome& outcome : outcomes) {
    const std::string name(outcome.data->task->name);
    Json& values = results[name] = Json::object();
    for (const MetricValue& metric : outcome.metrics) {
      values[early_name(metric.metric)] = metric.value;
      if (metric.standard_error) values[early_name(metric.metric) + "_stderr"] = *metric.standard_error;
    }
    versions[name] = outcome.data->task->version_v03;
  }
  return {{"results", results},
          {"versions", versions},
          {"config",
           {{"model", "shorten"},
            {"model_args", model_arguments(facts)},
            {"num_fewshot", 0},
            {"batch_size", nullptr},
            {"batch_sizes", Json::array()},
            {"device", facts.device},
            {"no_cache", true},
            {"limit", or_null(facts.limit)},
            {"bootstrap_iters", kBootstrapIterations},
            {"description_dict", Json::object()}}}};
}

Json metric_values(const TaskOutcome& outcome) {
  Json out = {{"alias", outcome.data->task->name}};
  for (const MetricValue& metric : outcome.metrics) {
    const std::string name(metric_name(metric.metric));
    out[name + ",none"] = metric.value;
    out[name + "_stderr,none"] = metric.standard_error ? Json(*metric.standard_error) : Json("N/A");
  }
  return out;
}

double version(const Task& task, const Profile& profile) {
  return task.name == "race" && profile.late_race ? 3 : task.version_v04;
}

// What of a task's definition a reader can make use of, and which file it was read from.
Json task_config(const TaskData& data, const Profile& profile) {
  const Task& task = *data.task;
  Json metrics = Json::array();
  for (const Metric metric : task.metrics) {
    metrics.push_back({{"metric", metric_name(metric)},
                       {"aggregation", aggregation(metric)},
                       {"higher_is_better", is_accuracy(metric)}});
  }
  Json out = {{"task", task.name}, {"dataset_path", task.hub}};
  if (!task.config.empty()) out["dataset_name"] = task.config;
  out[std::string(task.split) + "_split"] = task.split;
  out["num_fewshot"] = 0;
  out["metric_list"] = metrics;
  out["output_type"] = output_type(task.kind);
  out["metadata"] = {
      {"version", version(task, profile)}, {"file", data.file.filename().string()}, {"sha256", data.sha256}};
  return out;
}

// A value a task, by name, as the harness sorts them.
template <typename F>
Json by_name(std::span<const TaskOutcome> outcomes, const F& value) {
  std::map<std::string, Json> sorted;
  for (const TaskOutcome& outcome : outcomes) sorted[std::string(outcome.data->task->name)] = value(outcome);
  Json out = Json::object();
  for (auto& [name, json] : sorted) out[name] = std::move(json);
  return out;
}

// The same in the order asked.
template <typename F>
Json in_order(std::span<const TaskOutcome> outcomes, const F& value) {
  Json out = Json::object();
  for (const TaskOutcome& outcome : outcomes) out[std::string(outcome.data->task->name)] = value(outcome);
  return out;
}

Json task_facts(std::span<const TaskOutcome> outcomes, const Profile& profile) {
  return {{"results", in_order(outcomes, metric_values)},
          {"group_subtasks", Json::object()},
          {"configs", by_name(outcomes, [&](const TaskOutcome& o) { return task_config(*o.data, profile); })},
          {"versions", by_name(outcomes, [&](const TaskOutcome& o) { return version(*o.data->task, profile); })},
          {"n-shot", by_name(outcomes, [](const TaskOutcome&) { return 0; })},
          {"higher_is_better", by_name(outcomes,
                                       [](const TaskOutcome& o) {
                                         Json out = Json::object();
                                         for (const Metric metric : o.data->task->metrics)
                                           out[std::string(metric_name(metric))] = is_accuracy(metric);
                                         return out;
                                       })},
          {"n-samples", in_order(outcomes, [](const TaskOutcome& o) {
             return Json{{"original", o.data->available}, {"effective", o.data->examples.size()}};
           })}};
}

Json run_config(const RunFacts& facts) {
  return {{"model", "shorten"},
          {"model_args", model_arguments(facts)},
          {"model_num_parameters", facts.parameters},
          {"model_dtype", "torch." + torch_dtype(facts.dtype)},
          {"model_revision", nullptr},
          {"model_sha", ""},
          {"batch_size", nullptr},
          {"batch_sizes", Json::array()},
          {"device", facts.device},
          {"use_cache", nullptr},
          {"limit", or_null(facts.limit)},
          {"bootstrap_iters", kBootstrapIterations},
          {"gen_kwargs", nullptr},
          {"random_seed", facts.seed},
          {"numpy_seed", nullptr},
          {"torch_seed", nullptr},
          {"fewshot_seed", nullptr}};
}

// ["</s>", "2"]; [null, "None"] where the tokenizer has none.
Json token(const std::optional<std::pair<std::string, int64_t>>& value) {
  return value ? Json::array({value->first, std::to_string(value->second)}) : Json::array({nullptr, "None"});
}

Json late_results(std::span<const TaskOutcome> outcomes, const Profile& profile, const RunFacts& facts) {
  Json out = task_facts(outcomes, profile);
  out["config"] = run_config(facts);
  out["git_hash"] = nullptr;
  out["date"] = facts.unix_time;
  for (const char* key : {"pretty_env_info", "transformers_version", "lm_eval_version", "upper_git_hash"}) {
    out[key] = nullptr;
  }
  out["tokenizer_pad_token"] = token(std::nullopt);  // nothing is padded with a token that counts
  out["tokenizer_eos_token"] = token(facts.eos);
  out["tokenizer_bos_token"] = token(facts.bos);
  out["eot_token_id"] = facts.eos ? Json(facts.eos->second) : Json();
  out["max_length"] = facts.max_length;
  out["task_hashes"] = in_order(outcomes, task_hash);
  out["model_source"] = "shorten";
  out["model_name"] = facts.model;
  out["model_name_sanitized"] = sanitized_name(facts.model);
  for (const char* key :
       {"system_instruction", "system_instruction_sha", "fewshot_as_multiturn", "chat_template", "chat_template_sha"}) {
    out[key] = nullptr;
  }
  out["total_evaluation_time_seconds"] = python::repr(facts.seconds);
  return out;
}

}  // namespace

std::string sanitized_name(std::string_view model) {
  std::string out;
  bool replaced = false;  // a run of such characters becomes one "__"
  for (const char c : model) {
    const bool unfit = std::string_view("\"<>:/|\\?*[]").find(c) != std::string_view::npos;
    if (!unfit) {
      out += c;
    } else if (!replaced) {
      out += "__";
    }
    replaced = unfit;
  }
  return out;
}

std::string results_file(std::span<const TaskOutcome> outcomes, const Profile& profile, const RunFacts& facts) {
  Json out = profile.early_files ? early_results(outcomes, facts) : late_results(outcomes, profile, facts);
  out["shorten_version"] = kVersion;
  out["profile"] = profile.name;
  out["fingerprint"] = facts.fingerprint;
  return python::dump_json(out, true);
}

}  // namespace shorten::tasks
