// SPDX-License-Identifier: Apache-2.0
// `shorten eval --tasks` against lm-evaluation-harness itself with the example model (golden/harness): every
// log-likelihood, what is greedy, every metric. An accuracy may differ by documents whose two best choices lie within
// 1e-4 of each other; the goldens list these.
#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <sstream>

#include "cli/program.h"
#include "core/json.h"
#include "core/sha256.h"

namespace shorten::test {
namespace {

const fs::path kHarness = source_dir() / "tests/golden/harness";

std::vector<Json> read_lines(const fs::path& file) {
  std::vector<Json> out;
  std::istringstream lines(read_text(file));
  for (std::string line; std::getline(lines, line);) out.push_back(Json::parse(line));
  return out;
}

// What the harness has of one task; a null document is one that this version was not asked.
struct Expected {
  Json metrics, close = Json::object();
  std::vector<Json> documents;
};

// Its 57 subjects are one task of ours, in the order of the file.
Expected mmlu_of(const Json& tasks) {
  Expected out{tasks.contains("mmlu") ? tasks["mmlu"]["metrics"] : Json::object(), Json::object(), {}};
  out.metrics.erase("acc_stderr");  // the harness pools those of the subjects; ours is of all documents
  std::map<std::string, size_t> taken;
  for (const Json& document : read_lines(kHarness / "data/mmlu_test.jsonl")) {
    const std::string subject = "mmlu_" + document["subject"].get<std::string>();
    const size_t index = taken[subject]++;
    const bool asked = tasks.contains(subject) && tasks[subject].contains("documents");
    out.documents.push_back(asked ? tasks[subject]["documents"].at(index) : Json());
  }
  return out;
}

std::map<std::string, Expected> expected_tasks(const Json& golden) {
  std::map<std::string, Expected> out;
  for (const auto& [name, task] : golden["tasks"].items()) {
    if (name.starts_with("mmlu")) continue;
    out[name] = {task["metrics"], task.value("close", Json::object()), task["documents"].get<std::vector<Json>>()};
  }
  const std::string version = golden["harness"];
  const bool lost_line_feed = version == "0.4.2" || version == "0.4.3";  // behind mmlu's first line; no profile does
  if (!golden.contains("limit") && !lost_line_feed) out["mmlu"] = mmlu_of(golden["tasks"]);
  return out;
}

// Of a request [log-likelihood, greedy], or the log-likelihood alone.
double likelihood(const Json& answer) {
  const Json& value = answer.is_array() ? answer[0] : answer;
  return value.is_string() ? std::stod(value.get<std::string>()) : value.get<double>();
}

void compare_documents(const std::vector<Json>& want, const std::vector<Json>& samples, const std::string& task) {
  ASSERT_EQ(samples.size(), want.size()) << task;
  for (const Json& sample : samples) {
    const auto id = sample["doc_id"].get<size_t>();
    const Json& got = sample["filtered_resps"];
    if (want[id].is_null()) continue;
    const Json answers = want[id].is_array() ? want[id] : Json::array({want[id]});
    ASSERT_EQ(got.size(), answers.size()) << task << " " << id;
    for (size_t r = 0; r < got.size(); ++r) {
      const double exact = likelihood(answers[r]);
      EXPECT_NEAR(likelihood(got[r]), exact, 1e-3 + 2e-6 * std::abs(exact)) << task << " " << id << " " << r;
      if (answers[r].is_array() && answers[r].size() > 1) {
        EXPECT_EQ(got[r][1] == "True", answers[r][1].get<bool>()) << task << " " << id << " " << r;
      }
    }
  }
}

void compare_metrics(const Expected& want, const Json& got, const std::string& task) {
  const auto n = static_cast<double>(want.documents.size());
  bool same = true;
  for (const char* metric : {"acc", "acc_norm"}) {
    if (!want.metrics.contains(metric)) continue;
    const double moved = std::round(std::abs(want.metrics[metric].get<double>() - got[metric].get<double>()) * n);
    EXPECT_LE(moved, want.close.contains(metric) ? static_cast<double>(want.close[metric].size()) : 0) << task;
    if (moved > 0) std::cout << task << " " << metric << " differs in documents among " << want.close[metric] << "\n";
    same = same && moved == 0;
  }
  for (const auto& [name, value] : want.metrics.items()) {
    const bool accuracy = name.starts_with("acc");
    if (accuracy && !same) continue;
    const std::string ours = name.starts_with("ppl") ? "perplexity" + name.substr(3) : name;  // as 0.3 calls it
    const double exact = value.get<double>(), relative = accuracy ? 1e-9 : ours.ends_with("_stderr") ? 1e-3 : 1e-4;
    EXPECT_NEAR(got[ours].get<double>(), exact, relative * std::abs(exact) + 1e-12) << task << " " << name;
  }
}

// Runs the tasks on the files of `data` and compares.
void compare(const std::map<std::string, Expected>& tasks, const std::string& profile, const fs::path& data,
             const std::string& limit) {
  const TempDir temp;
  std::string names;
  for (const auto& [name, task] : tasks) names += (names.empty() ? "" : ",") + name;
  std::vector<std::string> arguments = {
      "eval",  kNovelist,  "--tasks", names,           "--task-data",        data.string(), "--profile",
      profile, "--device", "cpu",     "--log-samples", temp.path().string(), "--json",      "-q"};
  if (!limit.empty()) arguments.insert(arguments.end(), {"--limit", limit});
  const Outcome run = shorten(arguments);
  ASSERT_EQ(run.status, 0) << run.err;
  const Json report = Json::parse(run.out)["models"][0]["tasks"];
  for (const auto& [name, task] : tasks) {
    std::vector<Json> samples;
    for (const auto& entry : fs::directory_iterator(temp.path())) {
      if (entry.path().filename().string().starts_with("samples_" + name + "_2")) samples = read_lines(entry.path());
    }
    compare_documents(task.documents, samples, name);
    compare_metrics(task, report[name], name);
    EXPECT_EQ(report[name]["profile"], profile);
  }
}

class Harness : public ::testing::TestWithParam<std::string> {};

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string out = info.param;
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '.' || c == '-'; }, '_');
  return out;
}

