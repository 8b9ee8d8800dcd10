// SPDX-License-Identifier: Apache-2.0
#include "tasks/hellaswag.h"

#include <fmt/format.h>

#include "core/error.h"
#include "python/text.h"
#include "tasks/example.h"
#include "tasks/fields.h"
#include "text/normalizer.h"

namespace shorten::tasks {
namespace {

// Deletes what \[.*?\] matches: from a bracket to the next closing one, on one line.
std::string without_brackets(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '[') {
      const size_t end = text.find_first_of("]\n", at + 1);
      if (end != std::string_view::npos && text[end] == ']') {
        at = end;
        continue;
      }
    }
    out += text[at];
  }
  return out;
}

}  // namespace

std::string hellaswag_text(std::string_view text) {
  const std::string titled = text::replace_all(python::strip(text), " [title]", ". ");
  return text::replace_all(without_brackets(titled), "  ", " ");
}

std::string hellaswag_query(std::string_view activity, std::string_view ctx_a, std::string_view ctx_b) {
  return hellaswag_text(fmt::format("{}: {} {}", activity, ctx_a, python::capitalize(ctx_b)));
}

Example hellaswag_example(const JsonObject& document, const Profile&) {
  std::vector<std::string> endings;
  for (const std::string& ending : read_texts(document, "endings")) {
    endings.push_back(hellaswag_text(ending));
    if (endings.back().empty()) throw document.error("an ending without text", "endings").found(printable(ending, 60));
  }
  const int64_t gold = read_number(document, "label", 0, static_cast<int64_t>(endings.size()) - 1);
  // The original files leave out a part of the story that is empty.
  const std::string query = hellaswag_query(document.string("activity_label"), document.string_or("ctx_a", ""),
                                            document.string_or("ctx_b", ""));
  return ask(query, endings, gold);
}

}  // namespace shorten::tasks
