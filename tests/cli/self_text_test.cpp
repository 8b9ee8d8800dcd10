// SPDX-License-Identifier: Apache-2.0
// Text that a model writes itself: the same with and without what is kept of it, and never from a file that is not
// whole.

#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "cli/program.h"
#include "core/json.h"

namespace shorten::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class SelfTextTest : public ::testing::Test {
 protected:
  SelfTextTest() { ::setenv("XDG_CACHE_HOME", temp_.path().c_str(), 1); }
  ~SelfTextTest() override { ::unsetenv("XDG_CACHE_HOME"); }

  static Outcome score(const std::vector<std::string>& more, const std::string& model = kNovelist) {
    std::vector<std::string> all = {"score", model, "--device", "cpu", "--json"};
    if (std::find(more.begin(), more.end(), "--length") == more.end())
      all.insert(all.end(), {"--samples", "4", "--length", "24"});
    all.insert(all.end(), more.begin(), more.end());
    return shorten(all);
  }
  static Json scored(const std::vector<std::string>& more, const std::string& model = kNovelist) {
    const Outcome run = score(more, model);
    EXPECT_EQ(run.status, 0) << run.err;
    return Json::parse(run.out);
  }

  std::vector<fs::path> kept() const {
    std::vector<fs::path> files;
    for (const auto& item : fs::directory_iterator(temp_ / "shorten")) files.push_back(item.path());
    return files;
  }
  static Json rows_in(const fs::path& file) {
    Json rows = Json::array();
    std::ifstream lines(file);
    for (std::string line; std::getline(lines, line);) rows.push_back(Json::parse(line)["input_ids"]);
    return rows;
  }

  TempDir temp_;
};

TEST_F(SelfTextTest, IsTheSameWithAndWithoutWhatIsKept) {
  const Outcome first = score({"--text", "self"});
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(first.err, Not(HasSubstr("wrote before")));
  ASSERT_EQ(kept().size(), 1u);
  const Outcome again = score({"--text", "self"});
  EXPECT_THAT(again.err, AllOf(HasSubstr("wrote before"), HasSubstr(kept()[0].string())));
  EXPECT_EQ(again.out, first.out);
  fs::remove_all(temp_ / "shorten");
  const Outcome anew = score({"--text", "self"});
  EXPECT_THAT(anew.err, Not(HasSubstr("wrote before")));
  EXPECT_EQ(anew.out, first.out);
}

TEST_F(SelfTextTest, IsRecordedInScores) {
  const Json scores = scored({"--text", "self", "--criterion", "ppl,bi", "-q"});
  const Json& calibration = scores["calibration"];
  EXPECT_EQ(calibration["sources"], Json::array({{{"path", "self"}, {"sha256", calibration["tokens_sha256"]}}}));
  EXPECT_EQ(calibration["samples"], 4);
  EXPECT_EQ(calibration["length"], 24);
  EXPECT_EQ(calibration["bos"], "every");
  EXPECT_EQ(calibration["seed"], 1234);
  // A model knows what it wrote: on another's text this one has a perplexity of 33.
  EXPECT_LT(scores["baseline"]["perplexity"].get<double>(), 30);
  EXPECT_GT(scores["baseline"]["perplexity"].get<double>(), 5);

  const Json rows = rows_in(kept().at(0));
  ASSERT_EQ(rows.size(), 4u);
  std::set<Json> different;
  for (const Json& row : rows) {
    EXPECT_EQ(row.size(), 24u);
    EXPECT_EQ(row[0], rows[0][0]) << "the BOS";
    different.insert(row);
  }
  EXPECT_EQ(different.size(), 4u);
}

TEST_F(SelfTextTest, WhatIsKeptIsAText) {
  const Json self = scored({"--text", "self", "-q"});
  const Json file = scored({"--text", kept().at(0).string(), "-q"});
  EXPECT_EQ(file["criteria"], self["criteria"]);
  EXPECT_EQ(file["calibration"]["tokens_sha256"], self["calibration"]["tokens_sha256"]);
}

TEST_F(SelfTextTest, AnotherSeedIsAnotherText) {
  const Json one = scored({"--text", "self", "-q", "--seed", "1"}),
             two = scored({"--text", "self", "-q", "--seed", "2"});
  EXPECT_NE(one["calibration"]["tokens_sha256"], two["calibration"]["tokens_sha256"]);
  EXPECT_EQ(kept().size(), 2u);
}

// 40 rows are two batches, of 32 and of 8.
TEST_F(SelfTextTest, ARowDoesNotDependOnTheOthers) {
  scored({"--text", "self", "-q", "--samples", "40", "--length", "12"});
  const Json many = rows_in(kept().at(0));
  fs::remove_all(temp_ / "shorten");
  scored({"--text", "self", "-q", "--samples", "35", "--length", "12"});
  const Json few = rows_in(kept().at(0));
  ASSERT_EQ(many.size(), 40u);
  ASSERT_EQ(few.size(), 35u);
  for (size_t r = 0; r < few.size(); ++r) EXPECT_EQ(few[r], many[r]) << "row " << r;
  EXPECT_EQ(std::set<Json>(many.begin(), many.end()).size(), 40u);
}

