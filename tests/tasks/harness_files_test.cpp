// SPDX-License-Identifier: Apache-2.0
// Our files against those that lm-evaluation-harness 0.4.13 wrote (golden/harness): the answers are taken from its
// samples, and all that follows from them must be the same text.
#include "tasks/harness_files.h"

#include <gmock/gmock.h>

#include <memory>
#include <sstream>

#include "core/file.h"
#include "core/version.h"
#include "golden_math.h"
#include "python/json.h"

namespace shorten::tasks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(PythonJson, WritesFloatsAsRepr) {
  for (const Json& pair : test::golden_math("python_json").at("floats")) {
    EXPECT_EQ(python::repr(std::strtod(pair[0].get<std::string>().c_str(), nullptr)), pair[1].get<std::string>());
  }
}

TEST(PythonJson, IsThatOfPython) {
  for (const Json& text : test::golden_math("python_json").at("texts")) {
    const Json value = Json::parse(text.at("value").get<std::string>());
    EXPECT_EQ(python::dump_json(value, true), text.at("indented").get<std::string>());
    EXPECT_EQ(python::dump_json(value, false), text.at("line").get<std::string>());
  }
}

TEST(PythonJson, WritesWhatIsNoNumber) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(python::dump_json(Json::array({nan, infinity, -infinity}), false),
            test::golden_math("python_json").at("no_json").get<std::string>());
  EXPECT_EQ(python::repr(-infinity), "-inf");
}

TEST(SanitizedName, ReplacesRuns) {
  EXPECT_EQ(sanitized_name("models/llama"), "models__llama");
  EXPECT_EQ(sanitized_name("C:\\models\\a<b>?[1]"), "C__models__a__b__1__");
  EXPECT_EQ(sanitized_name("/a b/é_c-1.0"), "__a b__é_c-1.0");
  EXPECT_EQ(sanitized_name(""), "");
}

fs::path golden(const std::string& name) { return test::source_dir() / "tests/golden/harness" / name; }

const Profile& late() { return find_profile("v0.4.9.2"); }

// What the harness wrote of a task, read back as if we had asked.
struct WrittenRun {
  std::string text;
  TaskData data;
  TaskOutcome outcome;
};

Answer read_answer(const Json& response) {
  if (response.is_string()) return {std::strtod(response.get<std::string>().c_str(), nullptr), false};
  return {std::strtod(response[0].get<std::string>().c_str(), nullptr), response[1] == "True"};
}

std::unique_ptr<WrittenRun> read_run(const std::string& task, const std::string& suffix = "") {
  auto run = std::make_unique<WrittenRun>();
  const fs::path file = golden("samples-" + task + suffix + "-0.4.13.jsonl");
  run->text = read_file(file);
  run->data.task = &find_task(task);
  run->data.file = "data/" + task + ".jsonl";
  run->data.sha256 = "0123";
  std::istringstream lines(run->text);
  for (std::string line; std::getline(lines, line);) {
    const Json sample = parse_json(line, file);
    run->data.ids.push_back(sample.at("doc_id"));
    run->data.documents.push_back(sample.at("doc"));
    run->data.examples.push_back(run->data.task->example(JsonObject(sample.at("doc"), file), late()));
    auto& answers = run->outcome.answers.emplace_back();
    for (const Json& response : sample.at("filtered_resps")) answers.push_back(read_answer(response));
  }
  run->data.available = static_cast<int64_t>(run->data.ids.size());
  run->outcome.data = &run->data;
  run->outcome.metrics = measure(*run->data.task, run->data.examples, run->data.ids, run->outcome.answers);
  return run;
}

struct Sampled {
  std::string task, suffix;
};
void PrintTo(const Sampled& s, std::ostream* out) { *out << s.task << s.suffix; }

class AgainstTheHarness : public ::testing::TestWithParam<Sampled> {
 protected:
  void SetUp() override {
    ASSERT_FALSE(run_->text.empty());
    ours_ = parse_json(results_file({&run_->outcome, 1}, late(), {}), "ours");
  }
  // A part of the results file about this task.
  static std::string part(const Json& file, const std::string& key) {
    return python::dump_json(file.at(key).at(GetParam().task), true);
  }
  const std::unique_ptr<WrittenRun> run_ = read_run(GetParam().task, GetParam().suffix);
  Json theirs_ = read_json(golden("results" + GetParam().suffix + "-0.4.13.json"));
  Json ours_;
};

