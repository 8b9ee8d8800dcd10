// SPDX-License-Identifier: Apache-2.0
#include "tasks/wikitext.h"

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/utf8.h"
#include "python/text.h"
#include "text/normalizer.h"

namespace shorten::tasks {
namespace {

using text::replace_all;

// One level of heading: deeper ones are "= = Section = =".
bool is_title(std::string_view line) {
  const std::string joined = replace_all(replace_all(line, "= = =", "==="), "= =", "==");
  const std::string_view heading = python::strip(joined);
  return heading.starts_with("= ") && heading.ends_with(" =");
}

// White space inside a pair of brackets or quotes, next to them, goes. From the left; what is between `open`
// and the next `close` is the content, whatever it is.
std::string tighten(std::string_view text, char open, char close) {
  std::string out;
  size_t at = 0;
  for (;;) {
    const size_t begin = text.find(open, at);
    const size_t end = begin == std::string_view::npos ? begin : text.find(close, begin + 1);
    if (end == std::string_view::npos) break;
    out += text.substr(at, begin + 1 - at);
    out += python::strip(text.substr(begin + 1, end - begin - 1));
    out += close;
    at = end + 1;
  }
  return out.append(text.substr(at));
}

// The harness writes re.sub(r"/' [0-9]/", r"/'[0-9]/"): the slashes, and in the replacement the brackets, are
// meant literally there, though hardly by its author.
std::string replace_slashed_digit(std::string_view text) {
  constexpr std::string_view kOpen = "/' ";
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with(kOpen) && rest.size() > 4 && rest[3] >= '0' && rest[3] <= '9' && rest[4] == '/') {
      out += "/'[0-9]/";
      at += 5;
    } else {
      out += text[at++];
    }
  }
  return out;
}

using Replacement = std::pair<std::string_view, std::string_view>;
constexpr Replacement kPunctuation[] = {
    {" @-@ ", "-"}, {" @,@ ", ","}, {" @.@ ", "."}, {" : ", ": "}, {" ; ", "; "},
    {" . ", ". "},  {" ! ", "! "},  {" ? ", "? "},  {" , ", ", "},
};
constexpr std::pair<char, char> kPairs[] = {{'(', ')'}, {'[', ']'}, {'{', '}'}, {'"', '"'}, {'\'', '\''}};
constexpr Replacement kRest[] = {
    {"= = = =", "===="}, {"= = =", "==="}, {"= =", "=="},  {" \u00B0 ", "\u00B0"},
    {" \n", "\n"},       {"\n ", "\n"},    {" N ", " 1 "}, {" 's", "'s"},
};

}  // namespace

std::vector<std::string> wikitext_pages(std::string_view file) {
  std::vector<std::string> pages;
  size_t page = 0;  // where the one being collected starts
  // `end` is behind the last line of the page, without its line feed where another line follows.
  const auto emit = [&](size_t end) {
    const std::string_view text = file.substr(page, end - page);
    if (!python::strip(text).empty()) pages.emplace_back(text);
  };
  for (size_t start = 0; start < file.size();) {
    const size_t end = std::min(file.find('\n', start), file.size());
    if (is_title(file.substr(start, end - start))) {
      if (start > page) emit(start - 1);
      page = start;
    }
    start = end + 1;
  }
  emit(file.size());
  return pages;
}

std::string wikitext_detokenized(std::string_view page) {
  std::string out = replace_slashed_digit(replace_all(page, "s '", "s'"));
  for (const auto& [from, to] : kPunctuation) out = replace_all(out, from, to);
  for (const auto& [open, close] : kPairs) out = tighten(out, open, close);
  for (const auto& [from, to] : kRest) out = replace_all(out, from, to);
  return out;
}

int64_t python_words(std::string_view text) {
  int64_t runs = 0;
  bool inside = false;
  for (size_t at = 0; at < text.size();) {
    const size_t n = utf8_sequence_length(text, at);
    const bool space = python::is_space(utf8_decode(text, at, n));
    if (space && !inside) ++runs;
    inside = space;
    at += n;
  }
  return runs + 1;
}

Example wikitext_example(const JsonObject& document, const Profile&) {
  const std::string& page = document.string("page");
  Example out;
  out.target = wikitext_detokenized(page);
  if (python::strip(out.target).empty()) throw document.error("an empty page", "page");
  out.requests = {{"", out.target}};
  // Of the page as it is, so that the numbers can be compared whatever is done to the text.
  out.words = python_words(page);
  out.bytes = static_cast<int64_t>(page.size());
  return out;
}

}  // namespace shorten::tasks
