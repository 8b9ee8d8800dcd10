// SPDX-License-Identifier: Apache-2.0
// Tensors of an adapter under the names that PEFT gives them. Older files name the adapter in every key ("default").
#include "peft/adapter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>

#include "checkpoint/file_writer.h"
#include "checkpoint/model_files.h"
#include "core/check.h"
#include "core/error.h"
#include "core/file_format.h"
#include "core/json_text.h"
#include "core/version.h"
#include "family/file_keys.h"
#include "peft/config.h"

namespace shorten::peft {
namespace {

using checkpoint::DType;
using checkpoint::Tensor;

constexpr char kConfigFile[] = "adapter_config.json", kWeightsFile[] = "adapter_model.safetensors",
               kPickleFile[] = "adapter_model.bin", kRecordFile[] = "shorten.json", kFormat[] = "shorten.adapter";
constexpr size_t kMaxListed = 20;  // differences shown in one error

std::string tensor_name(int64_t block, const std::string& module, char matrix, const char* adapter = "") {
  return fmt::format("base_model.model.{}{}.lora_{}{}.weight", family::block_prefix(block), module, matrix, adapter);
}

// alpha / rank, or with rsLoRA alpha / sqrt(rank).
double scale_of(const AdapterConfig& config, double alpha, int64_t rank) {
  const auto r = static_cast<double>(rank);
  return alpha / (config.rank_stabilised ? std::sqrt(r) : r);
}

// The first value that is NaN or infinity: its exponent is all ones.
std::optional<uint64_t> first_not_finite(const Tensor& tensor) {
  const bool wide = tensor.dtype == DType::kF32;
  const uint32_t exponent = wide ? 0x7F800000 : tensor.dtype == DType::kBF16 ? 0x7F80 : 0x7C00;
  const size_t size = wide ? 4 : 2;
  for (size_t at = 0; at < tensor.bytes.size(); at += size) {
    uint32_t bits = 0;
    std::memcpy(&bits, tensor.bytes.data() + at, size);
    if ((bits & exponent) == exponent) return at / size;
  }
  return std::nullopt;
}

// Takes the tensors one after another out of a file and notes what does not fit.
class Taker {
 public:
  explicit Taker(const checkpoint::SafetensorsFile& file) {
    for (const Tensor& tensor : file.tensors()) left_.emplace(tensor.name, &tensor);
  }

  Tensor take(int64_t block, const std::string& module, char matrix, const std::vector<int64_t>& shape) {
    const std::string name = tensor_name(block, module, matrix);
    ++wanted_;
    auto at = left_.find(name);
    if (at == left_.end()) at = left_.find(tensor_name(block, module, matrix, ".default"));
    if (at == left_.end()) {
      note("missing     {} {}", name, checkpoint::shape_text(shape));
      return {};
    }
    const Tensor tensor = *at->second;
    left_.erase(at);
    if (tensor.shape != shape) {
      note("shape       {}: expected {}, found {}", tensor.name, checkpoint::shape_text(shape),
           checkpoint::shape_text(tensor.shape));
    } else if (tensor.dtype != DType::kF32 && tensor.dtype != DType::kF16 && tensor.dtype != DType::kBF16) {
      note("dtype       {}: expected F32, F16 or BF16, found {}", tensor.name, checkpoint::dtype_name(tensor.dtype));
    } else if (const auto index = first_not_finite(tensor)) {
      note("not finite  {}: value {} of {} is NaN or infinity", tensor.name, *index, tensor.numel());
    }
    return tensor;
  }

  // Throws if anything does not fit, or is left.
  void finish(const fs::path& file, const AdapterConfig& config, size_t blocks) {
    for (const auto& [name, tensor] : left_)
      note("unexpected  {} {}", printable(name, 120), checkpoint::shape_text(tensor->shape));
    const size_t count = differences_.size();
    if (count == 0) return;
    if (count > kMaxListed) {
      differences_.resize(kMaxListed);
      differences_.push_back(fmt::format("and {} more", count - kMaxListed));
    }
    throw bad_input("the tensors of the adapter are not those that its configuration and the base model describe")
        .file(file)
        .expected(fmt::format("{} finite tensors: rank {} beside {} in {} {} blocks", wanted_, config.rank,
                              fmt::join(config.targets, ", "),
                              wanted_ == 2 * blocks * config.targets.size() ? "each of" : "some of", blocks))
        .found(fmt::format("{} difference{}\n{}", count, count == 1 ? "" : "s", fmt::join(differences_, "\n")))
        .help("an adapter fits only the model that it was trained on, with the same blocks");
  }