TEST_F(SelfTextTest, DamagedFilesAreSaidAndMadeAgain) {
  scored({"--text", "self", "-q", "--seed", "7"});
  const std::string of_another_seed = read_text(kept().at(0));
  fs::remove(kept().at(0));
  const Outcome want = score({"--text", "self", "-q"});
  const fs::path file = kept().at(0);
  const std::string sound = read_text(file);
  const size_t second = sound.find('\n') + 1;

  const auto other_id = [&](size_t line_begin) {
    std::string text = sound;
    char& digit = text[text.find(',', line_begin) + 1];
    digit = digit == '1' ? '2' : '1';
    return text;
  };
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = sound;
    return text.replace(text.find(from), from.size(), to);
  };
  const std::pair<std::string, std::string> damages[] = {
      {"empty", ""},
      {"cut in a line", sound.substr(0, sound.size() - 20)},
      {"cut between lines", sound.substr(0, second)},
      {"no JSON", "\x7f" + sound},
      {"no record", sound.substr(second)},
      {"of another seed", of_another_seed},
      {"of another model", replaced("sha256:", "sha256:0")},
      {"another id", other_id(second)},
      {"an id of no token",
       sound.substr(0, second) + replaced("\n{\"input_ids\":[", "\n{\"input_ids\":[9").substr(second)},
      {"a row too many", sound + sound.substr(second, sound.find('\n', second) + 1 - second)},
      {"text among the ids", sound + "{\"text\": \"It was a dark night.\"}\n"},
  };
  for (const auto& [name, text] : damages) {
    ASSERT_NE(text, sound) << name;
    write(file, text);
    const Outcome run = score({"--text", "self", "-q"});
    EXPECT_EQ(run.status, 0) << name << run.err;
    EXPECT_THAT(run.err, AllOf(HasSubstr("warning: "), HasSubstr(file.string()), HasSubstr("written again"))) << name;
    EXPECT_EQ(run.out, want.out) << name;
    EXPECT_EQ(read_text(file), sound) << name;
  }
}

TEST_F(SelfTextTest, WithoutACacheFolderItIsAWarning) {
  const Outcome want = score({"--text", "self", "-q"});
  EXPECT_EQ(want.err, "");
  write(temp_ / "file", "");
  ::setenv("XDG_CACHE_HOME", (temp_ / "file").c_str(), 1);
  const Outcome closed = score({"--text", "self", "-q"});
  EXPECT_EQ(closed.status, 0);
  EXPECT_EQ(closed.out, want.out);
  EXPECT_THAT(closed.err, AllOf(HasSubstr("warning: the text is not kept"), HasSubstr((temp_ / "file").string())));

  ::setenv("XDG_CACHE_HOME", "relative", 1);  // does not count, as the specification says
  const std::string home = std::getenv("HOME") ? std::getenv("HOME") : "";
  ::unsetenv("HOME");
  const Outcome homeless = score({"--text", "self", "-q"});
  ::setenv("HOME", (temp_ / "home").c_str(), 1);
  const Outcome at_home = score({"--text", "self", "-q"});
  if (home.empty()) {
    ::unsetenv("HOME");
  } else {
    ::setenv("HOME", home.c_str(), 1);
  }
  EXPECT_EQ(homeless.out, want.out);
  EXPECT_THAT(homeless.err, HasSubstr("neither XDG_CACHE_HOME nor HOME"));
  EXPECT_EQ(at_home.out, want.out);
  EXPECT_EQ(at_home.err, "");
  EXPECT_TRUE(fs::exists(temp_ / "home/.cache/shorten"));
}

TEST_F(SelfTextTest, AModelWithoutBosAndEosBeginsAnywhere) {
  fs::copy(source_dir() / "tests/golden/models/llama-gqa", temp_ / "model");
  Json config = read_json(temp_ / "model/config.json");
  config.erase("eos_token_id");
  write(temp_ / "model/config.json", config.dump());
  const std::string model = (temp_ / "model").string();
  const Json scores = scored({"--text", "self", "-q"}, model);
  EXPECT_EQ(scores["calibration"]["bos"], "none");
  std::set<Json> beginnings;
  for (const Json& row : rows_in(kept().at(0))) beginnings.insert(row[0]);
  EXPECT_GT(beginnings.size(), 1u);
  fs::remove_all(temp_ / "shorten");
  EXPECT_EQ(scored({"--text", "self", "-q"}, model), scores);
}

TEST_F(SelfTextTest, MistakesAreNamed) {
  const struct {
    std::vector<std::string> more;
    int status;
    std::string says;
  } mistakes[] = {
      {{"--text", "self", "--text", kCalibrate}, 2, "./self"},
      {{"--text", "self", "--text", "self"}, 2, "./self"},
      {{"--text", "self", "--bos", "none"}, 2, "--bos"},
      {{"--text", "self", "--length", "1025"}, 2, "at most 1024"},
      {{"--text", "./self"}, 3, "no such file"},
  };
  for (const auto& mistake : mistakes) {
    const Outcome run = score(mistake.more);
    EXPECT_EQ(run.status, mistake.status) << mistake.says << run.err;
    EXPECT_THAT(run.err, HasSubstr(mistake.says));
  }
  EXPECT_FALSE(fs::exists(temp_ / "shorten"));
}

}  // namespace
}  // namespace shorten::test
