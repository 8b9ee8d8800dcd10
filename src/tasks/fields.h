// SPDX-License-Identifier: Apache-2.0
// The fields of a document, read strictly, in the spellings that the data sets have.
#pragma once

#include <string>
#include <vector>

#include "core/json.h"

namespace shorten::tasks {

// All throw bad_input that names the place of the document and the field.

const std::string& read_text(const JsonObject& document, std::string_view key);         // not empty
std::vector<std::string> read_texts(const JsonObject& document, std::string_view key);  // one or more, none empty

// The name of a choice: a string, or a whole number as its digits.
std::string read_label(const JsonObject& document, std::string_view key);

// A number in `low`..`high`: an integer, a string of digits, or a bool.
int64_t read_number(const JsonObject& document, std::string_view key, int64_t low, int64_t high);

// Choices with names: {"text": [...], "label": [...]}, or [{"text": ..., "label": ...}, ...].
struct Choices {
  std::vector<std::string> texts, labels;  // as many of both, one or more, no label twice
};
Choices read_choices(const JsonObject& document, std::string_view key);

}  // namespace shorten::tasks
