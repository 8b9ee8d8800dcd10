// SPDX-License-Identifier: Apache-2.0
// Tests with files that are damaged, contradict themselves or mean harm: builders for such files, and
// the one judgement that all of them get. Every case must end in an Error with the right exit status, a
// message that says where, and nothing left on disk that was not there before.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "tiny_model.h"

namespace shorten::test {

// A safetensors file with any header and payload, right or wrong.
inline std::string safetensors_bytes(std::string_view header, size_t payload, uint64_t claimed_length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(claimed_length >> (8 * i));
  bytes += header;
  return bytes.append(payload, '\1');
}
inline std::string safetensors_bytes(std::string_view header, size_t payload) {
  return safetensors_bytes(header, payload, header.size());
}

// One entry of a header; `shape` and the offsets are JSON texts and may be nonsense.
inline std::string entry(std::string_view name, std::string_view dtype, std::string_view shape,
                         std::string_view offsets) {
  return fmt::format(R"("{}":{{"dtype":"{}","shape":{},"data_offsets":{}}})", name, dtype, shape, offsets);
}

// `text` with the first `from` replaced. Fails the test if there is none: the case would test nothing.
inline std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

inline void edit(const fs::path& file, std::string_view from, std::string_view to) {
  write(file, replaced(read_text(file), from, to));
}

struct HostileCase {
  std::string name;                                 // letters, digits and _: the name of the test
  std::function<void(const fs::path& dir)> damage;  // `dir` holds a sound tiny model in dir/model
  ExitCode code;
  std::vector<std::string> mentions;  // what the message must contain
};

inline void PrintTo(const HostileCase& c, std::ostream* out) { *out << c.name; }

inline std::set<std::string> paths_in(const fs::path& dir) {
  std::set<std::string> paths;
  for (const auto& item : fs::recursive_directory_iterator(dir)) paths.insert(item.path().string());
  return paths;
}

// Makes a sound model, damages it, runs `use` and judges.
inline void expect_refused(const HostileCase& c, const std::function<void(const fs::path& dir)>& use) {
  const TempDir temp;
  write_tiny_model(temp / "model");
  c.damage(temp.path());
  const std::set<std::string> before = paths_in(temp.path());
  try {
    use(temp.path());
    ADD_FAILURE() << "no error";
  } catch (const Error& e) {
    EXPECT_EQ(static_cast<int>(e.code()), static_cast<int>(c.code)) << e.block();
    for (const std::string& text : c.mentions) EXPECT_THAT(e.block(), testing::HasSubstr(text));
    for (const char byte : e.block())
      EXPECT_TRUE(byte == '\n' || static_cast<unsigned char>(byte) >= 0x20) << e.block();
    if (std::getenv("SHORTEN_SHOW_ERRORS")) fmt::print("{}\n", e.block());  // to read them all
  }
  EXPECT_EQ(paths_in(temp.path()), before) << "something was left behind";
}

struct HostileName {
  std::string operator()(const testing::TestParamInfo<HostileCase>& info) const { return info.param.name; }
};

}  // namespace shorten::test
