// SPDX-License-Identifier: Apache-2.0
// One entry a task, in the order of help texts: what is asked of a document, and what the task is. Texts and rules
// are those of lm-evaluation-harness; tests/tasks hold them against its own request lists and hashes.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "python/text.h"
#include "tasks/example.h"
#include "tasks/fields.h"
#include "tasks/hellaswag.h"
#include "tasks/race.h"
#include "tasks/task.h"
#include "tasks/wikitext.h"
#include "text/normalizer.h"

namespace shorten::tasks {
namespace {

using fmt::format;
using Texts = std::vector<std::string>;

Example boolq(const JsonObject& document, const Profile& profile) {
  if (document.has("answer") && !document.has("label")) {
    throw document.error("a document of google/boolq, whose passages lack the title in front", "answer")
        .expected("the fields of super_glue's boolq: passage, question, label")
        .help("numbers on google/boolq are others; `shorten eval --list-tasks` names the data set that is meant");
  }
  const int64_t label = read_number(document, "label", 0, 1);
  const std::string context =
      format("{}\nQuestion: {}?\nAnswer:", document.string("passage"), read_text(document, "question"));
  // Harness 0.3 asks for "yes" first.
  Example out =
      profile.early_texts ? ask(context, Texts{"yes", "no"}, 1 - label) : ask(context, Texts{"no", "yes"}, label);
  out.target = std::to_string(label);
  return out;
}

Example piqa(const JsonObject& document, const Profile&) {
  const std::string context = format("Question: {}\nAnswer:", read_text(document, "goal"));
  const Texts solutions{read_text(document, "sol1"), read_text(document, "sol2")};
  return ask(context, solutions, read_number(document, "label", 0, 1));
}

// Two contexts, the same continuation. It may be a single space, where a sentence ends in the blank.
Example winogrande(const JsonObject& document, const Profile&) {
  const std::string& sentence = read_text(document, "sentence");
  const size_t blank = sentence.find('_');
  if (blank == std::string::npos) throw document.error("a sentence without a blank", "sentence").expected("a \"_\"");
  const std::string_view rest = python::strip(std::string_view(sentence).substr(blank + 1));
  Example out;
  for (const std::string_view key : {"option1", "option2"}) {
    const std::string choice = sentence.substr(0, blank) + read_text(document, key);
    out.requests.push_back({choice, format(" {}", rest)});
    out.lengths.push_back(python::length(choice));
  }
  out.gold = read_number(document, "answer", 1, 2) - 1;
  out.target = rest;
  return out;
}

// Choices with labels (arc, openbookqa).
Example ask_labelled(const JsonObject& document, std::string_view context, const Profile& profile) {
  const Choices choices = read_choices(document, "choices");
  const std::string key(python::strip(read_label(document, "answerKey")));
  auto gold =
      static_cast<size_t>(std::find(choices.labels.begin(), choices.labels.end(), key) - choices.labels.begin());
  if (profile.early_texts) {  // 0.3 does not look at the labels: "A" and "1" are the first choice, and so on
    const bool known = key.size() == 1 && ((key[0] >= '1' && key[0] <= '5') || (key[0] >= 'A' && key[0] <= 'E'));
    gold = known ? static_cast<size_t>(key[0] - (key[0] < 'A' ? '1' : 'A')) : choices.labels.size();
  }
  if (gold >= choices.labels.size()) {
    throw document.error("the answer is not one of the choices", "answerKey")
        .expected(format("{}", fmt::join(choices.labels, ", ")));
  }
  return ask(context, choices.texts, static_cast<int64_t>(gold));
}

Example arc(const JsonObject& document, const Profile& profile) {
  return ask_labelled(document, format("Question: {}\nAnswer:", read_text(document, "question")), profile);
}

Example openbookqa(const JsonObject& document, const Profile& profile) {
  return ask_labelled(document, read_text(document, "question_stem"), profile);
}

// The last word of a passage
Example lambada(const JsonObject& document, const Profile&) {
  const std::string& text = read_text(document, "text");
  const size_t space = text.rfind(' ');  // without one the context is empty
  const bool single = space == std::string::npos;
  const std::string word = single ? text : text.substr(space + 1);
  if (word.empty()) throw document.error("a text that ends in a space has no last word", "text");
  Example out;
  out.requests = {{single ? "" : text.substr(0, space), " " + word}};
  out.target = " " + word;
  return out;
}

Example sciq(const JsonObject& document, const Profile& profile) {
  const std::string& support = document.string("support");  // empty for some
  std::string context = format("{}\nQuestion: {}\nAnswer:", python::lstrip(support), read_text(document, "question"));
  if (profile.early_texts) context = python::strip(context);  // no line feed in front where there is no support
  const Texts choices{read_text(document, "distractor1"), read_text(document, "distractor2"),
                      read_text(document, "distractor3"), read_text(document, "correct_answer")};
  return ask(context, choices, 3);
}

// Which half sentence goes on
Example copa(const JsonObject& document, const Profile& profile) {
  const std::string& question = document.string("question");
  const bool cause = question == "cause";
  if (!cause && question != "effect") throw document.error("not a question", "question").expected("cause or effect");
  Texts choices;
  for (const std::string_view key : {"choice1", "choice2"}) {
    // From 0.4 on there are two spaces: the choice has one, and the delimiter is another.
    choices.push_back((profile.early_texts ? "" : " ") + python::lower_first(read_text(document, key)));
  }
  const int64_t gold = read_number(document, "label", 0, 1);
  const std::string_view premise = python::drop_last(python::strip(read_text(document, "premise")));
  Example out = ask(format("{} {}", premise, cause ? "because" : "therefore"), choices, gold);
  out.target = choices[static_cast<size_t>(gold)];
  return out;
}

Example mmlu(const JsonObject& document, const Profile& profile) {
  const Texts texts = read_texts(document, "choices");
  if (texts.size() != 4) throw document.error("not four choices", "choices");
  const std::string subject = text::replace_all(read_text(document, "subject"), "_", " ");
  const std::string_view question = read_text(document, "question");
  const int64_t gold = read_number(document, "answer", 0, 3);
  const std::string lettered = format("A. {}\nB. {}\nC. {}\nD. {}\nAnswer:", texts[0], texts[1], texts[2], texts[3]);
  if (profile.early_mmlu) return ask(format("Question: {}\nChoices:\n{}", question, lettered), texts, gold);
  // 0.4.2 and 0.4.3 lost one of the two line feeds by accident; every profile has both.
  return ask(format("The following are multiple choice questions (with answers) about {}.\n\n{}\n{}", subject,
                    python::strip(question), lettered),
             Texts{"A", "B", "C", "D"}, gold);
}

const std::vector<Metric> kAccOnly{Metric::kAcc}, kBoth{Metric::kAcc, Metric::kAccNorm};

const Task kTasks[] = {
    // The seven whose mean the papers report; `reported` is the metric that enters it.
    {.name = "boolq",
     .metrics = kAccOnly,
     .reported = Metric::kAcc,
     .common_sense = true,
     .split = "validation",
     .documents = 3270,
     .hub = "aps/super_glue",
     .config = "boolq",
     .license = "other",
     .version_v04 = 2,
     .version_v03 = 1,
     .example = boolq},
    {.name = "piqa",
     .metrics = kBoth,
     .reported = Metric::kAcc,
     .common_sense = true,
     .split = "validation",
     .documents = 1838,
     .hub = "baber/piqa",
     .license = "unknown",
     .example = piqa},
    {.name = "hellaswag",
     .metrics = kBoth,
     .reported = Metric::kAccNorm,
     .common_sense = true,
     .split = "validation",
     .documents = 10042,
     .hub = "Rowan/hellaswag",
     .license = "MIT",
     .example = hellaswag_example},
    {.name = "winogrande",
     .metrics = kAccOnly,
     .reported = Metric::kAcc,
     .common_sense = true,
     .split = "validation",
     .documents = 1267,
     .hub = "allenai/winogrande",
     .config = "winogrande_xl",
     .license = "unknown",
     .example = winogrande},
    {.name = "arc_easy",
     .metrics = kBoth,
     .reported = Metric::kAcc,
     .common_sense = true,
     .documents = 2376,
     .hub = "allenai/ai2_arc",
     .config = "ARC-Easy",
     .license = "CC BY-SA 4.0",
     .example = arc},
    {.name = "arc_challenge",
     .metrics = kBoth,
     .reported = Metric::kAccNorm,
     .common_sense = true,
     .documents = 1172,
     .hub = "allenai/ai2_arc",
     .config = "ARC-Challenge",
     .license = "CC BY-SA 4.0",
     .example = arc},
    {.name = "openbookqa",
     .metrics = kBoth,
     .reported = Metric::kAccNorm,
     .common_sense = true,
     .documents = 500,
     .hub = "allenai/openbookqa",
     .config = "main",
     .license = "unknown",
     .example = openbookqa},

    {.name = "lambada_openai",
     .kind = Kind::kLastWord,
     .metrics = {Metric::kPerplexity, Metric::kAcc},
     .reported = Metric::kAcc,
     .documents = 5153,
     .hub = "EleutherAI/lambada_openai",
     .config = "default",
     .license = "MIT",
     .example = lambada},
    {.name = "sciq",
     .metrics = kBoth,
     .reported = Metric::kAcc,
     .documents = 1000,
     .hub = "allenai/sciq",
     .license = "CC BY-NC 3.0",
     .example = sciq},
    {.name = "copa",
     .metrics = kAccOnly,
     .reported = Metric::kAcc,
     .split = "validation",
     .documents = 100,
     .hub = "aps/super_glue",
     .config = "copa",
     .license = "other",
     .example = copa},
    {.name = "mmlu",
     .metrics = kAccOnly,
     .reported = Metric::kAcc,
     .documents = 14042,
     .hub = "cais/mmlu",
     .config = "all",
     .license = "MIT",
     .version_v04 = 2,
     .version_v03 = 1,
     .example = mmlu},
    {.name = "race",
     .metrics = kAccOnly,
     .reported = Metric::kAcc,
     .documents = 1045,
     .hub = "EleutherAI/race",
     .config = "high",
     .license = "other",
     .version_v04 = 2,
     .version_v03 = 1,
     .example = race_example},
    {.name = "wikitext",
     .kind = Kind::kText,
     .metrics = {Metric::kWordPerplexity, Metric::kBytePerplexity, Metric::kBitsPerByte},
     .reported = Metric::kWordPerplexity,
     .documents = 62,
     .hub = "EleutherAI/wikitext_document_level",
     .config = "wikitext-2-raw-v1",
     .license = "CC BY-SA 3.0",
     .version_v04 = 2,
     .version_v03 = 1,
     .example = wikitext_example},
};

}  // namespace

std::span<const Task> all_tasks() { return kTasks; }

}  // namespace shorten::tasks
