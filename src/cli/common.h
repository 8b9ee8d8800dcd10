// SPDX-License-Identifier: Apache-2.0
// What every subcommand shares: common options, and how results and errors leave the program.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "core/json.h"
#include "engine/engine.h"

namespace shorten::cli {

struct CommonOptions {
  ComputeOptions compute;
  uint64_t seed = 1234;
  std::string output;
  bool json = false, force = false, quiet = false, verbose = false;
  std::vector<std::string> argv;  // as given, for the files we write
};

// One subcommand: adds its options to `app` and returns what to do once they are parsed.
struct Verb {
  const char* name;
  const char* summary;
  std::function<void()> (*setup)(CLI::App& app, CommonOptions& common);
};

std::function<void()> setup_inspect(CLI::App& app, CommonOptions& common);
std::function<void()> setup_score(CLI::App& app, CommonOptions& common);
std::function<void()> setup_plan(CLI::App& app, CommonOptions& common);
std::function<void()> setup_prune(CLI::App& app, CommonOptions& common);
std::function<void()> setup_eval(CLI::App& app, CommonOptions& common);
std::function<void()> setup_generate(CLI::App& app, CommonOptions& common);
std::function<void()> setup_heal(CLI::App& app, CommonOptions& common);
std::function<void()> setup_bench(CLI::App& app, CommonOptions& common);

// The absolute name without links, also of what is not there yet.
fs::path real_path(const fs::path& path);

// Refuses, before any work, an output that exists (without --force), and always one that is an input: the
// same file, or inside a folder that is read. Does nothing if `output` is empty.
void check_output(const std::string& output, bool force, const std::vector<fs::path>& inputs);

// The second half alone: for outputs that are folders.
void check_not_input(const std::string& output, const std::vector<fs::path>& inputs);

// Writes to standard output and checks that it arrived. Throws if the reader is gone or the disk full.
void write_stdout(std::string_view text);

// Writes `json` to common.output (if given) and, with --json, to standard output; otherwise the table.
void deliver(const CommonOptions& common, const Json& json, const std::string& table);

// Loads libshorten_torch.so on the first call.
const Engine& engine();

}  // namespace shorten::cli
