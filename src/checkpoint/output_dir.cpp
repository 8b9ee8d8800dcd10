// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/output_dir.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "checkpoint/file_writer.h"
#include "checkpoint/model_files.h"
#include "core/check.h"
#include "core/error.h"
#include "core/units.h"

namespace shorten::checkpoint {
namespace {

// Without "." and "..", absolute, the folder resolved; the last part is left as it is, for it may not exist.
fs::path absolute_target(const fs::path& target) {
  std::error_code error;
  fs::path path = fs::absolute(target, error).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // a trailing slash
  if (error || !path.has_filename()) throw usage_error("not a name for an output folder").file(target);
  const fs::path parent = fs::canonical(path.parent_path(), error);
  if (error || !fs::is_directory(parent, error)) {
    throw bad_input("the folder for the output does not exist")
        .file(path.parent_path())
        .help(fmt::format("create it first: mkdir -p '{}'", path.parent_path().string()));
  }
  return parent / path.filename();
}

// Is `folder` the same as `path` or one of the folders above it?
bool contains(const fs::path& folder, const fs::path& path) {
  struct stat wanted {
  }, status{};
  if (::stat(folder.c_str(), &wanted) != 0) return false;  // not there: contains nothing
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  for (fs::path at = real;; at = at.parent_path()) {
    if (::stat(at.c_str(), &status) == 0 && status.st_dev == wanted.st_dev && status.st_ino == wanted.st_ino)
      return true;
    if (at == at.parent_path()) return false;
  }
}

void refuse(const fs::path& target, const std::vector<fs::path>& inputs) {
  for (const fs::path& input : inputs) {
    const bool above = contains(target, input), below = contains(input, target);
    if (!above && !below) continue;
    throw usage_error(above && below ? "the output is the input"
                      : below        ? "the output lies inside the input"
                                     : "the output contains an input")
        .file(target)
        .found("the input " + input.string())
        .help("choose another place with `output`; an input is never changed");
  }
}

// A Hub cache is more than the snapshot that is read: blobs/ and refs/ beside it belong to the input too.
std::vector<fs::path> with_hub_folders(std::vector<fs::path> inputs) {
  std::error_code error;
  for (size_t i = 0, n = inputs.size(); i < n; ++i) {
    const fs::path hub = hub_folder(fs::weakly_canonical(inputs[i], error));
    if (!hub.empty() && std::find(inputs.begin(), inputs.end(), hub) == inputs.end()) inputs.push_back(hub);
  }
  return inputs;
}

// --force replaces what an earlier run made, not somebody's home.
bool looks_like_ours(const fs::path& dir) {
  std::error_code error;
  constexpr std::array kMarks = {"config.json", "shorten.json", "heal.json"};
  return std::any_of(kMarks.begin(), kMarks.end(), [&](const char* mark) { return fs::exists(dir / mark, error); });
}

void check_existing(const fs::path& target, bool force) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(target, error);
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) {
    throw usage_error("the output exists and is not a folder").file(target).help("choose another name with `output`");
  }
  if (fs::is_empty(target, error)) return;  // made for us
  if (!force)
    throw usage_error("the output exists already").file(target).help("choose another name, or replace it with `force`");
  if (!looks_like_ours(target)) {
    throw usage_error("this folder is not replaced, even with `force`: it is no model")
        .file(target)
        .expected("a folder with config.json, shorten.json or heal.json")
        .help("choose another name, or remove the folder yourself");
  }
}

void check_space(const fs::path& target, uint64_t needed) {
  struct statvfs disk {};
  if (::statvfs(target.parent_path().c_str(), &disk) != 0) return;  // unknown: writing will tell
  const uint64_t available = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  if (available >= needed) return;
  throw no_space("not enough room on the disk for the output")
      .file(target)
      .expected(fmt::format("{} ({} bytes)", human_bytes(needed), needed))
      .found(fmt::format("{} free", human_bytes(available)))
      .help("free some space, or choose an output on another disk");
}

