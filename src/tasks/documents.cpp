// SPDX-License-Identifier: Apache-2.0
#include "tasks/documents.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/progress.h"
#include "core/units.h"
#include "python/random.h"
#include "tasks/wikitext.h"
#include "text/text_files.h"

namespace shorten::tasks {
namespace {

constexpr std::string_view kOriginalWikitext = "wiki.test.raw";

// The documents of a file, and how a place in it is called: "line" counts from 1, "element" from 0.
struct Content {
  std::vector<Json> documents;
  std::string_view unit = "line";
};

std::string place_name(std::string_view unit, int64_t id) {
  return fmt::format("{} {}", unit, unit == "element" ? id : id + 1);
}

// An array, or an object whose only value is one.
std::vector<Json> parse_array(std::string_view text, const fs::path& file) {
  const Json json = parse_json(text, file);
  const Json& list = json.is_object() && json.size() == 1 ? json.front() : json;
  if (!list.is_array()) {
    throw bad_input("not a list of documents")
        .file(file)
        .expected("a JSON array of objects, or an object with one key whose value is that array");
  }
  return {list.begin(), list.end()};
}

Content parse_content(const text::TextFile& file) {
  Content out;
  const std::string extension = file.file.extension().string();
  if (extension == ".jsonl") {
    text::for_each_entry(file, [&](const Json& entry, const std::string&) {
      out.documents.push_back(entry);
      return true;
    });
  } else if (extension == ".json") {
    out = {parse_array(file.content, file.file), "element"};
  } else {
    out.unit = "page";
    for (std::string& page : wikitext_pages(file.content)) out.documents.push_back({{"page", std::move(page)}});
  }
  if (out.documents.empty()) throw bad_input("the file has no documents").file(file.file);
  return out;
}

fs::path find_file(const Task& task, const fs::path& folder) {
  std::error_code failed;
  if (!fs::is_directory(folder, failed)) throw bad_input("no such folder").file(folder).field("task_data");
  const std::string stem = fmt::format("{}_{}", task.name, task.split);
  std::vector<std::string> names{stem + ".jsonl", stem + ".json"};
  if (task.kind == Kind::kText) names.emplace_back(kOriginalWikitext);
  std::vector<std::string> found;
  for (const std::string& name : names) {
    if (fs::exists(folder / name, failed)) found.push_back(name);
  }
  if (found.size() == 1) return folder / found[0];
  const std::string_view what = found.empty() ? "no data for the task" : "more than one file for the task";
  Error error = bad_input(fmt::format("{} {}", what, task.name));
  error.file(folder).expected(fmt::format("one file: {}", fmt::join(names, " or ")));
  if (found.empty()) throw error.help("it is made by: " + file_command(task));
  throw error.found(fmt::format("{}", fmt::join(found, ", ")));
}

// How many of `n` documents are asked.
int64_t limited(int64_t n, std::optional<double> limit, const Profile& profile) {
  if (!limit) return n;
  const bool share = *limit < 1;
  if (!std::isfinite(*limit) || *limit <= 0 || (!share && *limit != std::floor(*limit))) {
    throw usage_error("not a number of documents")
        .field("limit")
        .expected("a whole number, or below 1 a share of the documents")
        .found(fmt::format("{}", *limit));
  }
  if (!share) return *limit < static_cast<double>(n) ? static_cast<int64_t>(*limit) : n;
  const double exact = static_cast<double>(n) * *limit;
  const auto count = static_cast<int64_t>(profile.limit_ceil ? std::ceil(exact) : std::floor(exact));
  if (count == 0) {
    throw usage_error("no document is left").field("limit").found(fmt::format("{} of {} documents", *limit, n));
  }
  return count;
}

void warn_if_incomplete(const TaskData& data) {
  if (data.available == data.task->documents) return;
  log_warning(fmt::format("{} has {} documents; the complete {} split of {} has {}", printable(data.file.string()),
                          with_separators(data.available), data.task->split, data.task->name,
                          with_separators(data.task->documents)));
}

}  // namespace

std::string TaskData::where(size_t i) const { return place_name(unit, ids.at(i)); }

std::vector<int64_t> shuffled_order(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  python::Random(42).shuffle(order);
  return order;
}

TaskData read_task(const Task& task, const fs::path& folder, const Profile& profile, std::optional<double> limit) {
  TaskData out;
  out.task = &task;
  out.file = find_file(task, folder);
  const text::TextFile file = text::read_text_file(out.file);
  out.sha256 = file.sha256;
  Content content = parse_content(file);
  out.unit = content.unit;
  out.available = static_cast<int64_t>(content.documents.size());
  std::vector<Example> examples;
  for (size_t i = 0; i < content.documents.size(); ++i) {
    const JsonObject document(content.documents[i], out.file, place_name(out.unit, static_cast<int64_t>(i)));
    examples.push_back(task.example(document, profile));
  }
  warn_if_incomplete(out);
  if (profile.shuffled) {
    out.ids = shuffled_order(out.available);
  } else {
    out.ids.resize(content.documents.size());
    std::iota(out.ids.begin(), out.ids.end(), int64_t{0});
  }
  out.ids.resize(static_cast<size_t>(limited(out.available, limit, profile)));
  for (const int64_t id : out.ids) {
    out.documents.push_back(std::move(content.documents[static_cast<size_t>(id)]));
    out.examples.push_back(std::move(examples[static_cast<size_t>(id)]));
  }
  return out;
}

}  // namespace shorten::tasks
