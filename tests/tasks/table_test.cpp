// SPDX-License-Identifier: Apache-2.0
// Every task on one document of our own: what it asks, letter for letter, and what is counted.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tasks/task.h"

namespace shorten::tasks {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Asked = std::vector<std::pair<std::string, std::string>>;

Example example(std::string_view task, const std::string& json, std::string_view profile = kDefaultProfile) {
  const Json document = parse_json(json, "fixture");
  return find_task(task).example(JsonObject(document, "fixture", "line 1"), find_profile(profile));
}

Asked asked(const Example& example) {
  Asked out;
  for (const Request& r : example.requests) out.emplace_back(r.context, r.continuation);
  return out;
}

std::string error(std::string_view task, const std::string& json, std::string_view profile = kDefaultProfile) {
  try {
    example(task, json, profile);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kBadInput);
    EXPECT_THAT(e.where(), HasSubstr("line 1"));
    return e.block();
  }
  ADD_FAILURE() << "no error for " << json;
  return "";
}

TEST(Table, Boolq) {
  const std::string document = R"({"passage": "T -- A b.", "question": "is it", "idx": 0, "label": 1})";
  const Example late = example("boolq", document);
  const std::string context = "T -- A b.\nQuestion: is it?\nAnswer:";
  EXPECT_EQ(asked(late), (Asked{{context, " no"}, {context, " yes"}}));
  EXPECT_EQ(late.gold, 1);
  EXPECT_EQ(late.target, "1");
  const Example early = example("boolq", document, "v0.3-joint");
  EXPECT_EQ(asked(early), (Asked{{context, " yes"}, {context, " no"}}));
  EXPECT_EQ(early.gold, 0);
  EXPECT_EQ(example("boolq", R"({"passage": "", "question": "q", "label": false})").gold, 0);
  EXPECT_EQ(example("boolq", R"({"passage": "", "question": "q", "label": true})").gold, 1);
  EXPECT_EQ(example("boolq", R"({"passage": "", "question": "q", "label": "1"})").gold, 1);
  for (const char* label : {"2", "-1", "\"yes\"", "\"\"", "1.0", "null", "[1]", "18446744073709551615"}) {
    EXPECT_THAT(error("boolq", fmt::format(R"({{"passage": "p", "question": "q", "label": {}}})", label)),
                HasSubstr("\"label\""))
        << label;
  }
  EXPECT_THAT(error("boolq", R"({"question": "q", "answer": true, "passage": "p"})"),
              AllOf(HasSubstr("google/boolq"), HasSubstr("super_glue"), HasSubstr("title")));
}

TEST(Table, Piqa) {
  const Example e = example("piqa", R"({"goal": "a  b ", "sol1": "twist \u00e9", "sol2": " pull", "label": 1})");
  EXPECT_EQ(asked(e), (Asked{{"Question: a  b \nAnswer:", " twist \u00e9"}, {"Question: a  b \nAnswer:", "  pull"}}));
  EXPECT_THAT(e.lengths, ElementsAre(7, 5));
  EXPECT_EQ(e.gold, 1);
  EXPECT_THAT(error("piqa", R"({"goal": "g", "sol1": "", "sol2": "b", "label": 0})"), HasSubstr("\"sol1\""));
  EXPECT_THAT(error("piqa", R"({"goal": "g", "sol1": "a", "label": 0})"), HasSubstr("\"sol2\""));
  EXPECT_THAT(error("piqa", R"({"goal": 5, "sol1": "a", "sol2": "b", "label": 0})"), HasSubstr("\"goal\""));
}

TEST(Table, Hellaswag) {
  const Example e = example("hellaswag",
                            R"({"activity_label": "Work", "ctx_a": "He sits.", "ctx_b": "THE \u00c9lan", "label": "3",
          "endings": ["[step] runs.", "a [title] b", "x [one] [two] y", "open [ bracket"]})");
  const std::string query = "Work: He sits. The \u00e9lan";
  EXPECT_EQ(asked(e), (Asked{{query, "  runs."}, {query, " a. b"}, {query, " x  y"}, {query, " open [ bracket"}}));
  EXPECT_THAT(e.lengths, ElementsAre(6, 4, 4, 14));
  EXPECT_EQ(e.gold, 3);
  const std::string head = R"({"activity_label": "A", "ctx_a": "", "ctx_b": "")";
  EXPECT_THAT(error("hellaswag", head + R"(, "endings": ["a", "[step]"], "label": "0"})"), HasSubstr("\"endings\""));
  EXPECT_THAT(error("hellaswag", head + R"(, "endings": [], "label": "0"})"), HasSubstr("no choices"));
  EXPECT_THAT(error("hellaswag", head + R"(, "endings": ["a", "b"], "label": "2"})"), HasSubstr("0 to 1"));
  EXPECT_THAT(error("hellaswag", head + R"(, "endings": ["a", "b"], "label": ""})"), HasSubstr("\"label\""));
}

