// SPDX-License-Identifier: Apache-2.0
// CHECK(condition, "what is broken"): for our own bugs, always on. What a user or a file can cause is
// an Error (core/error.h), never a CHECK.
#pragma once

#include <stdexcept>
#include <string>

namespace shorten {

class CheckFailure : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

[[noreturn]] void check_failed(const char* file, int line, const char* condition, const std::string& message);

}  // namespace shorten

#define SHORTEN_CHECK(condition, message)                               \
  do {                                                                  \
    if (!(condition)) [[unlikely]]                                      \
      ::shorten::check_failed(__FILE__, __LINE__, #condition, message); \
  } while (false)
