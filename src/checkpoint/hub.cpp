// SPDX-License-Identifier: Apache-2.0
// What MODEL means: a directory, or a name in the local Hub cache
// (https://huggingface.co/docs/huggingface_hub/guides/manage-cache).
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "checkpoint/checkpoint.h"
#include "checkpoint/model_files.h"
#include "core/error.h"

namespace shorten::checkpoint {
namespace {

struct Cache {
  fs::path dir;
  std::string from;  // which setting led there
};

Cache hub_cache() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value ? value : "";
  };
  if (const std::string v = variable("HF_HUB_CACHE"); !v.empty()) return {v, "HF_HUB_CACHE"};
  if (const std::string v = variable("HF_HOME"); !v.empty()) return {fs::path(v) / "hub", "HF_HOME"};
  const fs::path home = variable("HOME");
  return {home / ".cache" / "huggingface" / "hub", "the default, as neither HF_HUB_CACHE nor HF_HOME is set"};
}

bool is_plain(std::string_view part) {
  const auto good = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; };
  return !part.empty() && part.front() != '.' && std::all_of(part.begin(), part.end(), good);
}

// "org/name" → "models--org--name"; empty if it cannot be the name of a model.
std::string cache_folder(std::string_view model) {
  const size_t slash = model.find('/');
  if (slash == std::string_view::npos) return is_plain(model) ? fmt::format("models--{}", model) : "";
  const std::string_view org = model.substr(0, slash), name = model.substr(slash + 1);
  return is_plain(org) && is_plain(name) ? fmt::format("models--{}--{}", org, name) : "";
}

fs::path snapshot(const fs::path& folder, const std::string& model) {
  const fs::path ref = folder / "refs" / "main";
  std::error_code error;
  if (!fs::is_regular_file(ref, error)) {
    throw bad_input(fmt::format("the Hub cache holds {}, but not its main revision", model))
        .file(ref)
        .help(fmt::format("give a folder inside {}", (folder / "snapshots").string()));
  }
  std::string revision = read_file(ref, 200);
  while (!revision.empty() && std::isspace(static_cast<unsigned char>(revision.back()))) revision.pop_back();
  if (!is_plain(revision))
    throw bad_input("not a revision").file(ref).expected("a commit hash").found(printable(revision, 80));
  const fs::path dir = folder / "snapshots" / revision;
  if (!fs::is_directory(dir, error)) {
    throw bad_input(fmt::format("the main revision of {} is not in the Hub cache", model))
        .file(dir)
        .help(fmt::format("fetch it with: hf download {}", model));
  }
  return dir;
}

}  // namespace

fs::path resolve_model(const std::string& model) {
  if (model.empty())
    throw usage_error("MODEL is empty").help("give a model directory, or org/name of a model in the Hub cache");
  std::error_code error;
  const fs::path path(model);
  if (fs::is_directory(path, error)) return path;
  if (fs::exists(fs::symlink_status(path, error))) {
    throw bad_input("the model is not a directory")
        .file(path)
        .help("give the folder that holds config.json and the weights");
  }
  const Cache cache = hub_cache();
  const std::string folder = cache_folder(model);
  if (!folder.empty() && fs::is_directory(cache.dir / folder, error)) return snapshot(cache.dir / folder, model);
  std::string looked = fmt::format("the directory {}", path.string());
  if (!folder.empty()) looked += fmt::format("\n{}\n(cache: {})", (cache.dir / folder).string(), cache.from);
  throw bad_input("no such model")
      .where(printable(model))
      .expected(looked)
      .help("nothing is downloaded: give a directory, or fetch it first with hf download");
}

}  // namespace shorten::checkpoint
