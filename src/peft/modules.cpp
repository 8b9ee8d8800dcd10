// SPDX-License-Identifier: Apache-2.0
#include "peft/modules.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "core/error.h"
#include "peft/adapter.h"
#include "peft/config.h"
#include "python/regex.h"

namespace shorten::peft {
namespace {

// A set of modules: a regular expression of whole paths, or names that are the path or its end.
class Names {
 public:
  Names(const JsonObject& config, std::string_view key) {
    const Json& value = config.at(key);
    if (value.is_string()) {
      expression_.emplace(config, key, value.get<std::string>());
      return;
    }
    for (const Json& entry : config.array(key)) {
      if (!entry.is_string()) throw config.error("an entry is not the name of a module", key);
      names_.emplace(entry.get<std::string>(), false);
    }
  }

  bool has(const std::string& path) {
    if (expression_) return expression_->matches(path);
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

  std::optional<python::Regex> expression_;
  std::map<std::string, bool> names_;  // and whether a path had it
};

// As PEFT writes what is not used.
bool is_given(const JsonObject& config, std::string_view key) { return config.has(key) && !is_unused(config.at(key)); }

// The blocks that layers_to_transform names, of lists whose names match layers_pattern.
class Layers {
 public:
  explicit Layers(const JsonObject& config) {
    constexpr char kKey[] = "layers_to_transform", kList[] = "layers_pattern";
    given_ = config.has(kKey) && !(config.at(kKey).is_array() && config.at(kKey).empty());
    if (!given_) return;
    if (config.at("target_modules").is_string())
      throw config.error("blocks cannot be chosen where target_modules is a text and no list", kKey);
    for (const Json& entry : as_array(config.at(kKey))) {
      if (!entry.is_number_integer()) throw config.error("not the number of a block", kKey).found(entry.dump());
      blocks_.insert(entry.get<int64_t>());
    }
    if (!is_given(config, kList)) return;
    for (const Json& entry : as_array(config.at(kList))) {
      if (!entry.is_string()) throw config.error("an entry is not the name of a list", kList).found(entry.dump());
      lists_.emplace_back(config, kList, fmt::format(R"((?:^|.*?\.){}\.\d+\..*)", entry.get<std::string>()));
    }
  }

  bool has(int64_t block, const std::string& path) const {
    const auto matches = [&](const python::Regex& list) { return list.matches(path); };
    return !given_ ||
           (blocks_.contains(block) && (lists_.empty() || std::any_of(lists_.begin(), lists_.end(), matches)));
  }

 private:
  static Json as_array(const Json& value) { return value.is_array() ? value : Json::array({value}); }

  bool given_ = false;
  std::set<int64_t> blocks_;
  std::vector<python::Regex> lists_;
};

// Numbers for the modules whose path ends with what an expression matches; the first that does counts.
template <typename Number>
class Pattern {
 public:
  template <typename Read>
  Pattern(const JsonObject& config, std::string_view key, const Read& read) {
    if (!is_given(config, key)) return;
    const JsonObject entries = config.object(key);
    for (const auto& [name, value] : config.at(key).items())
      entries_.emplace_back(python::Regex(config, key, fmt::format("(.*\\.)?({})", name)), read(entries, name));
  }

  Number of(const std::string& path, Number otherwise) const {
    for (const auto& [expression, value] : entries_) {
      if (expression.matches(path)) return value;
    }
    return otherwise;
  }

 private:
  std::vector<std::pair<python::Regex, Number>> entries_;
};

}  // namespace

std::vector<AdaptedPart> read_adapted_parts(const JsonObject& config, const family::ModelSpec& base, int64_t rank,
                                            double alpha) {
  constexpr char kKey[] = "target_modules";
  const std::vector<family::Module> modules = family::linears_of(base.blocks.at(0));
  const std::string known = fmt::format("{}", fmt::join(family::lora_targets(base.blocks.at(0)), ", "));

  std::optional<Names> targets, excluded;
  if (config.at(kKey) != "all-linear") targets.emplace(config, kKey);
  if (is_given(config, "exclude_modules")) excluded.emplace(config, "exclude_modules");
  const Layers layers(config);
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
    for (const family::Module& module : modules) {
      const std::string path = family::block_prefix(block) + module.name;
      if (targets && !targets->has(path)) continue;
      if (excluded && excluded->has(path)) continue;
      const bool by_path = targets && targets->has_whole(path);  // then its block is not asked for
      if (!by_path && !layers.has(block, path)) continue;
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

}  // namespace shorten::peft
