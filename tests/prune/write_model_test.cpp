// SPDX-License-Identifier: Apache-2.0
// A model directory whose tensors are computed while it is written: what it holds, and that nothing is left where
// anything fails.
#include "prune/write_model.h"

#include <gmock/gmock.h>

#include "core/check.h"
#include "core/error.h"
#include "file_size_limit.h"
#include "hostile.h"

namespace shorten::prune {
namespace {

using checkpoint::Checkpoint;
using checkpoint::Tensor;
using testing::HasSubstr;

constexpr uint64_t kSmallShard = 600;  // a block of the tiny model has 512 bytes

const auto kNoReport = [](const fs::path&) {};

// The tiny model with its tensors as a healed one has them: names, dtypes and shapes, the bytes yet to come.
class Computed {
 public:
  Computed() : source_(test::write_tiny_model(dir_ / "model")) {
    for (const auto& [name, tensor] : source_.tensors()) tensors_.push_back({name, tensor.dtype, tensor.shape, {}});
  }

  fs::path operator/(std::string_view name) const { return dir_ / name; }
  std::set<std::string> paths() const { return test::paths_in(dir_.path()); }
  const Checkpoint& source() const { return source_; }
  ModelFiles files() const {
    return {source_, source_.config_text(), tensors_, {{"format", "shorten.healed"}}, {}, kSmallShard};
  }
  // Every byte of a tensor is one more than the source's. All calls use the same memory.
  Fill fill() {
    return [this](std::vector<Tensor>& tensors) {
      ++calls_;
      memory_.assign(1 << 16, std::byte{0xFF});
      size_t at = 0;
      for (Tensor& tensor : tensors) {
        const std::span<const std::byte> from = source_.tensor(tensor.name).bytes;
        const std::span<std::byte> to = std::span(memory_).subspan(at, tensor.size());
        std::ranges::transform(from, to.begin(), plus_one);
        tensor.bytes = to;
        at += to.size();
      }
    };
  }
  int calls() const { return calls_; }
  static std::byte plus_one(std::byte b) { return static_cast<std::byte>(std::to_integer<int>(b) + 1); }

