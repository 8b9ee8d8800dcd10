// SPDX-License-Identifier: Apache-2.0
// Files that appear whole or not at all, what is temporary, and what the machine has to give.
#include "core/file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "core/error.h"
#include "core/system.h"
#include "temp_dir.h"

namespace shorten {
namespace {

using test::TempDir;

ExitCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.code();
  }
  return ExitCode::kDone;
}

TEST(Temporary, IsRemovedUnlessKept) {
  const TempDir temp;
  int fd = -1;
  {
    const auto file = Temporary::make_file((temp / "a-XXXXXX").string(), &fd);
    ASSERT_TRUE(file);
    EXPECT_EQ(::write(fd, "x", 1), 1);
    ::close(fd);
    const auto folder = Temporary::make_directory(temp / "b");
    ASSERT_TRUE(folder);
    test::write(temp / "b/c/d", "x");
  }
  EXPECT_TRUE(fs::is_empty(temp.path()));
  Temporary::make_directory(temp / "kept")->keep();
  EXPECT_TRUE(fs::is_directory(temp / "kept"));
}

TEST(Temporary, SaysWhyItCannotBeMade) {
  const TempDir temp;
  int fd = 0;
  EXPECT_FALSE(Temporary::make_file((temp / "absent/a-XXXXXX").string(), &fd));
  EXPECT_EQ(errno, ENOENT);
  EXPECT_EQ(fd, -1);
  EXPECT_FALSE(Temporary::make_directory(temp.path()));
  EXPECT_EQ(errno, EEXIST);
  EXPECT_TRUE(fs::is_directory(temp.path()));  // what was there before is not ours to remove
}

TEST(StagedFile, AppearsWithCommit) {
  const TempDir temp;
  {
    StagedFile file(temp / "out", "content", false);
    EXPECT_FALSE(fs::exists(temp / "out"));
    file.commit();
  }
  EXPECT_EQ(read_file(temp / "out"), "content");
  EXPECT_EQ(code_of([&] { StagedFile(temp / "out", "new", false); }), ExitCode::kUsage);
  { const StagedFile given_up(temp / "out", "new", true); }
  EXPECT_EQ(read_file(temp / "out"), "content");
  EXPECT_EQ(std::distance(fs::directory_iterator(temp.path()), {}), 1);
}

TEST(StagedFile, TakesTheLongestName) {
  const TempDir temp;
  StagedFile(temp / std::string(255, 'n'), "x", false).commit();
  EXPECT_EQ(read_file(temp / std::string(255, 'n')), "x");
}

TEST(CheckOutputFile, RefusesPlacesThatCannotBe) {
  const TempDir temp;
  fs::create_symlink("loop", temp / "loop");
  EXPECT_EQ(code_of([&] { check_output_file(temp / "fine", false); }), ExitCode::kDone);
  EXPECT_EQ(code_of([&] { check_output_file(temp / std::string(300, 'n'), false); }), ExitCode::kBadInput);
  EXPECT_EQ(code_of([&] { check_output_file(temp / "absent/out", false); }), ExitCode::kBadInput);
  EXPECT_EQ(code_of([&] { check_output_file(temp / "loop/out", false); }), ExitCode::kBadInput);
}

TEST(CheckOutputFile, RefusesAFolderClosedToUs) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write anywhere";
  const TempDir temp;
  ::chmod(temp.path().c_str(), 0500);
  EXPECT_EQ(code_of([&] { check_output_file(temp / "out", false); }), ExitCode::kBadInput);
  ::chmod(temp.path().c_str(), 0);
  EXPECT_EQ(code_of([&] { check_output_file(temp / "out", false); }), ExitCode::kBadInput);
  ::chmod(temp.path().c_str(), 0700);
}

TEST(CgroupMemory, CacheIsNotUsed) {
  const TempDir temp;
  EXPECT_EQ(cgroup_free_memory(temp.path()), UINT64_MAX);
  test::write(temp / "memory.max", "max\n");
  EXPECT_EQ(cgroup_free_memory(temp.path()), UINT64_MAX);
  test::write(temp / "memory.max", "1000\n");
  test::write(temp / "memory.current", "900\n");
  EXPECT_EQ(cgroup_free_memory(temp.path()), 100u);
  test::write(temp / "memory.stat", "anon 150\nfile 750\nactive_file 50\ninactive_file 700\n");
  EXPECT_EQ(cgroup_free_memory(temp.path()), 800u);
  test::write(temp / "memory.current", "600\n");  // the files are not read at one moment
  EXPECT_EQ(cgroup_free_memory(temp.path()), 1000u);
}

TEST(CgroupCores, APartOfACoreIsACore) {
  const TempDir temp;
  EXPECT_EQ(cgroup_cores(temp.path()), INT_MAX);
  for (const auto& [text, cores] : {std::pair("max 100000\n", INT_MAX),
                                    {"50000 100000\n", 1},
                                    {"200000 100000\n", 2},
                                    {"250000 100000\n", 3},
                                    {"nonsense", INT_MAX}}) {
    test::write(temp / "cpu.max", text);
    EXPECT_EQ(cgroup_cores(temp.path()), cores) << text;
  }
  EXPECT_GE(usable_cores(), 1);
  EXPECT_GT(available_memory(), 0u);
}

}  // namespace
}  // namespace shorten
