// SPDX-License-Identifier: Apache-2.0
#include "tasks/compare.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/random.h"
#include "tasks/parallel.h"

namespace shorten::tasks {
namespace {

// 2 · P(X <= k) for X ~ Binomial(n, 1/2), REQUIRES k <= n / 2. Sums of lgamma would lose six digits at n = 10⁵;
// products in long double with the powers of two kept apart lose none that a double has.
double twice_lower_tail(int64_t n, int64_t k) {
  long double likeliest = 1;  // C(n, k) / 2^exponent
  int64_t exponent = 0;
  for (int64_t i = 1; i <= k; ++i) {
    likeliest *= static_cast<long double>(n - k + i) / static_cast<long double>(i);
    int moved = 0;
    likeliest = std::frexp(likeliest, &moved);
    exponent += moved;
  }
  long double sum = 1, term = 1;  // of C(n, i) / C(n, k), downwards from i = k
  for (int64_t i = k; i > 0 && term > sum * 1e-22L; --i) {
    term *= static_cast<long double>(i) / static_cast<long double>(n - i + 1);
    sum += term;
  }
  const int64_t power = std::max<int64_t>(exponent - n + 1, -100'000);  // far below what a double holds
  return static_cast<double>(std::ldexp(likeliest * sum, static_cast<int>(power)));
}

// A task as the bootstrap sees it: which share of its documents speaks for which model.
struct Shares {
  int64_t documents = 0;
  int64_t worse = 0, better = 0;               // documents where the second model lost, and won
  uint64_t worse_below = 0, better_below = 0;  // 64-bit draws below the first are such a document, then the second
};

// share · 2^64, where the whole is the largest number: 2^-64 is missing of it, which no one will draw.
uint64_t threshold(int64_t part, int64_t whole) {
  if (part == whole) return UINT64_MAX;
  return static_cast<uint64_t>(std::ldexp(static_cast<long double>(part) / static_cast<long double>(whole), 64));
}

Shares count(const std::vector<double>& differences) {
  SHORTEN_CHECK(!differences.empty(), "a task without documents");
  Shares out;
  out.documents = static_cast<int64_t>(differences.size());
  for (const double x : differences) {
    SHORTEN_CHECK(x == -1 || x == 0 || x == 1, "a difference that is not -1, 0 or 1");
    out.worse += x < 0;
    out.better += x > 0;
  }
  out.worse_below = threshold(out.worse, out.documents);
  out.better_below = threshold(out.worse + out.better, out.documents);
  return out;
}

// Sum of the differences of as many documents as there are. Only how many of each kind were drawn matters, so
// the kind is drawn, not the document.
int64_t draw(const Shares& task, Random& random) {
  int64_t sum = 0;
  for (int64_t i = 0; i < task.documents; ++i) {
    const uint64_t x = random.next();
    sum += static_cast<int64_t>(x < task.better_below) - 2 * static_cast<int64_t>(x < task.worse_below);
  }
  return sum;
}

double share(int64_t sum, const Shares& task) { return static_cast<double>(sum) / static_cast<double>(task.documents); }

double resample(const std::vector<Shares>& tasks, uint64_t seed) {
  Random random(seed);
  double total = 0;
  for (const Shares& task : tasks) total += share(draw(task, random), task);
  const double mean = total / static_cast<double>(tasks.size());
  return std::abs(mean) < 1e-12 ? 0 : mean;  // fractions that cancel leave rounding, which is no difference
}

// Linear between the neighbours, as numpy.percentile. `sorted` ascends; share from 0 to 1.
double percentile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

}  // namespace

McNemar mcnemar(std::span<const double> first, std::span<const double> second) {
  SHORTEN_CHECK(first.size() == second.size(), "not the same documents");
  McNemar out;
  for (size_t i = 0; i < first.size(); ++i) {
    out.only_first += first[i] > second[i];
    out.only_second += second[i] > first[i];
  }
  const auto [fewer, more] = std::minmax(out.only_first, out.only_second);
  out.p = std::min(1.0, twice_lower_tail(fewer + more, fewer));
  return out;
}

PairedBootstrap paired_bootstrap(std::span<const std::vector<double>> differences, uint64_t seed, int resamples,
                                 int threads) {
  SHORTEN_CHECK(!differences.empty() && resamples > 0, "nothing to draw");
  std::vector<Shares> tasks;
  PairedBootstrap out;
  out.resamples = resamples;
  for (const std::vector<double>& task : differences) {
    tasks.push_back(count(task));
    out.difference += share(tasks.back().better - tasks.back().worse, tasks.back());
  }
  out.difference /= static_cast<double>(tasks.size());

  // A seed for each resample, so that no thread waits for the draws of another.
  std::vector<uint64_t> seeds(static_cast<size_t>(resamples));
  Random random(seed);
  for (uint64_t& x : seeds) x = random.next();
  std::vector<double> values(seeds.size());
  for_each_index(
      seeds.size(), [&](size_t i) { values[i] = resample(tasks, seeds[i]); }, threads);

  std::sort(values.begin(), values.end());
  out.low = percentile(values, 0.025);
  out.high = percentile(values, 0.975);
  const auto [first_zero, behind_zeros] = std::equal_range(values.begin(), values.end(), 0.0);
  const auto fewer = std::min(behind_zeros - values.begin(), values.end() - first_zero);
  out.p = std::min(1.0, 2.0 * static_cast<double>(fewer + 1) / (resamples + 1.0));
  return out;
}

}  // namespace shorten::tasks