class HarnessFixtures : public Harness {};

TEST_P(HarnessFixtures, Agree) {
  const Json golden = read_json(kHarness / ("fixtures-" + GetParam() + ".json"));
  compare(expected_tasks(golden), golden["profile"], kHarness / "data", "");
}

INSTANTIATE_TEST_SUITE_P(Versions, HarnessFixtures, ::testing::Values("0.3.0", "0.4.2", "0.4.3", "0.4.9.1", "0.4.13"),
                         test_name);

class HarnessRealData : public Harness {};

TEST_P(HarnessRealData, Agree) {
  SHORTEN_NEEDS_EXTRA_DATA();
  const fs::path data = fs::path(extra_data()) / "data";
  const Json golden = read_json(kHarness / ("real-" + GetParam() + ".json"));
  std::map<std::string, Expected> tasks = expected_tasks(golden), text;
  for (const auto& [name, value] : golden["tasks"].items()) {
    const fs::path file =
        name == "wikitext"
            ? data / "wikitext-2/wiki.test.raw"
            : data / "tasks" / (name + (name == "boolq" || name == "piqa" ? "_validation" : "_test") + ".jsonl");
    if (!fs::exists(file)) GTEST_SKIP() << "no " << file;
    ASSERT_EQ(sha256_hex(read_text(file)), value["sha256"].get<std::string>()) << file;
  }
  text.insert(tasks.extract("wikitext"));
  compare(tasks, golden["profile"], data / "tasks", std::to_string(golden["limit"].get<int>()));
  compare(text, golden["profile"], data / "wikitext-2", "");
}

INSTANTIATE_TEST_SUITE_P(Profiles, HarnessRealData, ::testing::Values("v0.4.3", "v0.4.9.2"), test_name);

}  // namespace
}  // namespace shorten::test
