// SPDX-License-Identifier: Apache-2.0
#include "text/spm_tokenizer.h"

#include <fmt/format.h>
#include <sentencepiece_processor.h>

#include "core/error.h"
#include "core/file.h"
#include "text/decoder.h"
#include "text/spm_bpe.h"
#include "text/spm_model.h"
#include "text/unicode.h"

namespace shorten::text {
namespace {

constexpr uint64_t kMaxModelFile = 256u << 20;

class SpmTokenizer : public Tokenizer {
 public:
  SpmTokenizer(const std::filesystem::path& file, const TokenizerConfig& config) {
    file_ = file;
    const std::string bytes = read_file(file, kMaxModelFile);
    const SpmModel model = parse_spm_model(bytes, file);
    if (const auto status = processor_.LoadFromSerializedProto(bytes); !status.ok()) {
      throw bad_input("libsentencepiece refuses the model").file(file).found(status.ToString());
    }
    fast_ = make_spm_bpe(model, file);
    prefix_ = model.add_dummy_prefix;
    make_decoder();
    set_special(model, config);
  }

  std::vector<TokenId> encode(std::string_view text) const override {
    std::vector<TokenId> ids;
    if (fast_) {
      if (text.empty()) return ids;
      SharedWordCache::Lease cache(cache_);
      std::string spelled = replace_all(text, " ", kMetaspace);
      if (prefix_) spelled.insert(0, kMetaspace);
      fast_->encode(spelled, *cache, ids);
      return ids;
    }
    if (const auto status = processor_.Encode({text.data(), text.size()}, &ids); !status.ok()) {
      throw bad_input("libsentencepiece cannot encode a text").file(file_).found(status.ToString());
    }
    return ids;
  }

  std::vector<TokenId> encode_with_special(std::string_view text) const override {
    std::vector<TokenId> out;
    if (add_bos_ && bos_) out.push_back(*bos_);
    const std::vector<TokenId> ids = encode(text);
    out.insert(out.end(), ids.begin(), ids.end());
    if (add_eos_ && eos_) out.push_back(*eos_);
    return out;
  }

  std::string decode(const std::vector<TokenId>& ids, bool skip_special) const override {
    std::vector<std::string> tokens;
    for (const TokenId id : ids) {
      if (id < 0 || id >= vocabulary()) continue;
      if (skip_special && (processor_.IsControl(id) || processor_.IsUnknown(id))) continue;
      tokens.push_back(processor_.IdToPiece(id));
    }
    return decode_tokens(decoder_, std::move(tokens));
  }

  int64_t vocabulary() const override { return processor_.GetPieceSize(); }

  std::optional<TokenId> token_to_id(std::string_view token) const override {
    const TokenId id = processor_.PieceToId({token.data(), token.size()});
    // An unknown piece gives the id of the unknown token.
    return id >= 0 && id < vocabulary() && processor_.IdToPiece(id) == token ? std::optional(id) : std::nullopt;
  }

 private:
  // As the tokenizer.json of such a model decodes.
  void make_decoder() {
    decoder_.emplace();
    decoder_->emplace_back(DecodeReplace{ReplaceString{std::string(kMetaspace), " "}});
    decoder_->emplace_back(DecodeByteFallback{});
    decoder_->emplace_back(DecodeFuse{});
    if (prefix_) decoder_->emplace_back(DecodeStrip{" ", 1, 0});
  }

  void set_special(const SpmModel& model, const TokenizerConfig& config) {
    const auto in_range = [&](int64_t id) {
      return id >= 0 && id < vocabulary() ? std::optional(static_cast<TokenId>(id)) : std::nullopt;
    };
    bos_ = in_range(model.bos_id);
    eos_ = in_range(model.eos_id);
    if (config.names_bos) bos_ = config.bos ? std::optional(config.id_in(*this, "bos_token")) : std::nullopt;
    add_bos_ = config.add_bos.value_or(true);
    add_eos_ = config.add_eos.value_or(false);
    if (config.names_eos) eos_ = config.eos ? token_to_id(*config.eos) : std::nullopt;
    if (add_eos_ && config.eos) eos_ = config.id_in(*this, "eos_token");
  }

  sentencepiece::SentencePieceProcessor processor_;
  std::optional<Bpe> fast_;  // the same result, some sixty times faster on a book
  mutable SharedWordCache cache_;
  bool prefix_ = true;  // a space goes in front of a text
  std::optional<std::vector<Decoder>> decoder_;
  bool add_bos_ = true, add_eos_ = false;
};

}  // namespace

std::unique_ptr<Tokenizer> open_sentencepiece(const std::filesystem::path& file, const TokenizerConfig& config) {
  return std::make_unique<SpmTokenizer>(file, config);
}

}  // namespace shorten::text
