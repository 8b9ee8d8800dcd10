// SPDX-License-Identifier: Apache-2.0
#include "infer/likelihood.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <thread>

#include "kernels/ops.h"
#include "kernels/threads.h"
#include "text/token_tree.h"

namespace shorten::infer {
namespace {

struct Unit {
  size_t document;
  text::TokenTree tree;
};

struct Likelihood {
  std::vector<float> logprob;  // a question each
  std::vector<uint8_t> greedy;
};

// Rows that go through the blocks together.
struct Batch {
  std::span<const Unit* const> units;
  model::Context context;
  Tensor hidden;  // [N, T, D]
};

// Units as rows; shorter ones are padded on the right with tokens that nobody asks about.
Batch embed(const model::CausalLm& model, std::span<const Unit* const> units) {
  const auto n = static_cast<int64_t>(units.size());
  int64_t t = 0;
  bool chains = true;
  for (const Unit* unit : units) {
    t = std::max(t, unit->tree.size());
    chains = chains && unit->tree.is_chain();
  }
  Tensor rows = at::zeros({3, n, t}, at::kLong);  // ids, depth, end
  for (int64_t i = 0; i < n; ++i) {
    const text::TokenTree& tree = units[static_cast<size_t>(i)]->tree;
    int64_t* out = rows.data_ptr<int64_t>() + i * t;
    std::copy(tree.ids.begin(), tree.ids.end(), out);
    std::copy(tree.depth.begin(), tree.depth.end(), out + n * t);
    std::copy(tree.end.begin(), tree.end.end(), out + 2 * n * t);
    for (int64_t p = tree.size(); p < t; ++p) out[2 * n * t + p] = p + 1;  // padding sees itself
  }
  rows = rows.to(model.device());
  return {units, chains ? model.context(t) : model.context(model::TreeRows{rows[1], rows[2]}), model.embed(rows[0])};
}

// All batches through one block before the next, whose weights then come from the cache for all but the first.
void run_blocks(const model::CausalLm& model, std::span<Batch> batches) {
  for (const model::BlockLease& block : model.blocks.forward()) {
    for (Batch& batch : batches) batch.hidden = block->forward(batch.hidden, batch.context);
  }
}

// Calls work() on `threads` new threads, each of which computes alone. An exception of one comes out.
void run_on_own_threads(int threads, const std::function<void()>& work) {
  std::mutex mutex;
  std::exception_ptr error;
  {
    std::vector<std::jthread> running;
    for (int i = 0; i < threads; ++i) {
      running.emplace_back([&] {
        try {
          kernels::compute_alone();
          work();
        } catch (...) {
          const std::lock_guard lock(mutex);
          if (!error) error = std::current_exception();
        }
      });
    }
  }
  if (error) std::rethrow_exception(error);
}

// The questions of all units put to the head: only rows that are asked for get logits, each once, and the
// logits of all are never held together.
Likelihood ask(const model::CausalLm& model, const Batch& batch, const LikelihoodOptions& options) {
  const Tensor& hidden = batch.hidden;
  const int64_t t = hidden.size(1);
  std::vector<int64_t> rows, row_of, ids;  // distinct rows of [N T, D]; of each question: which of them, its token
  for (size_t u = 0; u < batch.units.size(); ++u) {
    for (const text::TokenTree::Question& q : batch.units[u]->tree.questions) {
      const int64_t row = static_cast<int64_t>(u) * t + q.row;
      if (rows.empty() || rows.back() != row) rows.push_back(row);
      row_of.push_back(static_cast<int64_t>(rows.size()) - 1);
      ids.push_back(q.id);
    }
  }
  const at::Device device = hidden.device();
  const Tensor asked = hidden.view({-1, hidden.size(2)}).index_select(0, at::tensor(rows, at::kLong).to(device));
  const Tensor question_row = at::tensor(row_of, at::kLong).to(device),
               question_id = at::tensor(ids, at::kLong).to(device);
  const auto questions = static_cast<int64_t>(ids.size()), chunk = model.head_chunk();
  Tensor logprob = at::empty({questions}, asked.options().dtype(at::kFloat));
  Tensor greedy = at::empty({questions}, asked.options().dtype(at::kBool));
  for (int64_t begin = 0, first = 0; begin < asked.size(0); begin += chunk) {
    const int64_t count = std::min(chunk, asked.size(0) - begin);
    const int64_t last = std::lower_bound(row_of.begin(), row_of.end(), begin + count) - row_of.begin();
    Tensor logits = model.head(asked.narrow(0, begin, count));  // [count, V]
    if (options.logits) logits = logits.to(*options.logits);
    if (options.softmax) logits = logits.to(*options.softmax);
    const Tensor row = question_row.narrow(0, first, last - first) - begin,
                 id = question_id.narrow(0, first, last - first);
    const Tensor of_id = logits.index({row, id}).to(at::kFloat);
    const Tensor value = of_id - kernels::log_sum_exp(logits).index_select(0, row);
    logprob.narrow(0, first, last - first).copy_(options.softmax ? value.to(*options.softmax) : value);
    greedy.narrow(0, first, last - first).copy_(logits.argmax(1).index_select(0, row) == id);
    first = last;
  }
  logprob = logprob.to(at::kCPU);
  greedy = greedy.to(at::kCPU);
  return {{logprob.const_data_ptr<float>(), logprob.const_data_ptr<float>() + questions},
          {greedy.const_data_ptr<bool>(), greedy.const_data_ptr<bool>() + questions}};
}

double round_to(double value, const std::optional<at::ScalarType>& dtype) {
  return dtype ? at::scalar_tensor(value, at::kFloat).to(*dtype).to(at::kDouble).item<double>() : value;
}

// Collects the scores of each document and hands them on when its last unit is done.
class Collector {
 public:
  Collector(std::span<const std::vector<text::Window>> documents, std::span<const Unit> units,
            const LikelihoodOptions& options, const Sink& sink)
      : options_(options), sink_(sink), open_(documents.size()), scores_(documents.size()) {
    for (size_t d = 0; d < documents.size(); ++d) {
      scores_[d].resize(documents[d].size());
      for (size_t w = 0; w < documents[d].size(); ++w)
        scores_[d][w].logprobs.resize(documents[d][w].ids.size() - static_cast<size_t>(documents[d][w].first_target));
    }
    for (const Unit& unit : units) ++open_[unit.document];
  }