 private:
  template <typename... Values>
  void note(fmt::format_string<Values...> text, Values&&... values) {
    differences_.push_back(fmt::format(text, std::forward<Values>(values)...));
  }

  std::map<std::string, const Tensor*> left_;
  std::vector<std::string> differences_;
  size_t wanted_ = 0;
};

// Older versions of PEFT wrote pickles.
void expect_weights(const fs::path& dir) {
  if (checkpoint::has_file(dir, kWeightsFile) || !checkpoint::has_file(dir, kPickleFile)) return;
  throw bad_input("no safetensors weights in the folder of the adapter")
      .file(dir)
      .expected(kWeightsFile)
      .found(fmt::format("{}, a pickle: reading one can run code, so it is never read", kPickleFile))
      .help(fmt::format("write it once as safetensors; in that folder, where PyTorch is installed:\n"
                        "python3 -c 'import torch; from safetensors.torch import save_file\n"
                        "save_file(torch.load(\"{}\", weights_only=True), \"{}\")'",
                        kPickleFile, kWeightsFile));
}

// An adapter that we wrote says which base it belongs to.
void expect_base(const fs::path& dir, const std::string& fingerprint) {
  if (!checkpoint::has_file(dir, kRecordFile)) return;
  const fs::path file = checkpoint::model_file(dir, kRecordFile);
  const Json parsed = read_format(file);
  const JsonObject json(parsed, file);
  expect_format(json, kFormat);
  const JsonObject base = json.object("base");
  const std::string recorded = family::read_fingerprint(base);
  if (recorded == fingerprint) return;
  throw bad_input("the adapter was trained on another model")
      .file(file)
      .where("key \"base\", key \"fingerprint\"")
      .expected(fingerprint + ", as this model has")
      .found(recorded)
      .help("it belongs to " + base.string_or("path", "the model with that fingerprint"));
}

}  // namespace

PeftAdapter open_adapter(const fs::path& dir, const family::ModelSpec& base, const std::string& fingerprint) {
  const auto [config, parts] = read_peft_config(checkpoint::model_file(dir, kConfigFile), base);
  expect_base(dir, fingerprint);
  expect_weights(dir);
  PeftAdapter adapter{config, checkpoint::SafetensorsFile(checkpoint::model_file(dir, kWeightsFile)), {}};
  Taker taker(adapter.file);
  const double common = scale_of(config, config.alpha, config.rank);
  for (const AdaptedPart& part : parts) {
    const std::vector<family::Module> modules = family::linears_of(base.blocks[static_cast<size_t>(part.block)]);
    const auto module = std::find_if(modules.begin(), modules.end(),
                                     [&](const family::Module& candidate) { return candidate.name == part.module; });
    SHORTEN_CHECK(module != modules.end(), "a block without " + part.module);
    Tensor a = taker.take(part.block, part.module, 'A', {part.rank, module->columns});
    Tensor b = taker.take(part.block, part.module, 'B', {module->rows, part.rank});
    const double scale = scale_of(config, part.alpha, part.rank) / common;
    adapter.pairs.push_back({part.block, part.module, std::move(a), std::move(b), scale});
  }
  taker.finish(adapter.file.path(), config, base.blocks.size());
  return adapter;
}

void write_adapter(const fs::path& dir, const AdapterConfig& config, const std::vector<AdapterPair>& pairs,
                   const std::string& base, const std::string& fingerprint) {
  std::vector<Tensor> tensors;
  for (const AdapterPair& pair : pairs) {
    const auto add = [&](const Tensor& tensor, char matrix, size_t rank_at) {
      SHORTEN_CHECK(tensor.dtype == DType::kF32 && tensor.shape.size() == 2 && tensor.shape[rank_at] == config.rank &&
                        tensor.bytes.size() == tensor.numel() * sizeof(float),
                    "a matrix of an adapter is not fp32 or not of its rank: " + pair.module);
      tensors.push_back({tensor_name(pair.block, pair.module, matrix), tensor.dtype, tensor.shape, tensor.bytes});
    };
    add(pair.a, 'A', 0);
    add(pair.b, 'B', 1);
  }
  checkpoint::write_safetensors(dir / kWeightsFile, tensors, {{"format", "pt"}});
  const auto write_text = [&](const char* name, const std::string& text) {
    checkpoint::FileWriter out(dir / name, text.size());
    out.write(text);
    out.close();
  };
  write_text(kConfigFile, peft_config_text(config, base));
  write_text(kRecordFile, readable_json({{"format", kFormat},
                                         {"version", kFileVersion},
                                         {"shorten_version", kVersion},
                                         {"base", {{"path", base}, {"fingerprint", fingerprint}}}}));
  checkpoint::sync_folder(dir);
}

}  // namespace shorten::peft
