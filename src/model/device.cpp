// SPDX-License-Identifier: Apache-2.0
#include "model/device.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>

#include "core/build_id.h"
#include "core/check.h"
#include "core/error.h"
#include "core/progress.h"
#include "core/system.h"
#include "kernels/accelerator.h"

namespace shorten::model {
namespace {

// The folder that this library was loaded from: the plug-in lies beside it.
std::filesystem::path library_folder() {
  Dl_info info{};
  SHORTEN_CHECK(::dladdr(reinterpret_cast<void*>(&library_folder), &info) != 0,
                "a library that does not know where it is");
  return std::filesystem::path(info.dli_fname).parent_path();
}

// Opens libshorten_cuda.so for the rest of the process. Returns why not, or nothing.
std::string open_plugin() {
  const std::filesystem::path plugin = library_folder() / "libshorten_cuda.so";
  if (!std::filesystem::exists(plugin))
    return "this build has no CUDA plug-in (libshorten_cuda.so); build it with ./quickstart.sh --cuda";
  if (!std::filesystem::exists("/dev/nvidiactl") && !std::filesystem::exists("/dev/dxg"))
    return "no NVIDIA device on this machine";
  // RTLD_GLOBAL: LibTorch's CUDA hooks register themselves in the libraries that are already there.
  void* library = ::dlopen(plugin.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (!library) return fmt::format("the CUDA plug-in does not load: {}", ::dlerror());
  const auto entry = reinterpret_cast<const kernels::Accelerator* (*)()>(::dlsym(library, "shorten_cuda"));
  check_build_id(entry ? entry()->build_id : nullptr, plugin);
  if (entry()->device_count() == 0) return "the CUDA driver finds no device";
  kernels::set_accelerator(*entry());
  return "";
}

}  // namespace

at::Device open_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  if (name != "auto" && name != "cuda" && !name.starts_with("cuda:")) {
    throw usage_error(fmt::format("unknown device \"{}\"", printable(name, 40))).expected("auto, cpu, cuda or cuda:N");
  }
  const std::string missing = open_plugin();
  if (!missing.empty()) {
    if (name != "auto")
      throw usage_error("CUDA is not available").found(missing).help("leave out `device`, or use `device` cpu");
    log_debug(fmt::format("device: cpu ({})", missing));
    return at::kCPU;
  }
  int index = 0;
  if (name.starts_with("cuda:")) {
    const std::string digits = name.substr(5);
    const int count = kernels::accelerator_count();
    if (digits.empty() || digits.size() > 3 || digits.find_first_not_of("0123456789") != std::string::npos ||
        std::stoi(digits) >= count) {
      throw usage_error(fmt::format("no such device: {}", printable(name, 40)))
          .expected(fmt::format("cuda:0 to cuda:{}", count - 1));
    }
    index = std::stoi(digits);
  }
  return {at::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

at::ScalarType choose_dtype(const std::string& name, const at::Device& device, checkpoint::DType checkpoint) {
  if (name == "fp32") return at::kFloat;
  if (name == "bf16") return at::kBFloat16;
  if (name == "fp16") return at::kHalf;
  if (name != "auto")
    throw usage_error(fmt::format("unknown dtype \"{}\"", printable(name, 40))).expected("auto, fp32, bf16 or fp16");
  if (device.is_cpu() || checkpoint == checkpoint::DType::kF32) return at::kFloat;
  return checkpoint == checkpoint::DType::kF16 ? at::kHalf : at::kBFloat16;
}

std::string dtype_name(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return "fp32";
    case at::kBFloat16:
      return "bf16";
    case at::kHalf:
      return "fp16";
    default:
      SHORTEN_CHECK(false, "a dtype that no model has");
  }
}

std::string device_name(const at::Device& device) {
  return device.is_cpu() ? "cpu" : fmt::format("cuda:{}", static_cast<int>(device.index()));
}

void set_threads(int threads) { at::set_num_threads(threads > 0 ? threads : usable_cores()); }

}  // namespace shorten::model
