// SPDX-License-Identifier: Apache-2.0
#include "tasks/profile.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "core/error.h"

namespace shorten::tasks {
namespace {

constexpr Profile kProfiles[] = {
    {.name = "v0.3-sep",
     .versions = "0.3.0 until 2023-05",
     .joint = false,
     .tokenizer_bos = false,
     .prefix_bos = false,
     .shuffled = true,
     .limit_ceil = false,
     .early_texts = true,
     .early_mmlu = true,
     .late_race = false,
     .early_files = true},
    {.name = "v0.3-joint",
     .versions = "0.3 from 2023-06",
     .joint = true,
     .tokenizer_bos = false,
     .prefix_bos = false,
     .shuffled = true,
     .limit_ceil = false,
     .early_texts = true,
     .early_mmlu = false,
     .late_race = false,
     .early_files = true},
    {.name = "v0.4-nobos",
     .versions = "0.4.0 to 0.4.2",
     .joint = true,
     .tokenizer_bos = false,
     .prefix_bos = false,
     .shuffled = false,
     .limit_ceil = true,
     .early_texts = false,
     .early_mmlu = false,
     .late_race = false,
     .early_files = false},
    {.name = "v0.4.3",
     .versions = "0.4.3 to 0.4.9.1",
     .joint = true,
     .tokenizer_bos = false,
     .prefix_bos = true,
     .shuffled = false,
     .limit_ceil = true,
     .early_texts = false,
     .early_mmlu = false,
     .late_race = false,
     .early_files = false},
    {.name = "v0.4.9.2",
     .versions = "0.4.9.2 and later",
     .joint = true,
     .tokenizer_bos = true,
     .prefix_bos = true,
     .shuffled = false,
     .limit_ceil = true,
     .early_texts = false,
     .early_mmlu = false,
     .late_race = true,
     .early_files = false},
};

}  // namespace

std::span<const Profile> all_profiles() { return kProfiles; }

const Profile& find_profile(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Profile& profile : kProfiles) {
    if (profile.name == name) return profile;
    names.push_back(profile.name);
  }
  throw usage_error("no such profile").expected(fmt::format("{}", fmt::join(names, ", "))).found(printable(name, 40));
}

}  // namespace shorten::tasks
