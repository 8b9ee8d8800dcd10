// SPDX-License-Identifier: Apache-2.0
#include "text/pcre.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "core/error.h"

namespace shorten::text {
namespace {

PcreProblem problem_of(int error) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(error, text, sizeof text);
  return {reinterpret_cast<const char*>(text)};
}

PCRE2_SPTR bytes_of(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

}  // namespace

Pcre::Pcre(std::string_view pattern, const Options& o) {
  uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C;
  if (o.whole) options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
  if (o.lines) options |= PCRE2_MULTILINE;
  if (o.unicode) options |= PCRE2_UCP;
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* const code = pcre2_compile(bytes_of(pattern), pattern.size(), options, &error, &offset, nullptr);
  if (!code) throw problem_of(error);
  if (o.just_in_time) pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // where it fails, matching is slower
  code_.reset(code, [](const pcre2_code* c) { pcre2_code_free(const_cast<pcre2_code*>(c)); });
}

Pcre::Matcher::Matcher(const Pcre& pcre, std::string_view text, const Limits& limits)
    : code_(pcre.code_.get()),
      text_(text),
      data_(pcre2_match_data_create_from_pattern(code_, nullptr), pcre2_match_data_free),
      context_(pcre2_match_context_create(nullptr), pcre2_match_context_free) {
  if (!data_ || !context_) throw no_space("no memory for a regular expression");
  pcre2_set_match_limit(context_.get(), static_cast<uint32_t>(std::min<uint64_t>(limits.steps, UINT32_MAX)));
  pcre2_set_heap_limit(context_.get(), limits.heap_kib);
}

std::optional<std::pair<size_t, size_t>> Pcre::Matcher::find(size_t at) {
  const auto match = [&](uint32_t options) {
    return pcre2_match(code_, bytes_of(text_), text_.size(), at, options | PCRE2_NO_UTF_CHECK, data_.get(),
                       context_.get());
  };
  int result = match(0);
  if (result == PCRE2_ERROR_JIT_STACKLIMIT) result = match(PCRE2_NO_JIT);
  if (result == PCRE2_ERROR_NOMATCH) return std::nullopt;
  if (result < 0) throw problem_of(result);
  const PCRE2_SIZE* const offsets = pcre2_get_ovector_pointer(data_.get());
  return std::pair(offsets[0], offsets[1]);
}

}  // namespace shorten::text
