// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "cli/common.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json_text.h"

namespace shorten::cli {

void write_stdout(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN && wait_to_write(STDOUT_FILENO)) continue;
    if (n < 0) {
      const bool closed = errno == EPIPE;
      throw Error(closed ? ExitCode::kClosedPipe : ExitCode::kNoSpace, "cannot write to standard output")
          .found(std::strerror(errno));
    }
    text.remove_prefix(static_cast<size_t>(n));
  }
}

void deliver(const CommonOptions& common, const Json& json, const std::string& table) {
  const std::string text = readable_json(json);
  std::optional<StagedFile> file;
  if (!common.output.empty()) file.emplace(common.output, text, common.force);
  write_stdout(common.json ? text : table);
  if (!file) return;
  file->commit();  // last: after an error there is no output
  log_info("written: " + common.output);
}

}  // namespace shorten::cli
