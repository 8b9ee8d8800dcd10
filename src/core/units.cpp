// SPDX-License-Identifier: Apache-2.0
#include "core/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "core/error.h"

namespace shorten {
namespace {

std::string scaled(double value, double base, const std::array<const char*, 5>& names) {
  size_t i = 0;
  while (value >= base && i + 1 < names.size()) {
    value /= base;
    ++i;
  }
  const int decimals = i == 0 ? 0 : value < 10 ? 2 : value < 100 ? 1 : 0;
  return fmt::format("{:.{}f}{}", value, decimals, names[i]);
}

enum class Quantity { kCount, kBytes };  // "B" is a billion of the one, a byte of the other

uint64_t parse_scaled(std::string_view text, std::string_view option, Quantity quantity) {
  const bool bytes = quantity == Quantity::kBytes;
  const auto fail = [&] {
    return usage_error(fmt::format("{} is not a {}: \"{}\"", option, bytes ? "size" : "count", printable(text, 40)))
        .expected(bytes ? "a number of bytes such as 9GB, 700MB or 1.5GiB" : "a count such as 5.5B, 700M or 14561472");
  };
  double number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || !(number >= 0)) throw fail();
  std::string_view suffix(rest, static_cast<size_t>(text.data() + text.size() - rest));
  while (suffix.starts_with(' ')) suffix.remove_prefix(1);
  const bool ends_with_b = suffix.ends_with('B') || suffix.ends_with('b');
  if (bytes && ends_with_b) suffix.remove_suffix(1);
  double factor = 1;
  if (!bytes && ends_with_b && suffix.size() == 1) {
    factor = 1e9;
  } else if (!suffix.empty()) {
    constexpr std::string_view kPrefixes = "KMGT";
    const size_t power = kPrefixes.find(static_cast<char>(suffix[0] & ~0x20));
    const bool binary = suffix.size() == 2 && suffix[1] == 'i';
    if (power == std::string_view::npos || (suffix.size() != 1 && !binary)) throw fail();
    factor = std::pow(binary ? 1024.0 : 1000.0, static_cast<double>(power + 1));
  }
  if (number * factor > 9e18) throw fail();
  return static_cast<uint64_t>(std::llround(number * factor));
}

}  // namespace

std::string human_bytes(uint64_t bytes) {
  return scaled(static_cast<double>(bytes), 1000, {" bytes", " kB", " MB", " GB", " TB"});
}

std::string human_count(uint64_t count) {
  return scaled(static_cast<double>(count), 1000, {"", " K", " M", " B", " T"});
}

std::string with_separators(int64_t value) {
  std::string digits = std::to_string(value);
  const size_t first = value < 0 ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3;) digits.insert(i -= 3, 1, ',');
  return digits;
}

std::string human_seconds(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  const auto whole = static_cast<int64_t>(std::llround(seconds));
  if (whole < 7200) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

uint64_t parse_count(std::string_view text, std::string_view option) {
  return parse_scaled(text, option, Quantity::kCount);
}
uint64_t parse_bytes(std::string_view text, std::string_view option) {
  return parse_scaled(text, option, Quantity::kBytes);
}

}  // namespace shorten
