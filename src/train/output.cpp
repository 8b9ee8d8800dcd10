// SPDX-License-Identifier: Apache-2.0
#include "train/output.h"

#include <fmt/format.h>

#include <cstring>
#include <deque>
#include <functional>
#include <map>

#include "checkpoint/output_dir.h"
#include "core/check.h"
#include "core/error.h"
#include "family/tensor_names.h"
#include "model/loader.h"
#include "peft/adapter.h"
#include "prune/write_model.h"
#include "train/check_written.h"
#include "train/state.h"

namespace shorten::train {
namespace {

void check_finite(const Tensor& value, const std::string& name) {
  if (value.isfinite().all().item<bool>()) return;
  throw diverged("a trained number is NaN or infinite").where("tensor " + name).help("use a smaller `lr`");
}

// From a tensor's name in the checkpoint to what it has become, in fp32 in host memory, given what it was.
using Changes = std::map<std::string, std::function<Tensor(const Tensor& stored)>>;

Changes changes_of(const Student& student, const Base& base) {
  Changes out;
  const auto stored = [&](const std::string& name) { return family::stored_name(base.spec, base.files, name); };
  for (const AdapterPart& part : student.parts) {
    const Tensor a = student.part_a(part), b = student.part_b(part);
    const double scale = student.scale;
    out[stored(family::block_prefix(part.block) + part.module + ".weight")] = [a, b, scale](const Tensor& was) {
      return was.add(at::mm(b, a).to(at::kCPU), scale);
    };
  }
  if (!student.parts.empty()) return out;

  const auto trained = [&](const std::string& name, const Tensor& compute, int64_t begin, int64_t rows) {
    for (const Trainable& t : student.trainables) {
      if (!t.compute.is_same(compute)) continue;
      const Tensor master = t.master.narrow(0, begin, rows);
      out[stored(name)] = [master](const Tensor&) { return master.to(at::kCPU); };
      return;
    }
    SHORTEN_CHECK(false, "a parameter that is not trained");
  };
  const model::CausalLm& m = student.model;
  for (const model::BlockLease& block : m.blocks.forward()) {
    for (const model::Parameter& p : block->parameters())
      trained(family::block_prefix(static_cast<int64_t>(block.index())) + p.name, p.storage, p.begin, p.rows);
  }
  trained(family::kEmbedding, m.embedding, 0, m.embedding.size(0));
  trained(family::kFinalNorm, m.final_norm.weight, 0, m.final_norm.weight.size(0));
  if (!base.spec.tied_head) trained(family::kHead, m.lm_head.weight.dense(), 0, m.lm_head.weight.rows());
  return out;
}

}  // namespace

void write_adapter(const Student& student, const recipe::Settings& settings, const Base& base, const fs::path& output) {
  HostTensors host;
  std::vector<peft::AdapterPair> pairs;
  for (const AdapterPart& part : student.parts) {
    const std::string name = family::block_prefix(part.block) + part.module;
    host.add(name + ".lora_A", student.part_a(part));
    host.add(name + ".lora_B", student.part_b(part));
    for (size_t i = host.held.size() - 2; i < host.held.size(); ++i) check_finite(host.held[i], host.tensors[i].name);
    pairs.push_back({part.block, part.module, host.tensors[host.tensors.size() - 2], host.tensors.back()});
  }
  uint64_t bytes = 1 << 20;  // names and settings
  for (const checkpoint::Tensor& tensor : host.tensors) bytes += tensor.bytes.size();
  checkpoint::OutputDir out(output, {base.files.dir()}, bytes, true);
  const peft::AdapterConfig config{settings.rank, settings.alpha, settings.dropout, settings.rank_stabilised,
                                   settings.targets};
  peft::write_adapter(out.staging(), config, pairs, fs::absolute(base.files.dir()).string(), base.fingerprint);
  out.commit();
}

void write_model(const Student& student, const Base& base, const std::vector<int32_t>& probe, const Json& record,
                 const fs::path& output) {
  const at::NoGradGuard guard;
  const Changes changes = changes_of(student, base);
  prune::ModelFiles files{base.files, base.files.config_text(), {}, record, {}};
  std::map<std::pair<int64_t, std::string>, checkpoint::Tensor> sorted;
  for (const auto& [name, tensor] : base.files.tensors()) {
    if (family::is_redundant(base.files, name)) continue;
    const auto part = family::split_block_name(name);
    sorted.emplace(std::pair(part ? part->block : -1, name), tensor);
  }
  for (auto& [key, tensor] : sorted) files.tensors.push_back(tensor);

  bool moved = false;
  std::deque<Tensor> held;  // of the file that is being written
  const prune::Fill fill = [&](std::vector<checkpoint::Tensor>& tensors) {
    held.clear();
    for (checkpoint::Tensor& tensor : tensors) {
      const checkpoint::Tensor& source = base.files.tensor(tensor.name);
      tensor.bytes = source.bytes;
      const auto change = changes.find(tensor.name);
      if (change == changes.end()) continue;
      const Tensor stored = model::view_of(source);
      held.push_back(change->second(stored.to(at::kFloat)).to(stored.scalar_type()).contiguous());
      check_finite(held.back(), tensor.name);
      tensor.bytes = {static_cast<const std::byte*>(held.back().const_data_ptr()), held.back().nbytes()};
      moved = moved || std::memcmp(tensor.bytes.data(), source.bytes.data(), tensor.bytes.size()) != 0;
    }
  };
  prune::write_model(files, output, true, fill, [&](const fs::path& staging) {
    if (!moved) {
      throw Error(ExitCode::kQuality, "the training has changed no weight")
          .file(base.files.dir())
          .help("after rounding all are as before: use a larger `lr`, more steps, or a shorter `warmup`");
    }
    check_written(student, base, probe, staging);
  });
}

}  // namespace shorten::train
