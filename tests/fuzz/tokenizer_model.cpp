// SPDX-License-Identifier: Apache-2.0
// tokenizer.model: what the checking parser lets through, libsentencepiece can use.
#include "target.h"
#include "text/spm_tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace shorten;
  return fuzz::run_on_file("tokenizer.model", data, size, [](const auto& file) {
    const auto tokenizer = text::open_sentencepiece(file, {});
    tokenizer->decode(tokenizer->encode_with_special("It was 1859; \u00fcber <s> all.\n\n  \U0001F600"), true);
  });
}
