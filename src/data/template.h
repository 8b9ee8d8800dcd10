// SPDX-License-Identifier: Apache-2.0
// Conversations → text with the parts that are trained on marked.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file.h"

namespace shorten::data {

struct Message {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

// A piece of a conversation's text.
struct Segment {
  std::string text;
  bool learnt = false;  // what the assistant says, with the token that ends its turn
};

// The instruction template of Alpaca (Taori et al. 2023), up to where the answer begins. An empty input is none.
std::string alpaca_prompt(const std::string& instruction, const std::string& input);

struct TemplateStyle;  // data/template_table.h

// A chat template that is known by its exact wording: a Jinja text is never run.
class ChatTemplate {
 public:
  // Of a model directory: chat_template.jinja, else the key of tokenizer_config.json (of several, "default"). Throws
  // unsupported if there is none or it is not one that is known, listing those; bad_input if it writes a BOS or EOS
  // token and tokenizer_config.json names none.
  static ChatTemplate open(const fs::path& model_dir);

  // The template whose Jinja text has this SHA-256, if it is known. `bos` and `eos` are what it writes for these
  // tokens.
  static std::optional<ChatTemplate> find(std::string_view sha256, std::string bos, std::string eos);

  // The texts of the segments, joined, are what the Jinja text gives without a prompt for generation. A segment that is
  // learnt begins where that prompt would end. Throws bad_input, with neither file nor place, for a conversation that
  // the template has no place for: a system message where there is none or not at the beginning, roles that do not
  // alternate where they must, another role, nothing said at all.
  std::vector<Segment> render(const std::vector<Message>& messages) const;
  std::string_view name() const;  // "chatml"

 private:
  ChatTemplate(const TemplateStyle& style, std::string bos, std::string eos);

  const TemplateStyle* style_;  // in the table of template_table.cpp
  std::string bos_, eos_;
};

}  // namespace shorten::data
