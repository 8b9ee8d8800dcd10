// SPDX-License-Identifier: Apache-2.0
#include "train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "core/check.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/random.h"
#include "train/state.h"

namespace shorten::train {
namespace {

constexpr int64_t kMostSkipped = 10;

// LibTorch goes backward in a thread of its own a device. cuBLAS warns if it is the first there to want the device, so
// a step that needs no cuBLAS goes first.
void wake_backward(const at::Device& device) {
  const at::AutoGradMode enable(true);
  const Tensor leaf = at::ones({1}, at::TensorOptions(device)).requires_grad_();
  leaf.mul(leaf).backward();
}

// Two sums a tensor, which tell whether training has moved anything.
std::vector<double> signature(const std::vector<Trainable>& trainables) {
  const at::NoGradGuard guard;
  std::vector<double> out;
  for (const Trainable& t : trainables) {
    out.push_back(t.master.sum(at::kDouble).item<double>());
    out.push_back(t.master.norm(2, at::kDouble).item<double>());
  }
  return out;
}

class Trainer {
 public:
  Trainer(Student& student, const Teacher* teacher, const TrainInputs& inputs, const recipe::Hooks& hooks)
      : student_(student), teacher_(teacher), in_(inputs), s_(inputs.settings), hooks_(hooks), memory_(inputs.memory) {}

  recipe::TrainResult run() {
    if (!resume()) {
      start_ = signature(student_.trainables);
      result_.before = result_.after = measure();
      save();
    }
    started_ = true;
    if (!student_.model.device().is_cpu()) wake_backward(student_.model.device());
    hooks_.on_start(pending_ ? done_ - 1 : done_, result_.before);
    if (pending_) finish_step();
    while (done_ < s_.steps && !result_.stopped_early) {
      pending_ = take_step();
      ++done_;
      finish_step();
    }
    student_.stop_dropout();  // whoever uses the student from here on wants what it has learnt
    result_.steps = done_;
    result_.moved = signature(student_.trainables) != start_;
    if (s_.keep_best && result_.best) result_.after = *result_.best;
    result_.micro_batch = memory_.micro_batch;
    result_.recompute = memory_.recompute;
    return result_;
  }

 private:
  data::Layout layout() const {
    return {s_.pack && !s_.average_micro, s_.length, memory_.micro_batch, s_.average_micro};
  }

  // Masks depend on the step and on each token's place among the rows, not on the micro-batch it stands in.
  void drop_out(const Batch& batch) {
    if (s_.method != recipe::Method::kLora || s_.dropout == 0) return;
    Random random(s_.seed ^ (static_cast<uint64_t>(done_) << 20));
    student_.set_dropout(s_.dropout, random.next(), batch.places);
  }

  // What follows an update. Whoever is stopped meanwhile goes on here.
  void finish_step() {
    recipe::StepRecord record = *pending_;
    const bool last = done_ == s_.steps;
    if (last || done_ % s_.eval_every == 0) record.measured = validate();
    pending_.reset();
    hooks_.on_step(record);
    if (last || result_.stopped_early || done_ % s_.save_every == 0) save();
  }

