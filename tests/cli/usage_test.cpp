// SPDX-License-Identifier: Apache-2.0
// The command line itself: help, mistakes, exit statuses, where output goes.
#include <gmock/gmock.h>

#include "cli/program.h"
#include "core/json.h"

namespace shorten::test {
namespace {

using ::testing::HasSubstr;

TEST(Usage, HelpFitsAnEightyColumnTerminal) {
  for (const char* verb : {"", "inspect", "score", "plan", "prune", "eval"}) {
    const Outcome run = shorten(*verb ? std::vector<std::string>{verb, "--help"} : std::vector<std::string>{"--help"});
    EXPECT_EQ(run.status, 0);
    size_t begin = 0;
    for (size_t end; (end = run.out.find('\n', begin)) != std::string::npos; begin = end + 1)
      EXPECT_LE(end - begin, 80) << run.out.substr(begin, end - begin);
  }
}

TEST(Usage, MistakesEndWithTwo) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {},
           {"frobnicate"},
           {"inspect"},
           {"inspect", kNovelist, "--frobnicate"},
           {"score", kNovelist, "--criterion", "luck"},
           {"score", kNovelist},
           {"score", kNovelist, "--criterion", "random,random"},
           {"score", kNovelist, "--criterion", "random", "--device", "tpu"},
           {"score", kNovelist, "--criterion", "random", "--dtype", "int3"},
           {"score", kNovelist, "--text", kCalibrate, "--bos", "sometimes"},
           {"score", kNovelist, "--text", kCalibrate, "--tokenizer", "magic"},
           {"eval", kNovelist, "--text", kHeldOut, "--stride", "129"},
           {"eval", kNovelist, "--text", "=x"},
           {"prune", kNovelist, "--drop", "3"},
           {"prune", kNovelist, "--drop", "32", "-o", "/tmp/never"},
           {"prune", kNovelist, "--drop", "3-", "-o", "/tmp/never"},
           {"prune", kNovelist, "-o", "/tmp/never"},
       }) {
    const Outcome run = shorten(arguments);
    EXPECT_EQ(run.status, 2) << ::testing::PrintToString(arguments) << run.err;
    EXPECT_THAT(run.err, HasSubstr("error: "));
    EXPECT_EQ(run.out, "");
  }
}

TEST(Usage, AnErrorIsJsonToo) {
  const Outcome run = shorten({"inspect", "/no/such/model", "--json"});
  EXPECT_EQ(run.status, 3);
  const Json json = Json::parse(run.out);
  EXPECT_EQ(json["error"]["code"], 3);
  EXPECT_THAT(json["error"]["message"].get<std::string>(), ::testing::Not(::testing::IsEmpty()));
}

TEST(Usage, AFullDiskIsFive) {
  const Outcome run = shorten({"inspect", kNovelist}, "> /dev/full");
  EXPECT_EQ(run.status, 5);
}

TEST(Usage, AClosedPipeIsAnErrorNotAHang) {
  const TempDir temp;
  const std::string status = (temp / "status").string();
  // The reader leaves before a line is written.
  const std::string command = "( sleep 0.2; " + shell_word(SHORTEN_PROGRAM) + " inspect " + shell_word(kNovelist) +
                              " 2> " + shell_word((temp / "err").string()) + "; echo $? > " + shell_word(status) +
                              " ) | true";
  ASSERT_EQ(std::system(("bash -c " + shell_word(command)).c_str()), 0);
  EXPECT_EQ(read_text(status), "141\n");
  EXPECT_THAT(read_text(temp / "err"), HasSubstr("error: cannot write to standard output"));
}

TEST(Usage, AnInterruptedCommandLeavesNothing) {
  const TempDir temp;
  const std::string out = (temp / "scores.json").string();
  // Enough work to be interrupted in: all criteria over every window of the text.
  const std::string command = "timeout -s INT 2 " + shell_word(SHORTEN_PROGRAM) + " score " + shell_word(kNovelist) +
                              " --text " + shell_word(kCalibrate) + " --samples 50 --criterion ppl,taylor -q -o " +
                              shell_word(out) + "; exit $?";
  const int status = std::system(("bash -c " + shell_word(command)).c_str());
  EXPECT_EQ(WEXITSTATUS(status), 124);  // timeout's way to say that it sent the signal
  EXPECT_TRUE(fs::is_empty(temp.path()));
}

TEST(Usage, ASignalGivesItsOwnStatus) {
  const TempDir temp;
  const std::string command = shell_word(SHORTEN_PROGRAM) + " score " + shell_word(kNovelist) + " --text " +
                              shell_word(kCalibrate) + " --samples 50 -q & pid=$!; sleep 1; kill -TERM $pid; wait $pid";
  EXPECT_EQ(WEXITSTATUS(std::system(("bash -c " + shell_word(command) + " 2> /dev/null").c_str())), 143);
}

TEST(Usage, InspectAsTableAndJson) {
  const Outcome table = shorten({"inspect", kNovelist});
  EXPECT_EQ(table.status, 0);
  EXPECT_THAT(table.out, HasSubstr("14,561,472"));
  const Json json = Json::parse(shorten({"inspect", kNovelist, "--json"}).out);
  EXPECT_EQ(json["family"], "llama");
  EXPECT_EQ(json["blocks"], 32);
  EXPECT_EQ(json["parameters"], 14561472);
  EXPECT_EQ(json["block_parameters"], 405888);
}

}  // namespace
}  // namespace shorten::test
