// SPDX-License-Identifier: Apache-2.0
// plan.json and scores.json: what is read can be written and read again.
#include "plan/plan.h"
#include "target.h"

namespace {

template <typename Read>
void twice(const shorten::fs::path& file, const Read& read) {
  shorten::Json written;
  try {
    written = to_json(read(file));
  } catch (const shorten::Error&) {
    return;
  }
  const shorten::fs::path again = shorten::test::write(file.string() + ".again", written.dump());
  if (to_json(read(again)) != written) std::abort();
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shorten;
  return fuzz::run_on_file("plan.json", data, size, [](const auto& file) {
    twice(file, plan::read_plan);
    twice(file, plan::read_scores);
  });
}
