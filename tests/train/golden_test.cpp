// SPDX-License-Identifier: Apache-2.0
// Training against PEFT and plain PyTorch, step by step: tests/golden/make_heal.py made the values.
#include "golden.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/json.h"
#include "data/read.h"
#include "model/loader.h"
#include "train/trainer.h"

namespace shorten::train {
namespace {

const fs::path kGolden = fs::path(SHORTEN_SOURCE_DIR) / "tests" / "golden" / "heal";

// The value of one number of the initial adapter; k counts the modules.
void fill_adapter(Student& student) {
  const at::NoGradGuard guard;
  for (size_t k = 0; k < student.parts.size(); ++k) {
    const AdapterPart& part = student.parts[k];
    const Tensor a = student.part_a(part), b = student.part_b(part);
    const int64_t in = a.size(1);
    const Tensor i = at::arange(a.numel(), at::kDouble).view_as(a),
                 j = at::arange(b.numel(), at::kDouble).view(b.sizes());
    const auto module = static_cast<double>(k);
    a.copy_((i * 0.37 + 0.11 * module).sin() / std::sqrt(static_cast<double>(in)));
    b.copy_((j * 0.23 + 0.17 * module + 1).sin() * 0.02);
  }
}

recipe::Settings settings_of(const JsonObject& json) {
  recipe::Settings s;
  s.method = json.string("method") == "full" ? recipe::Method::kFull : recipe::Method::kLora;
  s.objective = json.string("objective") == "kd" ? recipe::Objective::kKd : recipe::Objective::kCe;
  s.kd_weight = json.number_or("kd_weight", 0);
  s.temperature = json.number_or("temperature", 1);
  s.hidden_weight = json.number_or("hidden_weight", 0);
  s.rank = json.integer_or("rank", 8, 1, 64);
  s.alpha = json.number_or("alpha", 16);
  s.dropout = 0;
  s.lr = json.number("lr");
  s.min_lr_ratio = json.number("min_lr_ratio");
  s.schedule = json.string("schedule") == "cosine" ? recipe::Curve::kCosine : recipe::Curve::kLinear;
  s.warmup = json.integer("warmup", 0, 100);
  s.steps = json.integer("steps", 1, 100);
  s.batch = json.integer("batch", 1, 100);
  s.length = 64;
  s.beta1 = json.numbers("betas")[0];
  s.beta2 = json.numbers("betas")[1];
  s.weight_decay = json.number("weight_decay");
  s.clip = json.number("clip");
  s.average_micro = json.string("loss_average") == "micro";
  s.shuffle = false;
  return s;
}

// What the golden file calls a tensor, as fp32 values.
std::map<std::string, Tensor> trained_tensors(const Student& student) {
  std::map<std::string, Tensor> out;
  for (const AdapterPart& part : student.parts) {
    const std::string name = "base_model.model." + family::block_prefix(part.block) + part.module;
    out[name + ".lora_A.weight"] = student.part_a(part);
    out[name + ".lora_B.weight"] = student.part_b(part);
  }
  if (!student.parts.empty()) return out;
  const model::CausalLm& m = student.model;
  for (size_t i = 0; i < m.blocks.size(); ++i) {
    for (const model::Parameter& p : m.blocks.lease(i)->parameters())
      out[family::block_prefix(static_cast<int64_t>(i)) + p.name] = p.view();
  }
  out[family::kEmbedding] = m.embedding;
  out[family::kFinalNorm] = m.final_norm.weight;
  out[family::kHead] = m.lm_head.weight.dense();
  return out;
}

class GoldenTraining : public ::testing::TestWithParam<const char*> {
 protected:
  static model::CausalLm novelist() {
    return model::load(checkpoint::Checkpoint(fs::path(SHORTEN_SOURCE_DIR) / "examples" / "novelist-14m"), at::kCPU,
                       at::kFloat);
  }
};

TEST_P(GoldenTraining, EqualsTheReference) {
  const fs::path file = kGolden / (std::string(GetParam()) + ".json");
  const Json text = read_json(file);
  const JsonObject golden(text, file);
  const recipe::Settings settings = settings_of(golden.object("settings"));
  const bool kd = settings.objective == recipe::Objective::kKd;

  Teacher teacher{novelist(), {}};
  std::vector<int> removed;
  for (const Json& block : golden.array("remove")) removed.push_back(block.get<int>());
  model::CausalLm model = settings.method == recipe::Method::kFull ? novelist() : teacher.model;
  std::vector<model::Block> kept;
  for (int i = 0; i < 32; ++i) {
    if (std::count(removed.begin(), removed.end(), i)) continue;
    teacher.block.push_back(i);
    kept.push_back(*model.blocks.lease(static_cast<size_t>(i)));
  }
  model.blocks = kept;
  Student student = settings.method == recipe::Method::kFull ? make_full_student(std::move(model), at::kFloat)
                                                             : make_lora_student(std::move(model), settings);
  if (settings.method == recipe::Method::kLora) fill_adapter(student);
  std::map<std::string, Tensor> start;
  for (const auto& [name, value] : trained_tensors(student)) start[name] = value.detach().clone();

  const data::ReadOptions options{64, false, 4096, {}};
  const auto rows = data::read_dataset((kGolden / "rows.jsonl").string(), nullptr, options).examples;
  const auto validation = data::read_dataset((kGolden / "validation.jsonl").string(), nullptr, options).examples;
  const int64_t micro = golden.object("settings").integer("micro_batch", 1, 100);
  const TrainInputs inputs{rows, validation, {}, settings, {micro, false, 0}, "", "", nullptr, {}};
  std::vector<recipe::StepRecord> records;
  recipe::Hooks hooks;
  hooks.on_step = [&](const recipe::StepRecord& r) { records.push_back(r); };
  const recipe::TrainResult result = train(student, kd ? &teacher : nullptr, inputs, hooks);

  const Json& steps = golden.array("steps");
  ASSERT_EQ(records.size(), steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    SCOPED_TRACE(testing::Message() << "step " << i);
    const double loss = steps[i].at("loss").get<double>(), norm = steps[i].at("grad_norm").get<double>();
    EXPECT_NEAR(records[i].loss, loss, 1e-4 * loss);
    EXPECT_NEAR(records[i].grad_norm, norm, 1e-3 * norm);
    EXPECT_NEAR(records[i].lr, steps[i].at("lr").get<double>(), 1e-9);
    if (!kd) continue;
    EXPECT_NEAR(records[i].ce, steps[i].at("ce").get<double>(), 1e-4 * records[i].ce);
    EXPECT_NEAR(records[i].kd, settings.temperature * settings.temperature * steps[i].at("kl").get<double>(),
                1e-4 * records[i].kd);
  }
  EXPECT_NEAR(*result.before.loss, golden.object("held_out").number("before"), 1e-4);
  EXPECT_NEAR(*result.after.loss, golden.object("held_out").number("after"), 2e-4);

  const std::map<std::string, Tensor> end = trained_tensors(student);
  ASSERT_EQ(golden.array("trained").size(), end.size());
  for (const Json& probe : golden.array("trained")) {
    const std::string name = probe.at("name").get<std::string>();
    ASSERT_TRUE(end.contains(name)) << name;
    const Tensor values = end.at(name).detach().to(at::kDouble).reshape({-1});
    const double change = probe.at("change").get<double>();
    EXPECT_NEAR(values.norm().item<double>(), probe.at("norm").get<double>(), 1e-3 * probe.at("norm").get<double>())
        << name;
    EXPECT_NEAR((values - start.at(name).to(at::kDouble).reshape({-1})).norm().item<double>(), change, 2e-3 * change)
        << name;
    for (const Json& entry : probe.at("entries"))
      EXPECT_NEAR(values[entry[0].get<int64_t>()].item<double>(), entry[1].get<double>(),
                  1e-3 * values.abs().max().item<double>())
          << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenTraining,
                         ::testing::Values("lora-batch", "lora-micro", "lora-kd", "full-ce", "full-kd"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace shorten::train
