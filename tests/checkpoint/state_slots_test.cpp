// SPDX-License-Identifier: Apache-2.0
// Two slots, one of which is whole whatever happens: cut short, altered, killed, a full disk.
#include "checkpoint/state_slots.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "core/check.h"
#include "file_size_limit.h"
#include "hostile.h"
#include "messages.h"

namespace shorten::checkpoint {
namespace {

using test::TempDir;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// What step `n` leaves: values that no other step has.
class StepState {
 public:
  explicit StepState(int64_t n)
      : json_{{"step", n}, {"losses", {1.5, 0.25 * static_cast<double>(n)}}, {"name", "caf\xC3\xA9 \"\n\""}},
        masters_{static_cast<float>(n), 2, 3},
        bits_{static_cast<uint16_t>(n), 9},
        tensors_{{"masters", DType::kF32, {3, 1}, std::as_bytes(std::span(masters_))},
                 {"empty", DType::kF32, {0}, {}},
                 {"bits", DType::kBF16, {2}, std::as_bytes(std::span(bits_))}} {}
  StepState(const StepState&) = delete;
  StepState& operator=(const StepState&) = delete;

  const Json& json() const { return json_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }

 private:
  Json json_;
  std::vector<float> masters_;
  std::vector<uint16_t> bits_;
  std::vector<Tensor> tensors_;
};

void save(StateSlots& slots, int64_t n) {
  const StepState state(n);
  slots.save(n, state.json(), state.tensors());
}

void expect_step(const std::optional<Slot>& slot, int64_t n) {
  ASSERT_TRUE(slot);
  const StepState expected(n);
  EXPECT_EQ(slot->step, n);
  EXPECT_EQ(slot->state, expected.json());
  ASSERT_EQ(slot->file.tensors().size(), expected.tensors().size());
  for (size_t i = 0; i < expected.tensors().size(); ++i) {
    const Tensor &found = slot->file.tensors()[i], &wanted = expected.tensors()[i];
    EXPECT_EQ(found.name, wanted.name);
    EXPECT_EQ(found.dtype, wanted.dtype);
    EXPECT_EQ(found.shape, wanted.shape);
    EXPECT_TRUE(std::ranges::equal(found.bytes, wanted.bytes));
  }
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& item : fs::directory_iterator(folder)) names.push_back(item.path().filename().string());
  return names;
}

// What a new process makes of the folder, and what it says.
std::pair<std::optional<Slot>, std::string> loaded(const TempDir& dir) {
  const test::Messages messages;
  std::optional<Slot> slot = StateSlots(dir.path()).load();
  return {std::move(slot), messages.said()};
}

TEST(StateSlots, AnEmptyFolderHoldsNothing) {
  const TempDir dir;
  const auto [slot, said] = loaded(dir);
  EXPECT_FALSE(slot);
  EXPECT_THAT(said, IsEmpty());
}

TEST(StateSlots, TheNewestOfTwoIsReadBack) {
  const TempDir dir;
  StateSlots slots(dir.path());
  for (const int64_t n : {0, 1, 5, 6, 7}) {
    save(slots, n);
    const auto [slot, said] = loaded(dir);
    expect_step(slot, n);
    EXPECT_THAT(said, IsEmpty());
  }
  EXPECT_THAT(names_in(dir.path()), UnorderedElementsAre("slot-a.safetensors", "slot-b.safetensors"));
}

TEST(StateSlots, ASlotStaysReadableWhateverIsSavedLater) {
  const TempDir dir;
  StateSlots slots(dir.path());
  save(slots, 1);
  const std::optional<Slot> first = slots.load();
  for (const int64_t n : {2, 3, 4}) save(slots, n);
  expect_step(first, 1);
}

TEST(StateSlots, AStepThatIsSavedAlreadyIsNotSavedAgain) {
  const TempDir dir;
  StateSlots slots(dir.path());
  save(slots, 3);
  save(slots, 3);
  EXPECT_THAT(names_in(dir.path()), UnorderedElementsAre("slot-a.safetensors"));
  EXPECT_THROW(save(slots, 2), CheckFailure);
}

// A folder with step 1 in slot a and step 2 in slot b.
void write_two(const TempDir& dir) {
  StateSlots slots(dir.path());
  save(slots, 1);
  save(slots, 2);
}

TEST(StateSlots, ANewProcessWritesOverTheOlderSlot) {
  for (const bool load_first : {true, false}) {
    const TempDir dir;
    write_two(dir);
    const std::string newest = test::read_text(dir / "slot-b.safetensors");
    StateSlots slots(dir.path());
    if (load_first) expect_step(slots.load(), 2);
    save(slots, 3);
    EXPECT_EQ(test::read_text(dir / "slot-b.safetensors"), newest);
    expect_step(loaded(dir).first, 3);
  }
}

TEST(StateSlots, ADamagedSlotIsWrittenOverNeverTheWholeOne) {
  for (const bool load_first : {true, false}) {
    for (const char* damaged : {"slot-a.safetensors", "slot-b.safetensors"}) {
      const TempDir dir;
      write_two(dir);
      const bool older = std::string_view(damaged) == "slot-a.safetensors";
      const fs::path whole = dir / (older ? "slot-b.safetensors" : "slot-a.safetensors");
      const std::string content = test::read_text(whole);
      fs::resize_file(dir / damaged, 50);
      StateSlots slots(dir.path());
      const test::Messages messages;
      if (load_first) expect_step(slots.load(), older ? 2 : 1);
      EXPECT_EQ(messages.said().empty(), !load_first);
      save(slots, 3);
      EXPECT_EQ(test::read_text(whole), content);
      const auto [slot, said] = loaded(dir);
      expect_step(slot, 3);
      EXPECT_THAT(said, IsEmpty());
    }
  }
}

TEST(StateSlots, CutShortAnywhereTheOlderOneIsTaken) {
  const TempDir dir;
  write_two(dir);
  const std::string content = test::read_text(dir / "slot-b.safetensors");
  for (size_t size = 0; size < content.size(); size += 1 + size / 100) {
    test::write(dir / "slot-b.safetensors", std::string_view(content).substr(0, size));
    const auto [slot, said] = loaded(dir);
    expect_step(slot, 1);
    EXPECT_THAT(said, HasSubstr("slot-b.safetensors")) << size;
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << "a warning is one line: " << said;
  }
  test::write(dir / "slot-b.safetensors", content + "x");
  expect_step(loaded(dir).first, 1);
  test::write(dir / "slot-b.safetensors", std::string(content.size(), '\0'));  // some file systems, after a power cut
  expect_step(loaded(dir).first, 1);
}

TEST(StateSlots, WhateverBitIsAlteredTheOlderOneIsTaken) {
  const TempDir dir;
  write_two(dir);
  std::string content = test::read_text(dir / "slot-b.safetensors");
  for (size_t bit = 0; bit < 8 * content.size(); bit += 3) {  // in every byte
    content[bit / 8] = static_cast<char>(content[bit / 8] ^ 1 << bit % 8);
    test::write(dir / "slot-b.safetensors", content);
    const auto [slot, said] = loaded(dir);
    ASSERT_TRUE(slot && slot->step == 1) << "bit " << bit % 8 << " of byte " << bit / 8;
    ASSERT_THAT(said, HasSubstr("slot-b.safetensors"));
    content[bit / 8] = static_cast<char>(content[bit / 8] ^ 1 << bit % 8);
  }
  test::write(dir / "slot-b.safetensors", content);
  expect_step(loaded(dir).first, 2);
}

TEST(StateSlots, AFileOfAnotherKindIsNoState) {
  const TempDir dir;
  const StepState state(2);
  const auto with = [&](const std::map<std::string, std::string>& metadata) {
    fs::remove(dir / "slot-b.safetensors");
    write_safetensors(dir / "slot-b.safetensors", state.tensors(), metadata);
    return loaded(dir).second;
  };
  StateSlots slots(dir.path());
  save(slots, 1);
  EXPECT_THAT(with({}), HasSubstr("\"step\""));
  EXPECT_THAT(with({{"step", "2"}}), HasSubstr("\"state\""));
  EXPECT_THAT(with({{"step", "2"}, {"state", "{}"}}), HasSubstr("\"sha256\""));
  EXPECT_THAT(with({{"step", "2"}, {"state", "{}"}, {"sha256", ""}}), HasSubstr("SHA-256"));
  fs::remove(dir / "slot-b.safetensors");
  fs::create_directory(dir / "slot-b.safetensors");
  EXPECT_THAT(loaded(dir).second, HasSubstr("not a regular file"));
}

TEST(StateSlots, WhereNoneIsWholeTheErrorNamesAll) {
  const TempDir dir;
  write_two(dir);
  fs::resize_file(dir / "slot-a.safetensors", 7);
  test::write(dir / "slot-b.safetensors", "");
  try {
    StateSlots(dir.path()).load();
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kBadInput);
    EXPECT_THAT(e.block(), testing::AllOf(HasSubstr("slot-a.safetensors: the file is too short"),
                                          HasSubstr("slot-b.safetensors: the file is empty"), HasSubstr("found ")));
  }
  fs::remove(dir / "slot-a.safetensors");
  EXPECT_THROW(StateSlots(dir.path()).load(), Error) << "one that is damaged is not the same as none";
  StateSlots slots(dir.path());
  save(slots, 1);
  save(slots, 2);
  EXPECT_THAT(loaded(dir).second, IsEmpty());
}

