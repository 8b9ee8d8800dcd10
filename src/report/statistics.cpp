// SPDX-License-Identifier: Apache-2.0
#include "report/statistics.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

namespace shorten::report {

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

Statistics statistics(std::vector<double> values) {
  Statistics out;
  const auto n = static_cast<double>(values.size());
  std::sort(values.begin(), values.end());
  out.mean = mean(values);
  out.median = (values[(values.size() - 1) / 2] + values[values.size() / 2]) / 2;
  if (values.size() == 1) return out;
  double squares = 0;
  for (const double x : values) squares += (x - out.mean) * (x - out.mean);
  out.deviation = std::sqrt(squares / (n - 1));
  out.half = quantile(boost::math::students_t(n - 1), 0.975) * *out.deviation / std::sqrt(n);
  return out;
}

}  // namespace shorten::report
