// SPDX-License-Identifier: Apache-2.0
#include "train/student.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"

namespace shorten::train {
namespace {

uint64_t seed_of(uint64_t seed, std::string_view name) {  // FNV-1a of the name on top of the seed
  uint64_t hash = 0xCBF29CE484222325u ^ seed;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return hash;
}

// Kaiming's uniform distribution with a = √5, as PEFT begins: ±1/√in.
Tensor initial_a(int64_t rank, int64_t in, uint64_t seed) {
  Tensor a = at::empty({rank, in}, at::kFloat);
  Random random(seed);
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  float* out = a.data_ptr<float>();
  for (int64_t i = 0; i < rank * in; ++i) out[i] = static_cast<float>((2 * random.uniform() - 1) * bound);
  return a;
}

bool is_target(const recipe::Settings& settings, const family::Module& module) {
  return std::find(settings.targets.begin(), settings.targets.end(), module.target()) != settings.targets.end();
}

}  // namespace

Tensor Student::part_a(const AdapterPart& part) const { return trainables[part.a].master.narrow(0, part.a_row, rank); }

Tensor Student::part_b(const AdapterPart& part) const {
  return trainables[part.b].master.narrow(0, part.b_row, part.out).narrow(1, part.a_row, rank);
}

void Student::set_dropout(double p, uint64_t seed, const Tensor& places) {
  Random random(seed);
  for (model::Block& block : model.blocks.resident()) {
    for_each_linear(block, [&](family::Slot, model::Linear& linear) {
      const uint64_t own = random.next();
      if (!linear.adapter) return;
      linear.adapter->dropout = p;
      linear.adapter->seed = own;
      linear.adapter->places = places;
    });
  }
}

Student make_lora_student(model::CausalLm model, const recipe::Settings& settings) {
  const at::NoGradGuard guard;
  const at::Device device = model.device();
  const at::ScalarType dtype = model.dtype();
  const double r = static_cast<double>(settings.rank);
  Student student;
  student.rank = settings.rank;
  student.scale = settings.alpha / (settings.rank_stabilised ? std::sqrt(r) : r);
  for (size_t i = 0; i < model.blocks.size(); ++i) {
    student.begin.push_back(student.trainables.size());
    for_each_linear(model.blocks.resident()[i], [&](family::Slot slot, model::Linear& linear) {
      std::vector<Tensor> a;
      std::vector<AdapterPart> parts;
      int64_t rows = 0;
      for (const family::Module& module : family::modules_in(model.blocks.spec(i), slot)) {
        rows += module.rows;
        if (!is_target(settings, module)) continue;
        const std::string name = family::block_prefix(static_cast<int64_t>(i)) + module.name;
        const auto place = static_cast<int64_t>(a.size()) * settings.rank;
        parts.push_back({static_cast<int64_t>(i), module.name, student.trainables.size(), student.trainables.size() + 1,
                         place, module.begin, module.rows});
        a.push_back(initial_a(settings.rank, module.columns, seed_of(settings.seed, name)));
      }
      if (parts.empty()) return;
      const std::string name = fmt::format("{}.{}", i, slot_name(slot));
      const Tensor b = at::zeros({rows, static_cast<int64_t>(a.size()) * settings.rank}, at::TensorOptions(device));
      student.trainables.push_back(make_trainable(name + ".a", at::cat(a).to(device), dtype, true));
      student.trainables.push_back(make_trainable(name + ".b", b, dtype, true));
      if (parts.size() > 1 || parts[0].out != rows) {
        Tensor mask = at::zeros_like(student.trainables.back().master);
        for (const AdapterPart& p : parts) mask.narrow(0, p.b_row, p.out).narrow(1, p.a_row, settings.rank).fill_(1);
        student.trainables.back().mask = mask;
      }
      linear.adapter = std::make_shared<kernels::LowRank>(kernels::LowRank{
          student.trainables[parts[0].a].compute, student.trainables[parts[0].b].compute, student.scale});
      student.parts.insert(student.parts.end(), parts.begin(), parts.end());
    });
  }
  student.begin.push_back(student.trainables.size());
  student.model = std::move(model);
  return student;
}

Student make_full_student(model::CausalLm model, at::ScalarType dtype) {
  Student student;
  const auto train = [&](const std::string& name, const Tensor& tensor) {  // what takes its place
    if (!tensor.defined()) return tensor;
    student.trainables.push_back(make_trainable(name, tensor, dtype, tensor.dim() > 1));
    return student.trainables.back().compute;
  };
  for (size_t i = 0; i < model.blocks.size(); ++i) {
    student.begin.push_back(student.trainables.size());
    const auto name = [&](family::Slot slot) { return fmt::format("{}.{}", i, slot_name(slot)); };
    for_each_linear(model.blocks.resident()[i], [&](family::Slot slot, model::Linear& linear) {
      linear.weight = train(name(slot), linear.weight.dense());
      linear.bias = train(name(slot) + ".bias", linear.bias);
    });
    for_each_norm(model.blocks.resident()[i],
                  [&](family::Slot slot, model::RmsNorm& norm) { norm.weight = train(name(slot), norm.weight); });
  }
  student.begin.push_back(student.trainables.size());
  student.embedding_ = student.trainables.size();
  model.embedding = train("embedding", model.embedding);
  model.final_norm.weight = train("final_norm", model.final_norm.weight);
  if (model.spec.tied_head) {
    model.lm_head.weight = model.embedding;
  } else {
    model.lm_head.weight = train("head", model.lm_head.weight.dense());
  }
  student.model = std::move(model);
  return student;
}

uint64_t count_adapter(const family::ModelSpec& spec, const recipe::Settings& settings) {
  int64_t out = 0;
  for (const family::BlockSpec& block : spec.blocks) {
    for (const auto& [slot, member] : model::kLinearMembers) {
      int64_t rows = 0, columns = 0, parts = 0;
      for (const family::Module& module : family::modules_in(block, slot)) {
        rows += module.rows;
        columns = module.columns;
        parts += is_target(settings, module) ? 1 : 0;
      }
      out += parts * settings.rank * (columns + rows);
    }
  }
  return static_cast<uint64_t>(out);
}

int64_t count_trained(const Student& student) {
  int64_t out = 0;
  for (const Trainable& t : student.trainables) {
    const bool whole = !t.mask.defined();
    out += whole ? t.master.numel() : t.mask.sum().to(at::kLong).item<int64_t>();
  }
  return out;
}

}  // namespace shorten::train
