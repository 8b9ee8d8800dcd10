// SPDX-License-Identifier: Apache-2.0
// Model directories that must be refused when they are opened. To add a case: a line in the table.
#include "hostile.h"

#include <sys/stat.h>

#include "checkpoint/checkpoint.h"

namespace shorten::test {
namespace {

using enum ExitCode;

// A case whose weights are one file with this header and so many bytes after it.
HostileCase header_case(std::string name, std::string header, size_t payload, std::vector<std::string> mentions,
                        ExitCode code = kBadInput) {
  mentions.push_back("model.safetensors");
  return {std::move(name),
          [=](const fs::path& dir) { write(dir / "model/model.safetensors", safetensors_bytes(header, payload)); },
          code, std::move(mentions)};
}

HostileCase length_case(std::string name, uint64_t claimed, std::vector<std::string> mentions) {
  mentions.push_back("model.safetensors");
  return {
      std::move(name),
      [=](const fs::path& dir) { write(dir / "model/model.safetensors", safetensors_bytes("{}      ", 64, claimed)); },
      kBadInput, std::move(mentions)};
}

// A sharded model whose index has `from` replaced by `to`.
HostileCase index_case(std::string name, std::string from, std::string to, std::vector<std::string> mentions) {
  mentions.push_back("model.safetensors.index.json");
  return {std::move(name),
          [=](const fs::path& dir) {
            fs::remove_all(dir / "model");
            write_tiny_shards(dir / "model");
            edit(dir / "model/model.safetensors.index.json", from, to);
          },
          kBadInput, std::move(mentions)};
}

HostileCase config_case(std::string name, std::string from, std::string to, std::vector<std::string> mentions) {
  mentions.push_back("config.json");
  return {std::move(name), [=](const fs::path& dir) { edit(dir / "model/config.json", from, to); }, kBadInput,
          std::move(mentions)};
}

// A model without model.safetensors, with other files instead.
HostileCase weights_case(std::string name, std::vector<std::string> files, std::vector<std::string> mentions) {
  return {std::move(name),
          [=](const fs::path& dir) {
            fs::remove(dir / "model/model.safetensors");
            for (const std::string& file : files) write(dir / "model" / file, "x");
          },
          kBadInput, std::move(mentions)};
}

std::string one(std::string_view dtype, std::string_view shape, std::string_view offsets) {
  return "{" + entry("a.weight", dtype, shape, offsets) + "}";
}
std::string two(std::string_view first, std::string_view second) {
  return "{" + entry("a.weight", "F32", "[2]", first) + "," + entry("b.weight", "F32", "[2]", second) + "}";
}
std::string nested(int levels) {
  return "{\"a\":" + std::string(static_cast<size_t>(levels), '[') + std::string(static_cast<size_t>(levels), ']') +
         "}";
}
std::string many_keys(int count) {
  std::string object = "{";
  for (int i = 0; i < count; ++i) object += fmt::format("{}\"k{}\":0", i ? "," : "", i);
  return object + "}";
}
std::string ones(int rank) {
  std::string shape = "[1";
  for (int i = 1; i < rank; ++i) shape += ",1";
  return shape + "]";
}

const std::string kFirstEntry = "\"lm_head.weight\": \"model-00001-of-00002.safetensors\"";
const std::string kA = "tensor a.weight";

const std::vector<HostileCase> kFiles = {
    {"empty_file",
     [](const fs::path& dir) { write(dir / "model/model.safetensors", ""); },
     kBadInput,
     {"model.safetensors", "empty"}},
    {"seven_bytes",
     [](const fs::path& dir) { write(dir / "model/model.safetensors", "\1\0\0\0\0\0\0"); },
     kBadInput,
     {"model.safetensors", "too short"}},
    {"truncated_in_tensors",
     [](const fs::path& dir) {
       fs::resize_file(dir / "model/model.safetensors", fs::file_size(dir / "model/model.safetensors") - 5);
     },
     kBadInput,
     {"truncated", "model.norm.weight"}},
    {"truncated_in_header",
     [](const fs::path& dir) { fs::resize_file(dir / "model/model.safetensors", 100); },
     kBadInput,
     {"truncated", "header length"}},
    {"git_lfs_pointer",
     [](const fs::path& dir) {
       write(dir / "model/model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 99\n");
     },
     kBadInput,
     {"Git LFS", "git lfs pull"}},
    {"weights_are_a_folder",
     [](const fs::path& dir) {
       fs::remove(dir / "model/model.safetensors");
       fs::create_directory(dir / "model/model.safetensors");
     },
     kBadInput,
     {"model.safetensors", "not a regular file"}},
    {"weights_are_a_pipe",
     [](const fs::path& dir) {
       fs::remove(dir / "model/model.safetensors");
       ::mkfifo((dir / "model/model.safetensors").c_str(), 0600);
     },
     kBadInput,
     {"model.safetensors", "not a regular file"}},
    length_case("header_length_zero", 0, {"header length"}),
    length_case("header_length_beyond_file", 73, {"header length", "73"}),
    length_case("header_length_huge", uint64_t{1} << 62, {"header length"}),
    length_case("header_length_minus_one", UINT64_MAX, {"header length", "18446744073709551615"}),
    length_case("header_length_wraps_around", UINT64_MAX - 7, {"header length"}),
    header_case("header_starts_with_space", " {}", 0, {"does not start with {"}),
    header_case("header_is_an_array", "[]", 0, {"does not start with {"}),
    header_case("header_not_json", "{\"a\":}", 0, {"not valid JSON", "header"}),
    header_case("header_ends_early", "{\"a\":{", 0, {"not valid JSON"}),
    header_case("header_trailing_text", "{} x", 0, {"not valid JSON"}),
    header_case("header_trailing_nul", std::string("{}\0\0", 4), 0, {"not valid JSON", "NUL"}),
    header_case("header_not_utf8", "{\"a\xC3\x28\":1}", 0, {"not valid UTF-8", "0xc3"}),
    header_case("header_overlong_utf8", "{\"a\xC0\xAF\":1}", 0, {"not valid UTF-8"}),
    header_case("header_nested_65_levels", nested(65), 0, {"64 levels"}),
    header_case("header_nested_a_million_levels", nested(1'000'000), 0, {"64 levels"}),
    header_case("entry_not_an_object", "{\"a.weight\":3}", 0, {kA, "object"}),
    header_case("entry_unknown_key", R"({"a.weight":{"dtype":"F32","shape":[],"data_offsets":[0,4],"x":1}})", 4,
                {kA, "\"x\""}),
    header_case("entry_without_dtype", R"({"a.weight":{"shape":[],"data_offsets":[0,4]}})", 4, {kA, "dtype"}),
    header_case("entry_duplicate_key", R"({"a.weight":{"dtype":"F32","dtype":"F16","shape":[],"data_offsets":[0,4]}})",
                4, {"twice", "dtype"}),
    header_case("duplicate_tensor",
                "{" + entry("a.weight", "F32", "[1]", "[0,4]") + "," + entry("a.weight", "F32", "[1]", "[0,4]") + "}",
                4, {"twice", kA}),
    header_case(
        "duplicate_tensor_by_escape",
        "{" + entry("a.weight", "F32", "[1]", "[0,4]") + "," + entry("\\u0061.weight", "F32", "[1]", "[0,4]") + "}", 4,
        {"twice", kA}),
    header_case("control_character_in_name", "{" + entry("a\\u001b[2J", "F32", "[1]", "[0,4]") + "}", 4,
                {"control character", "\\x1b"}),
    header_case("entry_with_a_million_keys", "{\"a.weight\":" + many_keys(1'000'000) + "}", 0, {kA, "too long"}),
    header_case("metadata_twice", R"({"__metadata__":{},"__metadata__":{}})", 0, {"twice", "__metadata__"}),
    header_case("metadata_duplicate_key", R"({"__metadata__":{"k":"1","k":"2"}})", 0,
                {"twice", "__metadata__", "\"k\""}),
    header_case("metadata_not_strings", R"({"__metadata__":{"format":1}})", 0, {"__metadata__", "format"}),
    header_case("metadata_not_an_object", R"({"__metadata__":"pt"})", 0, {"__metadata__"}),
    header_case("size_is_a_float", one("F32", "[2.0]", "[0,8]"), 8, {kA, "shape"}),
    header_case("size_in_exponent_form", one("F32", "[1e0]", "[0,4]"), 4, {kA, "shape"}),
    header_case("size_negative", one("F32", "[-2]", "[0,8]"), 8, {kA, "shape"}),
    header_case("size_is_text", one("F32", "[\"2\"]", "[0,8]"), 8, {kA, "shape"}),
    header_case("size_beyond_2_to_53", one("F32", "[9007199254740993]", "[0,8]"), 8, {kA, "shape"}),
    header_case("size_beyond_2_to_64", one("F32", "[18446744073709551616]", "[0,8]"), 8, {kA, "shape"}),
    header_case("shape_not_an_array", one("F32", "2", "[0,8]"), 8, {kA, "shape"}),
    header_case("shape_product_overflows", one("F32", "[4294967296,4294967296]", "[0,8]"), 8,
                {kA, "4294967296, 4294967296"}),
    header_case("shape_product_overflows_to_match", one("F32", "[4611686018427387904,4]", "[0,0]"), 0, {kA}),
    header_case("rank_100", one("F32", ones(100), "[0,4]"), 4, {kA, "at most 8", "100"}),
    header_case("rank_nine", one("F32", ones(9), "[0,4]"), 4, {kA, "at most 8"}),
    header_case("wrong_byte_count", one("F32", "[2]", "[0,7]"), 7, {kA, "8 bytes", "7 bytes"}),
    header_case("offsets_three", one("F32", "[2]", "[0,4,8]"), 8, {kA, "data_offsets"}),
    header_case("offsets_reversed", one("F32", "[2]", "[8,0]"), 8, {kA, "data_offsets", "before"}),
    header_case("offsets_negative", one("F32", "[2]", "[-8,0]"), 8, {kA, "data_offsets"}),
    header_case("offsets_beyond_file", one("F32", "[2]", "[8,16]"), 8, {kA, "16", "8 bytes"}),
    header_case("offsets_far_beyond_file", one("U8", "[4503599627370496]", "[0,4503599627370496]"), 8,
                {kA, "truncated"}),
    header_case("tensors_overlap", two("[0,8]", "[4,12]"), 12, {"overlap", "tensor b.weight"}),
    header_case("tensors_share_bytes", two("[0,8]", "[0,8]"), 8, {"overlap", "tensor b.weight"}),
    header_case("hole_between_tensors", two("[0,8]", "[12,20]"), 20, {"hole", "tensor b.weight"}),
    header_case("hole_before_first", one("F32", "[2]", "[4,12]"), 12, {"hole", kA}),
    header_case("bytes_after_last", one("F32", "[2]", "[0,8]"), 9, {"follow the last tensor", "9 bytes"}),
    header_case("dtype_unknown", one("FLOAT", "[2]", "[0,8]"), 8, {kA, "FLOAT"}, kUnsupported),
    header_case("dtype_f8", one("F8_E4M3", "[8]", "[0,8]"), 8, {kA, "F8_E4M3", "quantised"}, kUnsupported),
    header_case("dtype_f4", one("F4", "[16]", "[0,8]"), 8, {kA, "F4"}, kUnsupported),
    header_case("no_tensors", "{}", 0, {"no tensor"}),
};

const std::vector<HostileCase> kIndices = {
    index_case("index_not_json", "{", "", {"not valid JSON"}),
    {"index_is_an_array",
     [](const fs::path& dir) {
       fs::remove(dir / "model/model.safetensors");
       write(dir / "model/model.safetensors.index.json", "[]");
     },
     kBadInput,
     {"model.safetensors.index.json", "not a JSON object"}},
    index_case("index_without_weight_map", "weight_map", "weights", {"weight_map"}),
    index_case("index_names_parent", kFirstEntry, "\"lm_head.weight\": \"../model.safetensors\"",
               {"../model.safetensors"}),
    index_case("index_names_parent_inside", kFirstEntry, "\"lm_head.weight\": \"a/../../model.safetensors\"",
               {"a/../../model.safetensors"}),
    index_case("index_names_subfolder", kFirstEntry, "\"lm_head.weight\": \"sub/model.safetensors\"",
               {"sub/model.safetensors"}),
    index_case("index_names_absolute_path", kFirstEntry, "\"lm_head.weight\": \"/etc/passwd\"", {"/etc/passwd"}),
    index_case("index_names_backslash", kFirstEntry, "\"lm_head.weight\": \"..\\\\model.safetensors\"",
               {"..\\model.safetensors"}),
    index_case("index_names_drive", kFirstEntry, "\"lm_head.weight\": \"C:model.safetensors\"",
               {"C:model.safetensors"}),
    index_case("index_names_nul", kFirstEntry, "\"lm_head.weight\": \"a\\u0000.safetensors\"", {"a\\x00.safetensors"}),
    index_case("index_names_hidden_file", kFirstEntry, "\"lm_head.weight\": \".x.safetensors\"", {".x.safetensors"}),
    index_case("index_names_other_suffix", kFirstEntry, "\"lm_head.weight\": \"model.bin\"", {"model.bin"}),
    index_case("index_names_number", kFirstEntry, "\"lm_head.weight\": 7", {"lm_head.weight", "7"}),
    index_case("index_missing_shard", kFirstEntry, "\"lm_head.weight\": \"model-00003-of-00002.safetensors\"",
               {"model-00003-of-00002.safetensors", "1 of 3"}),
    index_case("index_wrong_shard", kFirstEntry, "\"lm_head.weight\": \"model-00002-of-00002.safetensors\"",
               {"lm_head.weight", "model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors"}),
    index_case("index_lists_absent_tensor", kFirstEntry,
               kFirstEntry + ", \"x.weight\": \"model-00001-of-00002.safetensors\"", {"x.weight", "in no shard"}),
    index_case("index_does_not_list_tensor", kFirstEntry + ",", "", {"lm_head.weight", "does not list"}),
    index_case("index_lists_tensor_twice", kFirstEntry, kFirstEntry + "," + kFirstEntry, {"lm_head.weight", "twice"}),
    {"tensor_in_two_shards",
     [](const fs::path& dir) {
       fs::remove_all(dir / "model");
       write_tiny_shards(dir / "model");
       fs::copy_file(dir / "model/model-00001-of-00002.safetensors", dir / "model/model-00002-of-00002.safetensors",
                     fs::copy_options::overwrite_existing);
     },
     kBadInput,
     {"lm_head.weight", "two shards", "model-00002-of-00002.safetensors"}},
};

const std::vector<HostileCase> kDirectories = {
    {"no_directory",
     [](const fs::path& dir) { fs::remove_all(dir / "model"); },
     kBadInput,
     {"model", "does not exist"}},
    {"directory_is_a_file",
     [](const fs::path& dir) {
       fs::remove_all(dir / "model");
       write(dir / "model", "x");
     },
     kBadInput,
     {"model", "not a directory"}},
    {"no_config", [](const fs::path& dir) { fs::remove(dir / "model/config.json"); }, kBadInput, {"no config.json"}},
    {"config_empty",
     [](const fs::path& dir) { write(dir / "model/config.json", ""); },
     kBadInput,
     {"config.json", "not valid JSON"}},
    {"config_not_an_object",
     [](const fs::path& dir) { write(dir / "model/config.json", "[1]"); },
     kBadInput,
     {"config.json", "object"}},
    {"config_too_large",
     [](const fs::path& dir) { write(dir / "model/config.json", "{}" + std::string(17 << 20, ' ')); },
     kBadInput,
     {"config.json", "too large"}},
    {"config_with_byte_order_mark",
     [](const fs::path& dir) { write(dir / "model/config.json", "\xEF\xBB\xBF{}"); },
     kBadInput,
     {"config.json", "byte-order mark"}},
    {"config_ends_in_nul",
     [](const fs::path& dir) { write(dir / "model/config.json", std::string("{}\0{", 4)); },
     kBadInput,
     {"config.json", "NUL"}},
    {"config_with_a_million_keys",
     [](const fs::path& dir) { write(dir / "model/config.json", many_keys(1'000'000)); },
     kBadInput,
     {"config.json", "20000 keys"}},
    config_case("config_duplicate_key", "\"hidden_size\": 4", "\"hidden_size\": 4, \"hidden_size\": 5",
                {"twice", "hidden_size"}),
    config_case("config_duplicate_key_inside", "\"hidden_size\": 4", "\"a\": {\"b\": 1, \"b\": 2}", {"twice", "\"b\""}),
    config_case("config_trailing_comma", "\"vocab_size\": 8", "\"vocab_size\": 8,", {"not valid JSON", "line 14"}),
    config_case("config_nan", "1e-05", "NaN", {"not valid JSON"}),
    config_case("config_number_out_of_range", "1e-05", "1e999", {"JSON"}),
    weights_case("only_pickle", {"pytorch_model.bin"}, {"pytorch_model.bin", "can run code", "save_pretrained"}),
    weights_case("only_old_pickles", {"consolidated.00.pth", "model.pt"}, {"consolidated.00.pth", "convert"}),
    weights_case("only_gguf", {"model-q4.gguf"}, {"model-q4.gguf", "Hugging Face"}),
    weights_case("only_an_adapter", {"adapter_model.safetensors"}, {"adapter_model.safetensors", "merge"}),
    weights_case("shards_without_index", {"model-00001-of-00002.safetensors"},
                 {"model-00001-of-00002.safetensors", "index"}),
    weights_case("no_weights", {}, {"no safetensors weights"}),
    {"link_out_of_the_model",
     [](const fs::path& dir) {
       fs::rename(dir / "model/model.safetensors", dir / "secret");
       fs::create_symlink("../secret", dir / "model/model.safetensors");
     },
     kBadInput,
     {"link", "model.safetensors", "secret"}},
    {"config_links_out_of_the_model",
     [](const fs::path& dir) {
       fs::rename(dir / "model/config.json", dir / "secret");
       fs::create_symlink(dir / "secret", dir / "model/config.json");
     },
     kBadInput,
     {"link", "config.json", "secret"}},
    {"link_to_nowhere",
     [](const fs::path& dir) {
       fs::remove(dir / "model/model.safetensors");
       fs::create_symlink("gone", dir / "model/model.safetensors");
     },
     kBadInput,
     {"leads nowhere", "model.safetensors"}},
    {"link_to_itself",
     [](const fs::path& dir) {
       fs::remove(dir / "model/config.json");
       fs::create_symlink("config.json", dir / "model/config.json");
     },
     kBadInput,
     {"config.json"}},
};

class HostileModel : public testing::TestWithParam<HostileCase> {};

TEST_P(HostileModel, IsRefused) {
  expect_refused(GetParam(), [](const fs::path& dir) { checkpoint::Checkpoint(dir / "model"); });
}

INSTANTIATE_TEST_SUITE_P(File, HostileModel, testing::ValuesIn(kFiles), HostileName());
INSTANTIATE_TEST_SUITE_P(Index, HostileModel, testing::ValuesIn(kIndices), HostileName());
INSTANTIATE_TEST_SUITE_P(Directory, HostileModel, testing::ValuesIn(kDirectories), HostileName());

}  // namespace
}  // namespace shorten::test
