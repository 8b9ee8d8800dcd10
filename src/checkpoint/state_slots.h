// SPDX-License-Identifier: Apache-2.0
// What a long computation needs to go on after a crash, in two files that are written in turn: whatever happens while
// one is written, the other is whole. Each is a safetensors file with "step", "state" (JSON) and "sha256" in its
// metadata.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/safetensors.h"
#include "core/json.h"

namespace shorten::checkpoint {

// A slot that was read back; the tensors lie in the mapped file, which stays readable whatever is saved later.
struct Slot {
  Json state;
  SafetensorsFile file;
  int64_t step = 0;
};

class StateSlots {
 public:
  explicit StateSlots(fs::path folder);  // must exist; one process at a time works in it

  // Writes to the slot that does not hold the newest whole state: a temporary file beside it, synced, renamed. `step`,
  // from 0, rises from call to call; the one that is saved already is not saved again. The SHA-256 of step, state and
  // all tensors goes along. Throws no_space when the disk is full; the other slot is untouched then.
  void save(int64_t step, const Json& state, std::span<const Tensor> tensors);

  bool empty() const;  // there is no slot file at all

  // The newest slot that is whole. One that is cut short, altered or unreadable is named in a warning and passed over.
  // Absent if there is no slot file at all; throws bad_input if there are some, but none is whole.
  std::optional<Slot> load();

 private:
  struct Found;
  Found inspect();
  fs::path slot_file(int slot) const;

  fs::path folder_;
  bool inspected_ = false;
  int next_ = 0;                   // the slot to write
  std::optional<int64_t> newest_;  // the step that the other one holds
};

}  // namespace shorten::checkpoint
