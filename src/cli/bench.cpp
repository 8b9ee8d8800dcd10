// SPDX-License-Identifier: Apache-2.0
#include "jobs/bench.h"

#include "cli/bench_table.h"
#include "cli/common.h"
#include "core/error.h"
#include "core/progress.h"
#include "jobs/outputs.h"

namespace shorten::cli {
namespace {

struct BenchOptions {
  std::vector<std::string> models, shapes;
  std::optional<std::vector<int64_t>> input;
  std::string charts;
  jobs::BenchRequest request;
};

void check_usage(const BenchOptions& o) {
  if (o.models.empty() && o.shapes.empty())
    throw usage_error("no model").expected("MODEL..., or --random-weights CONFIG");
  if (o.request.prompt && o.input) throw usage_error("--prompt and --input exclude each other");
}

// The files of --charts, checked.
std::vector<fs::path> chart_files(const BenchOptions& o, const CommonOptions& common,
                                  const std::vector<fs::path>& inputs) {
  std::vector<fs::path> out;
  if (o.charts.empty()) return out;
  for (const char* name : {"latency.svg", "blocks.svg"}) {
    out.push_back(fs::path(o.charts) / name);
    jobs::check_output(out.back(), common.force, inputs);
    if (!common.output.empty() && jobs::real_path(out.back()) == jobs::real_path(common.output))
      throw usage_error("two results in one file").file(common.output).help("give -o another name");
  }
  return out;
}

void run_bench(const BenchOptions& o, const CommonOptions& common) {
  check_usage(o);
  jobs::BenchRequest request = o.request;
  if (o.input) request.input = *o.input;
  request.seed = common.seed_or_default();
  request.compute = common.place.options();
  std::vector<fs::path> inputs(o.shapes.begin(), o.shapes.end());
  for (const std::string& model : o.models) inputs.push_back(checkpoint::resolve_model(model));
  jobs::check_output(common.output, common.force, inputs);
  const std::vector<fs::path> charts = chart_files(o, common, inputs);
  for (const std::string& model : o.models) request.subjects.push_back({family::open_model(model), {}});
  for (const std::string& shape : o.shapes) request.subjects.push_back({nullptr, shape});

  const jobs::BenchReport report = jobs::measure_speed(request, common.hooks);
  std::vector<StagedFile> files;
  if (!charts.empty() && report.any_ran()) {
    files.emplace_back(charts[0], jobs::latency_chart(report), common.force);
    files.emplace_back(charts[1], jobs::blocks_chart(report), common.force);
  } else if (!charts.empty()) {
    log_warning("nothing fitted into memory: there are no charts");
  }
  deliver(common, jobs::to_json(report), bench_table(report));
  for (StagedFile& file : files) file.commit();
}

}  // namespace

std::function<void()> setup_bench(CLI::App& app, CommonOptions& common) {
  auto o = std::make_shared<BenchOptions>();
  jobs::BenchRequest& r = o->request;
  const auto list = [&](const char* name, auto& values, const char* help) {
    return app.add_option(name, values, help)
        ->type_name("LIST")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::Range(1, 1 << 24));
  };
  app.add_option("MODEL", o->models, "one model, or several, measured in turn");
  app.add_option("--random-weights", o->shapes,
                 "measure the shape of this config.json with random weights; may be repeated")
      ->type_name("CONFIG")
      ->allow_extra_args(false);
  list("--blocks", r.blocks, "use only the first so many blocks of each model");
  list("--input", o->input, "random tokens per prompt [12]");
  list("--new-tokens", r.new_tokens, "tokens to generate, ignoring end-of-sequence [128]");
  list("--batch", r.batch, "sequences at a time [1]");
  app.add_option("--prompt", r.prompt, "this prompt instead of random tokens")->type_name("TEXT");
  app.add_option("--runs", r.runs, "measured runs [20]")->type_name("N")->check(CLI::Range(1, 1 << 20));
  app.add_option("--warmup", r.warmup, "warm-up runs, not counted [10]")->type_name("N")->check(CLI::Range(0, 1 << 20));
  app.add_option("--charts", o->charts, "write latency.svg and blocks.svg into this folder")->type_name("DIR");
  return [o, &common] { run_bench(*o, common); };
}

}  // namespace shorten::cli
