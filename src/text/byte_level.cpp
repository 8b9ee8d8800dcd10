// SPDX-License-Identifier: Apache-2.0
#include "text/byte_level.h"

#include <array>
#include <cstdint>

#include "core/utf8.h"

namespace shorten::text {
namespace {

constexpr int kAlphabetEnd = 0x144;  // characters are below

constexpr bool stands_for_itself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

struct Tables {
  std::array<std::array<char, 2>, 256> spelling{};
  std::array<uint8_t, 256> length{};
  std::array<int16_t, kAlphabetEnd> byte{};

  constexpr Tables() {
    byte.fill(-1);
    int next = 0x100;
    for (int b = 0; b < 256; ++b) {
      const int c = stands_for_itself(b) ? b : next++;
      const auto i = static_cast<size_t>(b);
      byte[static_cast<size_t>(c)] = static_cast<int16_t>(b);
      if (c < 0x80) {
        spelling[i] = {static_cast<char>(c), 0};
        length[i] = 1;
      } else {
        spelling[i] = {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
        length[i] = 2;
      }
    }
  }
};
constexpr Tables kTables;

}  // namespace

void append_byte_level(std::string& out, std::string_view bytes) {
  const size_t before = out.size();
  out.resize(before + 2 * bytes.size());
  char* to = out.data() + before;
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    to[0] = kTables.spelling[b][0];
    to[1] = kTables.spelling[b][1];
    to += kTables.length[b];
  }
  out.resize(static_cast<size_t>(to - out.data()));
}

bool append_from_byte_level(std::string& out, std::string_view token) {
  const size_t before = out.size();
  for (size_t at = 0; at < token.size();) {
    const size_t length = utf8_sequence_length(token, at);
    const char32_t c = length == 0 ? kAlphabetEnd : utf8_decode(token, at, length);
    if (c >= kAlphabetEnd || kTables.byte[c] < 0) {
      out.resize(before);
      return false;
    }
    out += static_cast<char>(kTables.byte[c]);
    at += length;
  }
  return true;
}

}  // namespace shorten::text
