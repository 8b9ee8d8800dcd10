// SPDX-License-Identifier: Apache-2.0
#include "plan/peft_modules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include "core/error.h"
#include "plan/peft_adapter.h"
#include "plan/peft_config.h"

namespace shorten::plan {
namespace {

std::regex compile(const JsonObject& config, std::string_view key, const std::string& text) {
  try {
    // An automaton without backtracking, so that no expression takes for ever.
    return std::regex(text, std::regex::ECMAScript | std::regex_constants::__polynomial);
  } catch (const std::regex_error& e) {
    throw unsupported("a regular expression that is not read here")
        .file(config.file())
        .where(fmt::format("key \"{}\"", key))
        .found(fmt::format("{}: {}", printable(text, 60), e.what()));
  }
}

// A set of modules: a regular expression of whole paths, or names that are the path or its end.
class Names {
 public:
  Names(const JsonObject& config, std::string_view key) {
    const Json& value = config.at(key);
    if (value.is_string()) {
      expression_ = compile(config, key, value.get<std::string>());
      return;
    }
    for (const Json& entry : config.array(key)) {
      if (!entry.is_string()) throw config.error("an entry is not the name of a module", key);
      names_.emplace(entry.get<std::string>(), false);
    }
  }

  bool has(const std::string& path) {
    if (expression_) return std::regex_match(path, *expression_);
    bool found = take(path);
    for (size_t dot = path.find('.'); dot != std::string::npos; dot = path.find('.', dot + 1))
      found = take(path.substr(dot + 1)) || found;
    return found;
  }
  bool has_whole(const std::string& path) const { return names_.contains(path); }

  // A name that was found in no path.
  std::optional<std::string> unused() const {
    const auto it = std::find_if(names_.begin(), names_.end(), [](const auto& entry) { return !entry.second; });
    return it == names_.end() ? std::nullopt : std::optional(it->first);
  }

 private:
  bool take(const std::string& name) {
    const auto it = names_.find(name);
    if (it != names_.end()) it->second = true;
    return it != names_.end();
  }

  std::optional<std::regex> expression_;
  std::map<std::string, bool> names_;  // and whether a path had it
};

// As PEFT writes what is not used.
bool is_given(const JsonObject& config, std::string_view key) { return config.has(key) && !is_unused(config.at(key)); }

// The blocks that layers_to_transform names; absent where all are adapted.
std::optional<std::set<int64_t>> read_layers(const JsonObject& config) {
  constexpr char kKey[] = "layers_to_transform";
  if (!config.has(kKey) || (config.at(kKey).is_array() && config.at(kKey).empty())) return std::nullopt;
  const Json& value = config.at(kKey);
  std::set<int64_t> layers;
  for (const Json& entry : value.is_array() ? value : Json::array({value})) {
    if (!entry.is_number_integer()) throw config.error("not the number of a block", kKey).found(entry.dump());
    layers.insert(entry.get<int64_t>());
  }
  if (!is_given(config, "layers_pattern")) return layers;
  // The name of the list that the blocks lie in, which here is "layers".
  const Json& pattern = config.at("layers_pattern");
  const bool ours =
      pattern.is_array() ? std::find(pattern.begin(), pattern.end(), "layers") != pattern.end() : pattern == "layers";
  return ours ? layers : std::set<int64_t>();
}

// Numbers for the modules whose path ends with what an expression matches; the first that does counts.
template <typename Number>
class Pattern {
 public:
  template <typename Read>
  Pattern(const JsonObject& config, std::string_view key, const Read& read) {
    if (!is_given(config, key)) return;
    const JsonObject entries = config.object(key);
    for (const auto& [name, value] : config.at(key).items())
      entries_.emplace_back(compile(config, key, fmt::format("(.*\\.)?({})", name)), read(entries, name));
  }

  Number of(const std::string& path, Number otherwise) const {
    for (const auto& [expression, value] : entries_) {
      if (std::regex_match(path, expression)) return value;
    }
    return otherwise;
  }

 private:
  std::vector<std::pair<std::regex, Number>> entries_;
};

}  // namespace

std::vector<AdaptedPart> read_adapted_parts(const JsonObject& config, const family::ModelSpec& base, int64_t rank,
                                            double alpha) {
  constexpr char kKey[] = "target_modules";
  const std::vector<AdaptedModule> modules = adaptable_modules(base.blocks.at(0), base.hidden);
  std::vector<std::string> all;
  for (const AdaptedModule& module : modules) all.push_back(module.name.substr(module.name.rfind('.') + 1));
  const std::string known = fmt::format("{}", fmt::join(all, ", "));

  std::optional<Names> targets, excluded;
  if (config.at(kKey) != "all-linear") targets.emplace(config, kKey);
  if (is_given(config, "exclude_modules")) excluded.emplace(config, "exclude_modules");
  const std::optional<std::set<int64_t>> layers = read_layers(config);
  const Pattern<int64_t> ranks(config, "rank_pattern", [](const JsonObject& entries, const std::string& name) {
    return entries.integer(name, 1, kMaxRank);
  });
  const Pattern<double> alphas(config, "alpha_pattern", [](const JsonObject& entries, const std::string& name) {
    const double value = entries.number(name);
    if (value <= 0) throw entries.error("out of range", name).expected("a number above 0");
    return value;
  });

  std::vector<AdaptedPart> parts;
  for (int64_t block = 0; block < static_cast<int64_t>(base.blocks.size()); ++block) {
    for (const AdaptedModule& module : modules) {
      const std::string path = family::block_prefix(block) + module.name;
      if (targets && !targets->has(path)) continue;
      if (excluded && excluded->has(path)) continue;
      const bool by_path = targets && targets->has_whole(path);  // then its block is not asked for
      if (layers && !by_path && !layers->contains(block)) continue;
      parts.push_back({block, module.name, ranks.of(path, rank), alphas.of(path, alpha)});
    }
  }
  if (targets) {
    if (const auto unused = targets->unused()) {
      throw unsupported("a module that cannot be adapted here")
          .file(config.file())
          .where(fmt::format("key \"{}\"", kKey))
          .expected("some of: " + known)
          .found(printable(*unused, 60));
    }
  }
  if (parts.empty()) throw config.error("no module is adapted", kKey).expected("some of: " + known);
  return parts;
}

}  // namespace shorten::plan
