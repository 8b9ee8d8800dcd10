// SPDX-License-Identifier: Apache-2.0
// Points and lines as an SVG picture that needs nothing but a browser.
#pragma once

#include <string>
#include <vector>

namespace shorten::report {

struct Series {
  std::string name;
  struct Point {
    double x, y;
    std::string label;  // beside the point; may be empty
  };
  std::vector<Point> points;  // joined by a line in this order
};

struct Chart {
  std::string title, x_title, y_title;
  std::vector<Series> series;
};

// Both axes begin at 0. REQUIRES at least one point, no negative values.
std::string render_svg(const Chart& chart);

}  // namespace shorten::report
