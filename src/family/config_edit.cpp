// SPDX-License-Identifier: Apache-2.0
// config.json after the removal of blocks. What depends on the number or the index of blocks is edited
// where that is exact, and refused where it is not: a wrong guess loads without a word and computes
// another model.
#include "family/config_edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/json_text.h"
#include "core/progress.h"

namespace shorten::family {
namespace {

// Lists that have nothing to do with blocks, however long they are.
constexpr std::array kNotPerBlock = {
    "architectures",
    "auto_map",
    "bad_words_ids",
    "begin_suppress_tokens",
    "bos_token_id",
    "dtype",
    "eos_token_id",
    "id2label",
    "label2id",
    "languages",
    "keys_to_ignore_at_inference",
    "long_factor",
    "mrope_section",
    "pad_token_id",
    "sep_token_id",
    "short_factor",
    "stop_token_ids",
    "suppress_tokens",
};

// Keys that name blocks by number, or count them from one end.
struct Refused {
  std::string_view key, reason;
};
constexpr std::string_view kQuantised =
    "the weights are quantised: prune the model they were made from, then quantise the result";
constexpr std::string_view kNamesBlocks = "it names blocks by their number, which the removal changes";
constexpr std::string_view kCountsBlocks = "it counts blocks from one end, so the removal changes what it means";
constexpr std::array kRefused = {
    Refused{"quantization_config", kQuantised},
    Refused{"compression_config", kQuantised},
    Refused{"mlp_only_layers", kNamesBlocks},
    Refused{"moe_layers", kNamesBlocks},
    Refused{"cross_attention_layers", kNamesBlocks},
    Refused{"deepstack_visual_indexes", kNamesBlocks},
    Refused{"pruned_heads", kNamesBlocks},
    Refused{"hybrid_override_pattern", kNamesBlocks},
    Refused{"layers_to_transform", kNamesBlocks},
    Refused{"first_k_dense_replace", kCountsBlocks},
    Refused{"num_kv_shared_layers", kCountsBlocks},
    Refused{"num_nextn_predict_layers", "further blocks that predict more tokens are not supported"},
};

// Keys that give every n-th block another kind. They decide only where no explicit list does.
struct Period {
  std::string_view key, list;
};
constexpr std::array kPeriods = {
    Period{"sliding_window_pattern", "layer_types"},
    Period{"_sliding_window_pattern", "layer_types"},
    Period{"full_attention_interval", "layer_types"},
    Period{"global_attn_every_n_layers", "layer_types"},
    Period{"attn_layer_period", "layer_types"},
    Period{"no_rope_layer_interval", "no_rope_layers"},
    Period{"interleave_moe_layer_step", ""},
    Period{"decoder_sparse_step", ""},
    Period{"moe_layer_freq", ""},
    Period{"expert_layer_period", ""},
};

// Lists with one entry a block that are cut with the blocks.
constexpr std::array kPerBlock = {"layer_types", "no_rope_layers", "mlp_layer_types"};

// null, false, 0, 1, [] and {} say that a feature is off: a period of 1 treats all blocks alike.
bool is_off(const Json& value, bool period) {
  if (value.is_null() || value == false || value == 0) return true;
  return (value.is_structured() && value.empty()) || (period && value == 1);
}

class ConfigEditor {
 public:
  ConfigEditor(const std::string& text, const fs::path& file, int64_t blocks, const std::vector<int>& kept)
      : text_(text), config_(parse_json(text, file)), json_(config_, file), blocks_(blocks), kept_(kept) {}

  std::string edited() {
    if (json_.integer("num_hidden_layers", 1, INT64_MAX) != blocks_) {
      throw json_.error("the number of blocks is another one", "num_hidden_layers")
          .expected(fmt::format("{}", blocks_));
    }
    refuse_what_we_cannot_keep();
    refuse_unknown_lists(config_, "", "");
    replace("num_hidden_layers", std::to_string(kept_.size()));
    for (const char* key : kPerBlock) cut_list(key);
    lower_threshold();
    return text_;
  }

