// SPDX-License-Identifier: Apache-2.0
#include "text/post_processor.h"

#include <fmt/format.h>

#include "text/parts.h"
#include "text/vocabulary.h"

namespace shorten::text {
namespace {

std::vector<TokenId> special_ids(const JsonObject& part, const std::string& name, const std::string& where) {
  const JsonObject special = part.object("special_tokens").object(name);
  std::vector<TokenId> out;
  for (const Json& id : special.array("ids")) {
    if (!id.is_number_integer() || id < 0 || id > kMaxTokenId) {
      throw bad_input("a token id is out of range")
          .file(part.file())
          .where(fmt::format("{}, special token \"{}\"", where, name))
          .expected(fmt::format("0 to {}", kMaxTokenId));
    }
    out.push_back(id.get<TokenId>());
  }
  return out;
}

Surroundings parse_template(const JsonObject& part, const std::string& where) {
  Surroundings out;
  bool text_seen = false;
  for (const Json& item : part.array("single")) {
    const JsonObject piece(item, part.file(), where + ", key \"single\"");
    if (piece.has("SpecialToken")) {
      std::vector<TokenId>& to = text_seen ? out.after : out.before;
      const std::vector<TokenId> ids = special_ids(part, piece.object("SpecialToken").string("id"), where);
      to.insert(to.end(), ids.begin(), ids.end());
    } else if (piece.object("Sequence").string("id") == "A" && !text_seen) {
      text_seen = true;
    } else {
      throw unknown_part(part.file(), where + ", key \"single\"", item.dump(),
                         {"one Sequence A with special tokens around it"});
    }
  }
  if (!text_seen) throw bad_input("a template without the text").file(part.file()).where(where);
  return out;
}

}  // namespace

Surroundings parse_post_processor(const Json& value, const std::filesystem::path& file) {
  Surroundings out;
  for_each_part(value, file, "post_processor", "processors",
                [&](const JsonObject& part, const std::string& type, const std::string& where) {
                  if (type == "TemplateProcessing") {
                    const Surroundings outer = parse_template(part, where);
                    out.before.insert(out.before.begin(), outer.before.begin(), outer.before.end());
                    out.after.insert(out.after.end(), outer.after.begin(), outer.after.end());
                  } else if (type != "ByteLevel") {  // that one only moves offsets
                    throw unknown_part(file, where, type, {"Sequence", "TemplateProcessing", "ByteLevel"});
                  }
                });
  return out;
}

}  // namespace shorten::text
