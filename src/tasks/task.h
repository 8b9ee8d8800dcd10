// SPDX-License-Identifier: Apache-2.0
// A task is a data set and the questions made of it: document → requests to a language model, and what is
// counted. table.cpp has one entry a task. Texts and rules are those of lm-evaluation-harness
// (EleutherAI), held against its own request lists, hashes and results by the tests.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "tasks/profile.h"

namespace shorten::tasks {

// The log-likelihood of `continuation` after `context` is asked for. Contexts may be empty.
struct Request {
  std::string context, continuation;
};

// One document as questions.
struct Example {
  std::vector<Request> requests;  // a choice each; one for a last word or a whole text
  std::vector<int64_t> lengths;   // code points of each choice as the data set has it (without the delimiter
                                  // in front): what acc_norm divides by. Empty where there are no choices
  int64_t gold = 0;               // index of the right choice
  std::string target;             // as sample files show it: gold as a number, or the text that should follow
  int64_t words = 0, bytes = 0;   // of a whole text
};

enum class Kind {
  kChoice,    // several continuations, the likeliest should be the right one
  kLastWord,  // one continuation, which should be what a greedy reader would say
  kText,      // a whole text in rolling windows: Request::context is empty, the continuation is the text
};

enum class Metric { kAcc, kAccNorm, kPerplexity, kWordPerplexity, kBytePerplexity, kBitsPerByte };
std::string_view metric_name(Metric metric);  // "acc_norm", as the harness calls it
bool is_accuracy(Metric metric);              // a share of documents: higher is better; else a perplexity

struct Task {
  std::string_view name;  // "arc_easy"
  Kind kind = Kind::kChoice;
  std::vector<Metric> metrics;
  Metric reported;                    // the one that the papers report
  bool common_sense = false;          // one of the seven whose mean the papers report
  std::string_view split = "test";    // the file is <name>_<split>.jsonl or .json
  int64_t documents;                  // of the complete split
  std::string_view hub, config = "";  // the Hugging Face data set: "allenai/ai2_arc", "ARC-Easy"
  std::string_view license;           // of the data, as its card says; "unknown" where it does not
  double version_v04 = 1;             // the harness's number for the task from 0.4 on
  int version_v03 = 0;                // and before

  // Throws bad_input that names the field. `profile` matters to the few tasks whose text changed.
  Example (*example)(const JsonObject& document, const Profile& profile);
};

std::span<const Task> all_tasks();             // in the order of help texts and tables
const Task& find_task(std::string_view name);  // throws usage_error that lists the names

// "boolq,piqa" → tasks, each once, in that order; "common-sense" stands for the seven of the papers.
std::vector<const Task*> parse_tasks(std::string_view list);

}  // namespace shorten::tasks
