// SPDX-License-Identifier: Apache-2.0
#include "prune/other_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "checkpoint/model_files.h"
#include "core/json.h"
#include "core/progress.h"

namespace shorten::prune {
namespace {

bool is_left_out(const std::string& name) {
  constexpr std::array kSuffixes = {".safetensors", ".index.json", ".bin",     ".pt",   ".pth", ".ckpt", ".gguf",
                                    ".ggml",        ".h5",         ".msgpack", ".onnx", ".ot",  ".npz"};
  if (name.starts_with(".") || name.starts_with("adapter_")) return true;
  if (name == "config.json" || name == "shorten.json") return true;
  return std::any_of(kSuffixes.begin(), kSuffixes.end(),
                     [&](std::string_view suffix) { return name.ends_with(suffix); });
}

}  // namespace

std::vector<fs::path> files_to_copy(const fs::path& dir) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const std::string& name : checkpoint::list_names(dir)) {
    if (is_left_out(name)) continue;
    if (fs::is_directory(dir / name, error)) {
      log_debug(fmt::format("the folder {} is not copied", (dir / name).string()));
    } else {
      files.push_back(checkpoint::model_file(dir, name));
    }
  }
  return files;
}

}  // namespace shorten::prune
