// SPDX-License-Identifier: Apache-2.0
// The torch line as a table of functions. The program is linked without LibTorch and opens
// libshorten_torch.so only for commands that compute: the others start at once, need no LibTorch, and
// the environment that LibTorch's thread pool reads can be set before it is loaded. Plain values go
// in, plain values come out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/file.h"
#include "family/model.h"
#include "plan/scores.h"
#include "plan/unit.h"
#include "recipe/record.h"
#include "recipe/settings.h"
#include "text/windows.h"

namespace shorten::engine {

struct ComputeOptions {
  std::string device = "auto", dtype = "auto";
  int threads = 0;  // 0: as many as there are cores
};

// What was used in the end.
struct ComputeUsed {
  std::string device, dtype;
  uint64_t device_memory = 0;  // bytes at the peak on the accelerator, 0 on a CPU
};

// A model to load: its structure, and the files with its weights.
struct ModelSource {
  family::ModelSpec spec;  // of the files, or of their first blocks
  family::ModelPtr files;  // null: random weights by the seed, to measure speed with
};
ModelSource source_of(family::ModelPtr model);

struct ScoreRequest {
  ModelSource model;
  std::vector<std::string> criteria;
  std::vector<std::vector<text::TokenId>> rows;  // calibration, of equal length; empty if no criterion needs text
  uint64_t seed = 0;
  int repeat = 1;  // score so many times, for benchmarks
  ComputeOptions compute;
};

struct ScoreResponse {
  std::optional<double> baseline_perplexity;
  std::vector<std::pair<std::string, plan::CriterionScores>> criteria;
  ComputeUsed used;
  std::vector<double> seconds;  // of each scoring, without loading
};

// Room for a batch of sequences that are continued together.
struct GenerationShape {
  int64_t rows = 1, prompt = 0, new_tokens = 0;  // tokens of the longest prompt; of each continuation
  bool draws = false;                            // and does not take the likeliest token: needs more memory
};

struct LoadRequest {
  ModelSource model;
  uint64_t seed = 0;
  double tokens = 0;           // that will go through it: what the work is estimated from before it is loaded
  GenerationShape generation;  // what it will be asked for, with prompt 0 nothing: what does not fit is not loaded
  ComputeOptions compute;
};

struct LikelihoodSettings {
  int64_t batch_tokens = 0;  // 0: chosen for the device. On a CPU numbers do not depend on it
  bool share = true;         // a common beginning of the windows of a document goes through the model once
  std::string logits_dtype = "auto", softmax_dtype = "fp32";  // to round like other programs
};

struct SamplingSettings {  // generate/sampler.h says what they do
  double temperature = 0;
  int64_t top_k = 0;
  double top_p = 1, min_p = 0, repetition_penalty = 1;
  uint64_t seed = 0;
};

// A batch of sequences that are being continued.
class Continuation {
 public:
  virtual ~Continuation() = default;
  // Begins anew with these prompts and makes the first token of each. REQUIRES as many as rows, none empty.
  virtual void start(const std::vector<std::vector<text::TokenId>>& prompts) = 0;
  virtual void advance(int64_t tokens) = 0;  // queues so many more tokens of each
  virtual void wait() const = 0;             // until what was queued is done
  // All so far, [row][token]; waits. Throws diverged if the model computed NaN or infinity, naming the block.
  virtual std::vector<std::vector<text::TokenId>> tokens() const = 0;
};

// A model that is loaded and answers.
class LanguageModel {
 public:
  using Document = std::vector<text::Window>;
  using Sink = std::function<void(size_t document, std::vector<text::WindowScore> scores)>;

  virtual ~LanguageModel() = default;

  // Scores the targets of all windows. The sink is called once a document, by one thread at a time, in
  // no particular order.
  virtual void likelihoods(const std::vector<Document>& documents, const LikelihoodSettings& settings,
                           const Sink& sink) const = 0;

  // Throws no_space, before anything is allocated, if caches of this shape do not fit. Lives shorter than the model.
  virtual std::unique_ptr<Continuation> continuation(const GenerationShape& shape,
                                                     const SamplingSettings& sampling) const = 0;
  // Bytes that a step of decoding reads at least: the weights, and the caches of `rows` sequences of `tokens`.
  virtual uint64_t bytes_read(int64_t rows, double tokens) const = 0;
  virtual uint64_t weight_bytes() const = 0;
  virtual ComputeUsed used() const = 0;
};

struct EvaluatorRequest {
  ModelSource model;
  std::vector<std::vector<text::TokenId>> rows;  // calibration, of equal length
  enum class Loss {
    kNll,  // mean -log p of the next token
    kKl,   // mean KL(p of the intact model ‖ p without the units), at the same positions
  } loss = Loss::kNll;
  uint64_t memory = 0;  // for hidden states, in bytes; 0: a third of what the weights leave free
  uint64_t seed = 0;
  ComputeOptions compute;
};

// A model that is loaded, and asked again and again what it loses without some of its units.
class Evaluator {
 public:
  using Progress = std::function<void(int64_t done, int64_t all)>;  // evaluations of blocks

  virtual ~Evaluator() = default;
  virtual int64_t blocks() const = 0;
  // The loss of each variant, in nats a token. Many sets in one call cost less than each in its own: what they have in
  // common is computed once. Sets need not be normalised. Throws usage_error for a block that is not there, and
  // diverged if a loss is NaN.
  virtual std::vector<double> losses(std::span<const plan::RemovalSet> sets, const Progress& progress = {}) const = 0;
  virtual ComputeUsed used() const = 0;
};

struct HealRequest {
  ModelSource model;         // with random weights nothing is written
  family::ModelPtr teacher;  // or null
  std::vector<int> kept;     // the teacher's block that each block of the model was
  recipe::Settings settings;
  std::vector<data::Example> rows, validation;
  std::vector<recipe::HeldOut> texts;  // whose perplexity is measured beside
  std::optional<fs::path> init_adapter;
  fs::path run;          // the run directory: state/ is there; adapter/ and model/ will be
  std::string identity;  // of what a saved state belongs to
  Json record;           // shorten.json of the model that comes out
  bool merge = true;     // with LoRA: write the merged model too
  ComputeOptions compute;
  bool new_memory = false;  // a saved run goes on with what `settings` says of memory, not with what it was saved with
};

struct HealResponse {
  recipe::TrainResult result;
  int64_t trained = 0;  // numbers that are trained
  bool shared = false;  // model and teacher share their weights
  ComputeUsed used;
};

struct Table {
  const char* build_id;  // core/build_id.h; first, so that it is where any build looks for it
  ScoreResponse (*score)(const ScoreRequest& request);
  std::unique_ptr<LanguageModel> (*load)(const LoadRequest& request);
  std::unique_ptr<Evaluator> (*evaluator)(const EvaluatorRequest& request);
  // Where `load` would put the model, and in what dtype.
  ComputeUsed (*place)(const family::ModelSpec& model, const ComputeOptions& compute);
  // Bytes a second that are read and written when the device copies a block much larger than its caches.
  double (*copy_bandwidth)(const ComputeOptions& compute);
  // Trains and writes what comes out. Throws what train::train throws.
  HealResponse (*heal)(const HealRequest& request, const recipe::Hooks& hooks);
};

}  // namespace shorten::engine

// The only symbol that the program looks up in libshorten_torch.so.
extern "C" const shorten::engine::Table* shorten_engine();