 private:
  test::TempDir dir_;
  Checkpoint source_;
  std::vector<Tensor> tensors_;
  std::vector<std::byte> memory_;
  int calls_ = 0;
};

// The folder that is being filled, beside its final place.
fs::path staging_beside(const fs::path& output) {
  for (const auto& item : fs::directory_iterator(output.parent_path())) {
    if (item.path().filename().string().starts_with(".out.tmp-")) return item.path();
  }
  throw std::runtime_error("no staging folder");
}

TEST(WriteModel, FillsOneFileAfterTheOther) {
  Computed model;
  std::set<std::string> when_reported;
  write_model(model.files(), model / "out", false, model.fill(), [&](const fs::path& staging) {
    EXPECT_FALSE(fs::exists(model / "out"));
    for (const std::string& name : test::names_in(staging)) when_reported.insert(name);
  });
  const Checkpoint out(model / "out");
  EXPECT_GT(out.shards(), 3u);
  EXPECT_EQ(static_cast<size_t>(model.calls()), out.shards());
  EXPECT_TRUE(out.has_index());
  ASSERT_EQ(out.tensors().size(), model.source().tensors().size());
  for (const auto& [name, tensor] : model.source().tensors()) {
    std::vector<std::byte> expected(tensor.bytes.begin(), tensor.bytes.end());
    std::ranges::transform(expected, expected.begin(), Computed::plus_one);
    EXPECT_EQ(out.tensor(name).shape, tensor.shape);
    EXPECT_TRUE(std::ranges::equal(out.tensor(name).bytes, expected)) << name;
    EXPECT_LE(fs::file_size(out.file_of(name)), 2 * kSmallShard + 4096);
  }
  EXPECT_EQ(read_json(model / "out/shorten.json")["format"], "shorten.healed");
  EXPECT_EQ(read_json(model / "out/model.safetensors.index.json")["metadata"]["total_size"],
            model.source().tensor_bytes());
  EXPECT_EQ(test::read_text(model / "out/LICENSE"), "Apache-2.0\n");
  const std::set<std::string> names = test::names_in(model / "out");
  EXPECT_THAT(when_reported, testing::ElementsAreArray(names)) << "all is there when it is reported";
}

TEST(WriteModel, WithoutFillTheBytesAreThoseOfTheTensors) {
  Computed model;
  ModelFiles files = model.files();
  for (Tensor& tensor : files.tensors) tensor = model.source().tensor(tensor.name);
  write_model(files, model / "out", false, {}, kNoReport);
  EXPECT_EQ(Checkpoint(model / "out").fingerprint(), model.source().fingerprint());
}

// Runs an attempt that must fail, and sees that nothing is left of it.
template <typename Failure>
std::string failure_of(const Computed& model, const std::function<void()>& attempt) {
  const std::set<std::string> before = model.paths();
  std::string what;
  try {
    attempt();
    ADD_FAILURE() << "no error";
  } catch (const Failure& e) {
    what = e.what();
  }
  EXPECT_EQ(model.paths(), before) << "something was left behind";
  return what;
}

TEST(WriteModel, AFillThatThrowsLeavesNothing) {
  for (const int last : {1, 3}) {
    Computed model;
    const Fill fill = model.fill();
    const Fill failing = [&](std::vector<Tensor>& tensors) {
      if (model.calls() + 1 == last) throw diverged("not a number");
      fill(tensors);
    };
    EXPECT_THAT(failure_of<Error>(model, [&] { write_model(model.files(), model / "out", false, failing, kNoReport); }),
                HasSubstr("not a number"));
  }
}

TEST(WriteModel, AReportThatThrowsLeavesNothing) {
  Computed model;
  const auto report = [](const fs::path&) { throw diverged("it computes something else"); };
  EXPECT_THAT(failure_of<Error>(model, [&] { write_model(model.files(), model / "out", false, model.fill(), report); }),
              HasSubstr("something else"));
}

TEST(WriteModel, AFillOfTheWrongSizeIsAFaultOfOurs) {
  Computed model;
  const Fill fill = [&, right = model.fill()](std::vector<Tensor>& tensors) {
    right(tensors);
    tensors.back().bytes = tensors.back().bytes.first(4);
  };
  EXPECT_THAT(
      failure_of<CheckFailure>(model, [&] { write_model(model.files(), model / "out", false, fill, kNoReport); }),
      HasSubstr("other bytes than its shape"));
}

TEST(WriteModel, WhatDoesNotReadBackIsNotKept) {
  Computed model;
  const Fill fill = [&, right = model.fill()](std::vector<Tensor>& tensors) {
    right(tensors);
    if (model.calls() != 2) return;
    // As a failing disk would: the last byte of the file that is written already.
    for (const auto& item : fs::directory_iterator(staging_beside(model / "out"))) {
      if (!item.path().filename().string().starts_with("model-00001-of-")) continue;
      std::string content = test::read_text(item.path());
      content.back() = static_cast<char>(content.back() ^ 1);
      test::write(item.path(), content);
    }
  };
  EXPECT_THAT(
      failure_of<Error>(model, [&] { write_model(model.files(), model / "out", false, fill, kNoReport); }),
      testing::AllOf(HasSubstr("differs from what was written"), HasSubstr("model-00001-of-"), HasSubstr("tensor ")));
}

TEST(WriteModel, AFullDiskLeavesNothing) {
  for (const bool force : {false, true}) {
    Computed model;
    if (force) test::write_tiny_model(model / "out", 3);
    // Room for the licence, and for a part of the first file with weights.
    const std::string what = failure_of<Error>(model, [&] {
      const test::FileSizeLimit full(300);
      try {
        write_model(model.files(), model / "out", force, model.fill(), kNoReport);
      } catch (const Error& e) {
        EXPECT_EQ(e.code(), ExitCode::kNoSpace);
        throw;
      }
    });
    EXPECT_THAT(what, testing::AllOf(HasSubstr("disk is full"), HasSubstr("model-00001-of-")));
    if (force) {
      EXPECT_EQ(Checkpoint(model / "out").config()["num_hidden_layers"], 3) << "the old one stays";
    }
  }
}

TEST(WriteModel, FurtherInputsAreNotTouched) {
  Computed model;
  test::write_tiny_model(model / "parent");
  ModelFiles files = model.files();
  files.inputs = {model / "parent"};
  EXPECT_THAT(failure_of<Error>(model, [&] { write_model(files, model / "parent", true, model.fill(), kNoReport); }),
              HasSubstr("the output is the input"));
  EXPECT_EQ(model.calls(), 0);
}

}  // namespace
}  // namespace shorten::prune