TEST(Table, HellaswagWithoutTheSecondPartOfAStory) {
  const char* document = R"({"activity_label": "A", "ctx_a": "a man.", "endings": ["x", "y"], "label": 0})";
  EXPECT_EQ(asked(example("hellaswag", document))[0].first, "A: a man.");
}

TEST(Table, Winogrande) {
  const Example e = example("winogrande", R"({"sentence": "Ann, as _ saw a _.", "option1": "x", "option2": "yy",
                                              "answer": "2"})");
  EXPECT_EQ(asked(e), (Asked{{"Ann, as x", " saw a _."}, {"Ann, as yy", " saw a _."}}));
  EXPECT_EQ(e.gold, 1);
  EXPECT_EQ(e.target, "saw a _.");
  // A sentence that ends in the blank: the harness asks for a single space.
  EXPECT_EQ(asked(example("winogrande", R"({"sentence": "a _ ", "option1": "x", "option2": "y", "answer": "1"})")),
            (Asked{{"a x", " "}, {"a y", " "}}));
  const std::string rest = R"("option1": "x", "option2": "y", "answer": )";
  EXPECT_THAT(error("winogrande", R"({"sentence": "none", )" + rest + R"("1"})"), HasSubstr("blank"));
  for (const char* answer : {"\"0\"", "\"3\"", "\"\"", "\"A\"", "3"}) {
    EXPECT_THAT(error("winogrande", R"({"sentence": "a _ b", )" + rest + answer + "}"), HasSubstr("\"answer\""));
  }
}

TEST(Table, ArcAndOpenbookqa) {
  const std::string choices = R"("choices": {"text": ["a", "bb", "c"], "label": ["A", "B", "C"]}, "answerKey": "B"})";
  const std::string pairs = R"("choices": [{"text": "a", "label": "1"}, {"text": "bb", "label": "2"}], "answerKey": )";
  const Example arc = example("arc_easy", R"({"id": "x", "question": "Why?", )" + choices);
  const std::string context = "Question: Why?\nAnswer:";
  EXPECT_EQ(asked(arc), (Asked{{context, " a"}, {context, " bb"}, {context, " c"}}));
  EXPECT_THAT(arc.lengths, ElementsAre(1, 2, 1));
  EXPECT_EQ(arc.gold, 1);
  const Example pair = example("arc_challenge", R"({"question": "Why?", )" + pairs + R"("2"})");
  EXPECT_EQ(asked(pair), (Asked{{context, " a"}, {context, " bb"}}));
  EXPECT_EQ(pair.gold, 1);
  const Example book = example("openbookqa", R"({"question_stem": "The sun is", )" + choices);
  EXPECT_EQ(asked(book)[2], std::pair(std::string("The sun is"), std::string(" c")));
  EXPECT_EQ(example("openbookqa", R"({"question_stem": "s", )" + pairs + R"(" 1"})").gold, 0);
  // Harness 0.3 counts letters and digits and does not look at the labels.
  EXPECT_EQ(example("arc_easy", R"({"question": "q", )" + pairs + R"("B"})", "v0.3-sep").gold, 1);
  EXPECT_EQ(example("arc_easy", R"({"question": "q", )" + pairs + R"("2"})", "v0.3-sep").gold, 1);
  EXPECT_THAT(error("arc_easy", R"({"question": "q", )" + pairs + R"("B"})"), HasSubstr("1, 2"));
  EXPECT_THAT(error("arc_easy", R"({"question": "q", )" + pairs + R"("3"})", "v0.3-sep"), HasSubstr("\"answerKey\""));
}

TEST(Table, LabelsMayBeNumbers) {
  const char* lists = R"({"question": "q", "choices": {"text": ["a", "b"], "label": [1, 2]}, "answerKey": 2})";
  const char* pairs =
      R"({"question": "q", "choices": [{"text": "a", "label": 1}, {"text": "b", "label": "2"}], "answerKey": "2"})";
  EXPECT_EQ(example("arc_easy", lists).gold, 1);
  EXPECT_EQ(example("arc_easy", pairs).gold, 1);
  EXPECT_EQ(example("arc_easy", lists, "v0.3-joint").gold, 1);
  EXPECT_THAT(error("arc_easy", R"({"question": "q", "choices": {"text": ["a"], "label": [1.5]}, "answerKey": 1})"),
              HasSubstr("\"label\""));
}

