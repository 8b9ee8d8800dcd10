// SPDX-License-Identifier: Apache-2.0
#include "family/model.h"

#include "family/stop_tokens.h"

namespace shorten::family {

Model::Model(const fs::path& dir, std::string name)
    : name_(name.empty() ? dir.string() : std::move(name)), files_(dir), spec_(read_spec(files_)) {}

const std::string& Model::fingerprint() const {
  const std::lock_guard lock(mutex_);
  if (!fingerprint_) fingerprint_ = files_.fingerprint();
  return *fingerprint_;
}

const std::vector<Ancestor>& Model::lineage() const {
  const std::lock_guard lock(mutex_);
  if (!lineage_) lineage_ = read_lineage(files_, blocks());
  return *lineage_;
}

std::vector<int64_t> Model::stop_tokens() const { return read_stop_tokens(files_, spec_.vocabulary); }

ModelPtr open_model(const std::string& name) { return std::make_shared<Model>(checkpoint::resolve_model(name), name); }

}  // namespace shorten::family
