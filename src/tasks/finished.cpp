// SPDX-License-Identifier: Apache-2.0
#include "tasks/finished.h"

#include <fmt/format.h>

#include <cmath>

#include "core/error.h"

namespace shorten::tasks {
namespace {

constexpr std::string_view kFormat = "shorten.answers";

// JSON has no infinity; a choice that the model holds for impossible has -inf.
Json to_json(double x) { return std::isfinite(x) ? Json(x) : Json(x < 0 ? "-inf" : "nan"); }

double to_number(const Json& x) {
  if (x.is_number()) return x.get<double>();
  return x == "-inf" ? -INFINITY : NAN;
}

std::string shown(const Json& value) {
  return printable(value.is_string() ? value.get<std::string>() : value.dump(), 80);
}

// What is first found to differ, or nothing.
std::string difference(const Json& found, const AnswerKey& key) {
  for (const auto& [name, value] : key.items()) {
    if (!found.contains(name)) return fmt::format("the earlier answers do not say the {}", name);
    if (found[name] != value) return fmt::format("the {} was {}", name, shown(found[name]));
  }
  return "";
}

}  // namespace

std::optional<TaskAnswers> read_finished(const fs::path& file, const AnswerKey& key, std::span<const Example> examples,
                                         std::string& why) {
  why.clear();
  std::error_code failed;
  if (!fs::exists(file, failed)) return std::nullopt;
  try {
    const Json json = read_json(file);
    const JsonObject top(json, file);
    if (top.string("format") != kFormat) throw top.error("not a file of answers", "format");
    if (top.integer("version", 0, INT64_MAX) != 1) throw top.error("of another version", "version");
    why = difference(top.object("key").value(), key);
    if (!why.empty()) return std::nullopt;
    TaskAnswers out;
    for (const Json& example : top.array("answers")) {
      std::vector<Answer>& answers = out.emplace_back();
      for (const Json& answer : example) {
        answers.push_back({to_number(answer.at(0)), answer.at(1).get<bool>()});
        if (!(answers.back().loglikelihood <= 0)) throw top.error("no log-likelihood", "answers");
      }
    }
    bool complete = out.size() == examples.size();
    for (size_t i = 0; complete && i < out.size(); ++i) complete = out[i].size() == examples[i].requests.size();
    if (complete) return out;
    why = "the earlier answers are incomplete";
  } catch (const Error& error) {
    why = fmt::format("the earlier answers cannot be read ({})", error.message());
  } catch (const nlohmann::json::exception&) {
    why = "the earlier answers are damaged";
  }
  return std::nullopt;
}

void write_finished(const fs::path& file, const AnswerKey& key, const TaskAnswers& answers) {
  Json list = Json::array();
  for (const auto& example : answers) {
    Json& line = list.emplace_back(Json::array());
    for (const Answer& answer : example) line.push_back(Json::array({to_json(answer.loglikelihood), answer.greedy}));
  }
  const Json json = {{"format", kFormat}, {"version", 1}, {"key", key}, {"answers", std::move(list)}};
  StagedFile(file, json.dump() + "\n", /*force=*/true).commit();
}

}  // namespace shorten::tasks
