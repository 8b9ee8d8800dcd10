// SPDX-License-Identifier: Apache-2.0
#include "data/entry.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/error.h"

namespace shorten::data {
namespace {

// ShareGPT's names of who speaks, and the usual ones.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kRoles{
    {{"system", "system"}, {"user", "user"}, {"human", "user"}, {"assistant", "assistant"}, {"gpt", "assistant"}}};

std::string role_of(const JsonObject& message, std::string_view key) {
  const std::string& name = message.string(key);
  for (const auto& [known, role] : kRoles) {
    if (known == name) return std::string(role);
  }
  throw message.error("not a role that is known", key).expected("system, user, human, assistant or gpt");
}

std::vector<TokenId> tokens(const JsonObject& entry, std::string_view key, int64_t low, int64_t vocabulary) {
  std::vector<TokenId> out;
  const Json& values = entry.array(key);
  out.reserve(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const Json& value = values[i];
    const bool whole = value.is_number_integer() &&
                       !(value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX));
    const int64_t id = whole ? value.get<int64_t>() : -1;
    if (!whole || ((id < 0 || id >= vocabulary) && !(low < 0 && id == low))) {
      throw entry.error(fmt::format("element {} is nothing that the model can learn from", i), key)
          .expected(fmt::format("token ids from 0 to {}{}", vocabulary - 1, low < 0 ? fmt::format(", or {}", low) : ""))
          .found(value.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
    out.push_back(static_cast<TokenId>(id));
  }
  return out;
}

}  // namespace

bool has_keys(const Json& entry, Kind kind) {
  switch (kind) {
    case Kind::kReady:
      return entry.contains("input_ids");
    case Kind::kMessages:
      return entry.contains("messages") || entry.contains("conversations");
    case Kind::kAlpaca:
      return entry.contains("instruction") && entry.contains("output");
    case Kind::kCompletion:
      return entry.contains("prompt") && entry.contains("completion");
    case Kind::kText:
      return entry.contains("text");
  }
  return false;
}

std::string_view keys_of(Kind kind) {
  switch (kind) {
    case Kind::kReady:
      return "\"input_ids\"";
    case Kind::kMessages:
      return "\"messages\" or \"conversations\"";
    case Kind::kAlpaca:
      return "\"instruction\" and \"output\"";
    case Kind::kCompletion:
      return "\"prompt\" and \"completion\"";
    case Kind::kText:
      return "\"text\"";
  }
  return "";
}

std::optional<Kind> kind_of(const Json& entry) {
  for (const Kind kind : {Kind::kReady, Kind::kMessages, Kind::kAlpaca, Kind::kCompletion, Kind::kText}) {
    if (has_keys(entry, kind)) return kind;
  }
  return std::nullopt;
}

std::string keys_seen(const Json& entry) {
  constexpr size_t kShown = 20;
  std::string out;
  size_t number = 0;
  for (const auto& [key, unused] : entry.items()) {
    if (number++ == kShown) return out + ", ...";
    out += fmt::format("{}\"{}\"", out.empty() ? "the keys " : ", ", key);
  }
  return out.empty() ? "no keys" : out;
}

std::vector<Message> messages_of(const JsonObject& entry, const std::string& where) {
  const bool share_gpt = !entry.value().contains("messages");
  const std::string_view list = share_gpt ? "conversations" : "messages";
  std::vector<Message> out;
  const Json& messages = entry.array(list);
  for (size_t i = 0; i < messages.size(); ++i) {
    const JsonObject message(messages[i], entry.file(), fmt::format("{}, {}[{}]", where, list, i));
    out.push_back({role_of(message, share_gpt ? "from" : "role"), message.string(share_gpt ? "value" : "content")});
  }
  if (out.empty()) throw entry.error("a conversation without messages", list);
  return out;
}

Example ready_row(const JsonObject& entry, int64_t vocabulary) {
  Example out;
  out.ids = tokens(entry, "input_ids", 0, vocabulary);
  if (out.ids.empty()) throw entry.error("a row without tokens", "input_ids");
  out.labels = entry.has("labels") ? tokens(entry, "labels", kIgnored, vocabulary) : out.ids;
  if (out.labels.size() != out.ids.size()) {
    throw entry.error("another number of labels than of tokens", "labels")
        .expected(fmt::format("{} labels", out.ids.size()))
        .found(fmt::format("{}", out.labels.size()));
  }
  return out;
}

}  // namespace shorten::data
