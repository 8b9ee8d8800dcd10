// SPDX-License-Identifier: Apache-2.0
#include "train/state.h"

#include "core/error.h"
#include "model/loader.h"

namespace shorten::train {

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

}  // namespace shorten::train
