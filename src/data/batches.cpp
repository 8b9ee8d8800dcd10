// SPDX-License-Identifier: Apache-2.0
#include "data/batches.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/check.h"
#include "core/random.h"

namespace shorten::data {
namespace {

// Draw number `stream` of a seed: 0 holds rows out, epoch e takes e + 1. The mixed stream number keeps neighbouring
// epochs, and epochs of neighbouring seeds, apart.
Random stream_of(uint64_t seed, uint64_t stream) { return Random(Random(seed).next() ^ Random(~stream).next()); }

// Fisher-Yates: the first `count` places of a permutation of 0 .. size-1.
std::vector<size_t> draw(size_t size, size_t count, Random random) {
  std::vector<size_t> order(size);
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = 0; i < count; ++i) std::swap(order[i], order[i + random.below(size - i)]);
  order.resize(count);
  return order;
}

size_t batches_of(size_t examples, int64_t batch) {
  SHORTEN_CHECK(examples > 0 && batch > 0, "a batch needs examples");
  return (examples - 1) / static_cast<size_t>(batch) + 1;
}

int64_t length_of(const Example& example) { return static_cast<int64_t>(example.ids.size()); }

// First fit, in the order of `chosen`, which has the longest first.
std::vector<Row> pack(const std::vector<Example>& examples, const std::vector<size_t>& chosen, int64_t length) {
  std::vector<Row> rows;
  const int64_t room = chosen.empty() ? length : std::max(length, length_of(examples[chosen.front()]));
  for (const size_t i : chosen) {
    const int64_t tokens = length_of(examples[i]);
    auto row = std::find_if(rows.begin(), rows.end(), [&](const Row& r) { return r.tokens + tokens <= room; });
    if (row == rows.end()) row = rows.emplace(rows.end());
    row->examples.push_back(i);
    row->tokens += tokens;
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.tokens > b.tokens; });
  return rows;
}

void add(MicroBatch& batch, Row row, const std::vector<Example>& examples) {
  for (const size_t i : row.examples) batch.targets += count_targets(examples[i]);
  batch.width = std::max(batch.width, (row.tokens + 7) / 8 * 8);
  batch.rows.push_back(std::move(row));
}

}  // namespace

std::vector<size_t> held_out(size_t examples, size_t count, uint64_t seed, bool shuffle) {
  SHORTEN_CHECK(count < examples, "something is left to train on");
  std::vector<size_t> out;
  if (shuffle) {
    out = draw(examples, count, stream_of(seed, 0));
    std::sort(out.begin(), out.end());
  } else {
    out.resize(count);
    std::iota(out.begin(), out.end(), examples - count);
  }
  return out;
}

int64_t steps_of(size_t examples, int64_t batch, int64_t epochs) {
  return static_cast<int64_t>(batches_of(examples, batch)) * epochs;
}

std::vector<size_t> batch_of(size_t examples, int64_t batch, int64_t step, uint64_t seed, bool shuffle) {
  SHORTEN_CHECK(step >= 0, "steps count from 0");
  const size_t in_epoch = batches_of(examples, batch);
  const size_t epoch = static_cast<size_t>(step) / in_epoch, begin = static_cast<size_t>(step) % in_epoch * batch;
  const size_t end = std::min(examples, begin + static_cast<size_t>(batch));
  std::vector<size_t> order;
  if (shuffle) {
    order = draw(examples, end, stream_of(seed, epoch + 1));
  } else {
    order.resize(end);
    std::iota(order.begin(), order.end(), size_t{0});
  }
  order.erase(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(begin));
  return order;
}

std::vector<MicroBatch> lay_out(const std::vector<Example>& examples, const std::vector<size_t>& chosen,
                                const Layout& layout) {
  SHORTEN_CHECK(layout.micro_batch > 0, "a micro-batch has rows");
  const auto counts = [&](size_t i) { return count_targets(examples[i]) > 0; };
  const auto per_batch = static_cast<size_t>(layout.micro_batch);
  std::vector<MicroBatch> out;
  if (layout.keep_order) {
    for (size_t begin = 0; begin < chosen.size(); begin += per_batch) {
      MicroBatch batch;
      for (size_t p = begin; p < std::min(chosen.size(), begin + per_batch); ++p) {
        if (counts(chosen[p])) add(batch, {{chosen[p]}, length_of(examples[chosen[p]])}, examples);
      }
      if (!batch.rows.empty()) out.push_back(std::move(batch));
    }
    return out;
  }
  std::vector<size_t> sorted;
  std::copy_if(chosen.begin(), chosen.end(), std::back_inserter(sorted), counts);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](size_t a, size_t b) { return examples[a].ids.size() > examples[b].ids.size(); });
  std::vector<Row> rows;
  if (layout.pack) {
    rows = pack(examples, sorted, layout.length);
  } else {
    for (const size_t i : sorted) rows.push_back({{i}, length_of(examples[i])});
  }
  for (size_t r = 0; r < rows.size(); ++r) {
    if (r % per_batch == 0) out.emplace_back();
    add(out.back(), std::move(rows[r]), examples);
  }
  return out;
}

}  // namespace shorten::data
