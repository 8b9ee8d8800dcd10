// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/state_slots.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "checkpoint/file_writer.h"
#include "checkpoint/model_files.h"
#include "checkpoint/tensor_lines.h"
#include "core/check.h"
#include "core/cleanup.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/sha256.h"

namespace shorten::checkpoint {
namespace {

constexpr std::array kNames = {"slot-a.safetensors", "slot-b.safetensors"};
constexpr std::string_view kTemporaryPrefix = ".slot-";
constexpr size_t kMaxState = 32 << 20;  // it lies in the header, escaped, whose readers stop at 100 MB

// The tensors in the order of the file, which is the order they were given in.
std::string hash_of(const std::string& step, const std::string& state, std::span<const Tensor> tensors) {
  Sha256 hash;
  hash.update(fmt::format("{}\n{}\n", step, state.size()));
  hash.update(state);
  for (const std::string& line : tensor_lines(tensors)) hash.update(line);
  return hash.hex();
}

// Throws unless everything in the file is as it was written.
Slot read_slot(const fs::path& path) {
  SafetensorsFile file(path);
  const auto entry = [&](const std::string& key) -> const std::string& {
    const auto it = file.metadata().find(key);
    if (it == file.metadata().end())
      throw bad_input("a key is missing").file(path).where("__metadata__ \"" + key + "\"");
    return it->second;
  };
  const std::string &text = entry("step"), &state = entry("state");
  if (const std::string found = hash_of(text, state, file.tensors()); found != entry("sha256")) {
    throw bad_input("the content was altered: its SHA-256 is another")
        .file(path)
        .expected(entry("sha256"))
        .found(found);
  }
  int64_t step = -1;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), step);
  if (status != std::errc() || end != text.data() + text.size() || step < 0)
    throw bad_input("not the number of a step").file(path).where("__metadata__ \"step\"").found(text);
  Json parsed = parse_json(state, path, "__metadata__ \"state\"");
  return {std::move(parsed), std::move(file), step};
}

std::string summary(const Error& e) {
  return printable(e.message() + (e.where().empty() ? "" : " (" + e.where() + ")"));
}

// What a killed writer left behind.
void remove_temporaries(const fs::path& folder) {
  std::error_code ignored;  // if it cannot be removed, writing will tell
  for (const std::string& name : list_names(folder)) {
    if (name.starts_with(kTemporaryPrefix)) fs::remove(folder / name, ignored);
  }
}

}  // namespace

struct StateSlots::Found {
  std::optional<Slot> newest;
  std::vector<Error> damage;  // of each file that is there and not whole
};

StateSlots::StateSlots(fs::path folder) : folder_(std::move(folder)) {}

bool StateSlots::empty() const { return !fs::exists(slot_file(0)) && !fs::exists(slot_file(1)); }

fs::path StateSlots::slot_file(int slot) const { return folder_ / kNames[static_cast<size_t>(slot)]; }

StateSlots::Found StateSlots::inspect() {
  Found found;
  next_ = 0;
  newest_.reset();
  for (int slot = 0; slot < static_cast<int>(kNames.size()); ++slot) {
    if (!has_file(folder_, kNames[static_cast<size_t>(slot)])) continue;
    try {
      Slot whole = read_slot(slot_file(slot));
      if (newest_ && *newest_ >= whole.step) continue;
      next_ = 1 - slot;
      newest_ = whole.step;
      found.newest.emplace(std::move(whole));
    } catch (const Error& e) {
      found.damage.push_back(e);
    }
  }
  inspected_ = true;
  return found;
}

std::optional<Slot> StateSlots::load() {
  Found found = inspect();
  if (!found.newest && !found.damage.empty()) {
    std::string what;
    for (const Error& e : found.damage) {
      const std::string name = fs::path(e.file()).filename().string();
      what += fmt::format("{}{}: {}", what.empty() ? "" : "\n", name, summary(e));
    }
    throw bad_input("no saved state is whole").file(folder_).found(what).help("start again from the beginning");
  }
  for (const Error& e : found.damage) {
    log_warning(fmt::format("the saved state {} is damaged and passed over, that of step {} is taken: {}",
                            printable(e.file()), found.newest->step, summary(e)));
  }
  return std::move(found.newest);
}

void StateSlots::save(int64_t step, const Json& state, std::span<const Tensor> tensors) {
  if (!inspected_) inspect();
  SHORTEN_CHECK(step >= newest_.value_or(0), "a state is saved that is older than the last one");
  if (newest_ == step) return;
  remove_temporaries(folder_);
  const fs::path target = slot_file(next_);
  const std::string number = std::to_string(step), text = state.dump();
  SHORTEN_CHECK(text.size() <= kMaxState, "a state is too large for the header of a file: make a tensor of it");
  // Registered before the file is there: a signal may come at any time.
  Temporary temporary(folder_ / fmt::format("{}{}.tmp", kTemporaryPrefix, next_ == 0 ? "a" : "b"));
  try {
    write_safetensors(temporary.path(), tensors,
                      {{"step", number}, {"state", text}, {"sha256", hash_of(number, text, tensors)}});
  } catch (Error& e) {
    e.file(target);
    if (e.code() == ExitCode::kNoSpace) e.help("free some space and go on: the state saved before is whole");
    throw;
  }
  std::error_code error;
  fs::rename(temporary.path(), target, error);
  if (error) throw io_error("cannot put the saved state in its place", error.value()).file(target);
  temporary.keep();
  sync_folder(folder_);
  newest_ = step;
  next_ = 1 - next_;
}

}  // namespace shorten::checkpoint
