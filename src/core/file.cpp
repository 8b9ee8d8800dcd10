// SPDX-License-Identifier: Apache-2.0
#include "core/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/units.h"

namespace shorten {
namespace {

std::string reason() { return std::strerror(errno); }

// An open file descriptor of a regular file with its size.
class InputFile {
 public:
  explicit InputFile(const fs::path& file) : fd_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (fd_ < 0) throw bad_input("cannot open the file").file(file).found(reason());
    if (::fstat(fd_, &status) != 0) throw bad_input("cannot read the file").file(file).found(reason());
    if (!S_ISREG(status.st_mode)) throw bad_input("not a regular file").file(file);
    size_ = static_cast<uint64_t>(status.st_size);
  }
  ~InputFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  int fd() const { return fd_; }
  uint64_t size() const { return size_; }

 private:
  int fd_;
  uint64_t size_ = 0;
};

}  // namespace

std::string read_file(const fs::path& file, uint64_t max_bytes) {
  const InputFile input(file);
  if (input.size() > max_bytes) {
    throw bad_input("the file is too large")
        .file(file)
        .expected("at most " + human_bytes(max_bytes))
        .found(human_bytes(input.size()));
  }
  std::string content(input.size(), '\0');
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t n = ::read(input.fd(), content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw bad_input("cannot read the file").file(file).found(reason());
    if (n == 0) throw bad_input("the file became shorter while it was read").file(file);
    done += static_cast<size_t>(n);
  }
  return content;
}

MappedFile::MappedFile(const fs::path& file) : path_(file) {
  const InputFile input(file);
  size_ = input.size();
  if (size_ == 0) return;  // an empty mapping is not possible, and not needed
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, input.fd(), 0);
  if (address == MAP_FAILED) throw bad_input("cannot map the file into memory").file(file).found(reason());
  data_ = static_cast<const std::byte*>(address);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void release_pages(std::span<const std::byte> mapped) {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<uintptr_t>(mapped.data()) + page - 1) / page * page;
  const auto end = (reinterpret_cast<uintptr_t>(mapped.data()) + mapped.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

void install_mapping_guard() {
  struct sigaction action {};
  action.sa_handler = [](int) {
    constexpr char kMessage[] =
        "error: a file that is being read became shorter\n"
        "  help      do not change a model while it is used; run the command again\n";
    [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, kMessage, sizeof kMessage - 1);
    ::_exit(static_cast<int>(ExitCode::kBadInput));
  };
  ::sigaction(SIGBUS, &action, nullptr);
}

void check_output_file(const fs::path& file, bool force) {
  std::error_code error;
  const fs::file_status status = fs::symlink_status(file, error);
  if (fs::exists(status)) {
    if (!fs::is_regular_file(status))
      throw usage_error("the output exists and is no file").file(file).expected("a new name, or a file to replace");
    if (!force)
      throw usage_error("the output exists already").file(file).help("choose another name, or replace it with `force`");
  }
  const fs::path parent = file.has_parent_path() ? file.parent_path() : fs::path(".");
  // Not "is it there?" alone: a name may be too long, a folder closed to us, a link a loop.
  if (!fs::status_known(status)) throw bad_input("the output cannot be there").file(file).found(error.message());
  if (!fs::is_directory(parent, error)) {
    Error e = bad_input("the folder for the output does not exist").file(parent);
    throw error && error != std::errc::no_such_file_or_directory ? e.found(error.message()) : e;
  }
  if (::access(parent.c_str(), W_OK | X_OK) != 0)
    throw bad_input("cannot write to the folder for the output").file(parent).found(reason());
}

bool disk_full(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

Error io_error(std::string what, int error) {
  const char* const full = error == EDQUOT ? "the disk quota is used up" : "the disk is full";
  return (disk_full(error) ? no_space(full) : bad_input(std::move(what))).found(std::strerror(error));
}

bool wait_to_write(int fd) {
  pollfd file{fd, POLLOUT, 0};
  return ::poll(&file, 1, -1) >= 0 || errno == EINTR;
}

void make_folders(const fs::path& folder) {
  std::error_code failed;
  fs::create_directories(folder, failed);
  if (failed) throw io_error("cannot make the folder", failed.value()).file(folder);
}

StagedFile::StagedFile(const fs::path& file, std::string_view content, bool force) : file_(file) {
  check_output_file(file, force);
  const std::string name = file.filename().string().substr(0, 200);  // names end at 255 bytes
  int fd = -1;
  temporary_ = Temporary::make_file((file.parent_path() / fmt::format(".{}.tmp-XXXXXX", name)).string(), &fd);
  const auto fail = [&]() -> Error {
    const int error = errno;
    if (fd >= 0) ::close(fd);
    errno = error;
    return io_error("cannot write the file", error).file(file).expected(human_bytes(content.size()) + " to write");
  };
  if (fd < 0) throw fail();
  for (size_t done = 0; done < content.size();) {
    const ssize_t n = ::write(fd, content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw fail();
    done += static_cast<size_t>(n);
  }
  if (::fchmod(fd, 0644) != 0 || ::fsync(fd) != 0) throw fail();
  ::close(fd);
}

void StagedFile::commit() {
  std::error_code error;
  fs::rename(temporary_->path(), file_, error);
  if (error) throw io_error("cannot put the file in its place", error.value()).file(file_);
  temporary_->keep();
}

}  // namespace shorten