  // Loss and gradients of a step; nothing of it stays if the run is asked to stop meanwhile.
  recipe::StepRecord take_step() {
    const auto start = std::chrono::steady_clock::now();
    recipe::StepRecord record;
    record.step = done_ + 1;
    record.lr = recipe::learning_rate(s_, done_);
    const std::vector<size_t> chosen = data::batch_of(in_.rows.size(), s_.batch, done_, s_.seed, s_.shuffle);
    const std::vector<data::MicroBatch> micro_batches = data::lay_out(in_.rows, chosen, layout());
    int64_t targets = 0;
    for (const data::MicroBatch& m : micro_batches) targets += m.targets;
    for (const size_t row : chosen) record.tokens += static_cast<int64_t>(in_.rows[row].ids.size());

    double ce = 0, kd = 0, hidden = 0;
    Tensor sums = at::zeros({3}, at::TensorOptions(student_.model.device()).dtype(at::kDouble));
    for (const data::MicroBatch& micro : micro_batches) {
      if (hooks_.stop()) stop();
      PassOptions pass{s_.kd_weight, s_.temperature, teacher_ ? s_.hidden_weight : 0, 0, memory_.recompute};
      pass.scale = s_.average_micro
                       ? 1.0 / static_cast<double>(micro.targets * static_cast<int64_t>(micro_batches.size()))
                       : 1.0 / static_cast<double>(targets);
      const Batch batch = make_batch(student_.model, in_.rows, micro, teacher_ ? &teacher_->model : nullptr);
      drop_out(batch);
      sums.add_(train_pass(student_, teacher_, batch, pass), pass.scale);
    }
    record.grad_norm = finish_gradients(student_.trainables, s_.clip);
    const Tensor host = sums.to(at::kCPU);
    ce = host[0].item<double>();
    kd = host[1].item<double>();
    hidden = host[2].item<double>();
    record.ce = ce;
    record.kd = kd;
    record.hidden = hidden;
    const double w = teacher_ ? s_.kd_weight : 0;
    record.loss = (w < 1 ? (1 - w) * ce : 0) + w * kd + (teacher_ ? s_.hidden_weight * hidden : 0);
    if (std::isfinite(record.loss) && std::isfinite(record.grad_norm)) {
      step(student_.trainables, {s_.beta1, s_.beta2, 1e-8, s_.weight_decay}, record.lr, done_ + 1 - result_.skipped);
    } else {
      skip(record, chosen);
    }
    record.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return record;
  }

  void skip(recipe::StepRecord& record, const std::vector<size_t>& rows) {
    clear_gradients(student_.trainables);
    record.skipped = true;
    ++result_.skipped;
    const std::string which = fmt::format("step {}, rows {} (counted from 0)", record.step, fmt::join(rows, " "));
    log_warning(fmt::format("{}: loss {}, gradient norm {}: not finite, the step is skipped", which, record.loss,
                            record.grad_norm));
    if (result_.skipped < kMostSkipped) return;
    throw diverged("the training diverges")
        .where(which)
        .expected(fmt::format("fewer than {} steps whose loss or gradient is not finite", kMostSkipped))
        .help("use a smaller `lr` or a longer `warmup`; the last finished state is kept");
  }

  // Rows that are only measured may be longer than those that are trained on: fewer at once, then, so that they take no
  // more memory than was planned.
  data::Layout measuring_layout(const std::vector<data::Example>& rows) const {
    const int64_t length = std::max(s_.length, data::longest(rows));
    return {false, length, std::max<int64_t>(1, memory_.micro_batch * s_.length / length), false};
  }

  double mean_loss(const std::vector<data::Example>& rows) {
    student_.stop_dropout();
    std::vector<size_t> all(rows.size());
    for (size_t i = 0; i < all.size(); ++i) all[i] = i;
    double sum = 0;
    int64_t targets = 0;
    for (const data::MicroBatch& m : data::lay_out(rows, all, measuring_layout(rows))) {
      if (hooks_.stop()) stop();
      sum += eval_pass(student_.model, make_batch(student_.model, rows, m)).item<double>();
      targets += m.targets;
    }
    return sum / static_cast<double>(targets);
  }

  recipe::Measured measure() {
    recipe::Measured out;
    if (!in_.validation.empty()) out.loss = mean_loss(in_.validation);
    for (const recipe::HeldOut& text : in_.texts) out.texts.emplace_back(text.name, std::exp(mean_loss(text.rows)));
    return out;
  }

  recipe::Measured validate() {
    const recipe::Measured now = measure();
    result_.after = now;
    if (!now.loss) return now;
    if (std::isfinite(*now.loss) && (!result_.best || *now.loss < *result_.best->loss)) {
      result_.best = now;
      result_.best_step = done_;
      worse_ = 0;
      if (!in_.state.empty()) result_.best_sha256 = write_best(in_.state, done_, student_.trainables);
    } else if (s_.patience > 0 && ++worse_ >= s_.patience) {
      result_.stopped_early = true;
    }
    return now;
  }

