// SPDX-License-Identifier: Apache-2.0
// The way back from a model to the one it all began with, and records that lead nowhere.
#include "family/lineage.h"

#include <gmock/gmock.h>

#include "hostile.h"
#include "prune/apply.h"
#include "prune/write_model.h"
#include "pruned.h"

namespace shorten::prune {
namespace {

using checkpoint::Checkpoint;
using testing::ElementsAre;
using testing::IsEmpty;

Checkpoint pruned(const Checkpoint& model, int64_t blocks, const std::vector<int>& remove, const fs::path& output) {
  plan::PrunePlan plan;
  plan.blocks = blocks;
  plan.remove = plan::whole_blocks(remove);
  test::apply(model, plan, output);
  return Checkpoint(output);
}

// With the record that healing writes, and every weight as it was.
Checkpoint healed(const Checkpoint& model, const fs::path& output) {
  std::vector<checkpoint::Tensor> tensors;
  for (const auto& [name, tensor] : model.tensors()) tensors.push_back(tensor);
  Json source = {{"path", model.dir().string()}, {"fingerprint", model.fingerprint()}};
  if (Json record = family::read_record(model); !record.is_null()) source["shorten"] = record;
  const Json record = {{"format", family::kHealedFormat}, {"version", 1}, {"source", source}};
  write_model({model, model.config_text(), tensors, record}, output, false, {}, [](const fs::path&) {});
  return Checkpoint(output);
}

TEST(Lineage, AModelWithoutARecordHasNone) {
  const test::TempDir dir;
  EXPECT_THAT(family::read_lineage(Checkpoint(test::write_tiny_model(dir / "model")), 4), IsEmpty());
}

TEST(Lineage, OfThreeStepsCountsInEachAncestor) {
  const test::TempDir dir;
  const Checkpoint original(test::write_tiny_model(dir / "original", 8));
  const Checkpoint first = pruned(original, 8, {0, 3}, dir / "first");  // 1 2 4 5 6 7
  const Checkpoint second = pruned(first, 6, {1}, dir / "second");      // 1 4 5 6 7
  const Checkpoint third = pruned(second, 5, {2, 4}, dir / "third");    // 1 4 6
  const std::vector<family::Ancestor> chain = family::read_lineage(third, 3);
  ASSERT_EQ(chain.size(), 3u);
  EXPECT_EQ(chain[0].path, dir / "second");
  EXPECT_EQ(chain[0].fingerprint, second.fingerprint());
  EXPECT_THAT(chain[0].block, ElementsAre(0, 1, 3));
  EXPECT_EQ(chain[1].path, dir / "first");
  EXPECT_EQ(chain[1].fingerprint, first.fingerprint());
  EXPECT_THAT(chain[1].block, ElementsAre(0, 2, 4));
  EXPECT_EQ(chain[2].path, dir / "original");
  EXPECT_EQ(chain[2].fingerprint, original.fingerprint());
  EXPECT_THAT(chain[2].block, ElementsAre(1, 4, 6));
  for (const auto& [name, tensor] : third.tensors()) {  // the map is that of the weights
    if (name != "model.layers.2.mlp.up_proj.weight") continue;
    EXPECT_TRUE(std::ranges::equal(tensor.bytes, original.tensor("model.layers.6.mlp.up_proj.weight").bytes));
  }
}

TEST(Lineage, HealingKeepsTheBlocksAndAHealedModelCanBePruned) {
  const test::TempDir dir;
  const Checkpoint original(test::write_tiny_model(dir / "original", 5));
  const Checkpoint shorter = pruned(original, 5, {1}, dir / "shorter");
  const Checkpoint better = healed(shorter, dir / "healed");
  const Checkpoint last = pruned(better, 4, {0}, dir / "last");
  const std::vector<family::Ancestor> of_healed = family::read_lineage(better, 4);
  ASSERT_EQ(of_healed.size(), 2u);
  EXPECT_THAT(of_healed[0].block, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(of_healed[1].block, ElementsAre(0, 2, 3, 4));
  const std::vector<family::Ancestor> chain = family::read_lineage(last, 3);
  ASSERT_EQ(chain.size(), 3u);
  EXPECT_EQ(chain[0].path, dir / "healed");
  EXPECT_THAT(chain[0].block, ElementsAre(1, 2, 3));
  EXPECT_EQ(chain[1].path, dir / "shorter");
  EXPECT_THAT(chain[1].block, ElementsAre(1, 2, 3));
  EXPECT_EQ(chain[2].path, dir / "original");
  EXPECT_THAT(chain[2].block, ElementsAre(2, 3, 4));
  EXPECT_EQ(read_json(dir / "last/shorten.json")["source"]["shorten"], read_json(dir / "healed/shorten.json"));
}

TEST(Lineage, AModelThatWasHealedWithoutBeingPruned) {
  const test::TempDir dir;
  const Checkpoint better = healed(Checkpoint(test::write_tiny_model(dir / "model", 2)), dir / "healed");
  const std::vector<family::Ancestor> chain = family::read_lineage(better, 2);
  ASSERT_EQ(chain.size(), 1u);
  EXPECT_THAT(chain[0].block, ElementsAre(0, 1));
}

// Four blocks, the third step of a chain: 4 of 5 (healed between) of 6.
std::string sound_record() {
  const std::string source = R"("path": "p", "fingerprint": "sha256:)" + std::string(64, 'a') + "\"";
  return R"({"format": "shorten.pruned", "version": 1,
 "plan": {"remove": [2], "model": {"blocks": 5}},
 "blocks": [{"new": 0, "old": 0}, {"new": 1, "old": 1}, {"new": 2, "old": 3}, {"new": 3, "old": 4}],
 "source": {)" +
         source + R"(, "shorten": {"format": "shorten.healed", "version": 1,
  "source": {)" +
         source + R"(, "shorten": {"format": "shorten.pruned", "version": 1, "plan": {"remove": [5]},
   "blocks": [{"new":0,"old":0},{"new":1,"old":1},{"new":2,"old":2},{"new":3,"old":3},{"new":4,"old":4}],
   "source": {)" +
         source + R"(}}}}}})";
}

test::HostileCase record_case(std::string name, std::string from, std::string to, std::vector<std::string> mentions) {
  mentions.push_back("shorten.json");
  return {
      std::move(name),
      [=](const fs::path& dir) { test::write(dir / "model/shorten.json", test::replaced(sound_record(), from, to)); },
      ExitCode::kBadInput, std::move(mentions)};
}

test::HostileCase text_case(std::string name, std::string text, std::vector<std::string> mentions) {
  mentions.push_back("shorten.json");
  return {std::move(name), [=](const fs::path& dir) { test::write(dir / "model/shorten.json", text); },
          ExitCode::kBadInput, std::move(mentions)};
}

std::string nested(int levels) {
  std::string text;
  for (int i = 0; i < levels; ++i) text += R"({"format":"shorten.healed","version":1,"source":{"shorten":)";
  return text + "null" + std::string(2 * static_cast<size_t>(levels), '}');
}

const std::string kFirst = "{\"new\": 0, \"old\": 0}", kSecond = "{\"new\": 1, \"old\": 1}";
const std::string kInner = "key \"source\", key \"shorten\", key \"source\", key \"shorten\", key \"";

const std::vector<test::HostileCase> kRecords = {
    text_case("empty", "", {"not valid JSON"}),
    text_case("no_json", "{", {"not valid JSON"}),
    text_case("an_array", "[]", {"object"}),
    text_case("not_utf8", "{\"format\": \"\xFF\"}", {"UTF-8"}),
    text_case("another_format", R"({"format": "shorten.plan", "version": 1})", {"format", "shorten.plan"}),
    text_case("nested_too_deeply", nested(1000), {"64 levels"}),
    text_case("a_million_keys",
              [] {
                std::string text = "{";
                for (int i = 0; i < 1'000'000; ++i) text += fmt::format("\"k{}\":0,", i);
                return text + "\"k\":0}";
              }(),
              {"keys"}),
    record_case("no_format", "\"format\"", "\"x\"", {"format"}),
    record_case("format_number", "\"shorten.pruned\"", "7", {"format"}),
    record_case("version_2", "\"version\": 1", "\"version\": 2", {"version", "newer"}),
    record_case("duplicate_key", "\"version\": 1", "\"version\": 1, \"version\": 1", {"twice", "version"}),
    record_case("no_blocks", "\"blocks\": [", "\"x\": [", {"missing", "blocks"}),
    record_case("blocks_no_array", "\"blocks\": [" + kFirst, "\"blocks\": {}, \"x\": [" + kFirst, {"blocks", "array"}),
    record_case("too_few_blocks", kFirst + ", " + kSecond + ", {\"new\": 2", kFirst + ", {\"new\": 1",
                {"blocks", "entry 2"}),
    record_case("fewer_blocks_than_the_model", ", {\"new\": 3, \"old\": 4}", "", {"blocks", "4 entries", "3 entries"}),
    record_case("more_blocks_than_the_model", "\"old\": 4}", "\"old\": 4}, {\"new\": 4, \"old\": 5}",
                {"blocks", "4 entries", "5 entries"}),
    record_case("entry_no_object", kFirst, "0", {"blocks", "entry 0"}),
    record_case("entry_without_old", kSecond, "{\"new\": 1}", {"blocks", "entry 1"}),
    record_case("new_out_of_order", kFirst, "{\"new\": 1, \"old\": 0}", {"blocks", "entry 0"}),
    record_case("old_repeats", kSecond, "{\"new\": 1, \"old\": 0}", {"blocks", "entry 1"}),
    record_case("old_falls", "\"new\": 2, \"old\": 3", "\"new\": 2, \"old\": 0", {"blocks", "entry 2"}),
    record_case("old_negative", kFirst, "{\"new\": 0, \"old\": -1}", {"blocks", "entry 0"}),
    record_case("old_huge", kFirst, "{\"new\": 0, \"old\": 18446744073709551615}", {"blocks", "entry 0"}),
    record_case("old_beyond_all_models", "\"old\": 4}", "\"old\": 4096}", {"blocks", "entry 3"}),
    record_case("old_fraction", kFirst, "{\"new\": 0, \"old\": 0.0}", {"blocks", "entry 0"}),
    record_case("no_plan", "\"plan\"", "\"x\"", {"missing", "plan"}),
    record_case("plan_removes_what_is_left", "\"remove\": [2]", "\"remove\": [1, 2]", {"remove", "block 1 is in both"}),
    record_case("plan_leaves_a_gap", "\"remove\": [2]", "\"remove\": []", {"remove", "block 2 is in neither"}),
    record_case("plan_for_another_count", "\"blocks\": 5}", "\"blocks\": 6}", {"model", "blocks", "5", "6"}),
    record_case("source_has_another_count", "\"remove\": [2], \"model\": {\"blocks\": 5}", "\"remove\": [2, 5]",
                {kInner + "blocks", "6 entries", "5 entries"}),
    record_case("no_source", "\"source\"", "\"x\"", {"missing", "source"}),
    record_case("source_is_text", "\"source\": {", "\"source\": \"p\", \"x\": {", {"source", "object"}),
    record_case("no_path", "\"path\"", "\"x\"", {"source", "path"}),
    record_case("path_number", "\"path\": \"p\"", "\"path\": 1", {"source", "path"}),
    record_case("fingerprint_short", "aaaa\"", "\"", {"source", "fingerprint"}),
    record_case("inner_of_another_kind", "\"shorten.healed\"", "\"shorten.scores\"", {"shorten", "format"}),
    record_case("inner_no_object", "\"shorten\": {", "\"shorten\": [], \"x\": {", {"shorten", "object"}),
    record_case("innermost_damaged", "{\"new\":2,\"old\":2}", "{\"new\":2}", {kInner + "blocks", "entry 2"}),
    {"a_link_out_of_the_model",
     [](const fs::path& dir) {
       test::write(dir / "private", sound_record());
       fs::create_symlink("../private", dir / "model/shorten.json");
     },
     ExitCode::kBadInput,
     {"shorten.json", "link"}},
};

class HostileRecord : public testing::TestWithParam<test::HostileCase> {};
TEST_P(HostileRecord, IsRefused) {
  test::expect_refused(GetParam(), [](const fs::path& dir) { family::read_lineage(Checkpoint(dir / "model"), 4); });
}
INSTANTIATE_TEST_SUITE_P(File, HostileRecord, testing::ValuesIn(kRecords), test::HostileName());

TEST(Lineage, TheRecordThatHostileOnesAreMadeFromIsSound) {
  const test::TempDir dir;
  test::write_tiny_model(dir / "model");
  test::write(dir / "model/shorten.json", sound_record());
  const std::vector<family::Ancestor> chain = family::read_lineage(Checkpoint(dir / "model"), 4);
  ASSERT_EQ(chain.size(), 3u);
  EXPECT_THAT(chain[2].block, ElementsAre(0, 1, 3, 4));
}

}  // namespace
}  // namespace shorten::prune
