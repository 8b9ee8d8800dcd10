// SPDX-License-Identifier: Apache-2.0
// Repeated measurements in a few numbers.
#pragma once

#include <optional>
#include <vector>

namespace shorten::report {

double mean(const std::vector<double>& values);  // REQUIRES: not empty

struct Statistics {
  double mean = 0, median = 0;
  // Of the sample (n - 1), and half the 95 % confidence interval of the mean (Student's t); absent for one value.
  std::optional<double> deviation, half;
};
Statistics statistics(std::vector<double> values);  // REQUIRES: not empty

}  // namespace shorten::report
