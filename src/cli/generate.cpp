// SPDX-License-Identifier: Apache-2.0
#include "jobs/generate.h"

#include <fmt/format.h>

#include "cli/common.h"
#include "cli/sampling_options.h"
#include "cli/text_options.h"
#include "core/error.h"
#include "core/version.h"
#include "jobs/outputs.h"
#include "jobs/sampling.h"

namespace shorten::cli {
namespace {

Json to_json(const jobs::GenerateRequest& request, const std::vector<jobs::Generation>& generations) {
  Json results = Json::array();
  for (size_t m = 0; m < generations.size(); ++m) {
    const jobs::Generation& g = generations[m];
    for (size_t p = 0; p < g.samples.size(); ++p) {
      const jobs::Sample& sample = g.samples[p];
      results.push_back({{"path", request.models[m]->name()},
                         {"prompt", request.prompts[p]},
                         {"prompt_ids", sample.prompt_ids},
                         {"ids", sample.ids},
                         {"text", sample.text},
                         {"stop", sample.stop},
                         {"compute", {{"device", g.used.device}, {"dtype", g.used.dtype}}}});
    }
  }
  const engine::SamplingSettings& s = request.sampling;
  return {{"format", "shorten.generate"},
          {"version", 1},
          {"shorten_version", kVersion},
          {"sampling",
           {{"temperature", s.temperature},
            {"top_k", s.top_k},
            {"top_p", s.top_p},
            {"min_p", s.min_p},
            {"repetition_penalty", s.repetition_penalty},
            {"seed", s.seed}}},
          {"results", results}};
}

// Several texts, one after another with a heading each.
std::string to_text(const jobs::GenerateRequest& request, const std::vector<jobs::Generation>& generations) {
  std::string out;
  for (size_t m = 0; m < generations.size(); ++m) {
    for (size_t p = 0; p < request.prompts.size(); ++p) {
      out += fmt::format("{}== {}, prompt {}\n{}\n", out.empty() ? "" : "\n", printable(request.models[m]->name(), 200),
                         p + 1, generations[m].samples[p].text);
    }
  }
  return out;
}

void run_generate(const std::vector<std::string>& models, jobs::GenerateRequest request, const CommonOptions& common) {
  request.sampling.seed = common.seed_or_default();
  request.compute = common.place.options();
  jobs::check_sampling(request.sampling);
  std::vector<fs::path> inputs;
  for (const std::string& model : models) {
    request.models.push_back(family::open_model(model));
    inputs.push_back(request.models.back()->dir());
  }
  jobs::check_output(common.output, common.force, inputs);

  // One text appears as it comes.
  const bool stream = !common.json && request.prompts.size() == 1, headings = models.size() > 1;
  if (stream) {
    request.on_model = [&](size_t m) {
      if (m > 0) write_stdout("\n");
      if (m > 0 && headings) write_stdout("\n");
      if (headings) write_stdout(fmt::format("== {}\n", printable(models[m], 200)));
    };
    request.on_text = [](size_t, std::string_view text) { write_stdout(text); };
  }
  const std::vector<jobs::Generation> generations = jobs::generate_text(request, common.hooks);
  if (stream) write_stdout("\n");
  for (size_t m = 0; m < models.size(); ++m) {
    const jobs::Generation& g = generations[m];
    log_info(fmt::format("{}: {} tokens, {:.1f} tokens/s, {} on {}", printable(models[m], 60), g.new_tokens(),
                         static_cast<double>(g.new_tokens()) / g.seconds, g.used.dtype, g.used.device));
  }
  deliver(common, to_json(request, generations), stream ? "" : to_text(request, generations));
}

}  // namespace

std::function<void()> setup_generate(CLI::App& app, CommonOptions& common) {
  auto models = std::make_shared<std::vector<std::string>>();
  auto o = std::make_shared<jobs::GenerateRequest>();
  app.add_option("MODEL", *models, "one model, or several, one after another")->required();
  app.add_option("--prompt", o->prompts, "text to continue; may be repeated")
      ->type_name("TEXT")
      ->required()
      ->allow_extra_args(false);
  app.add_option("--max-new-tokens", o->max_new_tokens, "generate at most N tokens per prompt [128]")
      ->type_name("N")
      ->check(CLI::Range(1, 1 << 24));
  add_sampling_options(app, o->sampling);
  app.add_option("--stop", o->stop, "stop before this text; may be repeated")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  app.add_flag("--ignore-eos", o->ignore_eos, "keep generating after the end-of-sequence token");
  add_tokenizer_option(app, o->tokens.tokenizer);
  return [models, o, &common] { run_generate(*models, *o, common); };
}

}  // namespace shorten::cli
