// SPDX-License-Identifier: Apache-2.0
// tokenizer.json of Hugging Face tokenizers, opened and used.
#include "target.h"
#include "text/hf_tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shorten;
  return fuzz::run_on_file("tokenizer.json", data, size, [](const auto& file) {
    const auto tokenizer = text::open_tokenizer_json(file, {});
    tokenizer->decode(tokenizer->encode_with_special("It was 1859; \u00fcber <s> all.\n\n  \U0001F600"), true);
  });
}
