// SPDX-License-Identifier: Apache-2.0
#include "train/pass.h"

#include "train/objective.h"

namespace shorten::train {
namespace {

// What the teacher makes of a batch, at the P positions that count: [P, D] each.
struct Lesson {
  Tensor last;                  // before the final norm
  std::vector<Tensor> outputs;  // a block of the student, where hidden states are matched
};

Tensor at_positions(const Tensor& states, const Tensor& predicting) {  // [N, T, D] → [P, D]
  return states.reshape({-1, states.size(2)}).index_select(0, predicting);
}

Lesson teach(const Teacher& teacher, const Batch& batch, bool hidden) {
  Lesson lesson;
  Tensor x = teacher.model.embed(batch.ids);
  size_t student_block = 0;
  for (const model::BlockLease& block : teacher.model.blocks.forward()) {
    x = block->forward(x, batch.teacher);
    if (!hidden || student_block == teacher.block.size()) continue;
    if (static_cast<int>(block.index()) == teacher.last_of_group(student_block)) {
      lesson.outputs.push_back(at_positions(x, batch.predicting));
      ++student_block;
    }
  }
  lesson.last = at_positions(x, batch.predicting);
  return lesson;
}

// Adds the gradient of scale · c / blocks · Σ ‖x - x'‖² / D to dx [N, T, D], and the sum without scale and c to `sum`.
void match_hidden(const Tensor& output, const Tensor& wanted, const Batch& batch, double blocks, double weight,
                  Tensor& dx, Tensor sum) {
  const auto width = static_cast<double>(output.size(2));
  const Tensor off = at_positions(output, batch.predicting).to(at::kFloat) - wanted.to(at::kFloat);  // [P, D]
  sum.add_(off.square().sum(at::kDouble), 1 / (width * blocks));
  dx.view({-1, dx.size(2)})
      .index_add_(0, batch.predicting, (off * (2 * weight / (width * blocks))).to(dx.scalar_type()));
}

}  // namespace

int Teacher::last_of_group(size_t j) const {
  return j + 1 < block.size() ? block[j + 1] - 1 : static_cast<int>(model.blocks.size()) - 1;
}

Tensor train_pass(Student& student, const Teacher* teacher, const Batch& batch, const PassOptions& options) {
  const at::NoGradGuard no_gradients;
  const model::CausalLm& model = student.model;
  const size_t blocks = model.blocks.size();
  Tensor sums = at::zeros({3}, batch.ids.options().dtype(at::kDouble));
  const bool hidden = teacher && options.hidden_weight > 0;
  const Lesson lesson = teacher ? teach(*teacher, batch, hidden) : Lesson{};

  // Forward. inputs[j] is a leaf, results[j] what its block makes of it.
  std::vector<Tensor> inputs, results(blocks);
  Tensor x = model.embed(batch.ids);  // [N, T, D]
  for (const model::BlockLease& block : model.blocks.forward()) {
    const at::AutoGradMode mode(!options.recompute);
    inputs.push_back(x.detach().requires_grad_());
    const Tensor y = block->forward(inputs.back(), batch.context);
    x = y.detach();
    if (!options.recompute) results[block.index()] = y;
  }

  // The head.
  const std::span<Trainable> trainables(student.trainables);
  const auto collect_head = [&] { collect(trainables.subspan(student.begin.back())); };
  Tensor head_sums = sums.narrow(0, 0, 2);
  const HeadLoss loss{options.kd_weight, options.temperature, options.scale};
  const Tensor at_head = head_loss(model, at_positions(x, batch.predicting), batch.targets,
                                   teacher ? &teacher->model : nullptr, lesson.last, loss, head_sums, collect_head);
  Tensor dx = at::zeros_like(x);
  dx.view({-1, x.size(2)}).index_copy_(0, batch.predicting, at_head);

  // Backward: dx is the gradient of the output of block j, then of its input.
  for (const model::BlockLease& block : model.blocks.backward()) {
    const size_t j = block.index();
    const Tensor& output = j + 1 < blocks ? inputs[j + 1] : x;
    if (hidden) {
      match_hidden(output.detach(), lesson.outputs[j], batch, static_cast<double>(blocks),
                   options.hidden_weight * options.scale, dx, sums[2]);
    }
    const at::AutoGradMode enable(true);
    if (options.recompute) results[j] = block->forward(inputs[j], batch.context);
    results[j].backward(dx);
    results[j] = Tensor();
    dx = inputs[j].grad();
    if (j + 1 < blocks) inputs[j + 1] = Tensor();
    collect(trainables.subspan(student.begin[j], student.begin[j + 1] - student.begin[j]));
  }
  if (Trainable* embedding = student.embedding()) {
    add_gradient(*embedding,
                 at::embedding_dense_backward(dx.to(at::kFloat), batch.ids, model.spec.vocabulary, -1, false));
  }
  return sums;
}

Tensor eval_pass(const model::CausalLm& model, const Batch& batch) {
  const at::NoGradGuard no_gradients;
  Tensor x = model.embed(batch.ids);
  for (const model::BlockLease& block : model.blocks.forward()) x = block->forward(x, batch.context);
  return model.token_nll(at_positions(x, batch.predicting), batch.targets).sum(at::kDouble);
}

}  // namespace shorten::train
