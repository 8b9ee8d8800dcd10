// SPDX-License-Identifier: Apache-2.0
// Preloaded into a program that uses LibTorch on a GPU (bench/gpu_trace.py does it), records for a while which kernels
// run and when, with LibTorch's profiler, and writes them as a Chrome trace. The program itself need not know.
//   SHORTEN_TRACE        the file; without it nothing happens
//   SHORTEN_TRACE_AFTER  seconds from the start of the program
//   SHORTEN_TRACE_MS     milliseconds that are recorded
#include <torch/csrc/autograd/profiler_kineto.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace {

double setting(const char* name, double otherwise) {
  const char* text = std::getenv(name);
  return text ? std::atof(text) : otherwise;
}

void record(const char* file) {
  namespace profiler = torch::autograd::profiler;
  using Activity = torch::profiler::impl::ActivityType;
  const auto wait = [](double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); };
  wait(setting("SHORTEN_TRACE_AFTER", 10));
  const profiler::ProfilerConfig config(profiler::ProfilerState::KINETO);
  profiler::prepareProfiler(config, {Activity::CUDA});
  profiler::enableProfiler(config, {Activity::CUDA});
  wait(setting("SHORTEN_TRACE_MS", 700) / 1000);
  profiler::disableProfiler()->save(file);
  std::fprintf(stderr, "gpu_trace: %s is written\n", file);
}

[[maybe_unused]] const bool started = [] {
  const char* file = std::getenv("SHORTEN_TRACE");
  if (file) std::thread(record, file).detach();
  return file != nullptr;
}();

}  // namespace
