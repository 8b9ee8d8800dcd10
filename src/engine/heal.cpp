// SPDX-License-Identifier: Apache-2.0
#include "engine/heal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/check.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/units.h"
#include "engine/language_model.h"
#include "kernels/accelerator.h"
#include "model/device.h"
#include "model/loader.h"
#include "peft/adapter.h"
#include "train/output.h"
#include "train/state.h"
#include "train/trainer.h"

namespace shorten::engine {
namespace {

// Model and teacher, and whether the model is some blocks of the teacher: the same structure, and every tensor bit for
// bit.
struct Sources {
  const family::ModelSpec& spec;
  const family::Model *model, *teacher;  // null: random weights; no teacher
  bool same_weights = false;
};

bool equal(const checkpoint::Tensor& a, const checkpoint::Tensor& b) {
  return a.dtype == b.dtype && a.shape == b.shape && std::memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

bool same_structure(const Sources& s, const std::vector<int>& kept) {
  const family::ModelSpec &mine = s.spec, &theirs = s.teacher->spec();
  if (mine.hidden != theirs.hidden || mine.norm_eps != theirs.norm_eps || mine.tied_head != theirs.tied_head)
    return false;
  for (size_t i = 0; i < kept.size(); ++i) {
    if (mine.blocks[i] != theirs.blocks[static_cast<size_t>(kept[i])]) return false;
  }
  return true;
}

bool all_equal(const Sources& s, const std::vector<int>& kept) {
  if (!same_structure(s, kept)) return false;
  const auto same = [&](const std::string& mine, const std::string& theirs) {
    const checkpoint::Checkpoint &own = s.model->files(), &parent = s.teacher->files();
    return equal(own.tensor(family::stored_name(s.spec, own, mine)),
                 parent.tensor(family::stored_name(s.teacher->spec(), parent, theirs)));
  };
  for (const char* name : {family::kEmbedding, family::kFinalNorm, family::kHead}) {
    const bool there = name != family::kHead || !s.spec.tied_head;
    if (there && !same(name, name)) return false;
  }
  for (size_t i = 0; i < kept.size(); ++i) {
    for (const family::ExpectedTensor& t : family::block_tensors(s.spec.blocks[i])) {
      if (!same(family::block_prefix(static_cast<int64_t>(i)) + t.name, family::block_prefix(kept[i]) + t.name))
        return false;
    }
  }
  return true;
}

Sources open_sources(const HealRequest& request) {
  Sources s{request.model.spec, request.model.files.get(), request.teacher.get()};
  s.same_weights =
      s.model && s.teacher && request.settings.method == recipe::Method::kLora && all_equal(s, request.kept);
  return s;
}

// Half precision without loss scaling loses small gradients, so fp16 weights are computed with in bf16.
Place training_place(const HealRequest& request, checkpoint::DType checkpoint) {
  recipe::check_training_dtype(request.compute.dtype);
  Place place = open_place(request.compute, checkpoint);
  if (place.dtype == at::kHalf) place.dtype = at::kBFloat16;
  return place;
}

train::MemoryPlan plan_memory(const HealRequest& request, const Sources& s, const Place& place) {
  const uint64_t element = at::elementSize(place.dtype);
  const uint64_t own = family::count_parameters(s.spec).parameters;
  const uint64_t parent = s.teacher ? family::count_parameters(s.teacher->spec()).parameters : 0;
  train::MemoryInputs in{s.spec};
  in.element = element;
  in.on_cpu = place.device.is_cpu();
  in.rows = request.settings.batch;
  in.teacher = s.teacher != nullptr;
  in.hidden_matching = request.settings.hidden_weight > 0;
  if (request.settings.method == recipe::Method::kFull) {
    in.trained = own;
    in.frozen = parent * element;
  } else {
    in.trained = train::count_adapter(s.spec, request.settings);
    in.frozen = (s.same_weights ? parent : own + parent) * element;
  }
  uint64_t room = kernels::free_memory(place.device);
  room = room / 10 * 9;  // fragments, and what libraries take for themselves
  if (request.settings.max_memory > 0) room = std::min(room, request.settings.max_memory);
  return train::plan_memory(in, request.settings, room);
}

train::Student load_student(const HealRequest& request, const Sources& s, const Place& place,
                            const std::optional<train::Teacher>& teacher) {
  model::CausalLm model;
  if (s.same_weights) {  // the parent's blocks, without some
    model = teacher->model;
    const std::vector<model::Block>& parent = teacher->model.blocks.resident();
    std::vector<model::Block> kept;
    for (const int block : request.kept) kept.push_back(parent[static_cast<size_t>(block)]);
    model.blocks = std::move(kept);
    model.spec = s.spec;
  } else if (s.model) {
    // Masters begin as the file has them, not rounded to what is computed with.
    const bool full = request.settings.method == recipe::Method::kFull;
    model = model::load(s.model->files(), s.spec, place.device, full ? at::kFloat : place.dtype);
  } else {
    model = model::random_model(s.spec, place.device, place.dtype, request.settings.seed);
  }
  if (request.settings.method == recipe::Method::kFull) return train::make_full_student(std::move(model), place.dtype);
  return train::make_lora_student(std::move(model), request.settings);
}

void start_from(const fs::path& dir, const Sources& s, train::Student& student) {
  const at::NoGradGuard guard;
  const peft::PeftAdapter adapter = peft::open_adapter(dir, s.spec, s.model->fingerprint());
  // Where it has nothing, or a lower rank, zeros stay zeros: neither A nor B has a gradient where the other is zero.
  for (const train::AdapterPart& part : student.parts) {
    student.part_a(part).zero_();
    student.part_b(part).zero_();
  }
  for (const peft::AdapterPair& pair : adapter.pairs) {
    const auto part = std::find_if(student.parts.begin(), student.parts.end(), [&](const train::AdapterPart& p) {
      return p.block == pair.block && p.module == pair.module;
    });
    SHORTEN_CHECK(part != student.parts.end(), "an adapter with other targets than the settings");
    const Tensor a = model::view_of(pair.a), b = model::view_of(pair.b);
    student.part_a(*part).narrow(0, 0, a.size(0)).copy_(a);
    student.part_b(*part).narrow(1, 0, b.size(1)).copy_(b.to(at::kFloat) * pair.scale);
  }
  train::round_to_compute(student.trainables);
}

void write_outputs(const HealRequest& request, const Sources& s, train::Student& student,
                   const recipe::TrainResult& result) {
  const train::Base base{s.model->files(), s.spec, s.model->fingerprint()};
  const std::vector<int32_t>& first = request.rows.front().ids;
  const std::vector<int32_t> probe(first.begin(),
                                   first.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(64, first.size())));
  const auto write = [&](const fs::path& folder, bool merge) {
    make_folders(folder);
    const bool lora = request.settings.method == recipe::Method::kLora;
    try {
      if (merge) train::write_model(student, base, probe, request.record, folder / "model");
    } catch (Error& e) {
      if (lora && e.code() == ExitCode::kQuality)
        e.help(fmt::format("{}; or keep the adapter alone, which needs no rounding: `resume` the run with `no_merge`",
                           e.help(), request.run.string()));
      throw;
    }
    if (lora) train::write_adapter(student, request.settings, base, folder / "adapter");
  };
  const bool best_too = result.best_step > 0 && result.best_step != result.steps;
  if (!best_too) return write(request.run, request.merge);
  // Both are kept: what was asked for in its place, the other, if it is any good, in a folder of its own, which holds a
  // model where there is no adapter.
  const bool keep_best = request.settings.keep_best, full = request.settings.method == recipe::Method::kFull;
  const fs::path aside = request.run / (keep_best ? "last" : "best");
  const auto take_best = [&] {
    train::read_best(request.run / "state", result.best_step, result.best_sha256, student.trainables);
  };
  const auto beside = [&](const auto& make) {
    try {
      make();
    } catch (const Error& e) {
      if (e.code() == ExitCode::kNoSpace || e.code() == ExitCode::kInterrupted) throw;
      log_warning(fmt::format("{} is not written: {}", aside.string(), e.message()));
      std::error_code ignored;  // it holds something, then
      fs::remove(aside, ignored);
    }
  };
  if (keep_best) {
    beside([&] { write(aside, full); });
    take_best();
    return write(request.run, request.merge);
  }
  write(request.run, request.merge);
  beside([&] {
    take_best();
    write(aside, full);
  });
}

}  // namespace

HealResponse heal(const HealRequest& request, const recipe::Hooks& hooks) {
  const Sources sources = open_sources(request);
  const Place place = training_place(request, sources.spec.dtype);
  const train::MemoryPlan memory = plan_memory(request, sources, place);

  std::optional<train::Teacher> teacher;
  if (sources.teacher)
    teacher = train::Teacher{model::load(sources.teacher->files(), sources.teacher->spec(), place.device, place.dtype),
                             request.kept};
  train::Student student = load_student(request, sources, place, teacher);
  std::optional<checkpoint::StateSlots> slots;
  if (sources.model) slots.emplace(request.run / "state");
  // A saved state holds what the adapter began.
  if (request.init_adapter && (!slots || slots->empty())) start_from(*request.init_adapter, sources, student);
  const int64_t trained = train::count_trained(student);
  log_info(fmt::format("training {} of {} parameters, {} rows at once{}{}, about {} on {} in {}",
                       with_separators(trained),
                       with_separators(static_cast<int64_t>(family::count_parameters(sources.spec).parameters)),
                       memory.micro_batch, memory.recompute ? ", blocks computed again" : "",
                       sources.same_weights ? ", weights shared with the teacher" : "", human_bytes(memory.bytes),
                       model::device_name(place.device), model::dtype_name(place.dtype)));

  const train::TrainInputs inputs{request.rows,
                                  request.validation,
                                  request.texts,
                                  request.settings,
                                  memory,
                                  request.identity,
                                  fmt::format("{} in {}, {} threads", model::device_name(place.device),
                                              model::dtype_name(place.dtype), at::get_num_threads()),
                                  slots ? &*slots : nullptr,
                                  slots ? request.run / "state" : fs::path(),
                                  request.new_memory};
  HealResponse response;
  response.result = train::train(student, teacher ? &*teacher : nullptr, inputs, hooks);
  response.trained = trained;
  response.shared = sources.same_weights;
  if (sources.model) {
    if (!response.result.moved) {
      throw Error(ExitCode::kQuality, "the training has moved no weight")
          .found(fmt::format("{} steps, {} of them skipped", response.result.steps, response.result.skipped))
          .help("use a larger `lr`, more steps, or a shorter `warmup`: its first step has rate 0");
    }
    teacher.reset();
    write_outputs(request, sources, student, response.result);
  }
  response.used = describe(place);
  return response;
}

}  // namespace shorten::engine
