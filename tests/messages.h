// SPDX-License-Identifier: Apache-2.0
// What the code under test says while one lives.
#pragma once

#include <string>

#include "core/progress.h"

namespace shorten::test {

class Messages {
 public:
  Messages() {
    hooks_.on_message = [this](Level level, std::string_view text) {
      said_ += (level == Level::kWarning ? "warning: " : "") + std::string(text) + "\n";
    };
  }

  const std::string& said() const { return said_; }

 private:
  std::string said_;
  Hooks hooks_;
  HookScope scope_{hooks_};
};

}  // namespace shorten::test
