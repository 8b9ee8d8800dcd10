// SPDX-License-Identifier: Apache-2.0
// vocab.json + merges.txt hold the tables of a byte-level BPE; how its family cuts and writes text is
// code in Transformers, and given here as the parts of a tokenizer.json.
#include <array>

#include "core/error.h"
#include "text/hf_tokenizer.h"
#include "text/parts.h"
#include "text/tokenizer_file.h"

namespace shorten::text {
namespace {

struct Family {
  std::string_view tokenizer_class;
  std::string_view parts;
  std::string_view default_special;  // the EOS, also the BOS of a family that has one
  bool has_bos;
};

constexpr std::array<Family, 2> kFamilies{{
    {"GPT2Tokenizer",
     R"({"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
         "decoder": {"type": "ByteLevel"}})",
     "<|endoftext|>", true},
    {"Qwen2Tokenizer",
     R"({"normalizer": {"type": "NFC"},
         "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
           {"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
             "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*)"
     R"(|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
           {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]},
         "decoder": {"type": "ByteLevel"}})",
     "<|endoftext|>", false},
}};

void set_prefix_space(Json& pre_tokenizer) {
  if (pre_tokenizer.contains("add_prefix_space")) pre_tokenizer["add_prefix_space"] = true;
  if (pre_tokenizer.contains("pretokenizers")) {
    for (Json& step : pre_tokenizer["pretokenizers"]) set_prefix_space(step);
  }
}

}  // namespace

std::unique_ptr<Tokenizer> open_byte_level_family(const std::filesystem::path& model_dir,
                                                  const TokenizerConfig& config) {
  const std::filesystem::path file = model_dir / "vocab.json";
  for (const Family& family : kFamilies) {
    if (family.tokenizer_class != config.tokenizer_class) continue;
    Json parts = parse_json(family.parts, file);
    if (config.add_prefix_space) set_prefix_space(parts["pre_tokenizer"]);
    Bpe model(Vocabulary(read_vocab_json(file), file), read_merges_txt(model_dir / "merges.txt"), {},
              model_dir / "merges.txt");
    TokenizerConfig completed = config;
    const std::string special(family.default_special);
    completed.special.push_back(special);
    if (family.has_bos && !completed.names_bos && model.vocabulary().find(special)) {
      completed.names_bos = true;
      completed.bos = special;
    }
    if (!completed.names_eos && model.vocabulary().find(special)) {
      completed.names_eos = true;
      completed.eos = special;
    }
    return std::make_unique<HfTokenizer>(parts, std::move(model), completed, file);
  }
  throw unknown_part(config.file, "key \"tokenizer_class\", for vocab.json and merges.txt without tokenizer.json",
                     config.tokenizer_class.empty() ? "none" : config.tokenizer_class,
                     {"GPT2Tokenizer", "Qwen2Tokenizer"});
}

}  // namespace shorten::text
