// SPDX-License-Identifier: Apache-2.0
// Regular expressions of Python's `re` for paths of modules, run on PCRE2; what the two read differently is refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/json.h"
#include "text/pcre.h"

namespace shorten::python {

class Regex {
 public:
  // `key` of `config` is named in errors: unsupported if the expression does not compile here.
  Regex(const JsonObject& config, std::string_view key, const std::string& pattern);

  // As re.fullmatch. Throws unsupported if the expression backtracks without end. REQUIRES: `path` is ASCII.
  bool matches(std::string_view path) const;

 private:
  Error refused(const std::string& why) const;

  std::filesystem::path file_;
  std::string key_, pattern_;
  std::optional<text::Pcre> pcre_;
};

}  // namespace shorten::python
