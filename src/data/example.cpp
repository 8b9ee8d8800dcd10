// SPDX-License-Identifier: Apache-2.0
#include "data/example.h"

#include <algorithm>

#include "core/check.h"
#include "core/sha256.h"

namespace shorten::data {
namespace {

void append(std::string& out, int32_t value) {
  const auto bits = static_cast<uint32_t>(value);
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(bits >> shift & 0xFF);
}

}  // namespace

int64_t count_targets(const Example& example) {
  int64_t count = 0;
  for (size_t p = 1; p < example.labels.size(); ++p) count += example.labels[p] != kIgnored;
  return count;
}

int64_t longest(const std::vector<Example>& examples) {
  size_t length = 0;
  for (const Example& example : examples) length = std::max(length, example.ids.size());
  return static_cast<int64_t>(length);
}

std::string examples_sha256(const std::vector<Example>& examples) {
  Sha256 sha;
  std::string bytes;
  for (const Example& example : examples) {
    SHORTEN_CHECK(example.ids.size() == example.labels.size(), "as many labels as ids");
    bytes.clear();
    append(bytes, static_cast<int32_t>(example.ids.size()));
    for (const TokenId id : example.ids) append(bytes, id);
    for (const TokenId label : example.labels) append(bytes, label);
    sha.update(bytes);
  }
  return sha.hex();
}

}  // namespace shorten::data
