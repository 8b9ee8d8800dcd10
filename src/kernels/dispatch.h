// SPDX-License-Identifier: Apache-2.0
// How our own operators are called through LibTorch's dispatcher.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>

#include "kernels/torch.h"

namespace shorten::kernels {

using Optional = std::optional<Tensor>;

// An undefined tensor is an argument left out.
inline Optional optional(const Tensor& x) { return x.defined() ? Optional(x) : std::nullopt; }

template <typename Signature>
auto find_operator(const char* name) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

}  // namespace shorten::kernels
