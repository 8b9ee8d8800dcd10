// SPDX-License-Identifier: Apache-2.0
// The reader: what the header claims is believed only after it agrees with itself and with the file.
#include "checkpoint/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "core/json.h"
#include "core/json_text.h"
#include "core/units.h"

namespace shorten::checkpoint {
namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // as the format says
constexpr size_t kMaxTensors = 1'000'000;
constexpr size_t kMaxRank = 8;
constexpr size_t kMaxEntry = 64 << 10;             // characters of the entry of one tensor; a few hundred are usual
constexpr int64_t kMaxInteger = int64_t{1} << 53;  // what every JSON reader holds exactly

DType parse_dtype(const JsonObject& entry, const std::string& place) {
  const std::string& name = entry.string("dtype");
  if (const auto known = dtype_named(name)) return *known;
  const bool small_float = name.starts_with("F8") || name.starts_with("F6") || name.starts_with("F4");
  throw unsupported(small_float ? "a quantised tensor: this dtype is not supported" : "an unknown dtype")
      .file(entry.file())
      .where(place)
      .expected("F64, F32, F16, BF16, an integer type or BOOL")
      .found(name)
      .help(small_float ? "prune the model it was quantised from, then quantise the result" : "");
}

// Where the tensor lies, counted from the end of the header.
struct Range {
  uint64_t begin, end;
};
struct Entry {
  Tensor tensor;
  Range range;
};

std::vector<uint64_t> sizes(const JsonObject& entry, const char* key) {
  std::vector<uint64_t> out;
  for (const Json& v : entry.array(key)) {
    const bool fits = v.is_number_integer() && (!v.is_number_unsigned() || v.get<uint64_t>() <= uint64_t{kMaxInteger});
    if (!fits || v.get<int64_t>() < 0) {
      throw entry.error("not a list of sizes", key).expected("integers from 0 to 2^53");
    }
    out.push_back(v.get<uint64_t>());
  }
  return out;
}

Entry parse_entry(const fs::path& file, const JsonMember& member) {
  const std::string place = "tensor " + member.key;
  if (member.value.size() > kMaxEntry) throw bad_input("the entry of a tensor is too long").file(file).where(place);
  const Json parsed = parse_json(member.value, file, place);
  const JsonObject json(parsed, file, place);
  json.expect_only({"dtype", "shape", "data_offsets"});
  Entry entry{{member.key, parse_dtype(json, place), {}, {}}, {}};

  const std::vector<uint64_t> shape = sizes(json, "shape");
  if (shape.size() > kMaxRank) {
    throw bad_input("a tensor has too many dimensions")
        .file(file)
        .where(place)
        .expected(fmt::format("at most {}", kMaxRank))
        .found(fmt::format("{}", shape.size()));
  }
  uint64_t bytes = dtype_bytes(entry.tensor.dtype);
  for (const uint64_t dim : shape) {
    entry.tensor.shape.push_back(static_cast<int64_t>(dim));
    if (__builtin_mul_overflow(bytes, dim, &bytes)) {
      throw bad_input("the shape is larger than any file")
          .file(file)
          .where(place)
          .found(shape_text({shape.begin(), shape.end()}));
    }
  }
  const std::vector<uint64_t> offsets = sizes(json, "data_offsets");
  if (offsets.size() != 2) throw json.error("data_offsets must be [begin, end]", "data_offsets");
  entry.range = {offsets[0], offsets[1]};
  if (offsets[0] > offsets[1]) throw json.error("the end lies before the begin", "data_offsets");
  if (offsets[1] - offsets[0] != bytes) {
    throw bad_input("the tensor does not cover its byte range")
        .file(file)
        .where(place)
        .expected(
            fmt::format("{} bytes for {} {}", bytes, dtype_name(entry.tensor.dtype), shape_text(entry.tensor.shape)))
        .found(fmt::format("{} bytes, from {} to {}", offsets[1] - offsets[0], offsets[0], offsets[1]));
  }
  return entry;
}

std::map<std::string, std::string> parse_metadata(const fs::path& file, std::string_view text) {
  const auto fail = [&](std::string what, const std::string& key) {
    return bad_input(std::move(what)).file(file).where("__metadata__" + key);
  };
  if (json_kind(text) != '{') throw fail("the metadata is not a JSON object", "").found(printable(text, 60));
  std::map<std::string, std::string> metadata;
  for (const JsonMember& member : json_members(text)) {
    const std::string place = fmt::format(", key \"{}\"", member.key);
    if (json_kind(member.value) != '"') throw fail("not a string", place).found(printable(member.value, 60));
    if (!metadata.emplace(member.key, json_string(member.value)).second) throw fail("a key appears twice", place);
  }
  return metadata;
}

bool has_control_character(std::string_view name) {
  return std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

// The JSON text between the length and the tensors.
std::string_view header_text(const MappedFile& file) {
  const auto* data = reinterpret_cast<const char*>(file.data());
  if (std::string_view(data, std::min<uint64_t>(file.size(), 40)).starts_with("version https://git-lfs.github.com/")) {
    throw bad_input("a Git LFS pointer lies where the weights should be")
        .file(file.path())
        .help("fetch the weights: run `git lfs pull` in the folder of the model");
  }
  if (file.size() < 8) {
    throw bad_input(file.size() == 0 ? "the file is empty" : "the file is too short for safetensors")
        .file(file.path())
        .expected("at least 8 bytes")
        .found(fmt::format("{} bytes", file.size()));
  }
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(data[i]);
  const uint64_t limit = std::min(kMaxHeader, file.size() - 8);
  if (length == 0 || length > limit) {
    throw bad_input("not a safetensors file, or a truncated one")
        .file(file.path())
        .where("header length, bytes 0 to 7")
        .expected(fmt::format("1 to {}", limit))
        .found(fmt::format("{}", length))
        .help("fetch the file again; compare its size with the original");
  }
  const std::string_view text(data + 8, length);
  if (text.front() != '{') {
    throw bad_input("the header does not start with {")
        .file(file.path())
        .where("header, byte 8")
        .found(printable(text.substr(0, 16)));
  }
  return text;
}

// Ranges must follow one another without holes or overlaps and end where the file ends.
void check_coverage(const fs::path& file, const std::vector<Entry>& entries, uint64_t available) {
  uint64_t last = 0;
  for (const Entry& e : entries) last = std::max(last, e.range.end);
  if (last > available) {
    throw bad_input("the file is truncated: tensors lie beyond its end")
        .file(file)
        .where("tensor " + std::max_element(entries.begin(), entries.end(),
                                            [](const Entry& a, const Entry& b) { return a.range.end < b.range.end; })
                               ->tensor.name)
        .expected(fmt::format("{} bytes of tensors", last))
        .found(fmt::format("{} bytes", available))
        .help("fetch the file again");
  }
  uint64_t at = 0;
  for (const Entry& e : entries) {
    if (e.range.begin != at) {
      throw bad_input(e.range.begin < at ? "two tensors overlap" : "there is a hole before a tensor")
          .file(file)
          .where("tensor " + e.tensor.name)
          .expected(fmt::format("to begin at {}", at))
          .found(fmt::format("it begins at {}", e.range.begin));
    }
    at = e.range.end;
  }
  if (at != available) {
    throw bad_input("bytes follow the last tensor")
        .file(file)
        .expected(fmt::format("{} bytes of tensors", at))
        .found(fmt::format("{} bytes", available));
  }
}

}  // namespace

SafetensorsFile::SafetensorsFile(const fs::path& file) : file_(file) {
  const std::string_view header = header_text(file_);
  check_json_text(header, file, "header");
  std::vector<Entry> entries;
  std::map<std::string_view, int> seen;
  const std::vector<JsonMember> members = json_members(header);
  if (members.size() > kMaxTensors)
    throw bad_input("too many tensors")
        .file(file)
        .expected(fmt::format("at most {}", kMaxTensors))
        .found(fmt::format("{}", members.size()));
  for (const JsonMember& member : members) {
    if (seen[member.key]++ > 0)
      throw bad_input("a name appears twice in the header").file(file).where("tensor " + member.key);
    if (has_control_character(member.key))
      throw bad_input("a control character in the name of a tensor").file(file).where("tensor " + member.key);
    if (member.key == "__metadata__") {
      metadata_ = parse_metadata(file, member.value);
    } else {
      entries.push_back(parse_entry(file, member));
    }
  }
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::pair(a.range.begin, a.range.end) < std::pair(b.range.begin, b.range.end);
  });
  const std::span<const std::byte> data(file_.data() + 8 + header.size(), file_.size() - 8 - header.size());
  check_coverage(file, entries, data.size());
  for (Entry& e : entries) {
    e.tensor.bytes = data.subspan(e.range.begin, e.range.end - e.range.begin);
    tensors_.push_back(std::move(e.tensor));
  }
}

TensorSource SafetensorsFile::source() && {
  TensorSource source{path(), std::move(tensors_), {}};
  source.memory = std::make_shared<MappedFile>(std::move(file_));
  return source;
}

}  // namespace shorten::checkpoint
