// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/weight_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "checkpoint/model_files.h"
#include "core/error.h"
#include "core/json.h"
#include "core/json_text.h"
#include "core/progress.h"

namespace shorten::checkpoint {
namespace {

constexpr char kSingle[] = "model.safetensors";
constexpr char kIndex[] = "model.safetensors.index.json";
constexpr uint64_t kMaxIndex = 100'000'000;

WeightFiles read_index(const fs::path& dir) {
  WeightFiles files;
  files.index_file = model_file(dir, kIndex);
  const std::string text = read_file(files.index_file, kMaxIndex);
  check_json_text(text, files.index_file);
  const auto fail = [&](std::string what, std::string where) {
    return bad_input(std::move(what)).file(files.index_file).where(std::move(where));
  };
  if (json_kind(text) != '{') throw fail("the index is not a JSON object", "line 1");
  const auto map = find_json_value(text, "weight_map");
  if (!map || json_kind(*map) != '{')
    throw fail("the index has no weight_map", "key \"weight_map\"").expected("an object: tensor name to file name");
  std::set<std::string> names;
  for (const JsonMember& member : json_members(*map)) {
    const std::string place = "key \"weight_map\", tensor " + member.key;
    if (json_kind(member.value) != '"') throw fail("not a file name", place).found(printable(member.value, 60));
    const std::string name = json_string(member.value);
    check_shard_name(name, member.key, files.index_file);
    if (!files.weight_map.emplace(member.key, name).second) throw fail("a tensor appears twice in the index", place);
    names.insert(name);
  }
  if (names.empty()) throw fail("the index lists no tensor", "key \"weight_map\"");
  files.names.assign(names.begin(), names.end());

  std::vector<std::string> missing;
  std::copy_if(files.names.begin(), files.names.end(), std::back_inserter(missing),
               [&](const std::string& name) { return !has_file(dir, name); });
  if (!missing.empty()) {
    const size_t shown = std::min<size_t>(missing.size(), 5);
    throw bad_input(fmt::format("{} of {} files with weights are missing", missing.size(), names.size()))
        .file(files.index_file)
        .expected(fmt::format("beside it: {}{}",
                              fmt::join(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                              shown < missing.size() ? ", ..." : ""))
        .help("fetch the missing files");
  }
  return files;
}

// The path as it may stand between quotes in a command that somebody will paste into a shell.
std::string quotable(const fs::path& dir) {
  const std::string text = dir.string();
  const bool plain = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) || std::string_view("/._-+=@, ").find(static_cast<char>(c)) != std::string_view::npos;
  });
  return plain ? text : "MODEL";
}

// What to tell the owner of a directory without weights that we read.
Error no_weights(const fs::path& dir) {
  std::vector<std::string> pickles, ggufs, adapters, others;
  for (const std::string& name : list_names(dir)) {
    const std::string suffix = fs::path(name).extension().string();
    if (name == "training_args.bin" || name == "optimizer.pt" || name == "scheduler.pt") continue;
    if (name.starts_with("adapter_"))
      adapters.push_back(name);
    else if (suffix == ".bin" || suffix == ".pt" || suffix == ".pth")
      pickles.push_back(name);
    else if (suffix == ".gguf")
      ggufs.push_back(name);
    else if (suffix == ".safetensors")
      others.push_back(name);
  }
  Error e = bad_input("no safetensors weights in the model directory")
                .file(dir)
                .expected(fmt::format("{} or {}", kSingle, kIndex));
  if (!others.empty()) {
    return e.found(others.front())
        .help(fmt::format("a single file must be named {}, shards need their {}", kSingle, kIndex));
  }
  if (!pickles.empty()) {
    return e.found(pickles.front() + ", a pickle: reading one can run code, so it is never read")
        .help(fmt::format("if you trust it, convert it once (this writes {} beside it):\n"
                          "python3 -c 'from transformers import AutoModelForCausalLM as M; d=\"{}\";\n"
                          "M.from_pretrained(d, torch_dtype=\"auto\").save_pretrained(d)'",
                          kSingle, quotable(dir)));
  }
  if (!adapters.empty())
    return e.found("an adapter: " + adapters.front())
        .help("give the model itself, or merge the adapter into its base model first");
  if (!ggufs.empty())
    return e.found(ggufs.front()).help("give the Hugging Face model that the GGUF file was made from");
  return e;
}

}  // namespace

WeightFiles find_weight_files(const fs::path& dir) {
  if (has_file(dir, kSingle)) {
    if (has_file(dir, kIndex)) log_warning(fmt::format("{}: {} is used, {} is ignored", dir.string(), kSingle, kIndex));
    return {{}, {kSingle}, {}};
  }
  if (has_file(dir, kIndex)) return read_index(dir);
  throw no_weights(dir);
}

}  // namespace shorten::checkpoint
