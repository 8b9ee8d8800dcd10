// SPDX-License-Identifier: Apache-2.0
// What every subcommand shares: common options, and how results and errors leave the program.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "core/json.h"
#include "core/progress.h"
#include "jobs/heal.h"

namespace shorten::cli {

struct CommonOptions {
  jobs::PlaceRequest place;
  std::optional<uint64_t> seed;
  std::string output;
  bool json = false, force = false, quiet = false, verbose = false;
  std::vector<std::string> argv;  // as given, for the files we write
  Hooks hooks;                    // what jobs report to

  uint64_t seed_or_default() const { return seed.value_or(1234); }
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

// Writes to standard output and checks that it arrived. Throws if the reader is gone or the disk full.
void write_stdout(std::string_view text);

// Writes `json` to common.output (if given) and, with --json, to standard output; otherwise the table.
void deliver(const CommonOptions& common, const Json& json, const std::string& table);

}  // namespace shorten::cli
