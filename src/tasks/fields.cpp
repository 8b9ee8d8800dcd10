// SPDX-License-Identifier: Apache-2.0
#include "tasks/fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace shorten::tasks {
namespace {

// The strings of an array, which may be empty.
std::vector<std::string> read_strings(const JsonObject& object, std::string_view key) {
  std::vector<std::string> out;
  for (const Json& value : object.array(key)) {
    if (!value.is_string()) throw object.error("an element is not a string", key).expected("strings");
    out.push_back(value.get<std::string>());
    if (out.back().empty()) throw object.error("an element is empty", key);
  }
  return out;
}

// The labels of choices: strings, or whole numbers.
std::vector<std::string> read_labels(const JsonObject& object, std::string_view key) {
  std::vector<std::string> out;
  for (const Json& value : object.array(key)) {
    const Json wrapped = {{"label", value}};
    out.push_back(read_label(JsonObject(wrapped, object.file(), object.error("", key).where()), "label"));
  }
  return out;
}

Choices read_pairs(const JsonObject& document, std::string_view key) {
  Choices out;
  const std::string place = document.error("", key).where();
  for (const Json& value : document.array(key)) {
    const JsonObject choice(value, document.file(), fmt::format("{}, element {}", place, out.texts.size()));
    out.texts.push_back(read_text(choice, "text"));
    out.labels.push_back(read_label(choice, "label"));
  }
  return out;
}

}  // namespace

const std::string& read_text(const JsonObject& document, std::string_view key) {
  const std::string& text = document.string(key);
  if (text.empty()) throw document.error("an empty text", key);
  return text;
}

std::vector<std::string> read_texts(const JsonObject& document, std::string_view key) {
  std::vector<std::string> texts = read_strings(document, key);
  if (texts.empty()) throw document.error("no choices", key);
  return texts;
}

std::string read_label(const JsonObject& document, std::string_view key) {
  if (document.at(key).is_number_integer()) return document.at(key).dump();
  return read_text(document, key);
}

int64_t read_number(const JsonObject& document, std::string_view key, int64_t low, int64_t high) {
  const Json& value = document.at(key);
  if (value.is_boolean()) {
    const int64_t number = value.get<bool>() ? 1 : 0;
    if (number < low || number > high) throw document.error("out of range", key);
    return number;
  }
  if (!value.is_string()) return document.integer(key, low, high);
  const std::string& digits = value.get_ref<const std::string&>();
  const bool number = !digits.empty() && digits.size() <= 9 &&
                      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!number || std::stoll(digits) < low || std::stoll(digits) > high) {
    throw document.error("not one of the labels", key).expected(fmt::format("{} to {}", low, high));
  }
  return std::stoll(digits);
}

Choices read_choices(const JsonObject& document, std::string_view key) {
  Choices out;
  if (document.at(key).is_object()) {
    const JsonObject lists = document.object(key);
    out = {read_strings(lists, "text"), read_labels(lists, "label")};
  } else {
    out = read_pairs(document, key);
  }
  if (out.texts.size() != out.labels.size()) {
    throw document.error("not as many texts as labels", key)
        .found(fmt::format("{} texts, {} labels", out.texts.size(), out.labels.size()));
  }
  if (out.texts.empty()) throw document.error("no choices", key);
  std::vector<std::string> sorted = out.labels;
  std::sort(sorted.begin(), sorted.end());
  if (const auto twin = std::adjacent_find(sorted.begin(), sorted.end()); twin != sorted.end()) {
    throw document.error("two choices have the same label", key).found(printable(*twin, 40));
  }
  return out;
}

}  // namespace shorten::tasks
