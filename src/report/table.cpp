// SPDX-License-Identifier: Apache-2.0
#include "report/table.h"

#include <algorithm>
#include <cmath>

namespace shorten::report {
namespace {

size_t width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, size_t to, bool right) {
  const std::string space(to - std::min(to, width(text)), ' ');
  return right ? space + text : text + space;
}

}  // namespace

std::string render_table(const std::vector<Column>& columns, const Rows& rows) {
  std::vector<size_t> widths;
  for (size_t c = 0; c < columns.size(); ++c) {
    widths.push_back(width(columns[c].title));
    for (const auto& row : rows) widths[c] = std::max(widths[c], width(row[c]));
  }
  std::string out;
  const auto line = [&](const auto& cell) {
    std::string text;
    for (size_t c = 0; c < columns.size(); ++c) text += (c ? "  " : "") + padded(cell(c), widths[c], columns[c].right);
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line([&](size_t c) { return columns[c].title; });
  for (const auto& row : rows) line([&](size_t c) { return row[c]; });
  return out;
}

std::string render_markdown(const std::vector<Column>& columns, const Rows& rows) {
  std::string titles = "|", rule = "|", body;
  const auto cell = [](const std::string& text) {
    std::string out = " ";
    for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
    return out + " |";
  };
  for (const Column& column : columns) {
    titles += cell(column.title);
    rule += column.right ? "---:|" : "---|";
  }
  for (const auto& row : rows) {
    body += "|";
    for (const std::string& text : row) body += cell(text);
    body += "\n";
  }
  return titles + "\n" + rule + "\n" + body;
}

int table_decimals(const std::vector<double>& column) {
  if (column.empty()) return 0;
  std::vector<double> sorted = column;
  std::sort(sorted.begin(), sorted.end());
  const double middle = std::abs(sorted[sorted.size() / 2]);  // not one of the few that stick out
  if (!(middle > 0) || std::isinf(middle)) return 4;
  return std::clamp(4 - static_cast<int>(std::floor(std::log10(middle))), 0, 9);
}

std::string render_fields(const std::vector<std::pair<std::string, std::string>>& fields) {
  size_t label = 0;
  for (const auto& [name, value] : fields) label = std::max(label, width(name));
  std::string out;
  for (const auto& [name, value] : fields) out += padded(name, label + 2, false) + value + "\n";
  return out;
}

std::string model_letter(size_t model) {
  return model < 26 ? std::string(1, static_cast<char>('A' + model)) : "model " + std::to_string(model + 1);
}

}  // namespace shorten::report
