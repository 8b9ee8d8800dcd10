// SPDX-License-Identifier: Apache-2.0
// The chat templates that are known: what each writes around a message, and the SHA-256 of the Jinja texts that do so.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace shorten::data {

enum class System {
  kNone,     // there is no place for one
  kTurn,     // a turn of its own, with before and after
  kInFirst,  // before and after around it, in front of what the first user says
};

// {bos} and {eos} in these texts stand for the model's tokens.
struct TemplateStyle {
  std::string_view name;
  std::string_view start = {};  // in front of all
  std::string_view user_before = {}, user_after = {};
  // The assistant's turn: `assistant_before` is the prompt for generation; from `lead` to `close` is what it learns to
  // write; `assistant_after` follows.
  std::string_view assistant_before = {}, lead = {}, close = {}, assistant_after = {};
  std::string_view end = {};  // behind all
  System system = System::kTurn;
  std::string_view system_before = {}, system_after = {};
  std::optional<std::string_view> default_system = {};  // where the conversation does not begin with one
  bool trims = false;                                   // white space around what is said is dropped
  bool alternates = false;  // user, assistant, user, ..., a system message only in front of them
};

std::span<const TemplateStyle> template_styles();

// The style of a Jinja text, or null.
const TemplateStyle* find_style(std::string_view sha256);

}  // namespace shorten::data
