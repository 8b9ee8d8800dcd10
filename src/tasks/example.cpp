// SPDX-License-Identifier: Apache-2.0
#include "tasks/example.h"

#include "python/text.h"

namespace shorten::tasks {

Example ask(std::string_view context, std::span<const std::string> choices, int64_t gold) {
  Example out;
  for (const std::string& choice : choices) {
    out.requests.push_back({std::string(context), " " + choice});
    out.lengths.push_back(python::length(choice));
  }
  out.gold = gold;
  out.target = std::to_string(gold);
  return out;
}

}  // namespace shorten::tasks