  void take(const Batch& batch, const Likelihood& likelihood) {
    const std::lock_guard lock(mutex_);
    size_t i = 0;
    for (const Unit* unit : batch.units) {
      std::vector<text::WindowScore>& scores = scores_[unit->document];
      for (const text::TokenTree::Question& q : unit->tree.questions) {
        scores[q.window].logprobs[q.target] = likelihood.logprob[i];
        scores[q.window].greedy = scores[q.window].greedy && likelihood.greedy[i] != 0;
        ++i;
      }
      if (--open_[unit->document] > 0) continue;
      for (text::WindowScore& score : scores)
        score.sum = round_to(std::accumulate(score.logprobs.begin(), score.logprobs.end(), 0.0), options_.softmax);
      sink_(unit->document, std::move(scores));
    }
  }

 private:
  const LikelihoodOptions& options_;
  const Sink& sink_;
  std::mutex mutex_;
  std::vector<size_t> open_;  // units that are not done, of each document
  std::vector<std::vector<text::WindowScore>> scores_;
};

// Each thread takes some trees at a time, and computes each as if it were alone. The threads are our own: inside one
// of ATen's parallel loops every matrix product would open a parallel region for its one thread.
void run_on_cpu(const model::CausalLm& model, std::span<const Unit* const> units, const LikelihoodOptions& options,
                Collector& collector) {
  constexpr size_t kAtATime = 8;
  std::atomic<size_t> next = 0;
  run_on_own_threads(at::get_num_threads(), [&] {
    const at::NoGradGuard no_gradients;  // of this thread
    try {
      for (size_t first = next.fetch_add(kAtATime); first < units.size(); first = next.fetch_add(kAtATime)) {
        std::vector<Batch> batches;
        for (size_t i = first; i < std::min(first + kAtATime, units.size()); ++i)
          batches.push_back(embed(model, units.subspan(i, 1)));
        run_blocks(model, batches);
        for (const Batch& batch : batches) collector.take(batch, ask(model, batch, options));
      }
    } catch (...) {
      next = units.size();  // the others need not go on
      throw;
    }
  });
}

void run_in_batches(const model::CausalLm& model, std::span<const Unit* const> units, bool alone,
                    const LikelihoodOptions& options, Collector& collector) {
  const int64_t tokens = options.batch_tokens > 0 ? options.batch_tokens : 16384;
  for (size_t first = 0; first < units.size();) {
    const int64_t longest = units[first]->tree.size();  // the others are shorter
    const size_t count =
        alone ? 1 : std::min(units.size() - first, static_cast<size_t>(std::max<int64_t>(1, tokens / longest)));
    Batch batch = embed(model, units.subspan(first, count));
    run_blocks(model, {&batch, 1});
    collector.take(batch, ask(model, batch, options));
    first += count;
  }
}

}  // namespace

void score_documents(const model::CausalLm& model, std::span<const std::vector<text::Window>> documents,
                     const LikelihoodOptions& options, const Sink& sink) {
  const at::NoGradGuard no_gradients;
  // Where the rotation depends on the length of a row, windows of different lengths cannot share one.
  const bool alone = model::depends_on_length(model.spec.rope);
  std::vector<Unit> units;
  for (size_t d = 0; d < documents.size(); ++d) {
    for (text::TokenTree& tree : text::token_trees(documents[d], options.share && !alone))
      units.push_back({d, std::move(tree)});
  }
  std::vector<const Unit*> order;
  for (const Unit& unit : units) order.push_back(&unit);
  // The longest first: less padding in a batch, and no thread ends with a long one.
  std::stable_sort(order.begin(), order.end(),
                   [](const Unit* a, const Unit* b) { return a->tree.size() > b->tree.size(); });
  Collector collector(documents, units, options, sink);
  if (model.device().is_cpu()) return run_on_cpu(model, order, options, collector);
  run_in_batches(model, order, alone, options, collector);
}

}  // namespace shorten::infer
