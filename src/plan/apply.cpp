// SPDX-License-Identifier: Apache-2.0
#include "plan/apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "checkpoint/model_files.h"
#include "checkpoint/output_dir.h"
#include "core/check.h"
#include "core/error.h"
#include "core/json_text.h"
#include "core/progress.h"
#include "core/units.h"
#include "core/version.h"
#include "family/spec.h"
#include "plan/file_format.h"
#include "plan/other_files.h"
#include "plan/shards.h"
#include "plan/tensor_names.h"

namespace shorten::plan {
namespace {

using checkpoint::Checkpoint;
using checkpoint::Tensor;

const std::map<std::string, std::string> kMetadata = {{"format", "pt"}};  // without it Transformers refuses the file
constexpr std::string_view kPrunedFormat = "shorten.pruned";

std::vector<int> kept_blocks(int64_t blocks, const std::vector<int>& remove) {
  std::vector<int> kept;
  for (int i = 0; i < blocks; ++i) {
    if (!std::binary_search(remove.begin(), remove.end(), i)) kept.push_back(i);
  }
  return kept;
}

// The tensors of the shorter model under their new names, their bytes still in the files of `model`:
// first what belongs to no block, then block by block.
std::vector<Tensor> renamed_tensors(const Checkpoint& model, const std::vector<int>& kept) {
  std::map<std::pair<int64_t, std::string>, Tensor> sorted;  // by (new block or -1, name)
  for (const auto& [name, tensor] : model.tensors()) {
    if (is_redundant(model, name)) continue;
    Tensor renamed = tensor;
    int64_t block = -1;
    if (const auto part = split_block_name(name)) {
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

// Where `model` itself came from, if it is a pruned one: its shorten.json. Null if there is none. One that
// cannot be read is no reason to refuse a sound model, but the chain back to the original ends there.
Json record_of(const Checkpoint& model) {
  constexpr const char* kName = "shorten.json";
  if (!checkpoint::has_file(model.dir(), kName)) return nullptr;
  try {
    const fs::path file = checkpoint::model_file(model.dir(), kName);
    Json record = read_format(file);
    expect_format(JsonObject(record, file), kPrunedFormat);
    return record;
  } catch (const Error& e) {
    log_warning("the record of how the source was pruned is not kept in the new shorten.json\n" + e.block());
    return nullptr;
  }
}

// The record embeds that of the source, so that it leads back to the original model step by step.
// `blocks[].old` counts in the immediate source, as `plan` does, not in the original.
Json provenance(const Checkpoint& model, const std::string& fingerprint, const PrunePlan& plan,
                const ApplyResult& result, const std::vector<std::string>& argv) {
  Json blocks = Json::array();
  for (size_t i = 0; i < result.kept.size(); ++i) blocks.push_back({{"new", i}, {"old", result.kept[i]}});
  Json source = {{"path", model.dir().string()}, {"fingerprint", fingerprint}};
  if (Json record = record_of(model); !record.is_null()) source["shorten"] = std::move(record);
  return {{"format", kPrunedFormat},
          {"version", kFileVersion},
          {"shorten_version", kVersion},
          {"argv", argv},
          {"source", std::move(source)},
          {"plan", to_json(plan)},
          {"blocks", blocks},
          {"parameters", {{"before", result.parameters_before}, {"after", result.parameters_after}}},
          {"bytes", {{"before", result.bytes_before}, {"after", result.bytes_after}}}};
}

// A file of the output, complete in memory except for the weights, so that the size of all is known
// before the first byte is written.
struct TextFile {
  std::string name, content;
};

uint64_t bytes_on_disk(uint64_t size) {
  constexpr uint64_t kBlock = 4096;  // of most file systems
  return (size + kBlock - 1) / kBlock * kBlock;
}

uint64_t needed_bytes(const std::vector<Shard>& shards, const std::vector<TextFile>& texts,
                      const std::vector<fs::path>& copies) {
  uint64_t needed = bytes_on_disk(1);  // the folder
  for (const Shard& shard : shards) needed += bytes_on_disk(checkpoint::safetensors_size(shard.tensors, kMetadata));
  for (const TextFile& text : texts) needed += bytes_on_disk(text.content.size());
  for (const fs::path& file : copies) needed += bytes_on_disk(fs::file_size(file));
  return needed;
}

// Reads back what was written: every tensor must be its source, byte for byte.
void verify(const fs::path& staging, const std::vector<Tensor>& tensors, int64_t kept) {
  const Checkpoint written(staging);
  SHORTEN_CHECK(JsonObject(written.config(), written.config_file()).integer("num_hidden_layers", 0, INT64_MAX) == kept,
                "config.json counts other blocks than were written");
  SHORTEN_CHECK(written.tensors().size() == tensors.size(), "another number of tensors was written");
  for (const Tensor& expected : tensors) {
    const Tensor& found = written.tensor(expected.name);
    const bool same =
        found.dtype == expected.dtype && found.shape == expected.shape && found.bytes.size() == expected.bytes.size() &&
        (expected.bytes.empty() || std::memcmp(found.bytes.data(), expected.bytes.data(), expected.bytes.size()) == 0);
    if (same) continue;
    throw bad_input("what was written does not read back as it was: the output is not kept")
        .file(written.file_of(expected.name))
        .where("tensor " + expected.name)
        .help("the disk or the memory may be failing, or the source was changed meanwhile");
  }
}

std::vector<fs::path> inputs_of(const Checkpoint& model, const std::vector<fs::path>& copies) {
  std::vector<fs::path> inputs = {model.dir(), model.config_file()};  // files too: they may be links to other folders
  for (const auto& [name, tensor] : model.tensors()) {
    if (inputs.back() != model.file_of(name)) inputs.push_back(model.file_of(name));
  }
  inputs.insert(inputs.end(), copies.begin(), copies.end());
  return inputs;
}

}  // namespace

ApplyResult apply(const Checkpoint& model, int64_t blocks, const std::string& fingerprint, const PrunePlan& plan,
                  const fs::path& output, const std::vector<std::string>& argv, bool force,
                  const std::function<void(const ApplyResult&)>& report) {
  check_plan(plan, {}, fingerprint, blocks);
  const Inventory before = take_inventory(model, blocks);
  ApplyResult result{kept_blocks(blocks, plan.remove), before.parameters, 0, before.bytes, 0};
  const std::vector<Tensor> tensors = renamed_tensors(model, result.kept);
  for (const Tensor& tensor : tensors) {
    result.parameters_after += tensor.numel();
    result.bytes_after += tensor.bytes.size();
  }
  const std::vector<Shard> shards = plan_shards(tensors, kMaxShard);
  const std::vector<fs::path> copies = files_to_copy(model.dir());
  std::vector<TextFile> texts = {
      {"config.json", edit_config(model.config_text(), model.config_file(), blocks, result.kept)}};
  if (shards.size() > 1) texts.push_back({"model.safetensors.index.json", readable_json(index_json(shards))});
  texts.push_back({"shorten.json", readable_json(provenance(model, fingerprint, plan, result, argv))});

  checkpoint::OutputDir out(output, inputs_of(model, copies), needed_bytes(shards, texts, copies), force);
  for (const fs::path& file : copies) out.copy(file, file.filename());
  {
    Progress progress("write " + human_bytes(result.bytes_after), static_cast<int64_t>(shards.size()), "files");
    for (const Shard& shard : shards) {
      checkpoint::write_safetensors(out.staging() / shard.name, shard.tensors, kMetadata);
      progress.advance();
    }
  }
  const TextFile last = texts.back();  // shorten.json says that all the rest is there
  texts.pop_back();
  for (const TextFile& text : texts) out.write(text.name, text.content);
  verify(out.staging(), tensors, static_cast<int64_t>(result.kept.size()));
  out.write(last.name, last.content);
  report(result);
  out.commit();
  return result;
}

}  // namespace shorten::plan