TEST(Table, LabelledChoicesThatContradictThemselves) {
  const auto refused = [&](const std::string& choices, const std::string& mention) {
    EXPECT_THAT(error("arc_easy", R"({"question": "q", "answerKey": "A", "choices": )" + choices + "}"),
                AllOf(HasSubstr("\"choices\""), HasSubstr(mention)));
  };
  refused(R"({"text": [], "label": []})", "no choices");
  refused("[]", "no choices");
  refused(R"({"text": ["a", "b"], "label": ["A"]})", "2 texts, 1 labels");
  refused(R"({"text": ["a", "b"], "label": ["A", "A"]})", "same label");
  refused(R"({"text": ["a", ""], "label": ["A", "B"]})", "\"text\"");
  refused(R"({"text": ["a", 5], "label": ["A", "B"]})", "\"text\"");
  refused(R"({"text": ["a"]})", "\"label\"");
  refused(R"([{"text": "a", "label": "A"}, {"text": "b"}])", "element 1");
  refused(R"(["a", "b"])", "element 0");
  refused("\"a\"", "not an array");
}

TEST(Table, LambadaOpenai) {
  const Example e = example("lambada_openai", R"({"text": "he said\nto  his dog"})");
  EXPECT_EQ(asked(e), (Asked{{"he said\nto  his", " dog"}}));
  EXPECT_EQ(e.target, " dog");
  EXPECT_TRUE(e.lengths.empty());
  EXPECT_EQ(asked(example("lambada_openai", R"({"text": "dog"})")), (Asked{{"", " dog"}}));
  EXPECT_THAT(error("lambada_openai", R"({"text": "dog "})"), HasSubstr("last word"));
  EXPECT_THAT(error("lambada_openai", R"({"text": ""})"), HasSubstr("\"text\""));
}

TEST(Table, Sciq) {
  const auto document = [](const char* support) {
    return fmt::format(R"({{"question": "What?", "distractor1": "a", "distractor2": "b", "distractor3": "c",
                           "correct_answer": "d", "support": "{}"}})",
                       support);
  };
  const Example e = example("sciq", document(" S. "));
  const std::string context = "S. \nQuestion: What?\nAnswer:";
  EXPECT_EQ(asked(e), (Asked{{context, " a"}, {context, " b"}, {context, " c"}, {context, " d"}}));
  EXPECT_EQ(e.gold, 3);
  EXPECT_EQ(asked(example("sciq", document("")))[0].first, "\nQuestion: What?\nAnswer:");
  EXPECT_EQ(asked(example("sciq", document(""), "v0.3-joint"))[0].first, "Question: What?\nAnswer:");
}

TEST(Table, Copa) {
  const auto document = [](const char* question) {
    return fmt::format(R"({{"premise": " It rained. ", "choice1": "The sun rose.", "choice2": "\u00c9l sat.",
                           "question": "{}", "idx": 0, "label": 1}})",
                       question);
  };
  const Example late = example("copa", document("cause"));
  EXPECT_EQ(asked(late), (Asked{{"It rained because", "  the sun rose."}, {"It rained because", "  \u00e9l sat."}}));
  EXPECT_EQ(late.gold, 1);
  EXPECT_EQ(late.target, " \u00e9l sat.");
  const Example early = example("copa", document("effect"), "v0.3-joint");
  EXPECT_EQ(asked(early)[0], std::pair(std::string("It rained therefore"), std::string(" the sun rose.")));
  EXPECT_THAT(error("copa", document("why")), HasSubstr("\"question\""));
}

TEST(Table, Mmlu) {
  const std::string document =
      R"({"question": " Q? ", "subject": "us_foreign_policy", "choices": ["one", "2", "3", "4"], "answer": 2})";
  const std::string context =
      "The following are multiple choice questions (with answers) about us foreign policy.\n\n"
      "Q?\nA. one\nB. 2\nC. 3\nD. 4\nAnswer:";
  for (const char* profile : {"v0.3-joint", "v0.4-nobos", "v0.4.3", "v0.4.9.2"}) {
    const Example e = example("mmlu", document, profile);
    EXPECT_EQ(asked(e), (Asked{{context, " A"}, {context, " B"}, {context, " C"}, {context, " D"}})) << profile;
    EXPECT_EQ(e.gold, 2);
  }
  const Example early = example("mmlu", document, "v0.3-sep");
  EXPECT_EQ(asked(early)[0],
            std::pair(std::string("Question:  Q? \nChoices:\nA. one\nB. 2\nC. 3\nD. 4\nAnswer:"), std::string(" one")));
  EXPECT_THAT(early.lengths, ElementsAre(3, 1, 1, 1));
  EXPECT_THAT(error("mmlu", R"({"question": "q", "subject": "s", "choices": ["a"], "answer": 0})"),
              HasSubstr("\"choices\""));
  EXPECT_THAT(error("mmlu", R"({"question": "q", "subject": "s", "choices": ["a","b","c","d"], "answer": 4})"),
              HasSubstr("\"answer\""));
  EXPECT_THAT(error("mmlu", R"({"question": "q", "choices": ["a","b","c","d"], "answer": 0})"),
              HasSubstr("\"subject\""));
}

