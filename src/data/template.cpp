// SPDX-License-Identifier: Apache-2.0
#include "data/template.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "core/error.h"
#include "core/json.h"
#include "core/sha256.h"
#include "data/template_table.h"
#include "python/text.h"
#include "text/tokenizer_config.h"

namespace shorten::data {
namespace {

constexpr uint64_t kMaxBytes = 1u << 20;  // of a template

bool mentions(const TemplateStyle& style, std::string_view token) {
  for (const std::string_view text :
       {style.start, style.user_before, style.user_after, style.assistant_before, style.lead, style.close,
        style.assistant_after, style.end, style.system_before, style.system_after}) {
    if (text.find(token) != std::string_view::npos) return true;
  }
  return false;
}

std::string known_names() {
  std::vector<std::string_view> names;
  for (const TemplateStyle& style : template_styles()) names.push_back(style.name);
  return fmt::format("the exact wording of one of: {}", fmt::join(names, ", "));
}

// The Jinja text of the key "chat_template": a string, or an array of named ones.
std::optional<std::string> configured(const fs::path& file) {
  const Json json = read_json(file);
  const JsonObject config(json, file);
  if (!config.has("chat_template")) return std::nullopt;
  if (!config.at("chat_template").is_array()) return config.string("chat_template");
  for (const Json& entry : config.array("chat_template")) {
    const JsonObject named(entry, file, "key \"chat_template\"");
    if (named.string("name") == "default") return named.string("template");
  }
  return std::nullopt;
}

// Joins segments of a kind, so that a boundary is where learning begins or ends.
class Text {
 public:
  Text(std::string_view bos, std::string_view eos) : bos_(bos), eos_(eos) {}

  // A text of the style, with its tokens put in.
  void own(std::string_view pattern, bool learnt = false) {
    std::string out;
    while (!pattern.empty()) {
      const bool bos = pattern.starts_with("{bos}"), eos = pattern.starts_with("{eos}");
      out += bos ? bos_ : eos ? eos_ : pattern.substr(0, 1);
      pattern.remove_prefix(bos || eos ? 5 : 1);
    }
    said(out, learnt);
  }

  void said(std::string_view text, bool learnt = false) {
    if (text.empty()) return;
    if (segments.empty() || segments.back().learnt != learnt) segments.push_back({"", learnt});
    segments.back().text += text;
  }

  std::vector<Segment> segments;

 private:
  std::string_view bos_, eos_;
};

// Throws for what the style cannot write.
void check(const TemplateStyle& style, const std::vector<Message>& messages) {
  bool system_in_front = false, any = false;
  size_t turn = 0;  // of user and assistant
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string& role = messages[i].role;
    const auto fail = [&](std::string what) {
      return bad_input(std::move(what)).found(fmt::format("message {}, role \"{}\"", i, role));
    };
    if (role == "system") {
      if (style.system == System::kNone) {
        throw fail(fmt::format("the chat template ({}) has no place for a system message", style.name));
      }
      if (i > 0 && (style.alternates || style.system == System::kInFirst)) {
        throw fail(fmt::format("the chat template ({}) takes a system message only at the beginning", style.name));
      }
      system_in_front |= i == 0;
    } else if (role == "user" || role == "assistant") {
      any = true;
      if (style.alternates && (role == "user") != (turn % 2 == 0)) {
        throw fail(
            fmt::format("roles must alternate in the chat template ({}): user, assistant, user, ...", style.name));
      }
      ++turn;
    } else {
      throw fail("not a role that is known").expected("system, user or assistant");
    }
  }
  if (!any) throw bad_input("a conversation in which neither a user nor the assistant says anything");
}

}  // namespace

std::string alpaca_prompt(const std::string& instruction, const std::string& input) {
  if (input.empty()) {
    return fmt::format(
        "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n{}\n\n### Response:\n",
        instruction);
  }
  return fmt::format(
      "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
      "response that appropriately completes the request.\n\n### Instruction:\n{}\n\n### Input:\n{}\n\n"
      "### Response:\n",
      instruction, input);
}

ChatTemplate::ChatTemplate(const TemplateStyle& style, std::string bos, std::string eos)
    : style_(&style), bos_(std::move(bos)), eos_(std::move(eos)) {}

ChatTemplate ChatTemplate::open(const fs::path& model_dir) {
  const text::TokenizerConfig config = text::read_tokenizer_config(model_dir);
  fs::path file = model_dir / "chat_template.jinja";
  std::optional<std::string> jinja;
  if (fs::exists(file)) {
    jinja = read_file(file, kMaxBytes);
  } else if (file = config.file; fs::exists(file)) {
    jinja = configured(file);
  }
  const auto refuse = [&](std::string what) {
    return unsupported(std::move(what))
        .file(file)
        .expected(known_names())
        .help("give the data as prompt and completion, or as ready rows");
  };
  if (!jinja) throw refuse("conversations need a chat template, and the model has none");
  const std::string sha256 = sha256_hex(*jinja);
  auto found = find(sha256, config.bos.value_or(""), config.eos.value_or(""));
  if (!found) throw refuse("a chat template that is not known").found("SHA-256 " + sha256);
  for (const auto& [key, mark, token] :
       {std::tuple("bos_token", "{bos}", config.bos), std::tuple("eos_token", "{eos}", config.eos)}) {
    if (!token && mentions(*found->style_, mark)) {
      throw bad_input(fmt::format("the chat template ({}) writes a token that is not named", found->name()))
          .file(config.file)
          .where(fmt::format("key \"{}\"", key));
    }
  }
  return *found;
}

std::optional<ChatTemplate> ChatTemplate::find(std::string_view sha256, std::string bos, std::string eos) {
  const TemplateStyle* style = find_style(sha256);
  if (!style) return std::nullopt;
  return ChatTemplate(*style, std::move(bos), std::move(eos));
}

std::string_view ChatTemplate::name() const { return style_->name; }

std::vector<Segment> ChatTemplate::render(const std::vector<Message>& messages) const {
  const TemplateStyle& style = *style_;
  check(style, messages);
  Text out(bos_, eos_);
  out.own(style.start);
  if (style.default_system && messages.front().role != "system") {
    out.own(style.system_before);
    out.said(*style.default_system);
    out.own(style.system_after);
  }
  const auto said = [&](const std::string& content) {
    return style.trims ? python::strip(content) : std::string_view(content);
  };
  std::string in_front;  // of what the first user says
  for (const auto& [role, content] : messages) {
    if (role == "system" && style.system == System::kInFirst) {
      in_front = fmt::format("{}{}{}", style.system_before, content, style.system_after);
    } else if (role == "system") {
      out.own(style.system_before);
      out.said(said(content));
      out.own(style.system_after);
    } else if (role == "user") {
      out.own(style.user_before);
      out.said(said(in_front + content));
      out.own(style.user_after);
      in_front.clear();
    } else {
      out.own(style.assistant_before);
      out.own(style.lead, true);
      out.said(said(content), true);
      out.own(style.close, true);
      out.own(style.assistant_after);
    }
  }
  out.own(style.end);
  return std::move(out.segments);
}

}  // namespace shorten::data
