// SPDX-License-Identifier: Apache-2.0
// What each block costs, counted from the tensors themselves: blocks need not be alike.
#include <fmt/format.h>

#include "core/error.h"
#include "family/spec.h"
#include "family/tensor_names.h"
#include "plan/plan.h"

namespace shorten::plan {

Inventory take_inventory(const checkpoint::Checkpoint& model, int64_t blocks) {
  Inventory inventory;
  inventory.block_parameters.assign(static_cast<size_t>(blocks), 0);
  inventory.block_bytes.assign(static_cast<size_t>(blocks), 0);
  std::vector<bool> seen(static_cast<size_t>(blocks), false);
  for (const auto& [name, tensor] : model.tensors()) {
    if (family::is_redundant(model, name)) continue;
    inventory.parameters += tensor.numel();
    inventory.bytes += tensor.bytes.size();
    const auto part = family::split_block_name(name);
    if (!part) continue;
    if (part->block >= blocks) {
      throw unsupported("a tensor belongs to a block that config.json does not count")
          .file(model.file_of(name))
          .where("tensor " + name)
          .expected(fmt::format("blocks 0 to {}, as num_hidden_layers says", blocks - 1))
          .help("extra blocks, such as those that predict further tokens, are not supported");
    }
    const auto i = static_cast<size_t>(part->block);
    inventory.block_parameters[i] += tensor.numel();
    inventory.block_bytes[i] += tensor.bytes.size();
    seen[i] = true;
  }
  for (size_t i = 0; i < seen.size(); ++i) {
    if (seen[i]) continue;
    throw bad_input("a block has no tensors")
        .file(model.dir())
        .expected(fmt::format("tensors whose names begin with {}", family::block_prefix(static_cast<int64_t>(i))));
  }
  return inventory;
}

}  // namespace shorten::plan
