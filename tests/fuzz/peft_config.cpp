// SPDX-License-Identifier: Apache-2.0
// adapter_config.json of PEFT, for a small model.
#include "peft/config.h"
#include "target.h"
#include "test_data.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shorten;
  static const auto spec = [] {
    const fs::path file = test::source_dir() / "tests/golden/models/llama-gqa/config.json";
    return family::read_spec(read_json(file), file);
  }();
  return fuzz::run_on_file("adapter_config.json", data, size,
                           [](const auto& file) { peft::read_peft_config(file, spec); });
}
