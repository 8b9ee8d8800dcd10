// SPDX-License-Identifier: Apache-2.0
#include "tasks/race.h"

#include <fmt/format.h>

#include "core/error.h"
#include "python/literal.h"
#include "tasks/example.h"
#include "tasks/fields.h"

namespace shorten::tasks {
namespace {

constexpr size_t kOptions = 4;

struct Problem {
  std::string question;
  std::vector<std::string> options;
  int64_t answer = 0;

  const std::string& answer_text() const { return options[static_cast<size_t>(answer)]; }
};

Problem read_problem(const JsonObject& object) {
  Problem out;
  out.question = object.string("question");
  out.options = read_texts(object, "options");
  if (out.options.size() < kOptions) throw object.error("too few options", "options").expected("4 of them");
  out.options.resize(kOptions);
  const std::string& letter = object.string("answer");
  if (letter.size() != 1 || letter[0] < 'A' || letter[0] > 'D') {
    throw object.error("not one of the labels", "answer").expected("A, B, C or D");
  }
  out.answer = letter[0] - 'A';
  return out;
}

std::vector<Problem> read_problems(const JsonObject& document) {
  const Error damaged = document.error("not a list as Python's repr() writes it", "problems");
  const Json list = python::parse_literal(document.string("problems"), damaged);
  if (!list.is_array()) throw damaged;
  if (list.empty()) throw document.error("no problems", "problems");
  std::vector<Problem> out;
  for (const Json& problem : list) {
    out.push_back(
        read_problem(JsonObject(problem, document.file(), fmt::format("{}, element {}", damaged.where(), out.size()))));
  }
  return out;
}

// A problem with its answer. A gap at the end is filled with it; up to harness 0.4.11 the gap took the place
// of the question instead.
std::string solved(const Problem& problem, const Profile& profile) {
  constexpr std::string_view kEnd = "  _  .";
  constexpr size_t kGap = kEnd.size() - 1;
  const std::string& question = problem.question;
  if (!question.ends_with(kEnd)) return fmt::format("Question: {}\nAnswer: {}\n", question, problem.answer_text());
  const size_t gap = question.size() - kGap;
  return (profile.late_race ? question.substr(0, gap) : question.substr(gap)) + problem.answer_text() + "\n";
}

}  // namespace

Example race_example(const JsonObject& document, const Profile& profile) {
  std::vector<Problem> problems = read_problems(document);
  const Problem last = std::move(problems.back());
  problems.pop_back();
  std::string context = fmt::format("Article: {}\n\n", read_text(document, "article"));
  for (const Problem& problem : problems) context += solved(problem, profile);
  return ask(context + last.question, last.options, last.answer);
}

}  // namespace shorten::tasks
