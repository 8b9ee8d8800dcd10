// SPDX-License-Identifier: Apache-2.0
// Both readers of JSON: what makes a tree passes the check without a tree, and can be walked.
#include "core/json.h"

#include "core/json_text.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shorten;
  const std::string_view text = fuzz::bytes(data, size);
  fuzz::run([&] { check_json_text(text, "file"); });
  return fuzz::run([&] {
    const Json value = parse_json(text, "file");
    if (text.starts_with("\xEF\xBB\xBF")) return;  // which only the tree's reader passes over
    try {
      check_json_text(text, "file");
    } catch (const Error&) {
      std::abort();
    }
    if (value.is_object() && json_members(text).size() != value.size()) std::abort();
    if (value.is_array() && json_elements(text).size() != value.size()) std::abort();
    if (value.is_string() && json_string(text) != value.get<std::string>()) std::abort();
  });
}