 private:
  Error refusal(std::string_view key, std::string_view reason) const {
    const Error e = json_.error("", key);
    return unsupported("config.json has a setting that rules out removing blocks")
        .file(e.file())
        .where(e.where())
        .found(e.found())
        .help(std::string(reason));
  }

  void refuse_what_we_cannot_keep() const {
    for (const Refused& refused : kRefused) {
      if (json_.has(refused.key) && !is_off(json_.at(refused.key), false)) throw refusal(refused.key, refused.reason);
    }
    for (const Period& period : kPeriods) {
      if (!json_.has(period.key) || is_off(json_.at(period.key), true)) continue;
      if (period.list.empty() || !json_.has(period.list)) {
        throw refusal(
            period.key,
            period.list.empty()
                ? "every n-th block is of another kind, which the removal would mix up"
                : fmt::format("every n-th block is of another kind: write the list {} into config.json", period.list));
      }
      log_warning(
          fmt::format("config.json keeps {} beside {}: an engine that reads only the former computes another model",
                      period.key, period.list));
    }
    // A threshold that is not written down has a default, which would no longer be the right one.
    if (json_.has("use_sliding_window") && json_.at("use_sliding_window") == true && !json_.has("layer_types") &&
        !json_.has("max_window_layers")) {
      throw refusal("use_sliding_window", "write max_window_layers or layer_types into config.json");
    }
    if (json_.has("auto_map"))
      log_warning(
          "config.json: auto_map asks for code that comes with the model; it may count on the old number of blocks");
  }

  // A list as long as the model is deep holds something for every block, unless we know better.
  void refuse_unknown_lists(const Json& value, const std::string& path, const std::string& key) const {
    if (std::find(kNotPerBlock.begin(), kNotPerBlock.end(), key) != kNotPerBlock.end()) return;
    if (value.is_array()) {
      const bool known = path == key && std::find(kPerBlock.begin(), kPerBlock.end(), key) != kPerBlock.end();
      if (!known && static_cast<int64_t>(value.size()) == blocks_) {
        throw unsupported("config.json has a list that is as long as the model has blocks")
            .file(json_.file())
            .where(fmt::format("key \"{}\"", path))
            .expected("only lists that this version knows how to cut, such as layer_types")
            .found(fmt::format("{} entries", value.size()))
            .help("if it is not about blocks, please report it; if it is, this model is not supported");
      }
      for (const Json& element : value) refuse_unknown_lists(element, path, key);
    } else if (value.is_object()) {
      for (const auto& [name, member] : value.items())
        refuse_unknown_lists(member, path.empty() ? name : path + "." + name, name);
    }
  }

  void cut_list(std::string_view key) {
    if (!json_.has(key)) return;
    const Json& list = json_.array(key);
    if (list.empty()) return;
    if (static_cast<int64_t>(list.size()) != blocks_) {
      throw json_.error("a list does not fit the number of blocks", key)
          .expected(fmt::format("{} entries, one a block", blocks_))
          .found(fmt::format("{} entries", list.size()));
    }
    replace(key, keep_json_elements(*find_json_value(text_, key), kept_));
  }

  // max_window_layers: blocks from this one on have a window. Kept blocks keep their order, so the new
  // threshold is the number of them that lay below the old one.
  void lower_threshold() {
    constexpr std::string_view kKey = "max_window_layers";
    if (!json_.has(kKey)) return;
    const int64_t old = json_.integer(kKey, 0, INT64_MAX);
    replace(kKey, std::to_string(std::count_if(kept_.begin(), kept_.end(), [&](int block) { return block < old; })));
  }

  void replace(std::string_view key, const std::string& value) {
    text_ = replace_part(text_, *find_json_value(text_, key), value);
  }

  std::string text_;
  Json config_;
  JsonObject json_;
  int64_t blocks_;
  const std::vector<int>& kept_;
};

}  // namespace

std::string edit_config(const std::string& text, const fs::path& file, int64_t blocks, const std::vector<int>& kept) {
  return ConfigEditor(text, file, blocks, kept).edited();
}

}  // namespace shorten::family
