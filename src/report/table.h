// SPDX-License-Identifier: Apache-2.0
// Tables for an 80-column terminal: two spaces between columns, numbers to the right.
#pragma once

#include <string>
#include <vector>

namespace shorten::report {

struct Column {
  std::string title;
  bool right = true;
};

using Rows = std::vector<std::vector<std::string>>;

// Each row has a cell for every column. Cells count as many columns as they have code points.
std::string render_table(const std::vector<Column>& columns, const Rows& rows);

// The same as a Markdown table.
std::string render_markdown(const std::vector<Column>& columns, const Rows& rows);

// Decimals that show a column of numbers to about five digits, the same for each, so that they align.
int table_decimals(const std::vector<double>& column);

// "label      value" lines, values aligned.
std::string render_fields(const std::vector<std::pair<std::string, std::string>>& fields);

// A model in a heading: "A" to "Z", then "model 27"; a line elsewhere explains it.
std::string model_letter(size_t model);

}  // namespace shorten::report
