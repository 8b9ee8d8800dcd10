// SPDX-License-Identifier: Apache-2.0
// The command line itself: help, mistakes, exit statuses, where output goes.
#include <gmock/gmock.h>

#include <map>

#include "cli/program.h"
#include "core/json.h"

namespace shorten::test {
namespace {

using ::testing::HasSubstr;

TEST(Usage, HelpFitsAnEightyColumnTerminal) {
  for (const char* verb : {"", "inspect", "score", "plan", "prune", "eval", "heal", "generate", "bench"}) {
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

// Whoever reads our messages may be gone; the status is what it would have been.
TEST(Usage, StderrMayBeClosedOrFull) {
  for (const std::string redirection : {"> /dev/null 2>&-", "> /dev/null 2> /dev/full", "2>&1 > /dev/null | true"}) {
    EXPECT_EQ(shorten({"inspect", kNovelist}, redirection).status, 0) << redirection;
    EXPECT_EQ(shorten({"inspect", "/no/such/model"}, redirection).status, 3) << redirection;
    EXPECT_EQ(shorten({"frobnicate"}, redirection).status, 2) << redirection;
  }
}

TEST(Usage, AClosedStderrIsNotAnOutputFile) {
  const TempDir temp;
  const std::string out = (temp / "out").string();
  EXPECT_EQ(shorten({"prune", kNovelist, "--drop", "5", "-v", "-o", out}, "> /dev/null 2>&- <&-").status, 0);
  EXPECT_EQ(shorten({"inspect", out}).status, 0);
}

TEST(Usage, AFullStdoutIsFiveForHelpAndChangesNoError) {
  EXPECT_EQ(shorten({"--help"}, "> /dev/full").status, 5);
  EXPECT_EQ(shorten({"--version"}, "> /dev/full").status, 5);
  EXPECT_EQ(shorten({"inspect", "/no/such/model", "--json"}, "> /dev/full").status, 3);
  EXPECT_EQ(shorten({"inspect", kNovelist}, ">&-").status, 5);
}

TEST(Usage, PlacesThatCannotBeEndWithThree) {
  const TempDir temp;
  const std::string long_name = (temp / std::string(300, 'n')).string(), loop = (temp / "loop").string();
  fs::create_symlink("loop", loop);
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"prune", kNovelist, "--drop", "5", "-o", long_name},
           {"prune", kNovelist, "--drop", "5", "-o", loop + "/out"},
           {"inspect", kNovelist, "-o", long_name},
           {"inspect", kNovelist, "-o", loop + "/out"},
           {"inspect", long_name},
           {"inspect", loop},
           {"score", kNovelist, "--text", loop},
           {"score", kNovelist, "--text", long_name},
       }) {
    const Outcome run = shorten(arguments);
    EXPECT_EQ(run.status, 3) << ::testing::PrintToString(arguments) << run.err;
    EXPECT_THAT(run.err, HasSubstr("error: "));
  }
}

TEST(Usage, AFolderClosedToUsIsThree) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read and write anywhere";
  const TempDir temp;
  const std::string closed = (temp / "closed").string();
  fs::create_directory(closed);
  for (const auto rights : {fs::perms::owner_read | fs::perms::owner_exec, fs::perms::none}) {
    fs::permissions(closed, rights);
    EXPECT_EQ(shorten({"prune", kNovelist, "--drop", "5", "-o", closed + "/out"}).status, 3);
    EXPECT_EQ(shorten({"inspect", kNovelist, "-o", closed + "/out.json"}).status, 3);
    EXPECT_EQ(shorten({"inspect", closed}).status, 3);
    EXPECT_EQ(shorten({"score", kNovelist, "--text", closed}).status, 3);
  }
  fs::permissions(closed, fs::perms::owner_all);
}

// Names and sizes; shorten.json alone differs from run to run, because it says where it was written.
std::map<std::string, uintmax_t> files_of(const fs::path& folder) {
  std::map<std::string, uintmax_t> out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    out[name] = name == "shorten.json" ? 0 : entry.file_size();
  }
  return out;
}

TEST(Usage, AnInterruptedPruneLeavesAllOrNothing) {
  const TempDir complete;
  ASSERT_EQ(shorten({"prune", kNovelist, "--drop", "5", "-o", (complete / "out").string()}).status, 0);
  const auto expected = files_of(complete / "out");
  int interrupted = 0;
  for (int moment = 0; moment < 20; ++moment) {
    for (const int signal : {SIGINT, SIGTERM}) {
      const TempDir temp;
      const std::chrono::milliseconds delay(moment * 60 / 19);
      const int status =
          shorten_with_signal({"prune", kNovelist, "--drop", "5", "-o", (temp / "out").string()}, signal, delay);
      EXPECT_THAT(status, ::testing::AnyOf(0, 128 + signal)) << delay.count() << " ms";
      interrupted += status != 0;
      for (const auto& entry : fs::directory_iterator(temp.path()))
        EXPECT_EQ(entry.path().filename(), "out") << delay.count() << " ms";
      if (status == 0 || fs::exists(temp / "out")) {
        EXPECT_EQ(files_of(temp / "out"), expected) << delay.count() << " ms";
      }
    }
  }
  EXPECT_GT(interrupted, 0);
}

TEST(Usage, ASignalIgnoredFromTheStartStaysIgnored) {
  for (const int delay : {5, 10, 20, 30}) {
    const TempDir temp;
    const std::string out = (temp / "out").string();
    EXPECT_EQ(shorten_with_signal({"prune", kNovelist, "--drop", "5", "-o", out}, SIGHUP,
                                  std::chrono::milliseconds(delay), true),
              0);
    EXPECT_TRUE(fs::exists(temp / "out"));
  }
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
