// SPDX-License-Identifier: Apache-2.0
// WikiText as language modelling tasks read it: whole articles, and the spaces around punctuation that the
// data set has ("detokenization": rules of the harness, its oddities included).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "tasks/task.h"

namespace shorten::tasks {

// The articles of wiki.*.raw: each begins with a line " = Title = ". Blank ones are left out.
std::vector<std::string> wikitext_pages(std::string_view file);

std::string wikitext_detokenized(std::string_view page);

int64_t python_words(std::string_view text);  // runs of white space + 1: len(re.split(r"\s+", text))

// Field "page".
Example wikitext_example(const JsonObject& document, const Profile& profile);

}  // namespace shorten::tasks
