// SPDX-License-Identifier: Apache-2.0
#include "train/state.h"

#include <fmt/format.h>

#include <map>

#include "checkpoint/model_files.h"
#include "core/error.h"
#include "core/sha256.h"
#include "model/loader.h"

namespace shorten::train {
namespace {

constexpr std::string_view kBest = "best-";

fs::path best_file(const fs::path& state, int64_t step) { return state / fmt::format("{}{}.safetensors", kBest, step); }

std::string sha256_of(const std::vector<checkpoint::Tensor>& tensors) {
  std::map<std::string_view, std::span<const std::byte>> sorted;  // a file may hold them in another order
  for (const checkpoint::Tensor& t : tensors) sorted[t.name] = t.bytes;
  Sha256 sha;
  for (const auto& [name, bytes] : sorted) sha.update(bytes);
  return sha.hex();
}

}  // namespace

void HostTensors::add(const std::string& name, const Tensor& value) {
  const Tensor host = value.to(at::kCPU).contiguous();
  held.push_back(host);
  tensors.push_back({name,
                     checkpoint::DType::kF32,
                     host.sizes().vec(),
                     {static_cast<const std::byte*>(host.const_data_ptr()), host.nbytes()}});
}

HostTensors to_host(const std::vector<Trainable>& trainables, bool moments) {
  HostTensors out;
  for (const Trainable& t : trainables) {
    out.add(t.name, t.master);
    if (!moments) continue;
    out.add(t.name + "/first", t.first);
    out.add(t.name + "/second", t.second);
  }
  return out;
}

void from_file(const checkpoint::SafetensorsFile& file, std::vector<Trainable>& trainables, bool moments) {
  const at::NoGradGuard guard;
  std::map<std::string, const checkpoint::Tensor*> stored;
  for (const checkpoint::Tensor& tensor : file.tensors()) stored[tensor.name] = &tensor;
  const auto read = [&](const std::string& name, Tensor& into) {
    const auto it = stored.find(name);
    const bool fits = it != stored.end() && it->second->dtype == checkpoint::DType::kF32 &&
                      at::IntArrayRef(it->second->shape) == into.sizes();
    if (!fits) {
      throw bad_input("the saved state is of another training")
          .file(file.path())
          .where("tensor " + name)
          .expected("F32 " + checkpoint::shape_text(into.sizes().vec()))
          .found(it == stored.end() ? "no such tensor" : checkpoint::shape_text(it->second->shape));
    }
    into.copy_(model::view_of(*it->second));
  };
  for (Trainable& t : trainables) {
    read(t.name, t.master);
    if (!moments) continue;
    read(t.name + "/first", t.first);
    read(t.name + "/second", t.second);
  }
  round_to_compute(trainables);
}

std::string write_best(const fs::path& state, int64_t step, const std::vector<Trainable>& trainables) {
  const HostTensors masters = to_host(trainables, false);
  const fs::path file = best_file(state, step), next = fs::path(file) += ".new";
  fs::remove(next);
  checkpoint::write_safetensors(next, masters.tensors, {});
  std::error_code failed;
  fs::rename(next, file, failed);
  if (failed) throw io_error("cannot put the weights of the best step in their place", failed.value()).file(file);
  return sha256_of(masters.tensors);
}

void remove_best_but(const fs::path& state, int64_t step, int64_t older) {
  const std::string kept = best_file(state, step).filename(), kept_too = best_file(state, older).filename();
  for (const std::string& name : checkpoint::list_names(state)) {
    if (name.starts_with(kBest) && name != kept && name != kept_too) fs::remove(state / name);
  }
}

checkpoint::SafetensorsFile open_best(const fs::path& state, int64_t step, const std::string& sha256) {
  checkpoint::SafetensorsFile file(best_file(state, step));
  if (const std::string found = sha256_of(file.tensors()); found != sha256)
    throw bad_input("the saved weights of the best step are damaged").file(file.path()).expected(sha256).found(found);
  return file;
}

void read_best(const fs::path& state, int64_t step, const std::string& sha256, std::vector<Trainable>& trainables) {
  from_file(open_best(state, step, sha256), trainables, false);
}

}  // namespace shorten::train