TEST(StateSlots, WhatAKilledWriterLeftIsPassedOverAndRemoved) {
  const TempDir dir;
  write_two(dir);
  test::write(dir / ".slot-a.tmp", test::read_text(dir / "slot-b.safetensors").substr(0, 100));
  test::write(dir / ".slot-b.tmp.removed", "");
  const auto [slot, said] = loaded(dir);
  expect_step(slot, 2);
  EXPECT_THAT(said, IsEmpty());
  StateSlots slots(dir.path());
  save(slots, 3);
  EXPECT_THAT(names_in(dir.path()), UnorderedElementsAre("slot-a.safetensors", "slot-b.safetensors"));
  expect_step(loaded(dir).first, 3);
}

TEST(StateSlots, KilledAtAnyMomentTheLastSavedStepOrTheOneUnderWayIsThere) {
  const TempDir dir;
  int64_t last = 0;
  for (int round = 0; round < 30; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      StateSlots slots(dir.path());
      const std::optional<Slot> slot = slots.load();
      for (int64_t n = slot ? slot->step + 1 : 1;; ++n) {
        save(slots, n);
        if (::write(ends[1], &n, sizeof n) != sizeof n) ::_exit(1);
      }
    }
    ::close(ends[1]);
    ASSERT_EQ(::read(ends[0], &last, sizeof last), sizeof last);
    std::this_thread::sleep_for(std::chrono::microseconds(137 * round));
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    while (::read(ends[0], &last, sizeof last) == sizeof last) {
    }
    ::close(ends[0]);
    const auto [slot, said] = loaded(dir);
    ASSERT_TRUE(slot);
    expect_step(slot, slot->step == last ? last : last + 1);
    EXPECT_THAT(said, IsEmpty()) << "a slot was seen half written";
  }
}

