// SPDX-License-Identifier: Apache-2.0
// The requests of whole data sets against lists and hashes that the harness (0.3) keeps for its own tests.
#include <gtest/gtest.h>

#include "core/sha256.h"
#include "harness.h"

namespace shorten::tasks {
namespace {

TaskData read(std::string_view task, std::optional<double> limit = {}) {
  return read_task(find_task(task), task == "wikitext" ? test::wikitext_data() : test::task_data(), test::early(),
                   limit);
}

// boolq as version 0 of the task had it.
void drop_question_mark(std::vector<Example>& examples) {
  for (Example& example : examples) {
    for (Request& request : example.requests) {
      const size_t at = request.context.rfind("?\nAnswer:");
      ASSERT_NE(at, std::string::npos);
      request.context.erase(at, 1);
    }
  }
}

struct StoredHash {
  std::string task;
  int version;
};
void PrintTo(const StoredHash& s, std::ostream* out) { *out << s.task << " v" << s.version; }

class FullHash : public ::testing::TestWithParam<StoredHash> {};

TEST_P(FullHash, EqualsTheHarness) {
  SHORTEN_NEEDS_EXTRA_DATA();
  const auto& [task, version] = GetParam();
  TaskData data = read(task);
  EXPECT_EQ(data.available, data.task->documents);
  if (task == "boolq" && version == 0) drop_question_mark(data.examples);
  const Kind kind = data.task->kind;
  const std::string name =
      fmt::format("{}-v{}-{}", task, version, kind == Kind::kText ? "loglikelihood_rolling" : "loglikelihood");
  EXPECT_EQ(sha256_hex(test::python_requests(data.examples, kind)), read_file(test::full_hashes() / name));
}

INSTANTIATE_TEST_SUITE_P(Tasks, FullHash,
                         ::testing::Values(StoredHash{"arc_challenge", 0}, StoredHash{"arc_easy", 0},
                                           StoredHash{"boolq", 0}, StoredHash{"boolq", 1}, StoredHash{"openbookqa", 0},
                                           StoredHash{"piqa", 0}, StoredHash{"wikitext", 1}),
                         [](const auto& info) { return fmt::format("{}_v{}", info.param.task, info.param.version); });

Json stored_requests(std::string_view task) {
  return read_json(test::ten_documents() / fmt::format("{}-v0-loglikelihood.json", task));
}

Json as_json(const std::vector<Example>& examples) {
  Json out = Json::array();
  for (const Example& example : examples) {
    for (const Request& request : example.requests) out.push_back({request.context, request.continuation});
  }
  return out;
}

class TenDocuments : public ::testing::TestWithParam<std::string> {};

TEST_P(TenDocuments, EqualTheHarness) {
  SHORTEN_NEEDS_EXTRA_DATA();
  TaskData data = read(GetParam(), 10);
  ASSERT_EQ(data.examples.size(), 10u);
  if (GetParam() == "boolq") drop_question_mark(data.examples);
  EXPECT_EQ(as_json(data.examples), stored_requests(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(Tasks, TenDocuments,
                         ::testing::Values("arc_challenge", "arc_easy", "boolq", "openbookqa", "piqa"),
                         [](const auto& info) { return info.param; });

// Of the other tasks only the requests are at hand. Documents are made of them that could have been the data set's,
// with what the texts leave behind (trailing spaces, capitals, marks in brackets), and asked again.

std::string capital(std::string text) {
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

// `choices` requests a document.
void expect_same_requests(const std::string& task, const std::string& stored, size_t choices,
                          const std::function<Json(const std::vector<std::pair<std::string, std::string>>&)>& rebuild) {
  const Json expected = stored_requests(stored);
  ASSERT_EQ(expected.size(), 10 * choices);
  std::vector<Example> examples;
  for (size_t i = 0; i < expected.size(); i += choices) {
    std::vector<std::pair<std::string, std::string>> requests;
    for (size_t c = 0; c < choices; ++c) requests.emplace_back(expected[i + c][0], expected[i + c][1]);
    const Json document = rebuild(requests);
    examples.push_back(find_task(task).example(JsonObject(document, "rebuilt"), test::early()));
  }
  EXPECT_EQ(as_json(examples), expected);
}

TEST(RebuiltDocuments, Hellaswag) {
  SHORTEN_NEEDS_EXTRA_DATA();
  expect_same_requests("hellaswag", "hellaswag", 4, [](const auto& requests) -> Json {
    const std::string& query = requests[0].first;
    const size_t colon = query.find(": "), middle = query.rfind(". ");
    const bool two = middle != std::string::npos && middle > colon;
    Json endings = Json::array();
    for (const auto& [context, continuation] : requests) {
      const std::string text = continuation.substr(1);  // a space in front is what a mark has left
      endings.push_back((text.starts_with(' ') ? "[substeps]" : "  ") + text + "[step]");
    }
    // Sentences begin with a capital, so ctx_b may be the last of them in any case.
    std::string ctx_b = two ? query.substr(middle + 2) : "";
    const bool plain = !ctx_b.empty() && std::none_of(ctx_b.begin() + 1, ctx_b.end(),
                                                      [](unsigned char c) { return std::isupper(c) || c >= 0x80; });
    if (plain)
      std::transform(ctx_b.begin(), ctx_b.end(), ctx_b.begin(), [](unsigned char c) { return std::toupper(c); });
    const std::string ctx_a = plain ? query.substr(colon + 2, middle + 1 - colon - 2) : query.substr(colon + 2);
    return {{"activity_label", query.substr(0, colon)},
            {"ctx_a", ctx_a},
            {"ctx_b", plain ? ctx_b : ""},
            {"endings", endings},
            {"label", "0"}};
  });
}

TEST(RebuiltDocuments, Winogrande) {
  SHORTEN_NEEDS_EXTRA_DATA();
  expect_same_requests("winogrande", "winogrande", 2, [](const auto& requests) -> Json {
    const auto& [first, rest] = requests[0];
    const std::string& second = requests[1].first;
    const size_t same = static_cast<size_t>(
        std::mismatch(first.begin(), first.end(), second.begin(), second.end()).first - first.begin());
    EXPECT_EQ(rest, requests[1].second);
    return {{"sentence", first.substr(0, same) + "_" + rest + "  "},
            {"option1", first.substr(same)},
            {"option2", second.substr(same)},
            {"answer", "1"}};
  });
}

TEST(RebuiltDocuments, Copa) {
  SHORTEN_NEEDS_EXTRA_DATA();
  expect_same_requests("copa", "copa", 2, [](const auto& requests) -> Json {
    const std::string& context = requests[0].first;
    const size_t space = context.rfind(' ');
    return {{"premise", " " + context.substr(0, space) + ". "},
            {"question", context.substr(space + 1) == "because" ? "cause" : "effect"},
            {"choice1", capital(requests[0].second.substr(1))},
            {"choice2", capital(requests[1].second.substr(1))},
            {"label", 0}};
  });
}

TEST(RebuiltDocuments, Sciq) {
  SHORTEN_NEEDS_EXTRA_DATA();
  expect_same_requests("sciq", "sciq", 4, [](const auto& requests) -> Json {
    const std::string mark = "Question: ", end = "\nAnswer:";
    const std::string& context = requests[0].first;
    const size_t question = context.rfind(mark);
    const size_t start = question + mark.size();
    return {{"support", question == 0 ? "" : context.substr(0, question - 1)},
            {"question", context.substr(start, context.size() - end.size() - start)},
            {"distractor1", requests[0].second.substr(1)},
            {"distractor2", requests[1].second.substr(1)},
            {"distractor3", requests[2].second.substr(1)},
            {"correct_answer", requests[3].second.substr(1)}};
  });
}

TEST(RebuiltDocuments, Lambada) {
  SHORTEN_NEEDS_EXTRA_DATA();
  const Json expected = stored_requests("lambada");
  ASSERT_EQ(expected.size(), 20u);
  for (size_t i = 0; i < expected.size(); i += 2) {
    EXPECT_EQ(expected[i], expected[i + 1]) << "once for the likelihood, once for whether it is greedy";
    const Json document{{"text", expected[i][0].get<std::string>() + expected[i][1].get<std::string>()}};
    const Example example = find_task("lambada_openai").example(JsonObject(document, "rebuilt"), test::early());
    EXPECT_EQ(as_json({example})[0], expected[i]);
  }
}

}  // namespace
}  // namespace shorten::tasks
