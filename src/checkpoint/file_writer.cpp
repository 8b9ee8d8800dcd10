// SPDX-License-Identifier: Apache-2.0
#include "checkpoint/file_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/units.h"

namespace shorten::checkpoint {

FileWriter::FileWriter(const fs::path& file, uint64_t total)
    : file_(file), total_(total), fd_(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) {
  if (fd_ < 0) fail(errno);
}

FileWriter::~FileWriter() {
  if (fd_ >= 0) ::close(fd_);
}

void FileWriter::fail(int error) {
  // write(2) reports a source page that is no longer there instead of raising SIGBUS.
  if (error == EFAULT) {
    throw bad_input("a model file became shorter while it was copied")
        .file(file_)
        .help("do not change a model while it is used; run the command again");
  }
  Error failed = io_error("cannot write the file", error).file(file_);
  if (disk_full(error)) {
    failed.expected(fmt::format("room for {} ({} bytes)", human_bytes(total_), total_))
        .found(fmt::format("{} could be written: {}", human_bytes(done_), std::strerror(error)))
        .help("free some space, or choose an output on another disk");
  }
  throw failed;
}

void FileWriter::write(std::span<const std::byte> bytes) {
  constexpr size_t kMaxWrite = size_t{64} << 20;
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), std::min(bytes.size(), kMaxWrite));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(errno);
    done_ += static_cast<uint64_t>(n);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

void FileWriter::close() {
  if (::fsync(fd_) != 0) fail(errno);
  const int fd = fd_;
  fd_ = -1;
  if (::close(fd) != 0) fail(errno);
}

void sync_folder(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && (::fsync(fd) == 0 || errno == EINVAL);  // some file systems cannot sync a folder
  const int error = errno;
  if (fd >= 0) ::close(fd);
  if (!synced) throw io_error("cannot write the folder to disk", error).file(folder);
}

}  // namespace shorten::checkpoint
