// SPDX-License-Identifier: Apache-2.0
// Rows of token ids kept in $XDG_CACHE_HOME/shorten, else ~/.cache/shorten, under what they are. The file is a SOURCE
// of ready ids like any other; its first line says what it holds as well. Nothing in it is believed that does not fit
// that.
#pragma once

#include <optional>
#include <vector>

#include "core/file.h"
#include "core/json.h"
#include "text/tokenizer.h"

namespace shorten::jobs {

using TokenRows = std::vector<std::vector<text::TokenId>>;

// `what` describes the rows and has the integers "rows", "length" and the boolean "whole_rows".
class SelfTextCache {
 public:
  SelfTextCache(Json what, int64_t vocabulary);

  const fs::path& file() const { return file_; }  // empty where the user has no cache folder

  // The rows, if they are there. A file that is damaged or holds something else is named in a warning.
  std::optional<TokenRows> read() const;
  // A cache that cannot be written costs time the next time, not the result: it is a warning.
  void write(const TokenRows& rows) const;

 private:
  TokenRows read_checked() const;

  Json what_;
  int64_t vocabulary_;
  fs::path file_;
};

}  // namespace shorten::jobs
