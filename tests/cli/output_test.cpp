// SPDX-License-Identifier: Apache-2.0
// Where results may go, and what ready ids mean.
#include <gmock/gmock.h>

#include "cli/program.h"
#include "core/json.h"

namespace shorten::test {
namespace {

using ::testing::HasSubstr;

const std::string kTiny = (source_dir() / "tests/golden/models/llama-gqa").string();

std::string rows(const std::vector<int>& lengths) {
  std::string out;
  for (const int length : lengths) {
    Json ids = Json::array();
    for (int i = 0; i < length; ++i) ids.push_back((7 * i + length) % 40);
    out += Json{{"input_ids", ids}}.dump() + "\n";
  }
  return out;
}

TEST(Output, AnInputIsNeverReplacedEvenWithForce) {
  const TempDir temp;
  fs::copy(kTiny, temp / "model");
  const std::string model = (temp / "model").string(), text = write(temp / "rows.jsonl", rows({8, 8})).string();
  const std::string scores = (temp / "scores.json").string();
  ASSERT_EQ(shorten({"score", model, "--text", text, "-o", scores, "-q"}).status, 0);
  const std::string before = read_text(text), config = read_text(temp / "model/config.json"), kept = read_text(scores);
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"score", model, "--text", text, "-o", text},
           {"score", model, "--text", text, "-o", (temp / "model/new.json").string()},
           {"inspect", model, "-o", (temp / "model/config.json").string()},
           {"plan", model, "--scores", scores, "--remove", "1", "--keep-first", "0", "--keep-last", "0", "-o", scores},
           {"eval", model, "--text", text, "--per-token", text},
           {"eval", model, "--text", text, "-o", (temp / "model/../rows.jsonl").string()},
           {"eval", model, "--text", text, "-o", (temp / "x").string(), "--per-token", (temp / "./x").string()},
       }) {
    std::vector<std::string> forced = arguments;
    forced.push_back("--force");
    const Outcome outcome = shorten(forced);
    EXPECT_EQ(outcome.status, 2) << ::testing::PrintToString(arguments) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("input"));
  }
  const fs::path folder = fs::current_path();
  fs::current_path(temp / "model");
  EXPECT_EQ(shorten({"inspect", ".", "-o", "new.json"}).status, 2);
  fs::current_path(folder);
  EXPECT_EQ(read_text(text), before);
  EXPECT_EQ(read_text(temp / "model/config.json"), config);
  EXPECT_EQ(read_text(scores), kept);
  EXPECT_FALSE(fs::exists(temp / "x"));
}

// As some programs give their children.
TEST(Output, APipeThatDoesNotWaitGetsAll) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  ASSERT_GE(::fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
  ASSERT_EQ(::fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl(SHORTEN_PROGRAM, SHORTEN_PROGRAM, "bench", kTiny.c_str(), "--new-tokens", "2", "--runs", "400", "--device",
            "cpu", "--json", "-q", nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string out;
  char piece[1024];
  for (ssize_t n; (n = ::read(ends[0], piece, sizeof piece)) > 0;) {
    out.append(piece, static_cast<size_t>(n));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(Json::parse(out)["results"][0]["latency_s"]["runs"].size(), 400u);
}

TEST(Output, NothingIsLeftWhereStandardOutputFails) {
  const TempDir temp;
  const std::string text = write(temp / "rows.jsonl", rows({8, 8})).string();
  EXPECT_EQ(
      shorten({"eval", kTiny, "--text", text, "-o", (temp / "a").string(), "--per-token", (temp / "b").string(), "-q"},
              "> /dev/full")
          .status,
      5);
  EXPECT_FALSE(fs::exists(temp / "a"));
  EXPECT_FALSE(fs::exists(temp / "b"));
  EXPECT_EQ(shorten({"prune", kTiny, "--drop", "1", "-o", (temp / "c").string(), "-q"}, "> /dev/full").status, 5);
  EXPECT_FALSE(fs::exists(temp / "c"));
}

// calibration.samples and .length of scores.json
std::pair<int, int> samples_of(const std::vector<int>& lengths, const std::vector<std::string>& options,
                               int status = 0) {
  const TempDir temp;
  std::vector<std::string> arguments = {"score",  kTiny, "--text", write(temp / "rows.jsonl", rows(lengths)).string(),
                                        "--json", "-q"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const Outcome outcome = shorten(arguments);
  EXPECT_EQ(outcome.status, status) << outcome.err;
  if (outcome.status != 0) return {0, 0};
  const Json json = Json::parse(outcome.out)["calibration"];
  return {json["samples"].get<int>(), json["length"].get<int>()};
}

TEST(ReadyIds, AreSamplesAsTheyAre) {
  EXPECT_EQ(samples_of({9, 9, 9}, {}), std::pair(3, 9));
  EXPECT_EQ(samples_of({9, 9, 9}, {"--samples", "2"}), std::pair(2, 9));
  EXPECT_EQ(samples_of({9, 9, 9}, {"--length", "9"}), std::pair(3, 9));
  EXPECT_EQ(samples_of({9, 12, 9}, {"--length", "4", "--samples", "5"}), std::pair(5, 4));
}

TEST(ReadyIds, OfUnequalLengthNeedALength) {
  samples_of({9, 12, 9}, {}, 3);
  samples_of({1, 1}, {}, 3);  // one token predicts nothing
}

TEST(ReadyIds, AreWindowsOfTheirOwnInEval) {
  const TempDir temp;
  const std::string text = write(temp / "rows.jsonl", rows({5, 20, 9})).string();
  const Outcome outcome = shorten({"eval", kTiny, "--text", text, "--json", "-q"});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(Json::parse(outcome.out)["models"][0]["perplexity"][0]["predicted"], 4 + 19 + 8);
}

TEST(Texts, AFileWithAnEqualsSignInItsName) {
  const TempDir temp;
  const std::string text = write(temp / "a=b.jsonl", rows({8})).string();
  EXPECT_EQ(shorten({"eval", kTiny, "--text", text, "-q"}).status, 0);
  EXPECT_EQ(shorten({"eval", kTiny, "--text", "name=" + text, "-q"}).status, 0);
}

}  // namespace
}  // namespace shorten::test
