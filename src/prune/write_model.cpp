// SPDX-License-Identifier: Apache-2.0
#include "prune/write_model.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "checkpoint/output_dir.h"
#include "checkpoint/tensor_lines.h"
#include "core/check.h"
#include "core/error.h"
#include "core/json_text.h"
#include "core/progress.h"
#include "core/units.h"
#include "family/tensor_names.h"
#include "prune/other_files.h"

namespace shorten::prune {
namespace {

using checkpoint::Checkpoint;
using checkpoint::Tensor;

const std::map<std::string, std::string> kMetadata = {{"format", "pt"}};  // without it Transformers refuses the file

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

std::vector<fs::path> all_inputs(const ModelFiles& files, const std::vector<fs::path>& copies) {
  const Checkpoint& model = files.source;
  std::vector<fs::path> inputs = {model.dir(), model.config_file()};  // files too: they may be links to other folders
  for (const auto& [name, tensor] : model.tensors()) {
    if (inputs.back() != model.file_of(name)) inputs.push_back(model.file_of(name));
  }
  inputs.insert(inputs.end(), copies.begin(), copies.end());
  inputs.insert(inputs.end(), files.inputs.begin(), files.inputs.end());
  return inputs;
}

int64_t count_blocks(const std::vector<Tensor>& tensors) {
  int64_t blocks = 0;
  for (const Tensor& tensor : tensors) {
    if (const auto part = family::split_block_name(tensor.name)) blocks = std::max(blocks, part->block + 1);
  }
  return blocks;
}

// Writes the files with weights. The result has the line of every tensor that `fill` gave, by its name: when all is
// read back the bytes are gone.
std::map<std::string, std::string> write_shards(const std::vector<Shard>& shards, const fs::path& staging,
                                                const Fill& fill) {
  std::map<std::string, std::string> lines;
  uint64_t bytes = 0;
  for (const Shard& shard : shards) {
    for (const Tensor& tensor : shard.tensors) bytes += tensor.size();
  }
  Progress progress("write " + human_bytes(bytes), static_cast<int64_t>(shards.size()), "files",
                    /*stops=*/false);
  for (const Shard& shard : shards) {
    std::vector<Tensor> tensors = shard.tensors;
    if (fill) {
      fill(tensors);
      const std::vector<std::string> given = checkpoint::tensor_lines(tensors);
      for (size_t i = 0; i < tensors.size(); ++i) lines[tensors[i].name] = given[i];
    }
    checkpoint::write_safetensors(staging / shard.name, tensors, kMetadata);
    progress.advance();
  }
  return lines;
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.bytes.size() == b.bytes.size() &&
         (a.bytes.empty() || std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0);
}

// Reads back what was written: every tensor must be as it was given.
void verify(const fs::path& staging, const std::vector<Tensor>& tensors, const Fill& fill,
            const std::map<std::string, std::string>& lines) {
  const Checkpoint written(staging);
  const JsonObject config(written.config(), written.config_file());
  SHORTEN_CHECK(config.integer("num_hidden_layers", 0, INT64_MAX) == count_blocks(tensors),
                "config.json counts other blocks than were written");
  SHORTEN_CHECK(written.tensors().size() == tensors.size(), "another number of tensors was written");
  std::vector<Tensor> found;
  for (const Tensor& tensor : tensors) found.push_back(written.tensor(tensor.name));
  const std::vector<std::string> found_lines = fill ? checkpoint::tensor_lines(found) : std::vector<std::string>();
  for (size_t i = 0; i < tensors.size(); ++i) {
    const bool same_kind = found[i].dtype == tensors[i].dtype && found[i].shape == tensors[i].shape;
    if (same_kind && (fill ? found_lines[i] == lines.at(tensors[i].name) : same_bytes(found[i], tensors[i]))) continue;
    throw bad_input("the output differs from what was written and is not kept")
        .file(written.file_of(tensors[i].name))
        .where("tensor " + tensors[i].name)
        .help("the disk or the memory may be failing, or the source was changed meanwhile");
  }
}

}  // namespace

void write_model(const ModelFiles& files, const fs::path& output, bool force, const Fill& fill,
                 const std::function<void(const fs::path&)>& report) {
  const std::vector<Shard> shards = plan_shards(files.tensors, files.max_shard);
  const std::vector<fs::path> copies = files_to_copy(files.source.dir());
  std::vector<TextFile> texts = {{"config.json", files.config}};
  if (shards.size() > 1) texts.push_back({"model.safetensors.index.json", readable_json(index_json(shards))});
  texts.push_back({"shorten.json", readable_json(files.record)});

  checkpoint::OutputDir out(output, all_inputs(files, copies), needed_bytes(shards, texts, copies), force);
  for (const fs::path& file : copies) out.copy(file, file.filename());
  const std::map<std::string, std::string> lines = write_shards(shards, out.staging(), fill);
  const TextFile last = texts.back();  // shorten.json says that all the rest is there
  texts.pop_back();
  for (const TextFile& text : texts) out.write(text.name, text.content);
  verify(out.staging(), files.tensors, fill, lines);
  out.write(last.name, last.content);
  report(out.staging());
  out.commit();
}

}  // namespace shorten::prune
