// SPDX-License-Identifier: Apache-2.0
#include "jobs/outputs.h"

#include <algorithm>

#include "core/error.h"

namespace shorten::jobs {

fs::path real_path(const fs::path& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path);  // else a relative name that is not there stays relative
  const fs::path out = fs::weakly_canonical(absolute, error);
  return error ? absolute.lexically_normal() : out;
}

void check_not_input(const fs::path& output, const std::vector<fs::path>& inputs) {
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

void check_output(const fs::path& output, bool force, const std::vector<fs::path>& inputs) {
  if (output.empty()) return;
  check_not_input(output, inputs);
  check_output_file(output, force);
}

}  // namespace shorten::jobs
