// SPDX-License-Identifier: Apache-2.0
// `shorten eval --tasks` from outside: tables, files, going on after an interruption, and mistakes.
#include <gmock/gmock.h>

#include "cli/program.h"
#include "core/json.h"

namespace shorten::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kData = (source_dir() / "tests/golden/harness/data").string();

std::vector<std::string> arguments(const std::vector<std::string>& more, const std::string& tasks = "arc_easy,piqa") {
  std::vector<std::string> out = {"eval", kNovelist, "--tasks", tasks, "--task-data", kData, "--device", "cpu"};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

Json report(const std::vector<std::string>& more, const std::string& tasks = "arc_easy,piqa") {
  auto all = arguments(more, tasks);
  all.insert(all.end(), {"--json", "-q"});
  const Outcome run = shorten(all);
  EXPECT_EQ(run.status, 0) << run.err;
  return Json::parse(run.out);
}

std::vector<std::string> files_in(const fs::path& folder) {
  std::vector<std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) out.push_back(fs::relative(entry.path(), folder).string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

TEST(EvalTasks, TheSameBitsForAnyBatchAndAnyNumberOfThreads) {
  const TempDir temp;
  const auto samples = [&](const std::string& name, const std::vector<std::string>& more) {
    const fs::path folder = temp / name;
    auto all = arguments({"--log-samples", folder.string(), "-q"}, "arc_easy,winogrande,boolq");
    all.insert(all.end(), more.begin(), more.end());
    EXPECT_EQ(shorten(all).status, 0);
    std::string out;
    for (const std::string& file : files_in(folder)) {
      if (file.starts_with("samples_")) out += read_text(folder / file);
    }
    return out;
  };
  const std::string first = samples("a", {"--batch-tokens", "64"});
  EXPECT_NE(first, "");
  EXPECT_EQ(samples("b", {"--batch-tokens", "100000"}), first);
  EXPECT_EQ(samples("c", {"--threads", "1"}), first);
}

TEST(EvalTasks, SeveralModelsAreCompared) {
  const TempDir temp;
  const std::string shorter = (temp / "shorter").string();
  ASSERT_EQ(shorten({"prune", kNovelist, "--drop", "5-28", "-o", shorter, "-q"}).status, 0);
  const Outcome run =
      shorten({"eval", kNovelist, shorter, "--tasks", "common-sense", "--task-data", kData, "--device", "cpu", "-q"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("A  " + kNovelist), HasSubstr("B against A"), HasSubstr("mean of the seven"),
                             HasSubstr("profile v0.4.3"), HasSubstr("paired bootstrap")));
  const Json json = report({"--profile", "v0.4.9.2"}, "common-sense,lambada_openai");
  EXPECT_EQ(json["models"][0]["mean_tasks"].size(), 7u);
  EXPECT_FALSE(json.contains("comparisons"));
  double mean = 0;
  for (const auto& [task, metric] :
       {std::pair("boolq", "acc"), std::pair("piqa", "acc"), std::pair("winogrande", "acc"),
        std::pair("arc_easy", "acc"), std::pair("hellaswag", "acc_norm"), std::pair("arc_challenge", "acc_norm"),
        std::pair("openbookqa", "acc_norm")})
    mean += json["models"][0]["tasks"][task][metric].get<double>() / 7;
  EXPECT_NEAR(json["models"][0]["mean"].get<double>(), mean, 1e-12);
}

TEST(EvalTasks, AModelAgainstItselfDoesNotDiffer) {
  const Outcome run = shorten(
      {"eval", kNovelist, kNovelist, "--tasks", "arc_easy", "--task-data", kData, "--device", "cpu", "--json", "-q"});
  ASSERT_EQ(run.status, 0) << run.err;
  const Json against = Json::parse(run.out)["comparisons"][0];
  EXPECT_EQ(against["tasks"]["arc_easy"]["p"], 1.0);
  EXPECT_EQ(against["mean"]["difference"], 0.0);
  EXPECT_EQ(against["mean"]["p"], 1.0);
}

TEST(EvalTasks, MarkdownHasTheSameNumbers) {
  const Outcome run = shorten(arguments({"--markdown", "-q"}));
  EXPECT_THAT(run.out, AllOf(HasSubstr("| task | metric | documents | value |"), HasSubstr("|---|---|---:|---:|"),
                             HasSubstr("| arc_easy | acc | 7 | 0.1429 ± 0.1429 |")));
}

TEST(EvalTasks, WritesReportResultsAndSamples) {
  const TempDir temp;
  const fs::path out = temp / "out", samples = temp / "samples";
  const Json json = report({"-o", out.string(), "--log-samples", samples.string()});
  EXPECT_EQ(Json::parse(read_text(out / "report.json")), json);
  const auto files = files_in(out);
  ASSERT_EQ(files.size(), 4u);
  EXPECT_TRUE(files[2].ends_with("piqa.json"));
  EXPECT_THAT(files[0], HasSubstr("results_2"));
  const Json results = Json::parse(read_text(out / files[0]));
  EXPECT_EQ(results["results"]["arc_easy"]["acc,none"], json["models"][0]["tasks"]["arc_easy"]["acc"]);
  for (const std::string& file : files_in(samples)) EXPECT_THAT(file, HasSubstr("samples_"));
  EXPECT_EQ(files_in(samples).size(), 2u);
}

TEST(EvalTasks, AReportAloneIsAFile) {
  const TempDir temp;
  const Json json = report({"-o", (temp / "report.json").string()});
  EXPECT_EQ(Json::parse(read_text(temp / "report.json")), json);
  EXPECT_EQ(files_in(temp.path()).size(), 1u);
}

TEST(EvalTasks, GoesOnWhereItWas) {
  const TempDir temp;
  const std::string out = (temp / "out").string();
  ASSERT_EQ(shorten(arguments({"-o", out, "-q"}, "arc_easy")).status, 0);
  const Outcome more = shorten(arguments({"-o", out}, "arc_easy,piqa"));
  EXPECT_EQ(more.status, 0);
  EXPECT_THAT(more.err, HasSubstr("arc_easy of " + kNovelist.substr(0, 10)));
  EXPECT_THAT(more.err, HasSubstr("are taken over"));
  EXPECT_EQ(Json::parse(read_text(temp / "out/report.json")), report({}));

  const Outcome other = shorten(arguments({"-o", out, "--profile", "v0.4.9.2"}));
  EXPECT_THAT(other.err, HasSubstr("starting anew: the profile was v0.4.3"));
  EXPECT_EQ(Json::parse(read_text(temp / "out/report.json")), report({"--profile", "v0.4.9.2"}));
  const Outcome forced = shorten(arguments({"-o", out, "--profile", "v0.4.9.2", "--force"}));
  EXPECT_THAT(forced.err, Not(HasSubstr("taken over")));
}

TEST(EvalTasks, KeepsFinishedTasksWhenItIsInterrupted) {
  const TempDir temp;
  const std::string out = (temp / "out").string();
  // wikitext is the longest by far: whatever the signal hits, the tasks before it are kept whole or not at all.
  EXPECT_EQ(shorten_with_signal(arguments({"-o", out, "--threads", "1"}, "arc_easy,piqa,wikitext,mmlu,race"), SIGINT,
                                std::chrono::milliseconds(2500)),
            130);
  EXPECT_FALSE(fs::exists(temp / "out/report.json"));
  ASSERT_EQ(shorten(arguments({"-o", out, "-q"})).status, 0);
  EXPECT_EQ(Json::parse(read_text(temp / "out/report.json")), report({}));
}

TEST(EvalTasks, ModelsWhoseNamesCollideHaveFoldersOfTheirOwn) {
  const TempDir temp;
  fs::create_directories(temp / "m/x");
  fs::create_directory_symlink(kNovelist, temp / "m/x/y");
  fs::create_directory_symlink(kNovelist, temp / "m/x__y");
  const fs::path out = temp / "out";
  const std::vector<std::string> command = {"eval",
                                            (temp / "m/x/y").string(),
                                            (temp / "m/x__y").string(),
                                            "--tasks",
                                            "piqa",
                                            "--task-data",
                                            kData,
                                            "-o",
                                            out.string(),
                                            "--device",
                                            "cpu"};
  ASSERT_EQ(shorten(command).status, 0);
  EXPECT_EQ(std::distance(fs::directory_iterator(out / "finished"), {}), 2);
  EXPECT_THAT(shorten(command).err, Not(HasSubstr("anew")));
}

TEST(EvalTasks, OneDocumentHasNoStandardError) {
  const Json model = report({"--limit", "1"}, "piqa")["models"][0];
  EXPECT_FALSE(model["tasks"]["piqa"].contains("acc_stderr"));
  EXPECT_FALSE(model.contains("mean_stderr"));
}

TEST(EvalTasks, ListsTasksWithoutAModel) {
  const Outcome run = shorten({"eval", "--list-tasks"});
  EXPECT_EQ(run.status, 0);
  EXPECT_THAT(run.out, AllOf(HasSubstr("boolq_validation.jsonl"), HasSubstr("load_dataset("), HasSubstr("licence")));
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
}

struct Mistake {
  std::vector<std::string> arguments;
  int status;
  std::string says;
};

TEST(EvalTasks, MistakesAreNamed) {
  const TempDir temp;
  const auto file = [&](const std::string& name, const std::string& content) {
    write(temp / name / "arc_easy_test.jsonl", content);
    return (temp / name).string();
  };
  const std::string question =
      R"({"question": "q", "choices": {"text": ["a", "b"], "label": ["A", "B"]}, "answerKey": )";
  const std::string taken = (temp / "taken").string();
  write(temp / "taken/notes.txt", "mine");
  write(temp / "foreign/report.json", R"({"mine": 1})");
  const auto tasks = [&](const std::string& data) {
    return std::vector<std::string>{"eval", kNovelist, "--tasks", "arc_easy", "--task-data", data, "-q"};
  };
  const auto plus = [](std::vector<std::string> all, const std::vector<std::string>& more) {
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const std::vector<Mistake> mistakes = {
      {{"eval", kNovelist}, 2, "nothing to measure"},
      {{"eval", "--tasks", "piqa", "--task-data", kData}, 2, "no model"},
      {{"eval", kNovelist, "--tasks", "piqa"}, 2, "--list-tasks"},
      {{"eval", kNovelist, "--tasks", "pika", "--task-data", kData}, 2, "boolq, piqa"},
      {plus(tasks(kData), {"--profile", "v9"}), 2, "v0.3-sep, v0.3-joint"},
      {plus(tasks(kData), {"--limit", "some"}), 2, "--limit"},
      {plus(tasks(kData), {"--limit", "0"}), 2, "--limit"},
      {plus(tasks(kData), {"--softmax-dtype", "int8"}), 2, "--softmax-dtype"},
      {plus(tasks(kData), {"-o", taken}), 2, "no folder of results"},
      {plus(tasks(kData), {"-o", kNovelist}), 2, "an input"},
      {plus(tasks(kData), {"--log-samples", kNovelist}), 2, "an input"},
      {plus(tasks(kData), {"--log-samples", taken + "/notes.txt"}), 2, "no folder"},
      {plus(tasks(kData), {"-o", taken + "/notes.txt"}), 2, "no folder of results"},
      {plus(tasks(kData), {"-o", (temp / "foreign").string()}), 2, "no folder of results"},
      {plus(tasks(kData), {"--limit", ""}), 2, "--limit"},
      {tasks((temp / "nowhere").string()), 3, "no such folder"},
      {tasks(temp.path().string()), 3, "load_dataset"},
      {tasks(file("key", question + "\"C\"}\n" + question + "\"B\"}\n")), 3, "line 1"},
      {tasks(file("none", question + "\"A\"}\n{\"question\": \"q\", \"answerKey\": \"A\"}\n")), 3, "choices"},
      {tasks(file("empty", R"({"question": "q", "choices": {"text": [], "label": []}, "answerKey": "A"})")), 3,
       "choices"},
      {tasks(file("broken", question + "\"A\"}\n{\"question\": ")), 3, "line 2"},
      {{"eval", kNovelist, "--text", kHeldOut, "--log-samples", taken}, 2, "--tasks"},
  };
  for (const Mistake& mistake : mistakes) {
    const Outcome run = shorten(mistake.arguments);
    EXPECT_EQ(run.status, mistake.status) << mistake.says << "\n" << run.err;
    EXPECT_THAT(run.err, HasSubstr(mistake.says));
  }
  EXPECT_EQ(read_text(temp / "taken/notes.txt"), "mine");
}

TEST(EvalTasks, ContextsThatDoNotFitLoseTheirBeginning) {
  const TempDir temp;
  std::string passage;
  for (int i = 0; i < 1500; ++i) passage += "a house by the sea ";
  write(temp / "boolq_validation.jsonl",
        Json{{"passage", passage}, {"question", "is it a house"}, {"label", 1}}.dump() + "\n");
  const Outcome run = shorten(
      {"eval", kNovelist, "--tasks", "boolq", "--task-data", temp.path().string(), "--device", "cpu", "--json", "-q"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.err, HasSubstr("lose their beginning"));
  EXPECT_EQ(Json::parse(run.out)["models"][0]["tasks"]["boolq"]["shortened"], 2);
}

}  // namespace
}  // namespace shorten::test
