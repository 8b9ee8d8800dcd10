// SPDX-License-Identifier: Apache-2.0
// Files as the program uses them: read whole with a limit, mapped read-only, or written so that a
// reader sees either the old content or all of the new.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/cleanup.h"
#include "core/error.h"

namespace shorten {

namespace fs = std::filesystem;

// The whole content. Throws bad_input if the file is missing, unreadable or longer than `max_bytes`.
std::string read_file(const fs::path& file, uint64_t max_bytes = UINT64_MAX);

// A file mapped read-only. Movable; the mapping lives as long as the object.
// A file that shrinks under the mapping ends the program with a message, not with a wrong number:
// see install_mapping_guard.
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const fs::path& file);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::byte* data() const { return data_; }
  uint64_t size() const { return size_; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  const std::byte* data_ = nullptr;
  uint64_t size_ = 0;
};

// The system may drop these pages of a mapped file, which were read and are not needed for now: they no longer count as
// memory of this process. Read again they are the same.
void release_pages(std::span<const std::byte> mapped);

// Turns the SIGBUS of a mapped file that was truncated under us into an error message and exit 3.
void install_mapping_guard();

// A file that appears whole or not at all: the constructor writes and syncs a temporary sibling, commit()
// renames it into place. Refuses to replace an existing file unless `force`, and anything that is no
// regular file always. Throws no_space when the disk is full.
class StagedFile {
 public:
  StagedFile(const fs::path& file, std::string_view content, bool force);
  void commit();

 private:
  fs::path file_;
  std::unique_ptr<Temporary> temporary_;
};

// What an errno says: no_space for a full disk, a quota that is used up or a file that may not grow, else bad_input
// with the text `what`.
Error io_error(std::string what, int error);
bool disk_full(int error);

bool wait_to_write(int fd);  // until a pipe that does not wait by itself takes more; false if it never will

void make_folders(const fs::path& folder);  // and those above it; throws as above

// Throws what StagedFile would for this name: called before a long computation whose result will go there.
void check_output_file(const fs::path& file, bool force);

}  // namespace shorten
