// SPDX-License-Identifier: Apache-2.0
// PCRE2 with limits: what it costs to match is bounded, whatever the pattern and the text. What a pattern means, and
// what of it is refused, is up to whoever takes it from another language (text/regex.h, python/regex.h).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;

namespace shorten::text {

class Pcre {
 public:
  struct Options {
    bool whole = false;    // a match is all of the text
    bool lines = false;    // ^ and $ match at every line
    bool unicode = false;  // \w, \d and cases are Unicode's
    bool just_in_time = false;
  };
  struct Limits {
    uint64_t steps = 0;  // of backtracking, for one match
    uint32_t heap_kib = 0;
  };

  // Throws PcreProblem if it does not compile.
  Pcre(std::string_view pattern, const Options& options);

  // Matches of one text, one after another. It and the Pcre outlive this.
  class Matcher {
   public:
    Matcher(const Pcre& pcre, std::string_view text, const Limits& limits);

    // The first match at or behind byte `at`: its begin and end. Throws PcreProblem if a limit is reached.
    // REQUIRES: well-formed UTF-8.
    std::optional<std::pair<size_t, size_t>> find(size_t at);

   private:
    const pcre2_real_code_8* code_;
    std::string_view text_;
    std::shared_ptr<pcre2_real_match_data_8> data_;
    std::shared_ptr<pcre2_real_match_context_8> context_;
  };

 private:
  std::shared_ptr<const pcre2_real_code_8> code_;
};

struct PcreProblem {
  std::string what;  // PCRE2's own words
};

}  // namespace shorten::text
