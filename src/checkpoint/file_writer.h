// SPDX-License-Identifier: Apache-2.0
// A new file that is written from front to back and is on disk when `close` returns.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/file.h"

namespace shorten::checkpoint {

class FileWriter {
 public:
  // Creates `file`, which must not exist. `total` bytes will be written; it serves the error when the
  // disk is full.
  FileWriter(const fs::path& file, uint64_t total);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  // Throws no_space when the disk is full. A source that was truncated under its mapping is an error too.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  void close();  // synced

 private:
  [[noreturn]] void fail(int error);

  fs::path file_;
  uint64_t total_, done_ = 0;
  int fd_;
};

void sync_folder(const fs::path& folder);  // its entries are on disk afterwards

}  // namespace shorten::checkpoint
