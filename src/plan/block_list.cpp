// SPDX-License-Identifier: Apache-2.0
// Lists of blocks as they are written on the command line: "3,5-7".
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "core/error.h"
#include "plan/plan.h"

namespace shorten::plan {
namespace {

// Collects the parts of one list; knows how to complain about them.
class ListReader {
 public:
  ListReader(std::string_view text, int64_t blocks, std::string_view field)
      : text_(text), blocks_(blocks), field_(field) {}

  void add(std::string_view part) {
    const size_t dash = part.find('-');
    const int first = number(part.substr(0, dash), part);
    const int last = dash == std::string_view::npos ? first : number(part.substr(dash + 1), part);
    if (last < first) throw error("the range runs backwards").found(printable(part, 60));
    for (int i = first; i <= last; ++i) {
      if (!found_.insert(i).second) throw error(fmt::format("block {} is named twice", i));
    }
  }
  std::vector<int> result() const { return {found_.begin(), found_.end()}; }

 private:
  Error error(std::string what) const {
    return usage_error(std::move(what)).field(std::string(field_), printable(text_, 100));
  }
  int number(std::string_view digits, std::string_view part) const {
    int value = -1;
    const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    const bool too_large = status == std::errc::result_out_of_range;
    if (!too_large && (status != std::errc() || end != digits.data() + digits.size() || value < 0)) {
      throw error("not a list of blocks")
          .expected("numbers and ranges, such as 3,5-7")
          .found(fmt::format("\"{}\"", printable(part, 60)));
    }
    if (too_large || value >= blocks_) {
      throw error("the model has no such block")
          .expected(fmt::format("0 to {}", blocks_ - 1))
          .found(printable(digits, 60));
    }
    return value;
  }

  std::string_view text_;
  int64_t blocks_;
  std::string_view field_;
  std::set<int> found_;
};

std::string_view trimmed(std::string_view part) {
  while (part.starts_with(' ')) part.remove_prefix(1);
  while (part.ends_with(' ')) part.remove_suffix(1);
  return part;
}

}  // namespace

std::vector<int> parse_block_list(std::string_view text, int64_t blocks, std::string_view field) {
  ListReader reader(text, blocks, field);
  for (size_t begin = 0; begin <= text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    reader.add(trimmed(text.substr(begin, comma - begin)));
    begin = comma + 1;
  }
  return reader.result();
}

}  // namespace shorten::plan
