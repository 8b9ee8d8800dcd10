// SPDX-License-Identifier: Apache-2.0
// Which model is trained, and who its parent is.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/progress.h"
#include "jobs/heal_parts.h"

namespace shorten::jobs {
namespace {

// The teacher as the lineage of the model knows it.
std::vector<int> blocks_in(const family::Model& model, const family::Model& teacher) {
  const std::vector<family::Ancestor>& lineage = model.lineage();
  for (const family::Ancestor& ancestor : lineage) {
    if (ancestor.fingerprint == teacher.fingerprint()) return ancestor.block;
  }
  const std::string name = printable(model.dir().string(), 200);
  if (!lineage.empty()) {
    throw bad_input("the teacher is not the parent of the model")
        .file(teacher.dir())
        .expected(fmt::format("the model that {} was made from: {}, {}", name,
                              printable(lineage.back().path.string(), 200), lineage.back().fingerprint))
        .found(teacher.fingerprint());
  }
  // Without a record any model with the same tokens may teach; only its logits count then.
  if (teacher.blocks() < model.blocks()) {
    throw bad_input("the teacher has fewer blocks than the model")
        .file(teacher.dir())
        .expected(fmt::format("at least {}", model.blocks()))
        .found(fmt::format("{}", teacher.blocks()));
  }
  log_warning(fmt::format("{} has no shorten.json: that the teacher is its parent cannot be checked", name));
  std::vector<int> same(static_cast<size_t>(model.blocks()));
  std::iota(same.begin(), same.end(), 0);
  return same;
}

// A number stands for the same token in both models, as far as their tokenizers tell.
void check_tokens(const family::Model& model, const family::Model& teacher, const TextRequest& request) {
  const auto mine = tokenizer_if_any(model, request), theirs = tokenizer_if_any(teacher, request);
  if (!mine || !theirs) return;
  for (text::TokenId id = 0; id < std::min(mine->vocabulary(), theirs->vocabulary()); ++id) {
    const std::string expected = mine->decode({id}, false), found = theirs->decode({id}, false);
    if (expected == found) continue;
    throw bad_input("the teacher has another vocabulary")
        .file(teacher.dir())
        .where(fmt::format("token {}", id))
        .expected(fmt::format("'{}', as the model", printable(expected, 40)))
        .found(fmt::format("'{}'", printable(found, 40)));
  }
}

// The oldest ancestor that is still there; null if none is. Paths that are not absolute are seen from this folder.
family::ModelPtr find_parent(const std::vector<family::Ancestor>& lineage) {
  for (auto ancestor = lineage.rbegin(); ancestor != lineage.rend(); ++ancestor) {
    std::error_code failed;
    if (!fs::is_directory(ancestor->path, failed)) continue;
    if (ancestor != lineage.rbegin()) {
      log_warning(fmt::format("the original model is not at {} any more; {}, which was made from it, takes its place",
                              printable(lineage.back().path.string(), 200), printable(ancestor->path.string(), 200)));
    }
    return std::make_shared<family::Model>(ancestor->path);
  }
  return nullptr;
}

}  // namespace

HealModels open_heal_models(const HealRequest& request, const recipe::Settings& settings) {
  HealModels out;
  out.model = request.model;
  out.teaches = settings.objective == recipe::Objective::kKd;
  const family::ModelSpec& own = out.model->spec();
  out.context = own.max_positions;
  if (!out.teaches && !request.self_text()) return out;

  const std::vector<family::Ancestor>& lineage = out.model->lineage();
  out.parent = request.teacher ? request.teacher : find_parent(lineage);
  if (!out.parent && lineage.empty() && !out.teaches) {  // a model that was never pruned may write its own text
    out.parent = out.model;
    return out;
  }
  if (!out.parent) {
    throw usage_error("the unpruned parent is not known")
        .file(out.model->dir())
        .found(lineage.empty() ? "no shorten.json in the model" : "nothing at " + lineage.back().path.string())
        .help("name it: `teacher` DIR; or train without it: `objective` ce and your own `data`");
  }
  const family::ModelSpec& spec = out.parent->spec();
  out.context = std::min(out.context, spec.max_positions);
  if (spec.vocabulary != own.vocabulary) {
    throw bad_input("the teacher has another vocabulary")
        .file(out.parent->dir())
        .expected(fmt::format("{} tokens, as the model", own.vocabulary))
        .found(fmt::format("{}", spec.vocabulary));
  }
  if (lineage.empty()) check_tokens(*out.model, *out.parent, request.tokens);
  std::vector<int> kept = blocks_in(*out.model, *out.parent);
  if (!out.teaches) return out;
  if (settings.hidden_weight > 0 && (lineage.empty() || spec.hidden != own.hidden)) {
    throw usage_error("hidden states of this teacher cannot be matched")
        .field("hidden_weight")
        .expected("a model that was pruned from the teacher");
  }
  out.kept = std::move(kept);
  return out;
}

}  // namespace shorten::jobs
