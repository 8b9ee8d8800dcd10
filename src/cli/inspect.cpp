// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <map>

#include "cli/common.h"
#include "core/error.h"
#include "core/units.h"
#include "family/model.h"
#include "jobs/outputs.h"
#include "report/table.h"

namespace shorten::cli {
namespace {

using checkpoint::Checkpoint;
using family::ModelSpec;

// "all before", "4096 tokens", or which of them where blocks differ.
std::string describe_windows(const ModelSpec& spec) {
  std::map<int64_t, int64_t> counts;  // window (0: none) → blocks
  for (const auto& block : spec.blocks) ++counts[block.window.value_or(0)];
  std::string out;
  for (const auto& [window, blocks] : counts) {
    const std::string kind = window == 0 ? "all tokens before" : fmt::format("window of {}", with_separators(window));
    out += (out.empty() ? "" : ", ") + (counts.size() == 1 ? kind : fmt::format("{} in {} blocks", kind, blocks));
  }
  return out;
}

Json to_json(const Checkpoint& model, const ModelSpec& spec) {
  const auto& block = spec.blocks.front();
  const family::Counts counts = family::count_parameters(spec);
  Json windows = Json::array();
  for (const auto& b : spec.blocks) windows.push_back(b.window ? Json(*b.window) : Json(nullptr));
  return {{"format", "shorten.inspect"},
          {"version", 1},
          {"path", model.dir().string()},
          {"family", spec.family},
          {"blocks", spec.blocks.size()},
          {"hidden", spec.hidden},
          {"intermediate", block.intermediate},
          {"heads", block.heads},
          {"kv_heads", block.kv_heads},
          {"head_dim", block.head_dim},
          {"vocabulary", spec.vocabulary},
          {"tied_head", spec.tied_head},
          {"rope", family::rope_name(spec.rope.type)},
          {"max_positions", spec.max_positions},
          {"windows", windows},
          {"dtype", checkpoint::dtype_name(spec.dtype)},
          {"tensors", model.tensors().size()},
          {"shards", model.shards()},
          {"parameters", counts.parameters},
          {"block_parameters", counts.block_parameters / spec.blocks.size()},
          {"bytes", model.tensor_bytes()},
          {"kv_bytes_per_token", family::kv_bytes_per_token(spec, checkpoint::dtype_bytes(spec.dtype))}};
}

std::string to_table(const Checkpoint& model, const ModelSpec& spec) {
  const auto& block = spec.blocks.front();
  const family::Counts counts = family::count_parameters(spec);
  const uint64_t per_block = counts.block_parameters / spec.blocks.size();
  const double share = static_cast<double>(counts.block_parameters) / static_cast<double>(counts.parameters);
  return report::render_fields({
      {"model", printable(model.dir().string())},
      {"family", spec.family},
      {"blocks", std::to_string(spec.blocks.size())},
      {"hidden", fmt::format("{}, MLP {}", with_separators(spec.hidden), with_separators(block.intermediate))},
      {"attention", fmt::format("{} query heads, {} key/value heads of {}; {}", block.heads, block.kv_heads,
                                block.head_dim, describe_windows(spec))},
      {"positions", fmt::format("{}, rope {}", with_separators(spec.max_positions), family::rope_name(spec.rope.type))},
      {"vocabulary", fmt::format("{}, {}", with_separators(spec.vocabulary),
                                 spec.tied_head ? "head tied to the embedding" : "head of its own")},
      {"parameters",
       fmt::format("{}; {} a block, {:.1f} % in blocks", with_separators(static_cast<int64_t>(counts.parameters)),
                   with_separators(static_cast<int64_t>(per_block)), 100 * share)},
      {"weights",
       fmt::format("{} in {} tensors, {} file{}, {}", human_bytes(model.tensor_bytes()), model.tensors().size(),
                   model.shards(), model.shards() == 1 ? "" : "s", checkpoint::dtype_name(spec.dtype))},
      {"KV cache",
       fmt::format("{} a token", human_bytes(family::kv_bytes_per_token(spec, checkpoint::dtype_bytes(spec.dtype))))},
  });
}

}  // namespace

std::function<void()> setup_inspect(CLI::App& app, CommonOptions& common) {
  auto model = std::make_shared<std::string>();
  app.add_option("MODEL", *model, "a Hugging Face directory, or org/name in the Hub cache")->required();
  return [model, &common] {
    const family::ModelPtr opened = family::open_model(*model);
    jobs::check_output(common.output, common.force, {opened->dir()});
    deliver(common, to_json(opened->files(), opened->spec()), to_table(opened->files(), opened->spec()));
  };
}

}  // namespace shorten::cli
