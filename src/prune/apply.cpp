// SPDX-License-Identifier: Apache-2.0
#include "prune/apply.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/file_format.h"
#include "core/progress.h"
#include "core/version.h"
#include "family/config_edit.h"
#include "family/lineage.h"
#include "family/spec.h"
#include "family/tensor_names.h"
#include "prune/write_model.h"

namespace shorten::prune {
namespace {

using checkpoint::Checkpoint;
using checkpoint::Tensor;

std::vector<int> kept_blocks(int64_t blocks, const plan::RemovalSet& remove) {
  for (const plan::Unit& unit : remove) {
    if (unit.part != plan::Part::kWhole)
      throw unsupported("half blocks cannot be written yet").found("block " + plan::unit_name(unit));
  }
  std::vector<int> kept;
  for (int i = 0; i < blocks; ++i) {
    if (!plan::removes(remove, i, plan::Part::kWhole)) kept.push_back(i);
  }
  return kept;
}

// The tensors of the shorter model under their new names, their bytes still in the files of `model`:
// first what belongs to no block, then block by block.
std::vector<Tensor> renamed_tensors(const Checkpoint& model, const std::vector<int>& kept) {
  std::map<std::pair<int64_t, std::string>, Tensor> sorted;  // by (new block or -1, name)
  for (const auto& [name, tensor] : model.tensors()) {
    if (family::is_redundant(model, name)) continue;
    Tensor renamed = tensor;
    int64_t block = -1;
    if (const auto part = family::split_block_name(name)) {
      const auto it = std::lower_bound(kept.begin(), kept.end(), part->block);
      if (it == kept.end() || *it != part->block) continue;
      block = it - kept.begin();
      renamed.name = family::block_prefix(block) + std::string(part->rest);
    }
    sorted.emplace(std::pair(block, renamed.name), std::move(renamed));
  }
  std::vector<Tensor> tensors;
  for (auto& [key, tensor] : sorted) tensors.push_back(std::move(tensor));
  return tensors;
}

// Where `model` itself came from, if it is a pruned or healed one: its shorten.json. Null if there is none. One that
// cannot be read is no reason to refuse a sound model, but the chain back to the original ends there.
Json record_of(const Checkpoint& model) {
  try {
    return family::read_record(model);
  } catch (const Error& e) {
    log_warning("the record of how the source was made is not kept in the new shorten.json\n" + e.block());
    return nullptr;
  }
}

// The record embeds that of the source, so that it leads back to the original model step by step.
// `blocks[].old` counts in the immediate source, as `plan` does, not in the original.
Json provenance(const family::Model& model, const Application& a, const ApplyResult& result) {
  Json blocks = Json::array();
  for (size_t i = 0; i < result.kept.size(); ++i) blocks.push_back({{"new", i}, {"old", result.kept[i]}});
  Json source = {{"path", fs::absolute(model.dir()).lexically_normal().string()}, {"fingerprint", model.fingerprint()}};
  if (Json record = record_of(model.files()); !record.is_null()) source["shorten"] = std::move(record);
  return {{"format", family::kPrunedFormat},
          {"version", kFileVersion},
          {"shorten_version", kVersion},
          {"argv", a.argv},
          {"source", std::move(source)},
          {"plan", plan::to_json(a.plan)},
          {"blocks", blocks},
          {"parameters", {{"before", result.parameters_before}, {"after", result.parameters_after}}},
          {"bytes", {{"before", result.bytes_before}, {"after", result.bytes_after}}}};
}

}  // namespace

ApplyResult apply(const family::Model& model, const Application& a,
                  const std::function<void(const ApplyResult&)>& report) {
  const int64_t blocks = model.blocks();
  const Checkpoint& source = model.files();
  plan::check_plan(a.plan, a.plan_file, model.fingerprint(), blocks);
  const plan::Inventory before = plan::take_inventory(source, blocks);
  ApplyResult result{kept_blocks(blocks, a.plan.remove), before.parameters, 0, before.bytes, 0};
  const std::vector<Tensor> tensors = renamed_tensors(source, result.kept);
  for (const Tensor& tensor : tensors) {
    result.parameters_after += tensor.numel();
    result.bytes_after += tensor.bytes.size();
  }
  const ModelFiles files = {source,
                            family::edit_config(source.config_text(), source.config_file(), blocks, result.kept),
                            tensors, provenance(model, a, result)};
  write_model(files, a.output, a.force, {}, [&](const fs::path&) { report(result); });
  return result;
}

}  // namespace shorten::prune