TEST_P(AgainstTheHarness, SamplesAreTheSameText) { EXPECT_EQ(samples_file(run_->outcome), run_->text); }

TEST_P(AgainstTheHarness, ResultsAreTheSameText) {
  Json& theirs = theirs_.at("results").at(GetParam().task);
  for (const char* key : {"name", "sample_len"}) theirs.erase(key);  // 0.4.3 cannot read them
  EXPECT_EQ(part(ours_, "results"), part(theirs_, "results"));
}

TEST_P(AgainstTheHarness, FactsOfTheTaskAreTheSame) {
  for (const char* key : {"task_hashes", "versions", "n-shot", "higher_is_better"}) {
    EXPECT_EQ(part(ours_, key), part(theirs_, key)) << key;
  }
}

TEST_P(AgainstTheHarness, ConfigsHoldAPartOfTheirs) {
  const Json &ours = ours_.at("configs").at(GetParam().task), &theirs = theirs_.at("configs").at(GetParam().task);
  for (const auto& item : ours.items()) {
    if (item.key() == "metadata") continue;
    if (item.key() == "metric_list") {
      ASSERT_EQ(item.value().size(), theirs.at("metric_list").size());
      continue;  // the harness leaves out what is its default
    }
    ASSERT_TRUE(theirs.contains(item.key())) << item.key();
    EXPECT_EQ(item.value(), theirs.at(item.key())) << item.key();
  }
  EXPECT_EQ(ours.at("metadata").at("version"), theirs.at("metadata").at("version"));
}

INSTANTIATE_TEST_SUITE_P(Tasks, AgainstTheHarness,
                         ::testing::Values(Sampled{"arc_easy", ""}, Sampled{"copa", ""}, Sampled{"lambada_openai", ""},
                                           Sampled{"openbookqa", "-limit"}, Sampled{"wikitext", "-limit"}),
                         [](const auto& p) { return p.param.task; });

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> out;
  for (const auto& item : object.items()) out.push_back(item.key());
  return out;
}

RunFacts facts() {
  RunFacts out;
  out.model = "models/é";
  out.dtype = "fp16";
  out.device = "cpu";
  out.parameters = 14561472;
  out.fingerprint = "abcd";
  out.max_length = 1024;
  out.seed = 7;
  out.unix_time = 1795503523.919685;
  out.seconds = 12.5;
  out.eos = {"</s>", 2};
  out.limit = 5;
  return out;
}

// Ours follow theirs, in their order.
void expect_then_ours(const Json& ours, const Json& theirs) {
  std::vector<std::string> expected = keys(theirs);
  for (const char* key : {"shorten_version", "profile", "fingerprint"}) expected.push_back(key);
  EXPECT_EQ(keys(ours), expected);
}

TEST(ResultsFile, HasTheKeysOfTheHarness) {
  const auto run = read_run("arc_easy");
  const Json ours = parse_json(results_file({&run->outcome, 1}, late(), facts()), "ours");
  const Json theirs = read_json(golden("results-0.4.13.json"));
  expect_then_ours(ours, theirs);
  EXPECT_EQ(keys(ours.at("config")), keys(theirs.at("config")));
}

TEST(ResultsFile, SaysHowTheModelWasRun) {
  const auto run = read_run("arc_easy");
  const std::string text = results_file({&run->outcome, 1}, late(), facts());
  EXPECT_THAT(text, StartsWith("{\n  \"results\": {\n    \"arc_easy\": {\n      \"alias\": \"arc_easy\",\n"));
  EXPECT_THAT(text, HasSubstr("\"model_args\": \"pretrained=models/é,dtype=float16\""));
  const Json json = parse_json(text, "ours");
  EXPECT_EQ(json.at("config").at("model_dtype"), "torch.float16");
  EXPECT_EQ(json.at("config").at("model_num_parameters"), 14561472);
  EXPECT_EQ(json.at("config").at("random_seed"), 7);
  EXPECT_THAT(text, HasSubstr("\"limit\": 5.0,"));
  EXPECT_THAT(text, HasSubstr("\"date\": 1795503523.919685,"));
  EXPECT_EQ(python::dump_json(json.at("tokenizer_eos_token"), false), R"(["</s>", "2"])");
  EXPECT_EQ(python::dump_json(json.at("tokenizer_pad_token"), false), R"([null, "None"])");
  EXPECT_EQ(json.at("eot_token_id"), 2);
  EXPECT_EQ(json.at("model_name_sanitized"), "models__é");
  EXPECT_EQ(json.at("total_evaluation_time_seconds"), "12.5");
  EXPECT_EQ(json.at("lm_eval_version"), nullptr);
  EXPECT_EQ(json.at("shorten_version"), kVersion);
  EXPECT_EQ(json.at("profile"), "v0.4.9.2");
  EXPECT_EQ(json.at("fingerprint"), "abcd");
}

