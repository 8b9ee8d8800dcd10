// SPDX-License-Identifier: Apache-2.0
// WikiText-2 and PTB as papers on compression join them for a perplexity. Their code (GPTQ's, and what was made
// of it) loads the rows of a Hugging Face data set and puts a separator between; the files here are the
// original ones, of which those rows are the lines.
#pragma once

#include <string>
#include <string_view>

namespace shorten::text {

// wiki.*.raw: a row is a line with its line feed, a blank line an empty row; "\n\n" goes between.
// REQUIRES for both: well-formed UTF-8.
std::string join_wikitext_rows(std::string_view file);

// ptb.*.txt: a row is a line without white space around it. The papers' separators are "\n\n" and " ".
std::string join_ptb_rows(std::string_view file, std::string_view separator);

}  // namespace shorten::text
