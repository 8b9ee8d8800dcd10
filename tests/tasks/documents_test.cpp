// SPDX-License-Identifier: Apache-2.0
// Files of tasks: found, read, limited, refused.
#include "tasks/documents.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/sha256.h"
#include "messages.h"
#include "temp_dir.h"

namespace shorten::tasks {
namespace {

using test::TempDir;
using test::write;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string piqa(int i) { return fmt::format(R"({{"goal": "g{}", "sol1": "a", "sol2": "b", "label": 0}})", i); }
std::string piqa_lines(int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += piqa(i) + "\n";
  return out;
}

class DocumentsTest : public ::testing::Test {
 protected:
  TaskData read(std::string_view task = "piqa", std::optional<double> limit = {},
                std::string_view profile = kDefaultProfile) {
    const test::Messages messages;
    TaskData data = read_task(find_task(task), dir_.path(), find_profile(profile), limit);
    warnings_ = messages.said();
    return data;
  }

  Error error(std::string_view task = "piqa", std::optional<double> limit = {},
              std::string_view profile = kDefaultProfile) {
    try {
      read(task, limit, profile);
    } catch (const Error& e) {
      return e;
    }
    ADD_FAILURE() << "no error";
    return bad_input("none");
  }
  Error error_of(const std::string& name, const std::string& content, std::string_view task = "piqa") {
    const fs::path file = write(dir_ / name, content);
    const Error e = error(task);
    EXPECT_EQ(e.code(), ExitCode::kBadInput) << e.block();
    EXPECT_EQ(e.file(), file.string());
    fs::remove(file);
    return e;
  }

