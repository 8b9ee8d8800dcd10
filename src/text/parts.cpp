// SPDX-License-Identifier: Apache-2.0
#include "text/parts.h"

#include <fmt/format.h>

#include "core/error.h"

namespace shorten::text {

void for_each_part(const Json& value, const std::filesystem::path& file, std::string_view name,
                   std::string_view list_key,
                   const std::function<void(const JsonObject&, const std::string&, const std::string&)>& visit) {
  if (value.is_null()) return;
  const std::string where(name);
  const JsonObject part(value, file, where);
  const std::string& type = part.string("type");
  if (type != "Sequence") return visit(part, type, where);
  const Json& list = part.array(list_key);
  for (size_t i = 0; i < list.size(); ++i) {
    for_each_part(list[i], file, fmt::format("{}[{}]", where, i), list_key, visit);
  }
}

Error unknown_part(const std::filesystem::path& file, const std::string& where, std::string_view found,
                   std::initializer_list<std::string_view> known) {
  return unsupported("a part of the tokenizer is not known to this version")
      .file(file)
      .where(where)
      .expected(fmt::format("{}", fmt::join(known, ", ")))
      .found(std::string(found));
}

Pattern parse_pattern(const JsonObject& part, const std::string& where) {
  const JsonObject pattern = part.object("pattern");
  const bool is_regex = pattern.has("Regex");
  Pattern out{is_regex, pattern.string(is_regex ? "Regex" : "String")};
  if (out.text.empty()) throw bad_input("an empty pattern").file(part.file()).where(where);
  return out;
}

}  // namespace shorten::text