  void save() {
    if (!in_.slots) return;
    hooks_.before_save();
    const HostTensors tensors = to_host(student_.trainables, true);
    in_.slots->save(done_,
                    {{"identity", in_.identity},
                     {"place", in_.place},
                     {"start", start_},
                     {"micro_batch", memory_.micro_batch},
                     {"recompute", memory_.recompute},
                     {"skipped", result_.skipped},
                     {"worse", worse_},
                     {"best_step", result_.best_step},
                     {"best", result_.best ? recipe::to_json(*result_.best) : Json()},
                     {"best_sha256", result_.best_sha256},
                     {"stopped_early", result_.stopped_early},
                     {"before", recipe::to_json(result_.before)},
                     {"after", recipe::to_json(result_.after)},
                     {"pending", pending_ ? recipe::to_json(*pending_) : Json()}},
                    tensors.tensors);
    saved_ = done_;
    // The other slot speaks of another best step, and is the one to go on from where this one gets damaged.
    remove_best_but(in_.state, result_.best_step, saved_best_);
    saved_best_ = result_.best_step;
  }

  bool resume() {
    if (!in_.slots) return false;
    const std::optional<checkpoint::Slot> slot = in_.slots->load();
    if (!slot) return false;
    const JsonObject state(slot->state, slot->file.path());
    if (state.string("identity") != in_.identity)
      throw bad_input("the saved state is of another training")
          .file(slot->file.path())
          .expected(in_.identity)
          .found(state.string("identity"));
    if (state.string("place") != in_.place) {
      log_warning(fmt::format("the run was begun on {} and goes on on {}: not bit for bit as it would have",
                              state.string("place"), in_.place));
    }
    start_ = state.numbers("start");
    from_file(slot->file, student_.trainables, true);
    done_ = saved_ = slot->step;
    const int64_t micro_batch = state.integer("micro_batch", 1, INT64_MAX);
    const bool recompute = state.boolean("recompute");
    if (!in_.new_memory) memory_ = {micro_batch, recompute, 0};
    result_.skipped = state.integer("skipped", 0, INT64_MAX);
    worse_ = state.integer("worse", 0, INT64_MAX);
    result_.best_step = saved_best_ = state.integer("best_step", 0, INT64_MAX);
    result_.best_sha256 = state.string("best_sha256");
    if (s_.keep_best && result_.best_step > 0) check_best();
    result_.stopped_early = state.boolean("stopped_early");
    const bool with_loss = !in_.validation.empty();
    if (state.has("best")) result_.best = recipe::measured_from(state.object("best"), with_loss);
    result_.before = recipe::measured_from(state.object("before"), with_loss);
    result_.after = recipe::measured_from(state.object("after"), with_loss);
    if (state.has("pending")) pending_ = recipe::record_from(state.object("pending"));
    return true;
  }

  // What is to come out in the end is there.
  void check_best() const {
    try {
      open_best(in_.state, result_.best_step, result_.best_sha256);
    } catch (Error& e) {
      e.help("start anew with `force`, or with `keep` last");
      throw;
    }
  }

  [[noreturn]] void stop() {
    clear_gradients(student_.trainables);
    if (started_ && saved_ != done_) save();
    throw interrupted("the training was interrupted")
        .found(fmt::format("{} of {} steps are done and saved", done_, s_.steps));
  }

  Student& student_;
  const Teacher* teacher_;
  const TrainInputs& in_;
  const recipe::Settings& s_;
  const recipe::Hooks& hooks_;
  recipe::TrainResult result_;
  MemoryPlan memory_;
  int64_t done_ = 0, saved_ = -1, worse_ = 0;
  std::vector<double> start_;                  // the signature of the weights that it began with
  int64_t saved_best_ = 0;                     // the best step that the slot before speaks of
  std::optional<recipe::StepRecord> pending_;  // the step whose update is done, and what follows it is not
  bool started_ = false;                       // there is something to save
};

}  // namespace

recipe::TrainResult train(Student& student, const Teacher* teacher, const TrainInputs& inputs,
                          const recipe::Hooks& hooks) {
  return Trainer(student, teacher, inputs, hooks).run();
}

}  // namespace shorten::train
