// SPDX-License-Identifier: Apache-2.0
// The run: steps, validations, and what is saved so that it can go on after anything.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/state_slots.h"
#include "recipe/record.h"
#include "train/memory.h"
#include "train/pass.h"

namespace shorten::train {

struct TrainInputs {
  const std::vector<data::Example>& rows;
  std::vector<data::Example> validation;
  std::vector<recipe::HeldOut> texts;
  recipe::Settings settings;
  MemoryPlan memory;
  std::string identity;                     // of everything that the state belongs to
  std::string place;                        // device, dtype, threads: a run that goes on elsewhere is warned
  checkpoint::StateSlots* slots = nullptr;  // null: nothing is saved
  fs::path state;           // the folder where the weights of the best validation are kept, too; empty: nowhere
  bool new_memory = false;  // go on with `memory`, not with what a saved run had
};

// Trains `student` to the end, from the newest state in the slots where there is one. Throws interrupted when
// hooks.stop() said so and the state is saved; diverged after ten steps that were not finite; bad_input if the state
// belongs to another run.
recipe::TrainResult train(Student& student, const Teacher* teacher, const TrainInputs& inputs,
                          const recipe::Hooks& hooks);

}  // namespace shorten::train
