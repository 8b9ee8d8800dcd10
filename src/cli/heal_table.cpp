// SPDX-License-Identifier: Apache-2.0
#include "cli/heal_table.h"

#include <fmt/format.h>

#include "core/units.h"
#include "report/table.h"

namespace shorten::cli {
namespace {

// As seen from this folder where it lies below it.
std::string short_path(const fs::path& path) {
  const fs::path near = path.lexically_relative(fs::current_path());
  return (near.empty() || *near.begin() == ".." ? path : near).string();
}

}  // namespace

std::string heal_table(const Json& report, const fs::path& run) {
  const Json& settings = report.at("settings");
  std::vector<std::pair<std::string, std::string>> fields;
  const bool lora = settings.at("method") == "lora";
  if (fs::exists(run / "model")) fields.emplace_back("model", (run / "model").string());
  if (lora) fields.emplace_back("adapter", (run / "adapter").string());
  std::string method = lora ? fmt::format("LoRA, rank {}", settings.at("rank").get<int64_t>()) : "all parameters";
  method += settings.at("objective") == "kd"
                ? ", taught by " + short_path(report.at("teacher").at("path").get<std::string>())
                : ", cross-entropy";
  fields.emplace_back("trained", fmt::format("{} parameters: {}",
                                             with_separators(report.at("trained_parameters").get<int64_t>()), method));
  fields.emplace_back("steps", fmt::format("{}, {} tokens, {}", with_separators(report.at("steps").get<int64_t>()),
                                           with_separators(report.at("tokens").get<int64_t>()),
                                           human_seconds(report.at("seconds").get<double>())));
  const Json &before = report.at("before"), &after = report.at("after");
  const auto shown = [](const Json& value) {
    return value.is_number() ? fmt::format("{:.4f}", value.get<double>()) : "not finite";
  };
  if (report.at("validation_rows").get<int64_t>() > 0)
    fields.emplace_back("held-out loss", shown(before.at("loss")) + " -> " + shown(after.at("loss")));
  for (const auto& [name, value] : before.at("perplexity").items())
    fields.emplace_back(name, "perplexity " + shown(value) + " -> " + shown(after.at("perplexity").at(name)));
  return report::render_fields(fields);
}

}  // namespace shorten::cli
