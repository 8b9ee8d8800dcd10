// SPDX-License-Identifier: Apache-2.0
#include "family/lineage.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "checkpoint/model_files.h"
#include "core/error.h"
#include "core/file_format.h"
#include "family/file_keys.h"

namespace shorten::family {
namespace {

constexpr const char* kName = "shorten.json";

bool is_healed(const JsonObject& record) {
  return record.has("format") && record.at("format") == std::string(kHealedFormat);
}

void expect_record(const JsonObject& record) {
  expect_format(record, is_healed(record) ? kHealedFormat : kPrunedFormat);
}

// kept[new] = old of the key "blocks". New indices run from 0, old ones rise.
std::vector<int> read_kept(const JsonObject& record) {
  std::vector<int> kept;
  for (const Json& entry : record.array("blocks")) {
    const auto index = [&](const char* key) {
      const auto it = entry.is_object() ? entry.find(key) : entry.end();
      const bool good =
          entry.is_object() && it != entry.end() && it->is_number_integer() && *it >= 0 && *it < kMaxBlocks;
      return good ? it->get<int>() : -1;
    };
    const int next = static_cast<int>(kept.size()), old = index("old");
    if (index("new") != next || old <= (kept.empty() ? -1 : kept.back())) {
      throw record.error(fmt::format("entry {} does not say which block it was", next), "blocks")
          .expected(fmt::format("\"new\": {} and \"old\": a block of the source, rising", next))
          .found(printable(entry.dump(), 60));
    }
    kept.push_back(old);
  }
  return kept;
}

// How many blocks the source of a pruned model had: its plan must have removed exactly those that `kept` lacks.
int64_t blocks_of_source(const JsonObject& record, const std::vector<int>& kept) {
  const JsonObject plan = record.object("plan");
  const std::vector<int> removed = read_blocks(plan, "remove");
  std::vector<int> all;
  std::ranges::merge(kept, removed, std::back_inserter(all));
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i] == static_cast<int>(i)) continue;
    throw plan.error("the plan contradicts the blocks that are left", "remove")
        .expected("every block of the source either here or in \"blocks\"")
        .found(fmt::format("block {} is in {}", std::min(all[i], static_cast<int>(i)),
                           all[i] < static_cast<int>(i) ? "both" : "neither"));
  }
  const auto count = static_cast<int64_t>(all.size());
  if (plan.has("model")) {
    const JsonObject model = plan.object("model");
    if (model.integer_or("blocks", count, 1, kMaxBlocks) != count)
      throw model.error("the plan is for another number of blocks than was left and removed", "blocks")
          .expected(fmt::format("{}", count));
  }
  return count;
}

// Adds the source of `record` and what its own record says. `block[i]` of the model that `record` belongs to is block
// i of the model asked about; it has `blocks`.
void follow(const JsonObject& record, const std::vector<int>& block, int64_t blocks, std::vector<Ancestor>& chain) {
  expect_record(record);
  std::vector<int> in_source = block;
  int64_t source_blocks = blocks;
  if (!is_healed(record)) {
    const std::vector<int> kept = read_kept(record);
    if (static_cast<int64_t>(kept.size()) != blocks) {
      throw record.error("the record counts other blocks than the model has", "blocks")
          .expected(fmt::format("{} entries", blocks))
          .found(fmt::format("{} entries", kept.size()));
    }
    source_blocks = blocks_of_source(record, kept);
    for (int& i : in_source) i = kept[static_cast<size_t>(i)];
  }
  const JsonObject source = record.object("source");
  chain.push_back({source.string("path"), read_fingerprint(source), in_source});
  if (source.has("shorten")) follow(source.object("shorten"), in_source, source_blocks, chain);
}

}  // namespace

Json read_record(const checkpoint::Checkpoint& model) {
  if (!checkpoint::has_file(model.dir(), kName)) return nullptr;
  const fs::path file = checkpoint::model_file(model.dir(), kName);
  Json record = read_format(file);
  expect_record(JsonObject(record, file));
  return record;
}

std::vector<Ancestor> read_lineage(const checkpoint::Checkpoint& model, int64_t blocks) {
  std::vector<Ancestor> chain;
  const Json record = read_record(model);
  if (record.is_null()) return chain;
  std::vector<int> block(static_cast<size_t>(blocks));
  std::iota(block.begin(), block.end(), 0);
  follow(JsonObject(record, model.dir() / kName), block, blocks, chain);
  return chain;
}

}  // namespace shorten::family
