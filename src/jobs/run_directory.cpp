// SPDX-License-Identifier: Apache-2.0
#include "jobs/run_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "checkpoint/model_files.h"
#include "checkpoint/output_dir.h"
#include "core/error.h"
#include "core/file_format.h"

namespace shorten::jobs {
namespace {

// All that a run directory may hold.
constexpr const char* kOurs[] = {"state",       "adapter",   "model",    "best",     "last",
                                 "train.jsonl", "train.csv", "loss.svg", "heal.json"};

// As StagedFile and OutputDir name what they have not finished: .model.tmp-abcdef
bool is_temporary(const std::string& name) {
  const size_t end = name.find(".tmp-");
  if (!name.starts_with('.') || end == std::string::npos) return false;
  const std::string of = name.substr(1, end - 1);
  return of == "run.json" || of == "rows.safetensors" ||
         std::find(std::begin(kOurs), std::end(kOurs), of) != std::end(kOurs);
}

// All that state/ may hold.
bool is_state(const std::string& name) {
  return name == "lock" || name == "run.json" || name == "rows.safetensors" || name.starts_with("slot-") ||
         name.starts_with("best-") || name.starts_with(".slot-") || is_temporary(name);
}

// Whether the file says that it is what we write.
bool has_format(const fs::path& file, std::string_view format) {
  try {
    return read_format(file).at("format") == format;
  } catch (const Error&) {
    return false;
  } catch (const Json::exception&) {
    return false;
  }
}

}  // namespace

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

bool RunDirectory::resumable() const { return fs::exists(path_ / "state" / "run.json"); }
bool RunDirectory::finished() const { return fs::exists(path_ / "heal.json"); }

void RunDirectory::lock() {
  const fs::path file = path_ / "state" / "lock";
  lock_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0) throw io_error("cannot write in the run directory", errno).file(file);
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0)
    throw usage_error("another process is training in this directory").file(path_);
}

// All but the lock.
void RunDirectory::clear_state() {
  // First what says that there is something to go on with: whenever this is cut off, nothing claims what is not there.
  fs::remove(path_ / "state" / "run.json");
  for (const std::string& name : checkpoint::list_names(path_ / "state")) {
    if (name != "lock") fs::remove_all(path_ / "state" / name);
  }
}

void RunDirectory::remove_state() {
  clear_state();
  fs::remove_all(path_ / "state");
}

// What a killed process was writing.
void RunDirectory::remove_temporaries() const {
  for (const fs::path& folder : {path_, path_ / "best", path_ / "last", path_ / "state"}) {
    std::error_code failed;
    if (!fs::is_directory(folder, failed)) continue;
    for (const std::string& name : checkpoint::list_names(folder)) {
      if (is_temporary(name)) fs::remove_all(folder / name, failed);
    }
  }
}

void RunDirectory::check(bool force, const std::vector<fs::path>& inputs) const {
  checkpoint::refuse_inputs(path_, inputs);
  std::error_code failed;
  if (!fs::exists(path_, failed)) return;
  if (!fs::is_directory(path_)) throw usage_error("the output is no folder").file(path_);
  bool empty = true;
  for (const std::string& name : checkpoint::list_names(path_)) {
    if (is_temporary(name)) continue;
    if (std::find(std::begin(kOurs), std::end(kOurs), name) == std::end(kOurs)) {
      throw usage_error("the output directory holds something else")
          .file(path_)
          .found(name)
          .help("choose another place");
    }
    empty = empty && name == "state" && !resumable() && holds_only_state();  // what a run left that never began
  }
  if (empty || (force && is_ours())) return;
  if (!is_ours()) {
    throw usage_error("the output directory holds something else")
        .file(path_)
        .expected("a run of shorten heal: its heal.json, or its state/run.json")
        .help("choose another place");
  }
  throw usage_error("the output directory holds another run")
      .file(path_)
      .help(resumable() ? "continue it: `resume`; or start over: `force`"
                        : "start anew with `force`, or choose another place");
}

bool RunDirectory::holds_only_state() const {
  const std::vector<std::string> names = checkpoint::list_names(path_ / "state");
  return std::all_of(names.begin(), names.end(), is_state);
}

bool RunDirectory::holds_outputs() const {
  const std::vector<std::string> names = checkpoint::list_names(path_);
  return std::any_of(names.begin(), names.end(), [](const std::string& name) { return name != "state"; });
}

bool RunDirectory::is_ours() const {
  if (has_format(path_ / "heal.json", kHealFormat) || has_format(path_ / "state" / "run.json", kRunFormat)) return true;
  return fs::exists(path_ / "state" / "lock") && holds_only_state();  // it was killed while it was begun anew
}

void RunDirectory::create() {
  const bool fresh = !fs::exists(path_);
  make_folders(path_ / "state");
  lock();  // nobody trains in it
  // By state/ alone we know what an earlier run left without an end: it stays.
  if (finished() || !holds_outputs()) begun_ = std::make_unique<Temporary>(fresh ? path_ : path_ / "state");
  clear_state();
}

void RunDirectory::remove_outputs() {
  fs::remove(path_ / "heal.json");  // after this no one takes the rest for a run
  for (const char* name : kOurs) {
    if (name != std::string_view("state")) fs::remove_all(path_ / name);
  }
  remove_temporaries();
}

void RunDirectory::save(SavedRun& run) {
  write_run(path_, run);
  if (begun_) begun_->keep();
}

SavedRun RunDirectory::load() {
  lock();
  remove_temporaries();
  return read_run(path_);
}

Json RunDirectory::report() const {
  Json report = read_format(path_ / "heal.json");
  expect_format(JsonObject(report, path_ / "heal.json"), kHealFormat);
  return report;
}

void RunDirectory::finish() {
  if (!fs::is_directory(path_ / "state")) return;
  if (lock_ < 0) lock();
  remove_state();
}

void RunDirectory::discard() {
  if (!finished() && holds_outputs()) return clear_state();  // as in `create`
  remove_state();
  std::error_code ignored;  // it holds something, then
  fs::remove(path_, ignored);
}

}  // namespace shorten::jobs
