// SPDX-License-Identifier: Apache-2.0
// tokenizer_config.json with a chat template, which is detected and used.
#include "data/template.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shorten;
  return fuzz::run_on_file("tokenizer_config.json", data, size, [](const auto& file) {
    data::ChatTemplate::open(file.parent_path()).render({{"user", "Hi"}, {"assistant", "Yes"}});
  });
}
