// SPDX-License-Identifier: Apache-2.0
#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/check.h"

namespace shorten::model {
namespace {

using family::RopeSpec;

std::vector<double> plain_frequencies(double theta, int64_t head_dim) {
  std::vector<double> out;
  for (int64_t i = 0; i < head_dim; i += 2)
    out.push_back(std::pow(theta, -static_cast<double>(i) / static_cast<double>(head_dim)));
  return out;
}

// YaRN, Peng et al. 2023, arXiv 2309.00071, section 3.2: fast dimensions keep their frequency, slow
// ones are divided by the factor, with a linear ramp between two numbers of rotations.
RopeFrequencies yarn(const RopeSpec& spec, int64_t head_dim) {
  RopeFrequencies out{plain_frequencies(spec.theta, head_dim), 1};
  const auto dim = static_cast<double>(head_dim);
  const auto dimension_of = [&](double rotations) {
    return dim * std::log(static_cast<double>(spec.original_max_positions) / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(spec.theta));
  };
  double low = dimension_of(spec.beta_fast), high = dimension_of(spec.beta_slow);
  if (spec.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, dim - 1);
  if (low == high) high += 0.001;
  for (size_t i = 0; i < out.frequency.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    out.frequency[i] *= (1 - ramp) + ramp / spec.factor;
  }
  const auto mscale = [&](double m) { return spec.factor <= 1 ? 1.0 : 0.1 * m * std::log(spec.factor) + 1; };
  if (spec.attention_factor) {
    out.attention_factor = *spec.attention_factor;
  } else if (spec.mscale.value_or(0) != 0 && spec.mscale_all_dim.value_or(0) != 0) {
    out.attention_factor = mscale(*spec.mscale) / mscale(*spec.mscale_all_dim);
  } else {
    out.attention_factor = mscale(1);
  }
  return out;
}

// LongRoPE, Ding et al. 2024, arXiv 2402.13753: a searched factor for each dimension, another set for
// sequences beyond the original context.
RopeFrequencies longrope(const RopeSpec& spec, int64_t head_dim, int64_t length) {
  RopeFrequencies out{plain_frequencies(spec.theta, head_dim), 1};
  const std::vector<double>& factors = length > spec.original_max_positions ? spec.long_factor : spec.short_factor;
  for (size_t i = 0; i < out.frequency.size(); ++i) out.frequency[i] /= factors[i];
  if (spec.attention_factor) {
    out.attention_factor = *spec.attention_factor;
  } else if (spec.factor > 1) {
    out.attention_factor =
        std::sqrt(1 + std::log(spec.factor) / std::log(static_cast<double>(spec.original_max_positions)));
  }
  return out;
}

// Llama 3.1: long wavelengths are divided by the factor, short ones kept, smooth in between.
RopeFrequencies llama3(const RopeSpec& spec, int64_t head_dim) {
  RopeFrequencies out{plain_frequencies(spec.theta, head_dim), 1};
  const auto context = static_cast<double>(spec.original_max_positions);
  for (double& f : out.frequency) {
    const double wavelength = 2 * std::numbers::pi / f;
    if (wavelength > context / spec.low_freq_factor) {
      f /= spec.factor;
    } else if (wavelength >= context / spec.high_freq_factor) {
      const double smooth =
          (context / wavelength - spec.low_freq_factor) / (spec.high_freq_factor - spec.low_freq_factor);
      f = (1 - smooth) * f / spec.factor + smooth * f;
    }
  }
  return out;
}

// Dynamic NTK scaling: the base grows with the length once it exceeds what the model was made for.
RopeFrequencies dynamic(const RopeSpec& spec, int64_t head_dim, int64_t length) {
  const auto dim = static_cast<double>(head_dim), positions = static_cast<double>(spec.max_positions);
  const double longest = std::max(static_cast<double>(length), positions);
  const double growth = spec.factor * longest / positions - (spec.factor - 1);
  return {plain_frequencies(spec.theta * std::pow(growth, dim / (dim - 2)), head_dim), 1};
}

}  // namespace

RopeFrequencies rope_frequencies(const RopeSpec& spec, int64_t head_dim, int64_t length) {
  switch (spec.type) {
    case RopeSpec::Type::kDefault:
      return {plain_frequencies(spec.theta, head_dim), 1};
    case RopeSpec::Type::kLinear: {
      RopeFrequencies out{plain_frequencies(spec.theta, head_dim), 1};
      for (double& f : out.frequency) f /= spec.factor;
      return out;
    }
    case RopeSpec::Type::kDynamic:
      return dynamic(spec, head_dim, length);
    case RopeSpec::Type::kYarn:
      return yarn(spec, head_dim);
    case RopeSpec::Type::kLongrope:
      return longrope(spec, head_dim, length);
    case RopeSpec::Type::kLlama3:
      return llama3(spec, head_dim);
  }
  SHORTEN_CHECK(false, "a rope type without frequencies");
}

bool depends_on_length(const RopeSpec& spec) {
  return spec.type == RopeSpec::Type::kDynamic || spec.type == RopeSpec::Type::kLongrope;
}

Rope make_rope(const RopeSpec& spec, int64_t head_dim, int64_t length, at::Device device) {
  const RopeFrequencies f = rope_frequencies(spec, head_dim, length);
  // Angles in fp64: position × frequency reaches thousands of radians, where fp32 has lost three digits.
  const Tensor frequency = at::tensor(f.frequency, at::kDouble).to(device);
  const Tensor angle = at::outer(at::arange(length, frequency.options()), frequency);  // [length, head_dim / 2]
  return {(angle.cos() * f.attention_factor).to(at::kFloat), (angle.sin() * f.attention_factor).to(at::kFloat)};
}

}  // namespace shorten::model
