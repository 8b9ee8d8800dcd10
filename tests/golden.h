// SPDX-License-Identifier: Apache-2.0
// The golden cases: tiny random models with values made by Transformers (golden/README.md).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "core/json.h"
#include "kernels/torch.h"
#include "test_data.h"

namespace shorten::test {

inline std::filesystem::path golden_models() { return source_dir() / "tests" / "golden" / "models"; }

inline std::vector<std::string> golden_cases() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden_models()))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// Those whose expected.json has this key.
inline std::vector<std::string> golden_cases_with(const std::string& key) {
  std::vector<std::string> names = golden_cases();
  std::erase_if(names, [&](const std::string& name) {
    return !read_json(golden_models() / name / "expected.json").contains(key);
  });
  return names;
}

// Test names may not have a '-'.
inline std::string case_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// Rows of equal length → [N, T] int64.
inline at::Tensor ids_tensor(const Json& rows) {
  std::vector<int64_t> flat;
  for (const Json& row : rows) {
    for (const Json& id : row) flat.push_back(id.get<int64_t>());
  }
  const auto n = static_cast<int64_t>(rows.size());
  return at::tensor(flat, at::kLong).reshape({n, -1});
}

// Nested numbers → fp64 tensor of the same shape.
inline at::Tensor numbers_tensor(const Json& value) {
  if (value.is_number()) return at::scalar_tensor(value.get<double>(), at::kDouble);
  std::vector<at::Tensor> parts;
  for (const Json& part : value) parts.push_back(numbers_tensor(part));
  return at::stack(parts);
}

}  // namespace shorten::test
