// SPDX-License-Identifier: Apache-2.0
// The "post_processor" of tokenizer.json: the tokens around a text.
#pragma once

#include <vector>

#include "core/json.h"
#include "text/tokenizer.h"

namespace shorten::text {

struct Surroundings {
  std::vector<TokenId> before, after;
};

// Throws unsupported for a type, or a template, that is not known.
Surroundings parse_post_processor(const Json& value, const std::filesystem::path& file);

}  // namespace shorten::text
