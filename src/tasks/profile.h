// SPDX-License-Identifier: Apache-2.0
// A profile is one behaviour of lm-evaluation-harness, named after the version that began with it. Numbers
// are comparable only under the same profile; docs/protocols.md says what moved between them.
#pragma once

#include <span>
#include <string_view>

namespace shorten::tasks {

struct Profile {
  std::string_view name;      // "v0.4.3", as it is asked for
  std::string_view versions;  // of the harness, for the help text: "0.4.3 to 0.4.9.1"

  // Requests → tokens.
  bool joint;          // context and continuation are tokenised together and split; else each alone
  bool tokenizer_bos;  // with the special tokens that the tokenizer adds by itself; else with none
  bool prefix_bos;     // what an empty context becomes: BOS, or EOS where there is none; else always EOS

  // Documents.
  bool shuffled;     // --limit takes the first of the documents shuffled with Python's random.Random(42)
  bool limit_ceil;   // a --limit below 1 is rounded up; else down
  bool early_texts;  // the texts of harness 0.3 (copa, sciq)
  bool early_mmlu;   // mmlu scores the texts of the choices, not their letters
  bool late_race;    // race as from 0.4.12 on

  bool early_files;  // results files as harness 0.3 writes them
};

std::span<const Profile> all_profiles();             // oldest first
const Profile& find_profile(std::string_view name);  // throws usage_error that lists the names
inline constexpr std::string_view kDefaultProfile = "v0.4.3";

}  // namespace shorten::tasks
