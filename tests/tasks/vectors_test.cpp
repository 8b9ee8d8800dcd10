// SPDX-License-Identifier: Apache-2.0
// Small cases that were made by running the harness's own functions, one JSON object a line. None is skipped.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <sstream>

#include "core/file.h"
#include "core/json.h"
#include "tasks/documents.h"
#include "tasks/encode.h"
#include "tasks/hellaswag.h"
#include "tasks/metrics.h"
#include "tasks/wikitext.h"
#include "test_data.h"

namespace shorten::tasks {
namespace {

std::string text(const Json& v, const char* key) { return v.at(key).get<std::string>(); }
int64_t number(const Json& v, const char* key) { return v.at(key).get<int64_t>(); }
std::vector<text::TokenId> tokens(const Json& v) { return v.get<std::vector<text::TokenId>>(); }

std::vector<Json> read_vectors() {
  std::vector<Json> out;
  std::istringstream lines(read_file(fs::path(test::extra_data()) / "data/tasks/lmeval_vectors.jsonl"));
  for (std::string line; std::getline(lines, line);) out.push_back(parse_json(line, "lmeval_vectors.jsonl"));
  return out;
}

const Profile& profile_of(const Json& v) {
  const std::map<std::string, std::string> profiles{
      {"0.3(3326c54)", "v0.3-joint"}, {"0.4.0", "v0.4-nobos"}, {"HEAD", "v0.4.9.2"}};
  return find_profile(profiles.at(text(v, "v")));
}

// The vectors have documents under 0.3 only, and for race none: one that gives what they expect.
Json document_of(const std::string& task, const std::vector<Json>& all) {
  if (task == "race") {
    return {{"article", "Art."},
            {"problems",
             "[{'question': 'A is  _  .', 'answer': 'B', 'options': ['w', 'x', 'y', 'z']}, "
             "{'question': 'Who?', 'answer': 'A', 'options': ['w', 'x', 'y', 'z']}, "
             "{'question': 'Last   _  .', 'answer': 'C', 'options': ['w', 'x', 'y', 'z']}]"}};
  }
  for (const Json& v : all) {
    if (text(v, "kind") == "requests" && text(v, "task") == task && v.contains("doc")) return v.at("doc");
  }
  throw std::runtime_error("no document for " + task);
}

void check_requests(const Json& v, const std::vector<Json>& all) {
  const std::string given = text(v, "task");
  Json document = document_of(given, all);
  std::string name = given == "lambada" ? "lambada_openai" : given;
  if (const std::string mmlu = "hendrycksTest-"; given.starts_with(mmlu)) {
    name = "mmlu";
    document["subject"] = given.substr(mmlu.size());
  }
  const Example example = find_task(name).example(JsonObject(document, "vectors"), profile_of(v));
  Json requests = Json::array();
  for (const Request& r : example.requests) {
    // Harness 0.3 asks for the likelihood of a last word and for its greediness in two requests.
    for (int i = 0; i < (given == "lambada" ? 2 : 1); ++i) requests.push_back({r.context, r.continuation});
  }
  EXPECT_EQ(requests, v.at("requests"));
  if (v.contains("gold")) {
    EXPECT_EQ(example.gold, number(v, "gold"));
  }
  if (v.contains("norm_len")) {
    EXPECT_EQ(Json(example.lengths), v.at("norm_len"));
  }
}

void check_shuffle(const Json& v) {
  const std::vector<int64_t> order = shuffled_order(number(v, "n"));
  EXPECT_EQ(Json(std::vector(order.begin(), order.begin() + 10)), v.at("first10"));
  EXPECT_EQ(Json(std::vector(order.end() - 3, order.end())), v.at("last3"));
}

void check_stderr(const Json& v) {
  std::vector<double> values(static_cast<size_t>(number(v, "n")), 0.0);
  std::fill_n(values.begin(), number(v, "correct"), 1.0);
  const double expected = v.at("stderr").get<double>();
  EXPECT_NEAR(mean_stderr(values), expected, 1e-12 * expected);
}

void check_windows(const Json& v) {
  const auto windows =
      rolling_windows(tokens(v.at("tokens")), static_cast<text::TokenId>(number(v, "prefix")), number(v, "max_length"));
  ASSERT_EQ(windows.size(), v.at("out").size());
  for (size_t i = 0; i < windows.size(); ++i) {
    const Json& expected = v.at("out")[i];
    const auto& ids = windows[i].ids;
    const auto seam = ids.begin() + windows[i].first_target;
    EXPECT_EQ(std::vector(ids.begin(), seam), tokens(expected.at("ctx")));
    EXPECT_EQ(std::vector(seam, ids.end()), tokens(expected.at("cont")));
    EXPECT_EQ(std::vector(ids.begin(), ids.end() - 1), tokens(expected.at("input")));
  }
}

void check_truncation(const Json& v) {
  const Encoded pair{tokens(v.at("ctx")), tokens(v.at("cont"))};
  const text::Window window = to_window(pair, number(v, "max_length"));
  EXPECT_EQ(std::vector(window.ids.begin(), window.ids.end() - 1), tokens(v.at("model_input")));
  EXPECT_EQ(std::vector(window.ids.begin() + window.first_target, window.ids.end()), pair.continuation);
}

void check_moved_space(const Json& v) {
  const Request moved = move_trailing_space({text(v, "context"), text(v, "continuation")});
  EXPECT_EQ(Json({moved.context, moved.continuation}), v.at("out"));
}

TEST(Vectors, AllOfThem) {
  SHORTEN_NEEDS_EXTRA_DATA();
  const std::vector<Json> all = read_vectors();
  const std::map<std::string, std::function<void(const Json&)>> checks{
      {"requests", [&](const Json& v) { check_requests(v, all); }},
      {"hellaswag_preprocess", [](const Json& v) { EXPECT_EQ(hellaswag_text(text(v, "inp")), text(v, "out")); }},
      {"hellaswag_query",
       [](const Json& v) {
         EXPECT_EQ(hellaswag_query(text(v, "activity_label"), text(v, "ctx_a"), text(v, "ctx_b")), text(v, "out"));
       }},
      {"wikitext_detok", [](const Json& v) { EXPECT_EQ(wikitext_detokenized(text(v, "inp")), text(v, "out")); }},
      {"wikitext_pages", [](const Json& v) { EXPECT_EQ(Json(wikitext_pages(text(v, "inp"))), v.at("out")); }},
      {"wikitext_words_bytes",
       [](const Json& v) {
         EXPECT_EQ(python_words(text(v, "inp")), number(v, "words"));
         EXPECT_EQ(static_cast<int64_t>(text(v, "inp").size()), number(v, "bytes"));
       }},
      {"shuffle42", check_shuffle},
      {"acc_stderr", check_stderr},
      {"rolling_windows", check_windows},
      {"encode_pair_ws", check_moved_space},
      {"truncate", check_truncation},
  };
  size_t checked = 0;
  std::map<std::string, int> kinds;
  for (const Json& v : all) {
    const std::string kind = text(v, "kind");
    if (kind.starts_with("gptq_join_")) continue;  // how papers join rows for a perplexity: texts come joined
    ASSERT_TRUE(checks.contains(kind)) << "a kind without a check: " << kind;
    SCOPED_TRACE(v.dump());
    checks.at(kind)(v);
    ++kinds[kind];
    ++checked;
  }
  EXPECT_EQ(checked, 87u);
  EXPECT_EQ(kinds.size(), checks.size()) << "a check without a vector";
}

}  // namespace
}  // namespace shorten::tasks
