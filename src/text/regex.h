// SPDX-License-Identifier: Apache-2.0
// Regular expressions of tokenizer.json. They are written for Oniguruma (Ruby syntax) and run on PCRE2;
// what the two read differently is translated, or refused where it cannot be.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "text/pcre.h"

namespace shorten::text {

struct Match {
  size_t start, end;  // bytes
};

class Regex {
 public:
  // `file` and `where` are named in errors: bad_input if it does not compile, unsupported if it uses
  // what is not translated.
  Regex(std::string_view pattern, std::filesystem::path file, std::string where);

  // Goes through the non-overlapping matches of one text.
  class Scanner {
   public:
    // REQUIRES: well-formed UTF-8; `regex` and `text` outlive the scanner.
    Scanner(const Regex& regex, std::string_view text);
    Scanner(const Scanner&) = delete;
    Scanner& operator=(const Scanner&) = delete;

    // The next match. An empty match right behind the last match does not count.
    // Throws bad_input if the expression backtracks without end.
    std::optional<Match> next();

   private:
    std::optional<Match> find();

    const Regex& regex_;
    std::string_view text_;
    size_t at_ = 0;
    std::optional<size_t> last_end_;
    Pcre::Matcher matcher_;
  };

 private:
  std::optional<Pcre> pcre_;
  std::string pattern_;
  std::filesystem::path file_;
  std::string where_;
};

}  // namespace shorten::text
