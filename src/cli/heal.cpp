// SPDX-License-Identifier: Apache-2.0
#include "cli/heal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "cli/heal_table.h"
#include "core/cleanup.h"
#include "core/error.h"
#include "core/json_text.h"

namespace shorten::cli {
namespace {

constexpr char kParentWrites[] = "self";  // as --data

// A number of rows, or a file of them.
void take_validation(const std::string& given, jobs::HealRequest& request) {
  if (given.empty()) return;
  if (given.find_first_not_of("0123456789") != std::string::npos) {
    request.validation_file = given;
    return;
  }
  int64_t count = 0;
  const auto [end, status] = std::from_chars(given.data(), given.data() + given.size(), count);
  if (status != std::errc()) throw usage_error("not a number of rows").where("--validation").found(given);
  request.validation_rows = count;
}

jobs::HealRequest to_request(const HealOptions& o, const CommonOptions& common) {
  jobs::HealRequest request = o.request;
  if (std::count(o.data.begin(), o.data.end(), kParentWrites) > 0) {
    if (o.data.size() > 1) {
      throw usage_error("self cannot be combined with files")
          .where("--data")
          .expected("self alone, or files")
          .found(fmt::format("{}", fmt::join(o.data, " ")));
    }
  } else {
    request.data = o.data;
  }
  take_validation(o.validation, request);
  if (!o.teacher.empty()) request.teacher = family::open_model(o.teacher);
  request.merge = !o.no_merge;
  request.place = common.place;
  request.settings.seed = common.seed;
  request.force = common.force;
  request.command = common.argv;
  return request;
}

std::unique_ptr<jobs::HealRun> open_run(const HealOptions& o, const CommonOptions& common) {
  jobs::HealRequest request = to_request(o, common);
  if (common.output.empty() && request.resume) return jobs::resume_heal(o.model, request, common.hooks);
  if (common.output.empty()) throw usage_error("no output given").expected("-o RUN, the folder of the run");
  request.run = common.output;
  request.model = family::open_model(o.model);
  return jobs::prepare_heal(request, common.hooks);
}

void train(jobs::HealRun& run, const CommonOptions& common) {
  const StopRequest stop;
  Hooks hooks = common.hooks;
  hooks.stop = stop.token();
  try {
    run.train(hooks, [&](const Json& report) {
      write_stdout(common.json ? readable_json(report) : heal_table(report, run.path()));
    });
  } catch (Error& error) {
    if (error.message() == "out of memory")
      error.help("compute less at once: --micro-batch 1, --recompute on, or a smaller --max-memory");
    if (run.can_continue(error)) {
      const bool first = error.code() == ExitCode::kNoSpace && !error.help().empty();
      error.help(fmt::format("{}continue with: shorten heal --resume {}", first ? error.help() + "; then " : "",
                             run.path().string()));
    }
    throw;
  }
}

void run_heal(const HealOptions& o, const CommonOptions& common) {
  if (o.show_data) {
    jobs::HealRequest request = to_request(o, common);
    request.model = family::open_model(o.model);
    const auto rows = jobs::show_rows(request, static_cast<size_t>(*o.show_data), common.hooks);
    for (size_t i = 0; i < rows.size(); ++i) write_stdout(fmt::format("{}row {}\n{}", i == 0 ? "" : "\n", i, rows[i]));
    return;
  }
  const auto run = open_run(o, common);
  if (!run->finished()) return train(*run, common);
  const std::string table = "finished already\n" + heal_table(run->report(), run->path());
  write_stdout(common.json ? readable_json(run->report()) : table);
}

}  // namespace

std::function<void()> setup_heal(CLI::App& app, CommonOptions& common) {
  auto o = std::make_shared<HealOptions>();
  add_heal_options(app, *o);
  return [o, &common] { run_heal(*o, common); };
}

}  // namespace shorten::cli
