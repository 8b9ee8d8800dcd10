// SPDX-License-Identifier: Apache-2.0
#include "core/file_format.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/json_text.h"

namespace shorten {

Json read_format(const fs::path& file) {
  const std::string text = read_file(file, 64 << 20);
  check_json_text(text, file, "", 50'000);  // keys: scores in detail have ten a block and criterion
  return parse_json(text, file);
}

void expect_format(const JsonObject& json, std::string_view format) {
  if (!json.has("format") || !json.at("format").is_string() || json.string("format") != format) {
    throw json.error("a file of another kind", "format").expected(fmt::format("\"{}\"", format));
  }
  if (json.integer("version", 1, INT64_MAX) != kFileVersion) {
    throw json.error("a version of this file that is not known", "version")
        .expected(fmt::format("{}", kFileVersion))
        .help("a newer shorten wrote it: use that one, or make the file again");
  }
}

}  // namespace shorten
