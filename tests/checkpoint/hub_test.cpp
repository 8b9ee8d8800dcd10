// SPDX-License-Identifier: Apache-2.0
// MODEL as a name in the local Hub cache, whose files are links to ../../blobs/.
#include <gmock/gmock.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/output_dir.h"
#include "core/error.h"
#include "hostile.h"

namespace shorten::checkpoint {
namespace {

using testing::HasSubstr;

// Sets environment variables and puts the old values back.
class Environment {
 public:
  Environment(std::initializer_list<std::pair<const char*, std::string>> values) {
    for (const char* name : {"HF_HUB_CACHE", "HF_HOME", "HOME"}) {
      const char* old = std::getenv(name);
      old_.emplace_back(name, old ? std::optional<std::string>(old) : std::nullopt);
      ::unsetenv(name);
    }
    for (const auto& [name, value] : values) ::setenv(name, value.c_str(), 1);
  }
  ~Environment() {
    for (const auto& [name, value] : old_) value ? ::setenv(name, value->c_str(), 1) : ::unsetenv(name);
  }

 private:
  std::vector<std::pair<const char*, std::optional<std::string>>> old_;
};

// org/name with one snapshot, as huggingface_hub lays it out.
fs::path make_cache(const fs::path& hub, const std::string& revision = "0123abcd") {
  const fs::path folder = hub / "models--org--name";
  const fs::path snapshot = folder / "snapshots" / revision;
  test::write_tiny_model(folder / "blobs");
  fs::create_directories(snapshot);
  for (const std::string name : {"config.json", "model.safetensors"}) {
    fs::rename(folder / "blobs" / name, folder / "blobs" / ("hash-of-" + name));
    fs::create_symlink("../../blobs/hash-of-" + name, snapshot / name);
  }
  test::write(folder / "refs/main", revision);
  return snapshot;
}

std::string error_of(const std::string& model) {
  try {
    resolve_model(model);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kBadInput);
    return e.block();
  }
  return "no error";
}

TEST(OutputDir, TheCacheFolderOfAnInputIsPartOfIt) {
  const test::TempDir dir;
  const fs::path snapshot = make_cache(dir.path()), folder = dir / "models--org--name";
  const std::set<std::string> before = test::paths_in(dir.path());
  for (const fs::path& out :
       {folder / "out", folder / "blobs", folder / "snapshots/short", folder / "blobs/out", snapshot / "out", folder}) {
    EXPECT_THROW(check_output_dir(out, {snapshot}, true), Error) << out;
    EXPECT_THROW(OutputDir(out, {snapshot}, 0, true), Error) << out;
  }
  // The same where only the weights lie in the cache.
  fs::create_directory(dir / "links");
  fs::create_symlink(folder / "blobs/hash-of-model.safetensors", dir / "links/model.safetensors");
  EXPECT_THROW(check_output_dir(folder / "snapshots/short", {dir / "links/model.safetensors"}, false), Error);
  fs::remove_all(dir / "links");
  EXPECT_EQ(test::paths_in(dir.path()), before);
  EXPECT_NO_THROW(check_output_dir(dir / "models--org--short", {snapshot}, false));
}

TEST(ResolveModel, ADirectoryIsItself) {
  const test::TempDir dir;
  EXPECT_EQ(resolve_model(dir.path().string()), dir.path());
}

TEST(ResolveModel, FindsTheCacheInItsThreePlaces) {
  const test::TempDir dir;
  const fs::path a = make_cache(dir / "a"), b = make_cache(dir / "b/hub"),
                 c = make_cache(dir / "c/.cache/huggingface/hub");
  const std::string home = (dir / "c").string(), hf_home = (dir / "b").string();
  {
    const Environment set{{"HOME", home}};
    EXPECT_EQ(resolve_model("org/name"), c);
  }
  {
    const Environment set{{"HOME", home}, {"HF_HOME", hf_home}};
    EXPECT_EQ(resolve_model("org/name"), b);
  }
  const Environment set{{"HOME", home}, {"HF_HOME", hf_home}, {"HF_HUB_CACHE", (dir / "a").string()}};
  EXPECT_EQ(resolve_model("org/name"), a);
  EXPECT_EQ(Checkpoint(resolve_model("org/name")).tensors().size(), 3u + 4 * 9);
}

TEST(ResolveModel, SaysWhereItLooked) {
  const test::TempDir dir;
  const Environment set{{"HF_HUB_CACHE", dir.path().string()}};
  EXPECT_THAT(error_of("org/absent"), testing::AllOf(HasSubstr((dir / "models--org--absent").string()),
                                                     HasSubstr("HF_HUB_CACHE"), HasSubstr("nothing is downloaded")));
  EXPECT_THAT(error_of("/no/such/dir"), HasSubstr("/no/such/dir"));
}

TEST(ResolveModel, HostileNamesAndReferencesLeadNowhere) {
  const test::TempDir dir;
  const fs::path hub = dir / "hub";
  make_cache(hub);
  const Environment set{{"HF_HUB_CACHE", hub.string()}};
  for (const char* name : {"org/../name", "../hub", "org/name/x", "org/", "/name", "org/na\nme", "org/.."})
    EXPECT_THAT(error_of(name), HasSubstr("error: ")) << name;
  for (const char* ref : {"../../..", "", "a/b", ".", "gone"}) {
    test::write(hub / "models--org--name/refs/main", ref);
    EXPECT_THAT(error_of("org/name"), HasSubstr("models--org--name")) << ref;
  }
  fs::remove(hub / "models--org--name/refs/main");
  EXPECT_THAT(error_of("org/name"), HasSubstr("refs/main"));
}

TEST(HubLinks, LeadOnlyIntoTheSameModel) {
  const test::TempDir dir;
  const fs::path snapshot = make_cache(dir / "hub");
  test::write_tiny_model(dir / "hub/models--other--private/blobs");
  fs::remove(snapshot / "model.safetensors");
  fs::create_symlink("../../../models--other--private/blobs/model.safetensors", snapshot / "model.safetensors");
  try {
    Checkpoint model(snapshot);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::kBadInput);
    EXPECT_THAT(e.block(),
                testing::AllOf(HasSubstr("link"), HasSubstr("models--other--private"), HasSubstr("model.safetensors")));
  }
}

TEST(HubLinks, OfADownloadFolderMayLeadToBlobs) {
  const test::TempDir dir;
  make_cache(dir / "hub");
  fs::create_directory(dir / "m");
  for (const std::string name : {"config.json", "model.safetensors"})
    fs::create_symlink(dir / "hub/models--org--name/blobs" / ("hash-of-" + name), dir / "m" / name);
  EXPECT_NO_THROW(Checkpoint(dir / "m"));
}

}  // namespace
}  // namespace shorten::checkpoint
