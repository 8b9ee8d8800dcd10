// SPDX-License-Identifier: Apache-2.0
#include "text/normalizer.h"

#include <algorithm>

#include "core/utf8.h"
#include "text/parts.h"

namespace shorten::text {
namespace {

std::string run(const PrependText& step, std::string_view text) {
  return text.empty() ? std::string() : step.text + std::string(text);
}

std::string run(const ReplaceString& step, std::string_view text) { return replace_all(text, step); }

std::string run(const ReplaceRegex& step, std::string_view text) { return replace_all(text, step); }

std::string run(const Normalize& step, std::string_view text) { return to_normal_form(text, step.form); }

std::string run(const StripSpace& step, std::string_view text) {
  size_t start = 0, end = 0;  // of what stays
  bool inside = false;
  for (size_t at = 0, length = 0; at < text.size(); at += length) {
    length = utf8_sequence_length(text, at);
    if (is_space(utf8_decode(text, at, length))) continue;
    if (!inside) start = at;
    inside = true;
    end = at + length;
  }
  if (!inside) return step.left || step.right ? std::string() : std::string(text);
  if (!step.left) start = 0;
  if (!step.right) end = text.size();
  return std::string(text.substr(start, end - start));
}

}  // namespace

std::vector<Normalizer> parse_normalizer(const Json& value, const std::filesystem::path& file) {
  std::vector<Normalizer> steps;
  for_each_part(
      value, file, "normalizer", "normalizers",
      [&](const JsonObject& part, const std::string& type, const std::string& where) {
        if (type == "Prepend") {
          steps.emplace_back(PrependText{part.string("prepend")});
        } else if (type == "Replace") {
          Pattern pattern = parse_pattern(part, where);
          const std::string& with = part.string("content");
          if (pattern.is_regex) {
            steps.emplace_back(ReplaceRegex{Regex(pattern.text, file, where), with});
          } else {
            steps.emplace_back(ReplaceString{std::move(pattern.text), with});
          }
        } else if (type == "NFC" || type == "NFD" || type == "NFKC" || type == "NFKD") {
          steps.emplace_back(Normalize{type == "NFC"    ? NormalForm::kNfc
                                       : type == "NFD"  ? NormalForm::kNfd
                                       : type == "NFKC" ? NormalForm::kNfkc
                                                        : NormalForm::kNfkd});
        } else if (type == "Strip") {
          steps.emplace_back(StripSpace{part.boolean_or("strip_left", true), part.boolean_or("strip_right", true)});
        } else {
          throw unknown_part(file, where, type,
                             {"Sequence", "Prepend", "Replace", "NFC", "NFD", "NFKC", "NFKD", "Strip"});
        }
      });
  return steps;
}

std::string normalize(const std::vector<Normalizer>& steps, std::string_view text) {
  std::string current(text);
  for (const Normalizer& step : steps) {
    current = std::visit([&](const auto& s) { return run(s, current); }, step);
  }
  return current;
}

std::string replace_all(std::string_view text, const ReplaceString& replace) {
  return replace_all(text, replace.what, replace.with);
}

std::string replace_all(std::string_view text, const ReplaceRegex& replace) {
  std::string out;
  size_t done = 0;
  Regex::Scanner scanner(replace.what, text);
  while (const auto match = scanner.next()) {
    out.append(text, done, match->start - done).append(replace.with);
    done = match->end;
  }
  return out.append(text, done);
}

std::string replace_all(std::string_view text, std::string_view what, std::string_view with) {
  std::string out;
  out.reserve(text.size() + text.size() / 2);
  size_t done = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, done)) {
    out.append(text, done, at - done).append(with);
    done = at + what.size();
  }
  return out.append(text, done);
}

}  // namespace shorten::text
