// SPDX-License-Identifier: Apache-2.0
// What OutputDir promises when all goes well, and when its owner gives up; refusals are in
// plan/hostile_test.cpp.
#include "checkpoint/output_dir.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "core/error.h"
#include "hostile.h"

namespace shorten::checkpoint {
namespace {

using test::paths_in;

TEST(OutputDir, AppearsOnlyWithCommit) {
  const test::TempDir dir;
  OutputDir out(dir / "out", {}, 100, false);
  out.write("config.json", "{}");
  test::write(dir / "source", "copied");
  out.copy(dir / "source", "copy");
  EXPECT_FALSE(fs::exists(dir / "out"));
  out.commit();
  EXPECT_EQ(test::read_text(dir / "out/config.json"), "{}");
  EXPECT_EQ(test::read_text(dir / "out/copy"), "copied");
  EXPECT_EQ(paths_in(dir.path()).size(), 4u) << "out, its two files, the source: no temporary";
}

TEST(OutputDir, WithoutCommitNothingIsLeft) {
  const test::TempDir dir;
  {
    OutputDir out(dir / "out", {}, 0, false);
    out.write("config.json", "{}");
    EXPECT_EQ(out.staging().parent_path(), fs::canonical(dir.path()));
  }
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST(OutputDir, ForceReplacesAnOldResultAndGivingUpKeepsIt) {
  const test::TempDir dir;
  test::write(dir / "out/config.json", "old");
  test::write(dir / "out/extra", "old");
  {
    OutputDir out(dir / "out", {}, 0, true);
    out.write("config.json", "new");
  }
  EXPECT_EQ(test::read_text(dir / "out/config.json"), "old");
  OutputDir out(dir / "out", {}, 0, true);
  out.write("config.json", "new");
  out.commit();
  EXPECT_EQ(test::read_text(dir / "out/config.json"), "new");
  EXPECT_EQ(paths_in(dir.path()).size(), 2u);
}

TEST(OutputDir, AnEmptyFolderNeedsNoForce) {
  const test::TempDir dir;
  fs::create_directory(dir / "out");
  OutputDir out(dir / "out/", {}, 0, false);
  out.write("config.json", "{}");
  out.commit();
  EXPECT_EQ(paths_in(dir.path()).size(), 2u);
}

TEST(OutputDir, AFolderThatAppearedMeanwhileIsNotReplaced) {
  const test::TempDir dir;
  OutputDir out(dir / "out", {}, 0, false);
  out.write("config.json", "mine");
  test::write(dir / "out/config.json", "theirs");
  EXPECT_THROW(out.commit(), Error);
  EXPECT_EQ(test::read_text(dir / "out/config.json"), "theirs");
}

TEST(OutputDir, HasThePermissionsOfAnyNewFolder) {
  const test::TempDir dir;
  const mode_t old = ::umask(022);
  OutputDir out(dir / "out", {}, 0, false);
  out.write("f", "");
  ::umask(old);
  out.commit();
  struct stat folder {
  }, file{};
  ASSERT_EQ(::stat((dir / "out").c_str(), &folder), 0);
  ASSERT_EQ(::stat((dir / "out/f").c_str(), &file), 0);
  EXPECT_EQ(folder.st_mode & 0777u, 0755u);
  EXPECT_EQ(file.st_mode & 0777u, 0644u);
}

TEST(OutputDir, ALongNameIsNoProblem) {
  const test::TempDir dir;
  const std::string name(250, 'n');
  OutputDir out(dir / name, {}, 0, false);
  out.commit();
  EXPECT_TRUE(fs::is_directory(dir / name));
}

TEST(OutputDir, BesideTheInputIsFine) {
  const test::TempDir dir;
  test::write_tiny_model(dir / "model");
  OutputDir out(dir / "model-short", {dir / "model"}, 0, false);
  out.commit();
  EXPECT_TRUE(fs::is_directory(dir / "model-short"));
}

}  // namespace
}  // namespace shorten::checkpoint
