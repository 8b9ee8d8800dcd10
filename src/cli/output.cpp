// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "cli/common.h"
#include "core/error.h"
#include "core/file.h"
#include "core/json_text.h"
#include "core/progress.h"

namespace shorten::cli {

fs::path real_path(const fs::path& path) {
  std::error_code error;
  return fs::weakly_canonical(fs::absolute(path), error);  // of a relative name that is not there it is relative
}

void check_not_input(const std::string& output, const std::vector<fs::path>& inputs) {
  std::error_code error;
  const fs::path target = real_path(output);
  for (const fs::path& input : inputs) {
    const fs::path source = real_path(input);
    const auto [end, unused] = std::mismatch(source.begin(), source.end(), target.begin(), target.end());
    if (end != source.end() && !fs::equivalent(source, target, error)) continue;
    throw usage_error("the output is an input, or lies inside one")
        .file(output)
        .found("the input " + input.string())
        .help("choose another place; an input is never changed");
  }
}

void check_output(const std::string& output, bool force, const std::vector<fs::path>& inputs) {
  if (output.empty()) return;
  check_not_input(output, inputs);
  check_output_file(output, force);
}

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
