// SPDX-License-Identifier: Apache-2.0
#include "text/tiktoken.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <unordered_map>

#include "core/error.h"
#include "core/file.h"
#include "text/byte_level.h"
#include "text/hf_tokenizer.h"

namespace shorten::text {
namespace {

constexpr uint64_t kMaxRanksFile = 64u << 20;
constexpr size_t kMaxTokenBytes = 1024;  // the longest of Llama 3 has 128

constexpr std::string_view kBos = "<|begin_of_text|>";

// How Llama 3 cuts words, as the parts of a tokenizer.json.
constexpr std::string_view kParts =
    R"({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
         {"type": "Split", "behavior": "Isolated", "invert": false, "pattern": {"Regex":
           "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*)"
    R"(|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
         {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]},
       "decoder": {"type": "ByteLevel"}})";

// -1 for what is no base64 digit.
int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// False if `text` is not padded base64.
bool decode_base64(std::string_view text, std::string& out) {
  out.clear();
  if (text.empty() || text.size() % 4 != 0) return false;
  size_t digits = text.size();
  while (digits > text.size() - 2 && text[digits - 1] == '=') --digits;
  uint32_t bits = 0;
  int count = 0;
  for (size_t i = 0; i < digits; ++i) {
    const int digit = base64_digit(text[i]);
    if (digit < 0) return false;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xFF);
    }
  }
  return true;
}

// "IQ== 0" → the token's bytes and its rank, which is its id.
bool parse_line(std::string_view line, std::string& bytes, int64_t& rank) {
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || !decode_base64(line.substr(0, space), bytes)) return false;
  const char* end = line.data() + line.size();
  const auto [stop, error] = std::from_chars(line.data() + space + 1, end, rank);
  return error == std::errc() && stop == end && rank >= 0 && rank <= kMaxTokenId && bytes.size() <= kMaxTokenBytes;
}

std::vector<std::pair<std::string, int64_t>> read_ranks(const std::filesystem::path& file) {
  const std::string text = read_file(file, kMaxRanksFile);
  std::vector<std::pair<std::string, int64_t>> tokens;
  size_t number = 0;
  for (size_t start = 0; start < text.size();) {
    const size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = std::string_view(text).substr(start, end - start);
    ++number;
    start = end + 1;
    auto& [bytes, rank] = tokens.emplace_back();
    if (!parse_line(line, bytes, rank)) {
      throw bad_input("not a line of a tiktoken file")
          .file(file)
          .where(fmt::format("line {}", number))
          .expected("base64, a space and a rank")
          .found(std::string(line.substr(0, 80)));
    }
  }
  return tokens;
}

// tiktoken merges any two pieces whose bytes together are a token, lowest rank first. As rules: every
// way to split a token into two, ordered by the ranks of the token, its left and its right part.
std::vector<MergeRule> make_rules(const std::vector<std::pair<std::string, int64_t>>& tokens) {
  std::unordered_map<std::string_view, int64_t> ranks;
  ranks.reserve(tokens.size());
  for (const auto& [bytes, rank] : tokens) ranks.emplace(bytes, rank);
  struct Split {
    int64_t left, right;
    size_t at;
  };
  std::vector<const std::pair<std::string, int64_t>*> by_rank;
  for (const auto& token : tokens) by_rank.push_back(&token);
  std::sort(by_rank.begin(), by_rank.end(), [](const auto* a, const auto* b) { return a->second < b->second; });
  std::vector<MergeRule> rules;
  std::vector<Split> splits;
  for (const auto* token : by_rank) {
    const std::string_view bytes = token->first;
    splits.clear();
    for (size_t at = 1; at < bytes.size(); ++at) {
      const auto left = ranks.find(bytes.substr(0, at)), right = ranks.find(bytes.substr(at));
      if (left != ranks.end() && right != ranks.end()) splits.push_back({left->second, right->second, at});
    }
    std::sort(splits.begin(), splits.end(),
              [](const Split& a, const Split& b) { return std::pair(a.left, a.right) < std::pair(b.left, b.right); });
    for (const Split& split : splits) {
      MergeRule& rule = rules.emplace_back();
      rule.rank = static_cast<int32_t>(rules.size());
      append_byte_level(rule.text, bytes.substr(0, split.at));
      rule.split = rule.text.size();
      append_byte_level(rule.text, bytes.substr(split.at));
    }
  }
  return rules;
}

AddedToken special_token(int64_t id, std::string content) {
  AddedToken token;
  token.id = static_cast<TokenId>(id);
  token.content = std::move(content);
  token.special = true;
  return token;
}

// The 256 special tokens that the code of Llama 3 puts behind the ranks of its file.
std::vector<AddedToken> llama3_special(int64_t first) {
  std::vector<AddedToken> out;
  const auto add = [&](std::string content) {
    out.push_back(special_token(first + static_cast<int64_t>(out.size()), std::move(content)));
  };
  add(std::string(kBos));
  add("<|end_of_text|>");
  int reserved = 0;
  while (reserved < 4) add(fmt::format("<|reserved_special_token_{}|>", reserved++));
  add("<|start_header_id|>");
  add("<|end_header_id|>");
  add(fmt::format("<|reserved_special_token_{}|>", reserved++));
  add("<|eot_id|>");
  while (out.size() < 256) add(fmt::format("<|reserved_special_token_{}|>", reserved++));
  return out;
}

}  // namespace

bool is_tiktoken_file(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string line(256, '\0');
  stream.read(line.data(), static_cast<std::streamsize>(line.size()));
  line.resize(static_cast<size_t>(stream.gcount()));
  std::string bytes;
  int64_t rank = -1;
  const size_t end = line.find('\n');
  return end != std::string::npos && parse_line(line.substr(0, end), bytes, rank);
}

std::unique_ptr<Tokenizer> open_tiktoken(const std::filesystem::path& file, const TokenizerConfig& config) {
  auto tokens = read_ranks(file);
  const std::vector<MergeRule> rules = make_rules(tokens);
  for (auto& [text, rank] : tokens) {
    std::string spelled;
    append_byte_level(spelled, text);
    text = std::move(spelled);
  }
  BpeOptions options;
  options.ignore_merges = true;
  Bpe model(Vocabulary(std::move(tokens), file), rules, options, file);
  TokenizerConfig completed = config;
  if (completed.added.empty()) completed.added = llama3_special(model.vocabulary().end());
  const bool has_bos = std::any_of(completed.added.begin(), completed.added.end(),
                                   [](const AddedToken& token) { return token.content == kBos; });
  if (!completed.names_bos && has_bos) {
    completed.names_bos = true;
    completed.bos = kBos;
  }
  if (!completed.add_bos) completed.add_bos = true;
  return std::make_unique<HfTokenizer>(parse_json(kParts, file), std::move(model), completed, file);
}

}  // namespace shorten::text
