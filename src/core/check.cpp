// SPDX-License-Identifier: Apache-2.0
#include "core/check.h"

#include <fmt/format.h>

#include <string_view>

namespace shorten {

void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  std::string_view path = file;  // from src/ on: where the tree was built is nobody's business
  if (const size_t at = path.rfind("src/"); at != std::string_view::npos) path = path.substr(at);
  throw CheckFailure(fmt::format("{}:{}: {} (CHECK {})", path, line, message, condition));
}

}  // namespace shorten
