// SPDX-License-Identifier: Apache-2.0
#include "train/student.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"

namespace shorten::train {
namespace {

// A projection of a block with the modules whose rows it stacks.
struct Stack {
  const char* name;
  model::Linear model::Block::*linear;
  int64_t in;
  std::vector<std::pair<std::string, int64_t>> modules;  // name, rows
};

std::vector<Stack> stacks_of(const family::BlockSpec& s, int64_t hidden) {
  using model::Block;
  const int64_t q = s.heads * s.head_dim, kv = s.kv_heads * s.head_dim, i = s.intermediate;
  return {{"qkv", &Block::qkv, hidden, {{"self_attn.q_proj", q}, {"self_attn.k_proj", kv}, {"self_attn.v_proj", kv}}},
          {"o", &Block::o, q, {{"self_attn.o_proj", hidden}}},
          {"gate_up", &Block::gate_up, hidden, {{"mlp.gate_proj", i}, {"mlp.up_proj", i}}},
          {"down", &Block::down, i, {{"mlp.down_proj", hidden}}}};
}

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

bool is_target(const recipe::Settings& settings, const std::string& module) {
  const std::string last = module.substr(module.find('.') + 1);
  return std::find(settings.targets.begin(), settings.targets.end(), last) != settings.targets.end();
}

}  // namespace

Tensor Student::part_a(const AdapterPart& part) const { return trainables[part.a].master.narrow(0, part.a_row, rank); }

Tensor Student::part_b(const AdapterPart& part) const {
  return trainables[part.b].master.narrow(0, part.b_row, part.out).narrow(1, part.a_row, rank);
}

void Student::set_dropout(double p, uint64_t seed, const Tensor& places) {
  Random random(seed);
  for (model::Block& block : model.blocks) {
    for (model::Linear* linear : {&block.qkv, &block.o, &block.gate_up, &block.down}) {
      const uint64_t own = random.next();
      if (!linear->adapter) continue;
      linear->adapter->dropout = p;
      linear->adapter->seed = own;
      linear->adapter->places = places;
    }
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
    for (const Stack& stack : stacks_of(model.blocks[i].spec, model.spec.hidden)) {
      std::vector<Tensor> a;
      std::vector<AdapterPart> parts;
      int64_t row = 0;
      for (const auto& [module, rows] : stack.modules) {
        if (is_target(settings, module)) {
          const std::string name = family::block_prefix(static_cast<int64_t>(i)) + module;
          const auto place = static_cast<int64_t>(a.size()) * settings.rank;
          parts.push_back({static_cast<int64_t>(i), module, student.trainables.size(), student.trainables.size() + 1,
                           place, row, rows});
          a.push_back(initial_a(settings.rank, stack.in, seed_of(settings.seed, name)));
        }
        row += rows;
      }
      if (parts.empty()) continue;
      const std::string name = fmt::format("{}.{}", i, stack.name);
      const Tensor b = at::zeros({row, static_cast<int64_t>(a.size()) * settings.rank}, at::TensorOptions(device));
      student.trainables.push_back(make_trainable(name + ".a", at::cat(a).to(device), dtype, true));
      student.trainables.push_back(make_trainable(name + ".b", b, dtype, true));
      if (parts.size() > 1 || parts[0].out != row) {
        Tensor mask = at::zeros_like(student.trainables.back().master);
        for (const AdapterPart& p : parts) mask.narrow(0, p.b_row, p.out).narrow(1, p.a_row, settings.rank).fill_(1);
        student.trainables.back().mask = mask;
      }
      (model.blocks[i].*stack.linear).adapter = std::make_shared<kernels::LowRank>(kernels::LowRank{
          student.trainables[parts[0].a].compute, student.trainables[parts[0].b].compute, student.scale});
      student.parts.insert(student.parts.end(), parts.begin(), parts.end());
    }
  }
  student.begin.push_back(student.trainables.size());
  student.model = std::move(model);
  return student;
}

Student make_full_student(model::CausalLm model, at::ScalarType dtype) {
  Student student;
  const auto train = [&](const std::string& name, Tensor& tensor) {
    if (!tensor.defined()) return;
    student.trainables.push_back(make_trainable(name, tensor, dtype, tensor.dim() > 1));
    tensor = student.trainables.back().compute;
  };
  for (size_t i = 0; i < model.blocks.size(); ++i) {
    student.begin.push_back(student.trainables.size());
    model::Block& block = model.blocks[i];
    for (const Stack& stack : stacks_of(block.spec, model.spec.hidden)) {
      model::Linear& linear = block.*stack.linear;
      train(fmt::format("{}.{}", i, stack.name), linear.weight);
      train(fmt::format("{}.{}.bias", i, stack.name), linear.bias);
    }
    train(fmt::format("{}.input_norm", i), block.input_norm.weight);
    train(fmt::format("{}.post_attention_norm", i), block.post_attention_norm.weight);
    train(fmt::format("{}.q_norm", i), block.q_norm.weight);
    train(fmt::format("{}.k_norm", i), block.k_norm.weight);
  }
  student.begin.push_back(student.trainables.size());
  student.embedding_ = student.trainables.size();
  train("embedding", model.embedding);
  train("final_norm", model.final_norm.weight);
  if (model.spec.tied_head) {
    model.lm_head.weight = model.embedding;
  } else {
    train("head", model.lm_head.weight);
  }
  student.model = std::move(model);
  return student;
}

uint64_t count_adapter(const family::ModelSpec& spec, const recipe::Settings& settings) {
  int64_t out = 0;
  for (const family::BlockSpec& block : spec.blocks) {
    for (const Stack& stack : stacks_of(block, spec.hidden)) {
      int64_t rows = 0, parts = 0;
      for (const auto& [module, count] : stack.modules) {
        rows += count;
        parts += is_target(settings, module) ? 1 : 0;
      }
      out += parts * settings.rank * (stack.in + rows);
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