TEST(StateSlots, AFullDiskLeavesTheOtherSlotAndNothingElse) {
  for (const rlim_t room : {0, 5, 100, 390}) {
    const TempDir dir;
    write_two(dir);
    const std::string a = test::read_text(dir / "slot-a.safetensors"), b = test::read_text(dir / "slot-b.safetensors");
    ASSERT_LT(room, a.size());
    StateSlots slots(dir.path());
    for (int attempt = 0; attempt < 2; ++attempt) {
      try {
        const test::FileSizeLimit full(room);
        save(slots, 3);
        ADD_FAILURE() << "no error";
      } catch (const Error& e) {
        EXPECT_EQ(e.code(), ExitCode::kNoSpace);
        EXPECT_THAT(e.block(), HasSubstr("slot-a.safetensors"));
      }
      EXPECT_EQ(test::read_text(dir / "slot-a.safetensors"), a);
      EXPECT_EQ(test::read_text(dir / "slot-b.safetensors"), b);
      EXPECT_THAT(names_in(dir.path()), UnorderedElementsAre("slot-a.safetensors", "slot-b.safetensors"));
    }
    save(slots, 3);  // there is room again
    expect_step(loaded(dir).first, 3);
  }
}

}  // namespace
}  // namespace shorten::checkpoint