std::string random_suffix() {
  std::array<unsigned char, 6> bytes{};
  SHORTEN_CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()), "no random bytes");
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz234567";
  std::string out;
  for (const unsigned char b : bytes) out += kLetters[b % kLetters.size()];
  return out;
}

// What `make` makes of a new hidden name beside `target`: something that is true, or errno is set.
template <typename Make>
auto make_sibling(const fs::path& target, const Make& make) {
  const std::string name = target.filename().string().substr(0, 200);  // names end at 255 bytes
  while (true) {
    if (auto made = make(target.parent_path() / fmt::format(".{}.tmp-{}", name, random_suffix()))) return made;
    if (errno == EEXIST) continue;
    throw io_error("cannot write to the folder for the output", errno).file(target.parent_path());
  }
}

std::optional<fs::path> make_folder(const fs::path& path) {
  return ::mkdir(path.c_str(), 0777) == 0 ? std::optional(path) : std::nullopt;
}

Error rename_error(const fs::path& target) {
  return io_error("cannot put the output in its place", errno).file(target);
}

bool rename_with(const fs::path& from, const fs::path& to, unsigned flags) {
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0;
}

bool not_supported(int error) { return error == EINVAL || error == ENOSYS; }

}  // namespace

void refuse_inputs(const fs::path& target, const std::vector<fs::path>& inputs) {
  refuse(absolute_target(target), with_hub_folders(inputs));
}

void check_output_dir(const fs::path& target, const std::vector<fs::path>& inputs, bool force) {
  refuse_inputs(target, inputs);
  check_existing(absolute_target(target), force);
}

OutputDir::OutputDir(const fs::path& target, const std::vector<fs::path>& inputs, uint64_t needed_bytes, bool force)
    : target_(absolute_target(target)), force_(force) {
  check_output_dir(target_, inputs, force);
  check_space(target_, needed_bytes);
  staging_ = make_sibling(target_, Temporary::make_directory);
}

void OutputDir::write(const fs::path& name, std::string_view content) {
  FileWriter out(staging() / name, content.size());
  out.write(content);
  out.close();
}

void OutputDir::copy(const fs::path& source, const fs::path& name) {
  const MappedFile in(source);
  FileWriter out(staging() / name, in.size());
  out.write(std::span(in.data(), in.size()));
  out.close();
}

void OutputDir::commit() {
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(staging(), error)) {
    if (entry.is_directory()) sync_folder(entry.path());
  }
  sync_folder(staging());
  if (!fs::exists(fs::symlink_status(target_, error))) {
    if (!rename_with(staging(), target_, RENAME_NOREPLACE)) {
      if (!not_supported(errno)) throw rename_error(target_);
      fs::rename(staging(), target_, error);
      if (error) throw bad_input("cannot put the output in its place").file(target_).found(error.message());
    }
    staging_->keep();
  } else {
    check_existing(target_, force_);  // it may have appeared while we worked
    replace();
  }
  sync_folder(target_.parent_path());
}

// The old and the new folder change places in one step; the old one is then a temporary like any other.
void OutputDir::replace() {
  if (rename_with(staging(), target_, RENAME_EXCHANGE)) {
    staging_.reset();
    return;
  }
  if (!not_supported(errno)) throw rename_error(target_);
  // A file system without exchange: for a moment neither is in place, and a failure puts the old one back.
  // Until the new one is there the old one is no temporary: a signal must not remove it.
  const fs::path aside = *make_sibling(target_, make_folder);
  if (::rename(target_.c_str(), aside.c_str()) != 0) {
    const Error e = rename_error(target_);
    ::rmdir(aside.c_str());
    throw e;
  }
  if (::rename(staging().c_str(), target_.c_str()) != 0) {
    Error e = rename_error(target_);
    if (::rename(aside.c_str(), target_.c_str()) != 0) e.help("the old content is in " + aside.string());
    throw e;
  }
  staging_->keep();
  const Temporary old(aside);
}

}  // namespace shorten::checkpoint
