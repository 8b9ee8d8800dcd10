// SPDX-License-Identifier: Apache-2.0
// Patterns of tokenizer.json. The input is a pattern, a zero byte and a text, or a pattern alone.
#include "target.h"
#include "text/regex.h"
#include "text/unicode.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shorten;
  const std::string_view all = fuzz::bytes(data, size);
  const size_t end = all.find('\0');
  const std::string pattern = text::replace_invalid_utf8(all.substr(0, end));
  const std::string subject =
      end == std::string_view::npos ? "It was 1859;\n\n  there." : text::replace_invalid_utf8(all.substr(end + 1));
  return fuzz::run([&] {
    const text::Regex regex(pattern, "file", "pattern");
    text::Regex::Scanner scanner(regex, subject);
    size_t last = 0;
    while (const auto match = scanner.next()) {
      if (match->start < last || match->end < match->start || match->end > subject.size()) std::abort();
      last = match->end;
    }
  });
}
