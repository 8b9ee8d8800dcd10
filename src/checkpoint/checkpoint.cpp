// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/checkpoint.h"

#include <fmt/format.h>

#include "checkpoint/model_files.h"
#include "checkpoint/weight_files.h"
#include "core/error.h"
#include "core/json_text.h"

namespace shorten::checkpoint {
namespace {

constexpr uint64_t kMaxConfig = 16 << 20;
constexpr size_t kMaxConfigKeys = 20'000;  // far above any model; id2label of a classifier has the most

void expect_directory(const fs::path& dir) {
  std::error_code error;
  const fs::file_status status = fs::status(dir, error);
  if (status.type() == fs::file_type::directory) return;
  if (status.type() == fs::file_type::not_found) throw bad_input("the model directory does not exist").file(dir);
  if (error) throw bad_input("cannot open the model directory").file(dir).found(error.message());
  throw bad_input("not a directory").file(dir).help("give the folder that holds config.json and the weights");
}

// The index and the shards must tell the same story.
void check_index(const WeightFiles& files, const std::map<std::string, size_t>& file_of) {
  for (const auto& [tensor, shard] : files.weight_map) {
    const auto it = file_of.find(tensor);
    const std::string found = it == file_of.end() ? "it is in no shard" : "it is in " + files.names[it->second];
    if (it != file_of.end() && files.names[it->second] == shard) continue;
    throw bad_input("a tensor is not in the file that the index names")
        .file(files.index_file)
        .where("tensor " + tensor)
        .expected("in " + shard)
        .found(found);
  }
  for (const auto& [tensor, number] : file_of) {
    if (files.weight_map.contains(tensor)) continue;
    throw bad_input("a shard holds a tensor that the index does not list")
        .file(files.index_file)
        .where("tensor " + tensor)
        .found("it is in " + files.names[number]);
  }
}

}  // namespace

Checkpoint::Checkpoint(fs::path dir) : dir_(std::move(dir)) {
  expect_directory(dir_);
  if (!has_file(dir_, "config.json")) {
    throw bad_input("no config.json in the model directory")
        .file(dir_)
        .help("give the folder that holds config.json and the weights");
  }
  config_file_ = model_file(dir_, "config.json");
  config_text_ = read_file(config_file_, kMaxConfig);
  check_json_text(config_text_, config_file_, "", kMaxConfigKeys);
  config_ = parse_json(config_text_, config_file_);
  JsonObject(config_, config_file_);  // throws if it is none

  const WeightFiles weights = find_weight_files(dir_);
  has_index_ = !weights.index_file.empty();
  for (const std::string& name : weights.names) {
    const size_t number = sources_.size();
    sources_.push_back(SafetensorsFile(model_file(dir_, name)).source());
    for (const Tensor& tensor : sources_.back().tensors) {
      if (const auto [it, fresh] = file_of_.emplace(tensor.name, number); !fresh) {
        throw bad_input("a tensor is in two shards")
            .file(sources_.back().file)
            .where("tensor " + tensor.name)
            .found("it is in " + weights.names[it->second] + " too");
      }
      tensors_.emplace(tensor.name, tensor);
    }
  }
  if (has_index_) check_index(weights, file_of_);
  if (tensors_.empty()) throw bad_input("the checkpoint holds no tensor").file(sources_.front().file);
}

const Tensor& Checkpoint::tensor(const std::string& name) const {
  const auto it = tensors_.find(name);
  if (it == tensors_.end()) throw bad_input("a tensor is missing").file(dir_).where("tensor " + name);
  return it->second;
}

const fs::path& Checkpoint::file_of(const std::string& name) const {
  tensor(name);
  return sources_[file_of_.at(name)].file;
}

uint64_t Checkpoint::tensor_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [name, tensor] : tensors_) bytes += tensor.bytes.size();
  return bytes;
}

}  // namespace shorten::checkpoint
