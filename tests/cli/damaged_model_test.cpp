// SPDX-License-Identifier: Apache-2.0
// Weights that are no numbers: only a command that computes can notice, and it must.
#include <gmock/gmock.h>

#include <cmath>
#include <cstring>

#include "cli/program.h"
#include "core/json.h"

namespace shorten::test {
namespace {

// A golden case with one weight replaced by a BF16 bit pattern.
fs::path damaged(const TempDir& temp, uint16_t bits) {
  const fs::path source = source_dir() / "tests/golden/models/llama-gqa", copy = temp / "model";
  fs::copy(source, copy);
  std::string bytes = read_text(copy / "model.safetensors");
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  const Json entry = Json::parse(bytes.substr(8, header))["model.layers.2.mlp.up_proj.weight"];
  std::memcpy(bytes.data() + 8 + header + entry["data_offsets"][0].get<size_t>(), &bits, 2);
  write(copy / "model.safetensors", bytes);
  return copy;
}

const std::string kRows = "{\"input_ids\": [1, 5, 9, 2, 7, 3]}\n";

TEST(DamagedModel, NanAndInfinityAreNamed) {
  for (const uint16_t bits : {0x7FC0, 0x7F80, 0xFF80}) {
    const TempDir temp;
    const fs::path model = damaged(temp, bits);
    const std::string rows = write(temp / "rows.jsonl", kRows).string(), out = (temp / "out.json").string();
    for (const Outcome& run : {shorten({"score", model.string(), "--text", rows, "-o", out}),
                               shorten({"eval", model.string(), "--text", rows, "-o", out})}) {
      EXPECT_EQ(run.status, 7) << run.err;
      EXPECT_THAT(run.err, ::testing::HasSubstr("model.layers.2.mlp.up_proj.weight"));
      EXPECT_FALSE(fs::exists(out));
    }
  }
}

TEST(DamagedModel, AWeightTooLargeForHalfPrecisionIsNamed) {
  const TempDir temp;
  const fs::path model = damaged(temp, 0x7F00);  // 1.7e38, which fp16 does not hold
  const std::string rows = write(temp / "rows.jsonl", kRows).string();
  const Outcome run = shorten({"eval", model.string(), "--text", rows, "--dtype", "fp16", "--device", "cpu"});
  EXPECT_EQ(run.status, 7) << run.err;
  EXPECT_THAT(run.err, ::testing::HasSubstr("--dtype"));
}

}  // namespace
}  // namespace shorten::test
