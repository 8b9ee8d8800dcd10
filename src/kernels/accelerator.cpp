// SPDX-License-Identifier: Apache-2.0
#include "kernels/accelerator.h"

#include <optional>

#include "core/check.h"
#include "core/system.h"

namespace shorten::kernels {
namespace {

std::optional<Accelerator> plugged_in;  // written once, when the plug-in is opened

const Accelerator& accelerator() {
  SHORTEN_CHECK(plugged_in.has_value(), "a device without its plug-in");
  return *plugged_in;
}

}  // namespace

void set_accelerator(const Accelerator& accelerator) { plugged_in = accelerator; }

int accelerator_count() { return plugged_in ? plugged_in->device_count() : 0; }

void synchronize(const at::Device& device) {
  if (!device.is_cpu()) accelerator().synchronize(device.index());
}
uint64_t free_memory(const at::Device& device) {
  return device.is_cpu() ? available_memory() : accelerator().free_memory(device.index());
}
uint64_t peak_device_memory(const at::Device& device) {
  return device.is_cpu() ? 0 : accelerator().peak_memory(device.index());
}
void reset_peak_device_memory(const at::Device& device) {
  if (!device.is_cpu()) accelerator().reset_peak_memory(device.index());
}

std::unique_ptr<Graph> capture(const at::Device& device, const std::function<void()>& work) {
  SHORTEN_CHECK(!device.is_cpu(), "a graph on a CPU");
  return accelerator().capture(device.index(), work);
}

}  // namespace shorten::kernels
