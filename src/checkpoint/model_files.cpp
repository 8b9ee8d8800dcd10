// SPDX-License-Identifier: Apache-2.0
// Names are judged as text first, then links by where they lead. Comparing only resolved paths would
// not do: every file of a Hub snapshot is a link to ../../blobs/.
#include "checkpoint/model_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace shorten::checkpoint {
namespace {

bool lies_in(const fs::path& path, const fs::path& folder) {
  return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
}

bool may_follow(const fs::path& dir, const fs::path& target, const std::string& name) {
  if (const fs::path hub = hub_folder(dir); !hub.empty()) return lies_in(target, hub);
  if (lies_in(target, dir) || target.filename() == name) return true;
  const fs::path hub = hub_folder(target);
  return !hub.empty() && lies_in(target, hub / "blobs");
}

}  // namespace

fs::path hub_folder(const fs::path& path) {
  fs::path folder;
  for (const fs::path& part : path) {
    folder /= part;
    if (part.string().starts_with("models--")) return folder;
  }
  return {};
}

void check_shard_name(const std::string& name, const std::string& tensor, const fs::path& index_file) {
  constexpr std::string_view kSuffix = ".safetensors";
  const bool separator = name.find_first_of("/\\:") != std::string::npos;
  const bool control = std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (!separator && !control && name.ends_with(kSuffix) && !name.starts_with(".") && name.size() <= 255) return;
  throw bad_input("the index names a file that cannot be a shard of this model")
      .file(index_file)
      .where("key \"weight_map\", tensor " + tensor)
      .expected("the plain name of a .safetensors file in the same folder")
      .found(printable(name, 120));
}

fs::path model_file(const fs::path& dir, const std::string& name) {
  const fs::path file = dir / name;
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (status.type() == fs::file_type::not_found) {
    const bool broken_link = fs::is_symlink(fs::symlink_status(file, error));
    throw bad_input(broken_link ? "a link that leads nowhere" : "a file of the model is missing").file(file);
  }
  if (error) throw bad_input("cannot open the file").file(file).found(error.message());
  if (status.type() != fs::file_type::regular) throw bad_input("not a regular file").file(file);
  if (!fs::is_symlink(fs::symlink_status(file, error))) return file;

  const fs::path target = fs::canonical(file, error);
  const fs::path real_dir = error ? fs::path() : fs::canonical(dir, error);
  if (error) throw bad_input("cannot follow the link").file(file).found(error.message());
  if (!may_follow(real_dir, target, name)) {
    throw bad_input("a link that leads out of the model is not followed")
        .file(file)
        .expected(hub_folder(real_dir).empty() ? "a file in the same folder, or one of the same name elsewhere"
                                               : "a file inside " + hub_folder(real_dir).string())
        .found(target.string())
        .help("if you trust it, put the file itself in place of the link");
  }
  return file;
}

bool has_file(const fs::path& dir, const std::string& name) {
  std::error_code error;
  return fs::exists(fs::symlink_status(dir / name, error));
}

std::vector<std::string> list_names(const fs::path& dir) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) throw bad_input("cannot list the folder").file(dir).found(error.message());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace shorten::checkpoint
