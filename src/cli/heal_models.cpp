// SPDX-License-Identifier: Apache-2.0
// Which model is trained, and who its parent is.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "checkpoint/checkpoint.h"
#include "checkpoint/model_files.h"
#include "cli/heal.h"
#include "cli/text_options.h"
#include "core/error.h"
#include "core/progress.h"
#include "family/lineage.h"

namespace shorten::cli {
namespace {

// The teacher as the lineage of the model knows it.
std::vector<int> blocks_in(const std::vector<family::Ancestor>& lineage, const std::string& fingerprint,
                           const fs::path& teacher, const HealModels& models, int64_t teacher_blocks) {
  for (const family::Ancestor& ancestor : lineage) {
    if (ancestor.fingerprint == fingerprint) return ancestor.block;
  }
  if (!lineage.empty()) {
    throw bad_input("the teacher is not the parent of the model")
        .file(teacher)
        .expected(fmt::format("the model that {} was made from: {}, {}", printable(models.model.string(), 200),
                              printable(lineage.back().path.string(), 200), lineage.back().fingerprint))
        .found(fingerprint);
  }
  // Without a record any model with the same tokens may teach; only its logits count then.
  std::vector<int> same(models.spec.blocks.size());
  std::iota(same.begin(), same.end(), 0);
  if (teacher_blocks < static_cast<int64_t>(same.size())) {
    throw bad_input("the teacher has fewer blocks than the model")
        .file(teacher)
        .expected(fmt::format("at least {}", same.size()))
        .found(fmt::format("{}", teacher_blocks));
  }
  log_warning(fmt::format("{} has no shorten.json: that the teacher is its parent cannot be checked",
                          printable(models.model.string(), 200)));
  return same;
}

// A number stands for the same token in both models, as far as their tokenizers tell.
void check_tokens(const fs::path& model, const fs::path& teacher, const TextOptions& options) {
  const auto mine = tokenizer_if_any(model, options), theirs = tokenizer_if_any(teacher, options);
  if (!mine || !theirs) return;
  for (text::TokenId id = 0; id < std::min(mine->vocabulary(), theirs->vocabulary()); ++id) {
    const std::string expected = mine->decode({id}, false), found = theirs->decode({id}, false);
    if (expected == found) continue;
    throw bad_input("the teacher has another vocabulary")
        .file(teacher)
        .where(fmt::format("token {}", id))
        .expected(fmt::format("'{}', as the model", printable(expected, 40)))
        .found(fmt::format("'{}'", printable(found, 40)));
  }
}

// The oldest ancestor that is still there. Paths that are not absolute are seen from this folder.
fs::path find_parent(const std::vector<family::Ancestor>& lineage) {
  for (auto ancestor = lineage.rbegin(); ancestor != lineage.rend(); ++ancestor) {
    std::error_code failed;
    if (!fs::is_directory(ancestor->path, failed)) continue;
    if (ancestor != lineage.rbegin()) {
      log_warning(fmt::format("the original model is not at {} any more; {}, which was made from it, takes its place",
                              printable(lineage.back().path.string(), 200), printable(ancestor->path.string(), 200)));
    }
    return ancestor->path;
  }
  return {};
}

}  // namespace

HealModels open_heal_models(const HealOptions& o, bool wants_teacher, bool wants_parent, fs::path& parent,
                            std::string& parent_fingerprint) {
  HealModels out;
  out.model = checkpoint::resolve_model(o.model);
  const checkpoint::Checkpoint model(out.model);
  out.spec = family::read_spec(model);
  out.context = out.spec.max_positions;
  out.fingerprint = model.fingerprint();
  out.source = {{"path", fs::absolute(out.model).string()}, {"fingerprint", out.fingerprint}};
  if (checkpoint::has_file(out.model, "shorten.json"))
    out.source["shorten"] = read_json(checkpoint::model_file(out.model, "shorten.json"));
  if (!wants_teacher && !wants_parent) return out;

  const auto blocks = static_cast<int64_t>(out.spec.blocks.size());
  const std::vector<family::Ancestor> lineage = family::read_lineage(model, blocks);
  parent = o.teacher.empty() ? find_parent(lineage) : checkpoint::resolve_model(o.teacher);
  if (parent.empty() && lineage.empty() && !wants_teacher) {  // a model that was never pruned may write its own text
    parent = out.model;
    parent_fingerprint = out.fingerprint;
    return out;
  }
  if (parent.empty()) {
    throw usage_error("the unpruned parent is not known")
        .file(out.model)
        .found(lineage.empty() ? "no shorten.json in the model" : "nothing at " + lineage.back().path.string())
        .help("name it: --teacher DIR; or train without it: --objective ce and --data of your own");
  }
  const checkpoint::Checkpoint files(parent);
  const family::ModelSpec spec = family::read_spec(files);
  parent_fingerprint = files.fingerprint();
  out.context = std::min(out.context, spec.max_positions);
  if (spec.vocabulary != out.spec.vocabulary) {
    throw bad_input("the teacher has another vocabulary")
        .file(parent)
        .expected(fmt::format("{} tokens, as the model", out.spec.vocabulary))
        .found(fmt::format("{}", spec.vocabulary));
  }
  if (lineage.empty()) check_tokens(out.model, parent, o.text_options);
  std::vector<int> kept = blocks_in(lineage, parent_fingerprint, parent, out, static_cast<int64_t>(spec.blocks.size()));
  if (!wants_teacher) return out;
  if (o.settings.hidden_weight.value_or(0) > 0 && (lineage.empty() || spec.hidden != out.spec.hidden)) {
    throw usage_error("hidden states of this teacher cannot be matched")
        .where("--hidden-weight")
        .expected("a model that was pruned from the teacher");
  }
  out.teacher = parent;
  out.teacher_fingerprint = parent_fingerprint;
  out.kept = std::move(kept);
  return out;
}

}  // namespace shorten::cli
