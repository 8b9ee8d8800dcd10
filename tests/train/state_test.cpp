// SPDX-License-Identifier: Apache-2.0
// The weights of the best step on disk: whole or not there, and those of a slot that may still be gone on from.
#include "train/state.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "file_size_limit.h"
#include "temp_dir.h"

namespace shorten::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

class BestTest : public ::testing::Test {
 protected:
  BestTest() {
    for (const char* name : {"norm", "down"})
      trained.push_back(make_trainable(name, at::rand({64, 8}), at::kBFloat16, false));
  }

  std::vector<Trainable> zeros() const {
    std::vector<Trainable> out;
    for (const Trainable& t : trained) out.push_back(make_trainable(t.name, at::zeros({64, 8}), at::kBFloat16, false));
    return out;
  }

  const test::TempDir temp;
  std::vector<Trainable> trained;
};

TEST_F(BestTest, ComesBackAsItWas) {
  const std::string sha256 = write_best(temp.path(), 7, trained);
  std::vector<Trainable> back = zeros();
  read_best(temp.path(), 7, sha256, back);
  for (size_t i = 0; i < back.size(); ++i) {
    EXPECT_TRUE(at::equal(back[i].master, trained[i].master));
    EXPECT_TRUE(at::equal(back[i].compute, trained[i].master.to(at::kBFloat16)));
  }
  EXPECT_THAT([&] { read_best(temp.path(), 8, sha256, back); }, ThrowsMessage<Error>(HasSubstr("best-8")));
}

TEST_F(BestTest, DamageIsSeen) {
  const std::string sha256 = write_best(temp.path(), 7, trained);
  const fs::path file = temp / "best-7.safetensors";
  std::string bytes = test::read_text(file);
  bytes[bytes.size() - 5] ^= 1;
  test::write(file, bytes);
  std::vector<Trainable> back = zeros();
  EXPECT_THAT([&] { read_best(temp.path(), 7, sha256, back); }, ThrowsMessage<Error>(HasSubstr("damaged")));
  for (const Trainable& t : back) EXPECT_EQ(t.master.abs().sum().item<double>(), 0) << "nothing of it is taken";
}

TEST_F(BestTest, OfAFullDiskNothingIsLeftUnderItsName) {
  write_best(temp.path(), 7, trained);
  {
    const test::FileSizeLimit limit(1000);
    try {
      write_best(temp.path(), 9, trained);
      ADD_FAILURE() << "no error";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ExitCode::kNoSpace) << e.block();
    }
  }
  EXPECT_FALSE(fs::exists(temp / "best-9.safetensors"));
  EXPECT_TRUE(fs::exists(temp / "best-7.safetensors"));
  const std::string sha256 = write_best(temp.path(), 9, trained);  // what was left is no obstacle
  read_best(temp.path(), 9, sha256, trained);
}

// Two slots speak of two best steps; what no slot speaks of goes.
TEST_F(BestTest, ThoseOfTwoSlotsStay) {
  for (const int step : {3, 5, 9}) write_best(temp.path(), step, trained);
  test::write(temp / "best-11.safetensors.new", "cut short");
  test::write(temp / "slot-a.safetensors", "not its business");
  remove_best_but(temp.path(), 9, 5);
  EXPECT_THAT(test::names_in(temp.path()),
              ElementsAre("best-5.safetensors", "best-9.safetensors", "slot-a.safetensors"));
}

}  // namespace
}  // namespace shorten::train