TEST(ResultsFile, SortsAsTheHarness) {
  const auto first = read_run("lambada_openai"), second = read_run("arc_easy");
  second->data.available = 30;
  const std::vector<TaskOutcome> outcomes{first->outcome, second->outcome};
  const Json json = parse_json(results_file(outcomes, late(), facts()), "ours");
  for (const char* key : {"results", "n-samples", "task_hashes"}) {
    EXPECT_THAT(keys(json.at(key)), ElementsAre("lambada_openai", "arc_easy"));
  }
  for (const char* key : {"configs", "versions", "n-shot", "higher_is_better"}) {
    EXPECT_THAT(keys(json.at(key)), ElementsAre("arc_easy", "lambada_openai"));
  }
  EXPECT_EQ(python::dump_json(json.at("n-samples").at("arc_easy"), false), R"({"original": 30, "effective": 7})");
  EXPECT_EQ(json.at("configs").at("arc_easy").at("metadata").at("file"), "arc_easy.jsonl");
}

TEST(ResultsFile, NamesTheVersionOfRaceOfTheProfile) {
  WrittenRun run;
  run.data.task = &find_task("race");
  run.outcome.data = &run.data;
  for (const auto& [profile, version] : {std::pair("v0.4.3", 2.0), std::pair("v0.4.9.2", 3.0)}) {
    const Json json = parse_json(results_file({&run.outcome, 1}, find_profile(profile), facts()), "ours");
    EXPECT_EQ(json.at("versions").at("race"), version);
  }
}

TEST(ResultsFile, HasNoStandardErrorOfOneDocument) {
  const auto run = read_run("arc_easy");
  run->outcome.metrics[0].standard_error.reset();
  const Json now = parse_json(results_file({&run->outcome, 1}, late(), facts()), "ours");
  EXPECT_EQ(now.at("results").at("arc_easy").at("acc_stderr,none"), "N/A");
  const Json early = parse_json(results_file({&run->outcome, 1}, find_profile("v0.3-sep"), facts()), "ours");
  EXPECT_THAT(keys(early.at("results").at("arc_easy")), ElementsAre("acc", "acc_norm", "acc_norm_stderr"));
}

TEST(ResultsFile, OfHarness03) {
  const auto words = read_run("lambada_openai"), text = read_run("wikitext", "-limit");
  const std::vector<TaskOutcome> outcomes{words->outcome, text->outcome};
  const Json json = parse_json(results_file(outcomes, find_profile("v0.3-joint"), facts()), "ours");
  EXPECT_THAT(keys(json), ElementsAre("results", "versions", "config", "shorten_version", "profile", "fingerprint"));
  EXPECT_THAT(keys(json.at("results").at("lambada_openai")), ElementsAre("ppl", "ppl_stderr", "acc", "acc_stderr"));
  EXPECT_THAT(keys(json.at("results").at("wikitext")),
              ElementsAre("word_perplexity", "byte_perplexity", "bits_per_byte"));
  EXPECT_EQ(python::dump_json(json.at("versions"), false), R"({"lambada_openai": 0, "wikitext": 1})");
  EXPECT_THAT(keys(json.at("config")),
              ElementsAre("model", "model_args", "num_fewshot", "batch_size", "batch_sizes", "device", "no_cache",
                          "limit", "bootstrap_iters", "description_dict"));
}

}  // namespace
}  // namespace shorten::tasks