  TempDir dir_;
  std::string warnings_;
};

TEST_F(DocumentsTest, Lines) {
  const std::string bytes = piqa_lines(3);
  const fs::path file = write(dir_ / "piqa_validation.jsonl", bytes);
  const TaskData data = read();
  EXPECT_EQ(data.task->name, "piqa");
  EXPECT_EQ(data.file, file);
  EXPECT_EQ(data.sha256, sha256_hex(bytes));
  EXPECT_EQ(data.available, 3);
  EXPECT_THAT(data.ids, ElementsAre(0, 1, 2));
  EXPECT_EQ(data.documents[2], Json::parse(piqa(2)));
  EXPECT_EQ(data.examples[2].requests[0].context, "Question: g2\nAnswer:");
  EXPECT_EQ(data.where(2), "line 3");
  EXPECT_THAT(warnings_, AllOf(HasSubstr("3 documents"), HasSubstr("1,838")));
}

TEST_F(DocumentsTest, LinesOfEveryMake) {
  write(dir_ / "piqa_validation.jsonl", "\xEF\xBB\xBF" + piqa(0) + "\r\n" + piqa(1) + "\r\n\n");
  EXPECT_EQ(read().available, 2);
  write(dir_ / "piqa_validation.jsonl", piqa(0) + "\n" + piqa(1));
  EXPECT_EQ(read().available, 2);
}

TEST_F(DocumentsTest, Arrays) {
  write(dir_ / "piqa_validation.json", "[" + piqa(0) + ",\n" + piqa(1) + "]");
  const TaskData data = read();
  EXPECT_EQ(data.available, 2);
  EXPECT_EQ(data.where(1), "element 1");
  write(dir_ / "piqa_validation.json", R"({"data": [)" + piqa(7) + "]}");
  EXPECT_EQ(read().examples[0].requests[0].context, "Question: g7\nAnswer:");
}

TEST_F(DocumentsTest, WikitextInBothForms) {
  write(dir_ / "wiki.test.raw", " \n = A = \n \n one \n \n = = S = = \n \n two \n \n = B = \n \n three \n");
  const TaskData raw = read("wikitext");
  ASSERT_EQ(raw.available, 2);
  EXPECT_EQ(raw.where(1), "page 2");
  EXPECT_EQ(raw.documents[1].at("page"), " = B = \n \n three \n");
  fs::remove(dir_ / "wiki.test.raw");
  write(dir_ / "wikitext_test.jsonl", raw.documents[0].dump() + "\n" + raw.documents[1].dump() + "\n");
  const TaskData lines = read("wikitext");
  EXPECT_EQ(lines.examples[0].target, raw.examples[0].target);
  EXPECT_EQ(lines.documents, raw.documents);
}

TEST_F(DocumentsTest, Limits) {
  write(dir_ / "piqa_validation.jsonl", piqa_lines(10));
  EXPECT_THAT(read("piqa", 3).ids, ElementsAre(0, 1, 2));
  EXPECT_EQ(read("piqa", 1).ids.size(), 1u);
  EXPECT_EQ(read("piqa", 99).ids.size(), 10u);
  EXPECT_EQ(read("piqa", 0.25).ids.size(), 3u);
  EXPECT_EQ(read("piqa", 0.25, "v0.3-joint").ids.size(), 2u);
  EXPECT_EQ(read("piqa", 3).available, 10);
  // Harness 0.3 shuffles first, limit or not.
  EXPECT_THAT(read("piqa", 3, "v0.3-joint").ids, ElementsAre(7, 3, 2));
  const TaskData all = read("piqa", {}, "v0.3-sep");
  EXPECT_THAT(all.ids, ElementsAre(7, 3, 2, 8, 5, 6, 9, 4, 0, 1));
  EXPECT_EQ(all.examples[0].requests[0].context, "Question: g7\nAnswer:");
  EXPECT_EQ(all.documents[0].at("goal"), "g7");
  EXPECT_EQ(all.where(0), "line 8");
  for (const double bad : {0.0, -1.0, 1.5, std::nan(""), HUGE_VAL}) {
    EXPECT_EQ(error("piqa", bad).code(), ExitCode::kUsage) << bad;
  }
  EXPECT_EQ(error("piqa", 0.05, "v0.3-joint").code(), ExitCode::kUsage);
  EXPECT_EQ(read("piqa", 0.05).ids.size(), 1u);
}

TEST_F(DocumentsTest, EveryDocumentMustBeSound) {
  write(dir_ / "piqa_validation.jsonl", piqa_lines(2) + R"({"goal": "g"})" + "\n");
  const Error e = error("piqa", 1);
  EXPECT_EQ(e.where(), "line 3, key \"sol1\"");
}

TEST_F(DocumentsTest, NoFile) {
  const Error nothing = error("arc_easy");
  EXPECT_EQ(nothing.code(), ExitCode::kBadInput);
  EXPECT_EQ(nothing.file(), dir_.path().string());
  EXPECT_THAT(nothing.expected(), HasSubstr("arc_easy_test.jsonl or arc_easy_test.json"));
  EXPECT_THAT(nothing.help(), HasSubstr("load_dataset('allenai/ai2_arc', 'ARC-Easy', split='test')"));
  EXPECT_THAT(error("wikitext").expected(), HasSubstr("wiki.test.raw"));
  EXPECT_THROW(read_task(find_task("piqa"), dir_ / "none", find_profile(kDefaultProfile), {}), Error);
  write(dir_ / "file", "x");
  EXPECT_THROW(read_task(find_task("piqa"), dir_ / "file", find_profile(kDefaultProfile), {}), Error);
  write(dir_ / "piqa_validation.jsonl", piqa(0));
  write(dir_ / "piqa_validation.json", "[" + piqa(0) + "]");
  EXPECT_THAT(error().message(), HasSubstr("more than one file"));
  fs::remove(dir_ / "piqa_validation.json");
  fs::remove(dir_ / "piqa_validation.jsonl");
  fs::create_directory(dir_ / "piqa_validation.jsonl");
  EXPECT_EQ(error().code(), ExitCode::kBadInput);
}

TEST_F(DocumentsTest, DamagedFiles) {
  const std::string lines = "piqa_validation.jsonl", array = "piqa_validation.json";
  error_of(lines, "");
  error_of(lines, "\xEF\xBB\xBF");
  error_of(lines, "\n");
  error_of(array, "[]");
  error_of(array, "{}");
  error_of(array, "5");
  error_of(array, R"({"a": [], "b": []})");
  error_of(array, "[" + piqa(0));
  EXPECT_EQ(error_of(array, "[" + piqa(0) + ", 5]").where(), "element 1");
  EXPECT_EQ(error_of(lines, piqa(0) + "\n\n" + piqa(1)).where(), "line 2");
  EXPECT_EQ(error_of(lines, piqa(0) + "\n{\"goal\"\n").where(), "line 2");
  EXPECT_EQ(error_of(lines, piqa(0) + "\n[1]\n").where(), "line 2");
  EXPECT_EQ(error_of(lines, piqa(0) + "\n{\"goal\": \"\xff\"}\n").where(), "line 2");
  EXPECT_EQ(error_of(lines, piqa(0) + "\n" + R"({"goal": "\ud800", "sol1": "a", "sol2": "b", "label": 0})").where(),
            "line 2");
  EXPECT_THAT(error_of(lines, R"({"goal": "g", "goal": "h", "sol1": "a", "sol2": "b", "label": 0})").where(),
              HasSubstr("goal"));
  error_of("wiki.test.raw", "", "wikitext");
  error_of("wiki.test.raw", " \n \n", "wikitext");
  EXPECT_EQ(error_of("wiki.test.raw", " = A = \n\xff", "wikitext").where(), "line 2");
}

TEST(ListTasks, NamesFileOriginLicenceAndCommandOfEachOnNarrowTerminals) {
  const std::string text = describe_tasks();
  for (const Task& task : all_tasks()) {
    EXPECT_THAT(text, HasSubstr(fmt::format("{}_{}.jsonl", task.name, task.split)));
    EXPECT_THAT(text, HasSubstr(std::string(task.hub)));
    EXPECT_THAT(text, HasSubstr(fmt::format("licence  {}", task.license)));
  }
  size_t longest = 0;
  for (size_t start = 0; start < text.size();) {
    const size_t end = text.find('\n', start);
    longest = std::max(longest, end - start);
    start = end + 1;
  }
  EXPECT_LE(longest, 80u);
  EXPECT_THAT(file_command(find_task("piqa")),
              "python3 -c \"from datasets import load_dataset; load_dataset('baber/piqa', split='validation')"
              ".to_json('piqa_validation.jsonl')\"");
}

}  // namespace
}  // namespace shorten::tasks