TEST(Table, Race) {
  const auto document = [](const std::string& problems) {
    return Json{{"article", "Art."}, {"problems", problems}}.dump();
  };
  const std::string problems =
      "[{'question': 'It is  _  .', 'answer': 'B', 'options': ['w', \"it's\", 'y', 'z']}, "
      "{'question': 'Who?', 'answer': 'A', 'options': ['w', 'x', 'y', 'z']}, "
      "{'question': 'End?', 'answer': 'D', 'options': ['w', 'x', 'y', 'z', 'more']}]";
  const Example late = example("race", document(problems), "v0.4.9.2");
  const std::string context = "Article: Art.\n\nIt is it's\nQuestion: Who?\nAnswer: w\nEnd?";
  EXPECT_EQ(asked(late), (Asked{{context, " w"}, {context, " x"}, {context, " y"}, {context, " z"}}));
  EXPECT_EQ(late.gold, 3);
  EXPECT_EQ(asked(example("race", document(problems)))[0].first,
            "Article: Art.\n\n _  .it's\nQuestion: Who?\nAnswer: w\nEnd?");
  for (const char* bad : {"", "[]", "{}", "[1]", "[{'question': 'q', 'answer': 'A'}]", "[{'question': 'q'",
                          "[{'question': 'q', 'answer': 'E', 'options': ['1', '2', '3', '4']}]",
                          "[{'question': 'q', 'answer': 'AB', 'options': ['1', '2', '3', '4']}]",
                          "[{'question': 'q', 'answer': 'A', 'options': ['1', '2', '3']}]"}) {
    EXPECT_THAT(error("race", document(bad)), HasSubstr("\"problems\"")) << bad;
  }
}

TEST(Table, Wikitext) {
  const Example e = example("wikitext", R"({"page": " = T = \n \n He said \" hi \" , twice . \n"})");
  EXPECT_EQ(asked(e), (Asked{{"", " = T =\n\nHe said \"hi\", twice.\n"}}));
  EXPECT_EQ(e.target, e.requests[0].continuation);
  EXPECT_EQ(e.words, 13);
  EXPECT_EQ(e.bytes, 37);
  EXPECT_THAT(error("wikitext", R"({"page": " \n"})"), HasSubstr("empty page"));
}

TEST(Table, IsSound) {
  std::vector<std::string_view> names, common_sense;
  for (const Task& task : all_tasks()) {
    names.push_back(task.name);
    if (task.common_sense) common_sense.push_back(task.name);
    EXPECT_NE(task.example, nullptr) << task.name;
    EXPECT_NE(std::find(task.metrics.begin(), task.metrics.end(), task.reported), task.metrics.end()) << task.name;
    EXPECT_GT(task.documents, 0) << task.name;
  }
  EXPECT_THAT(common_sense,
              ElementsAre("boolq", "piqa", "hellaswag", "winogrande", "arc_easy", "arc_challenge", "openbookqa"));
  EXPECT_THAT(std::vector(names.begin() + 7, names.end()),
              ElementsAre("lambada_openai", "sciq", "copa", "mmlu", "race", "wikitext"));
}

std::vector<std::string_view> parsed(std::string_view list) {
  std::vector<std::string_view> names;
  for (const Task* task : parse_tasks(list)) names.push_back(task->name);
  return names;
}

TEST(ParseTasks, NamesInOrderEachOnce) {
  EXPECT_THAT(parsed("piqa,boolq"), ElementsAre("piqa", "boolq"));
  EXPECT_THAT(parsed("piqa,boolq,piqa"), ElementsAre("piqa", "boolq"));
  EXPECT_THAT(
      parsed("wikitext,arc_easy,common-sense"),
      ElementsAre("wikitext", "arc_easy", "boolq", "piqa", "hellaswag", "winogrande", "arc_challenge", "openbookqa"));
}

TEST(ParseTasks, Errors) {
  for (const char* list : {"", ",", "boolq,", ",boolq", "boolq,,piqa", "arc", "Boolq", "boolq, piqa", "boolq\n"}) {
    try {
      parse_tasks(list);
      ADD_FAILURE() << list;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::kUsage) << list;
      EXPECT_THAT(e.block(), HasSubstr("hellaswag, winogrande")) << list;
    }
  }
}

}  // namespace
}  // namespace shorten::tasks
