// SPDX-License-Identifier: Apache-2.0
// The rotary embedding in config.json. Transformers 5 writes `rope_parameters` with everything in it;
// before that there were `rope_theta` and `rope_scaling`, whose type was called `type` or `rope_type`.
#include <fmt/format.h>

#include <array>

#include "core/error.h"
#include "family/common.h"

namespace shorten::family {
namespace {

struct RopeName {
  std::string_view name;
  RopeSpec::Type type;
};
constexpr std::array kRopeNames = {
    RopeName{"default", RopeSpec::Type::kDefault},   RopeName{"linear", RopeSpec::Type::kLinear},
    RopeName{"dynamic", RopeSpec::Type::kDynamic},   RopeName{"yarn", RopeSpec::Type::kYarn},
    RopeName{"longrope", RopeSpec::Type::kLongrope}, RopeName{"llama3", RopeSpec::Type::kLlama3},
};

RopeSpec::Type parse_type(const JsonObject& rope) {
  const std::string key = rope.has("rope_type") ? "rope_type" : "type";
  const std::string name = rope.string_or(key, "default");
  std::string known;
  for (const auto& entry : kRopeNames) {
    if (entry.name == name) return entry.type;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.name);
  }
  throw unsupported("a rotary embedding that is not supported")
      .file(rope.file())
      .where(fmt::format("key \"{}\"", key))
      .expected("one of: " + known)
      .found(printable(name, 60));
}

double positive(const JsonObject& rope, std::string_view key) {
  const double value = rope.number(key);
  if (!(value > 0)) throw rope.error("out of range", key).expected("a number above 0");
  return value;
}

std::optional<double> optional_number(const JsonObject& rope, std::string_view key) {
  if (!rope.has(key)) return std::nullopt;
  return rope.number(key);
}

std::vector<double> factors(const JsonObject& rope, std::string_view key, int64_t head_dim) {
  std::vector<double> values = rope.numbers(key);
  if (static_cast<int64_t>(values.size()) != head_dim / 2) {
    throw bad_input("a list of rotary factors has the wrong length")
        .file(rope.file())
        .where(fmt::format("key \"{}\"", key))
        .expected(fmt::format("{} numbers, half of head_dim", head_dim / 2))
        .found(fmt::format("{} numbers", values.size()));
  }
  for (const double value : values) {
    if (!(value > 0)) throw rope.error("a rotary factor is not above 0", key);
  }
  return values;
}

}  // namespace

std::string_view rope_name(RopeSpec::Type type) {
  for (const auto& entry : kRopeNames) {
    if (entry.type == type) return entry.name;
  }
  return "?";
}

RopeSpec read_rope(const JsonObject& config, int64_t max_positions, int64_t head_dim) {
  static const Json kNone = Json::object();
  // rope_scaling, where both are there, is what Transformers takes.
  const bool scaling = config.has("rope_scaling");
  const bool parameters = config.has("rope_parameters");
  const JsonObject rope = scaling      ? config.object("rope_scaling")
                          : parameters ? config.object("rope_parameters")
                                       : JsonObject(kNone, config.file());

  for (const std::string_view nested : {"full_attention", "sliding_attention"}) {
    if (rope.has(nested))
      throw unsupported("a rotary embedding of its own for each kind of block is not supported")
          .file(config.file())
          .where(fmt::format("key \"{}\"", nested));
  }
  if (rope.number_or("partial_rotary_factor", 1) != 1) {
    throw unsupported("rotating only a part of each head is not supported")
        .file(config.file())
        .where("key \"partial_rotary_factor\"");
  }
  RopeSpec spec;
  spec.type = parse_type(rope);
  spec.theta = rope.has("rope_theta")     ? positive(rope, "rope_theta")
               : config.has("rope_theta") ? positive(config, "rope_theta")
                                          : 10000.0;
  spec.max_positions = max_positions;
  spec.original_max_positions =
      config.has("original_max_position_embeddings")
          ? config.integer("original_max_position_embeddings", 1, int64_t{1} << 40)
          : rope.integer_or("original_max_position_embeddings", max_positions, 1, int64_t{1} << 40);
  const double stretched = static_cast<double>(max_positions) / static_cast<double>(spec.original_max_positions);
  switch (spec.type) {
    case RopeSpec::Type::kDefault:
      break;
    case RopeSpec::Type::kLinear:
    case RopeSpec::Type::kDynamic:
      spec.factor = positive(rope, "factor");
      break;
    case RopeSpec::Type::kYarn:
      spec.factor = rope.has("factor") ? positive(rope, "factor") : stretched;
      spec.attention_factor = optional_number(rope, "attention_factor");
      spec.mscale = optional_number(rope, "mscale");
      spec.mscale_all_dim = optional_number(rope, "mscale_all_dim");
      spec.beta_fast = rope.has("beta_fast") ? positive(rope, "beta_fast") : 32;
      spec.beta_slow = rope.has("beta_slow") ? positive(rope, "beta_slow") : 1;
      spec.truncate = rope.boolean_or("truncate", true);
      break;
    case RopeSpec::Type::kLongrope:
      spec.factor = rope.has("factor") ? positive(rope, "factor") : stretched;
      spec.attention_factor = optional_number(rope, "attention_factor");
      spec.short_factor = factors(rope, "short_factor", head_dim);
      spec.long_factor = factors(rope, "long_factor", head_dim);
      break;
    case RopeSpec::Type::kLlama3:
      spec.factor = positive(rope, "factor");
      spec.low_freq_factor = positive(rope, "low_freq_factor");
      spec.high_freq_factor = positive(rope, "high_freq_factor");
      break;
  }
  return spec;
}

}  // namespace shorten::family
