// SPDX-License-Identifier: Apache-2.0
#include "report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace shorten::report {
namespace {

constexpr double kPlot = 460, kHeight = 440, kLeft = 80, kTop = 50, kBottom = 60;
// At the right of the plot; wider where a name needs it, and lower where there are many.
constexpr double kLegend = 180, kLetter = 7, kLegendLine = 18;
// Told apart by the colour-blind too (Okabe, Ito 2008).
constexpr std::array kColours = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};
constexpr std::array kDashes = {"", " stroke-dasharray=\"7 3\"", " stroke-dasharray=\"2 3\""};  // past the last colour

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : c == '"' ? "&quot;" : std::string(1, c);
  return out;
}

// 1, 2 or 5 times a power of ten, so that `largest` is four to eight of them.
double tick(double largest) {
  if (!(largest > 0)) return 1;
  const double power = std::pow(10, std::floor(std::log10(largest / 4)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (largest / (factor * power) <= 8) return factor * power;
  }
  return 10 * power;
}

struct Axis {
  double step, largest;
  explicit Axis(double value) : step(tick(value)), largest(step * std::max(1.0, std::ceil(value / step * 0.999999))) {}
};

std::string text(double x, double y, const char* anchor, const std::string& content, const char* more = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y, anchor, more,
                     escaped(content));
}

}  // namespace

std::string render_svg(const Chart& chart) {
  double x_max = 0, y_max = 0, legend = kLegend;
  for (const Series& series : chart.series) {
    legend = std::max(legend, 40 + kLetter * static_cast<double>(series.name.size()));
    for (const Series::Point& p : series.points) {
      x_max = std::max(x_max, p.x);
      y_max = std::max(y_max, p.y);
    }
  }
  const Axis x_axis(x_max), y_axis(y_max);
  const double right = kLeft + kPlot, inner_height = kHeight - kTop - kBottom;
  const auto x_at = [&](double x) { return kLeft + x / x_axis.largest * kPlot; };
  const auto y_at = [&](double y) { return kHeight - kBottom - y / y_axis.largest * inner_height; };

  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      right + legend, std::max(kHeight, kTop + kLegendLine * static_cast<double>(chart.series.size())));
  out += text(kLeft, kTop - 24, "start", chart.title, " font-size=\"15\"");
  for (double x = 0; x <= x_axis.largest * 1.0001; x += x_axis.step) {
    out += fmt::format("<line x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2}\" stroke=\"#ddd\"/>\n", x_at(x), kTop,
                       kHeight - kBottom);
    out += text(x_at(x), kHeight - kBottom + 18, "middle", fmt::format("{:.6g}", x));
  }
  for (double y = 0; y <= y_axis.largest * 1.0001; y += y_axis.step) {
    out += fmt::format("<line x1=\"{1}\" y1=\"{0:.1f}\" x2=\"{2}\" y2=\"{0:.1f}\" stroke=\"#ddd\"/>\n", y_at(y), kLeft,
                       right);
    out += text(kLeft - 8, y_at(y) + 4, "end", fmt::format("{:.6g}", y));
  }
  out += text(kLeft + kPlot / 2, kHeight - 16, "middle", chart.x_title);
  out += text(0, 0, "middle", chart.y_title,
              fmt::format(" transform=\"translate(20 {:.1f}) rotate(-90)\"", kTop + inner_height / 2).c_str());
  for (size_t s = 0; s < chart.series.size(); ++s) {
    const char* colour = kColours[s % kColours.size()];
    std::string line;
    for (const Series::Point& p : chart.series[s].points) line += fmt::format("{:.1f},{:.1f} ", x_at(p.x), y_at(p.y));
    const char* dashes = kDashes[s / kColours.size() % kDashes.size()];
    out += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"{}/>\n", line, colour,
                       dashes);
    for (const Series::Point& p : chart.series[s].points) {
      out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n", x_at(p.x), y_at(p.y), colour);
      if (!p.label.empty()) out += text(x_at(p.x) + 7, y_at(p.y) - 6, "start", p.label);
    }
    const double y = kTop + kLegendLine * static_cast<double>(s);
    out += fmt::format("<path d=\"M{} {} h16\" stroke=\"{}\" stroke-width=\"2\"{}/>\n", right + 6, y, colour, dashes);
    out += text(right + 26, y + 4, "start", chart.series[s].name);
  }
  return out + "</svg>\n";
}

}  // namespace shorten::report
