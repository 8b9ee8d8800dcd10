// SPDX-License-Identifier: Apache-2.0
#include "family/spec.h"

#include <fmt/format.h>

#include <cstring>
#include <set>

#include "core/error.h"
#include "family/families.h"

namespace shorten::family {
namespace {

constexpr size_t kMaxListed = 20;  // differences shown in one error

bool is_weight(checkpoint::DType dtype) {
  return dtype == checkpoint::DType::kF32 || dtype == checkpoint::DType::kF16 || dtype == checkpoint::DType::kBF16;
}

// Old LLaMA checkpoints carry the rotary frequencies; they follow from config.json.
bool is_ignored(const std::string& name) { return name.ends_with(".rotary_emb.inv_freq"); }

}  // namespace

std::vector<ExpectedTensor> block_tensors(const BlockSpec& block) {
  std::vector<ExpectedTensor> out;
  for (const Module& m : modules_of(block)) {
    out.push_back({m.name + ".weight", m.is_norm() ? std::vector{m.rows} : std::vector{m.rows, m.columns}});
    if (m.bias) out.push_back({m.name + ".bias", {m.rows}});
  }
  return out;
}

std::vector<ExpectedTensor> expected_tensors(const ModelSpec& spec) {
  std::vector<ExpectedTensor> out = {{kEmbedding, {spec.vocabulary, spec.hidden}}};
  for (size_t i = 0; i < spec.blocks.size(); ++i) {
    for (ExpectedTensor& t : block_tensors(spec.blocks[i])) {
      out.push_back({block_prefix(static_cast<int64_t>(i)) + t.name, std::move(t.shape)});
    }
  }
  out.push_back({kFinalNorm, {spec.hidden}});
  if (!spec.tied_head) out.push_back({kHead, {spec.vocabulary, spec.hidden}});
  return out;
}

ModelSpec read_spec(const Json& json, const fs::path& file) {
  const JsonObject config(json, file);
  const std::string& type = config.string("model_type");
  std::string known;
  for (const Family& family : families()) {
    if (family.model_type == type) return family.read(config);
    known += fmt::format("{}{}", known.empty() ? "" : ", ", family.model_type);
  }
  throw unsupported("a model family that is not supported")
      .file(file)
      .where("key \"model_type\"")
      .expected("one of: " + known)
      .found(printable(type, 60));
}

std::string stored_name(const ModelSpec& spec, const checkpoint::Checkpoint& checkpoint, const std::string& name) {
  const bool head_only = spec.tied_head && !checkpoint.has(kEmbedding) && checkpoint.has(kHead);
  return head_only && name == kEmbedding ? kHead : name;
}

ModelSpec read_spec(const checkpoint::Checkpoint& checkpoint) {
  ModelSpec spec = read_spec(checkpoint.config(), checkpoint.config_file());
  expect_tensors(spec, checkpoint);
  return spec;
}

void expect_tensors(const ModelSpec& spec, const checkpoint::Checkpoint& checkpoint) {
  std::vector<std::string> differences;
  std::set<std::string> names;
  for (const ExpectedTensor& want : expected_tensors(spec)) {
    const std::string name = stored_name(spec, checkpoint, want.name);
    names.insert(name);
    if (!checkpoint.has(name)) {
      differences.push_back(fmt::format("missing     {} {}", want.name, checkpoint::shape_text(want.shape)));
      continue;
    }
    const checkpoint::Tensor& have = checkpoint.tensor(name);
    if (have.shape != want.shape) {
      differences.push_back(fmt::format("shape       {}: expected {}, found {}", want.name,
                                        checkpoint::shape_text(want.shape), checkpoint::shape_text(have.shape)));
    } else if (!is_weight(have.dtype)) {
      differences.push_back(fmt::format("dtype       {}: expected F32, F16 or BF16, found {}", want.name,
                                        checkpoint::dtype_name(have.dtype)));
    }
  }
  for (const auto& [name, tensor] : checkpoint.tensors()) {
    if (names.contains(name) || is_ignored(name)) continue;
    if (name == kHead && spec.tied_head &&
        checkpoint.has(kEmbedding)) {  // some writers store the tied head; it must then be the embedding
      const checkpoint::Tensor& embedding = checkpoint.tensor(kEmbedding);
      if (tensor.bytes.size() == embedding.bytes.size() &&
          std::memcmp(tensor.bytes.data(), embedding.bytes.data(), tensor.bytes.size()) == 0)
        continue;
      differences.emplace_back(
          "unexpected  lm_head.weight differs from the embedding, but tie_word_embeddings is true");
      continue;
    }
    differences.push_back(fmt::format("unexpected  {} {}", printable(name, 120), checkpoint::shape_text(tensor.shape)));
  }
  if (differences.empty()) return;
  const size_t count = differences.size();
  if (count > kMaxListed) {
    differences.resize(kMaxListed);
    differences.push_back(fmt::format("and {} more", count - kMaxListed));
  }
  throw bad_input("the tensors are not those that config.json describes")
      .file(checkpoint.dir())
      .expected(fmt::format("{} tensors of a {} model with {} blocks", names.size(), spec.family, spec.blocks.size()))
      .found(fmt::format("{} difference{}\n{}", count, count == 1 ? "" : "s", fmt::join(differences, "\n")));
}

Counts count_parameters(const ModelSpec& spec) {
  Counts counts;
  for (const ExpectedTensor& t : expected_tensors(spec)) {
    uint64_t numel = 1;
    for (const int64_t n : t.shape) numel *= static_cast<uint64_t>(n);
    counts.parameters += numel;
    if (t.name.starts_with(kBlocks)) counts.block_parameters += numel;
  }
  return counts;
}

uint64_t kv_bytes_per_token(const ModelSpec& spec, uint64_t bytes_per_value) {
  uint64_t values = 0;
  for (const BlockSpec& b : spec.blocks) values += static_cast<uint64_t>(2 * b.kv_heads * b.head_dim);
  return values * bytes_per_value;
}

}  // namespace shorten::family
