// SPDX-License-Identifier: Apache-2.0
#include "family/stop_tokens.h"

#include <fmt/format.h>

#include "core/error.h"

namespace shorten::family {
namespace {

constexpr std::string_view kKey = "eos_token_id";

std::vector<int64_t> read_ids(const JsonObject& object, int64_t vocabulary) {
  const Json& value = object.at(kKey);
  std::vector<int64_t> out;
  for (const Json& id : value.is_array() ? value : Json::array({value})) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() >= vocabulary) {
      throw object.error("not a token id, nor a list of them", kKey)
          .expected(fmt::format("0 to {}", vocabulary - 1))
          .found(printable(value.dump(), 60));
    }
    out.push_back(id.get<int64_t>());
  }
  return out;
}

}  // namespace

std::vector<int64_t> read_stop_tokens(const checkpoint::Checkpoint& checkpoint, int64_t vocabulary) {
  const fs::path file = checkpoint.dir() / "generation_config.json";
  std::error_code failed;
  if (fs::exists(file, failed)) {
    const Json json = read_json(file);
    const JsonObject object(json, file);
    if (object.has(kKey)) return read_ids(object, vocabulary);
  }
  const JsonObject config(checkpoint.config(), checkpoint.config_file());
  return config.has(kKey) ? read_ids(config, vocabulary) : std::vector<int64_t>{};
}

}  // namespace shorten::family
