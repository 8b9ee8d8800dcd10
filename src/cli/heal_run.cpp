// SPDX-License-Identifier: Apache-2.0
// The run directory: what a run needs to go on lies in state/, run.json last.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "checkpoint/checkpoint.h"
#include "checkpoint/file_writer.h"
#include "checkpoint/model_files.h"
#include "checkpoint/output_dir.h"
#include "checkpoint/state_slots.h"
#include "cli/heal.h"
#include "core/error.h"
#include "core/file_format.h"
#include "core/json_text.h"
#include "core/sha256.h"

namespace shorten::cli {
namespace {

constexpr std::string_view kFormat = "shorten.heal-run", kReportFormat = "shorten.heal";
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

// Of what is only measured.
std::string held_out_sha256(const HealRequest& request) {
  Sha256 sha;
  sha.update(data::examples_sha256(request.validation));
  for (const recipe::HeldOut& text : request.texts) sha.update(data::examples_sha256(text.rows));
  return sha.hex();
}

// Of the adapter that the training starts from: its configuration and its numbers.
std::string adapter_sha256(const fs::path& adapter) {
  Sha256 sha;
  for (const char* name : {"adapter_config.json", "adapter_model.safetensors"}) sha.update(read_file(adapter / name));
  return sha.hex();
}

void check_sha256(const char* message, const fs::path& file, const std::string& expected, const std::string& found) {
  if (found != expected) throw bad_input(message).file(file).expected(expected).found(found);
}

// Of all that run.json says: what a saved state belongs to.
std::string identity_of(Json run) {
  run.erase("identity");
  return sha256_hex(run.dump());
}

// Rows as three tensors: ids, labels, and how long each row is.
struct StoredRows {
  std::vector<int32_t> ids, labels, lengths;
};

StoredRows store(const std::vector<data::Example>& rows) {
  StoredRows out;
  for (const data::Example& row : rows) {
    out.ids.insert(out.ids.end(), row.ids.begin(), row.ids.end());
    out.labels.insert(out.labels.end(), row.labels.begin(), row.labels.end());
    out.lengths.push_back(static_cast<int32_t>(row.ids.size()));
  }
  return out;
}

void add(const std::string& name, const StoredRows& rows, std::vector<checkpoint::Tensor>& tensors) {
  for (const auto& [part, values] :
       {std::pair("ids", &rows.ids), {"labels", &rows.labels}, {"lengths", &rows.lengths}}) {
    tensors.push_back({name + "/" + part,
                       checkpoint::DType::kI32,
                       {static_cast<int64_t>(values->size())},
                       std::as_bytes(std::span(*values))});
  }
}

std::vector<data::Example> fetch(const checkpoint::SafetensorsFile& file, const std::string& name) {
  const auto values = [&](const std::string& part) {
    for (const checkpoint::Tensor& t : file.tensors()) {
      if (t.name != name + "/" + part) continue;
      std::vector<int32_t> out(t.numel());
      std::memcpy(out.data(), t.bytes.data(), t.bytes.size());
      return out;
    }
    throw bad_input("the saved rows are damaged").file(file.path()).where(name + "/" + part).found("no such tensor");
  };
  const std::vector<int32_t> ids = values("ids"), labels = values("labels"), lengths = values("lengths");
  std::vector<data::Example> rows;
  size_t at = 0;
  for (const int32_t length : lengths) {
    const auto end = at + static_cast<size_t>(length);
    if (length < 1 || end > ids.size() || labels.size() != ids.size())
      throw bad_input("the saved rows are damaged").file(file.path()).where(name + "/lengths");
    const auto part = [&](const std::vector<int32_t>& from) {
      return std::vector<int32_t>(from.begin() + static_cast<std::ptrdiff_t>(at),
                                  from.begin() + static_cast<std::ptrdiff_t>(end));
    };
    rows.push_back({part(ids), part(labels)});
    at = end;
  }
  return rows;
}

void check_fingerprint(const fs::path& model, const std::string& expected) {
  const std::string found = checkpoint::Checkpoint(model).fingerprint();
  if (found == expected) return;
  throw bad_input("the model has changed since the run began").file(model).expected(expected).found(found);
}

void check_teacher(const fs::path& teacher, const std::vector<int>& kept) {
  const auto blocks = static_cast<int>(family::read_spec(checkpoint::Checkpoint(teacher)).blocks.size());
  for (const int block : kept) {
    if (block < 0 || block >= blocks) {
      throw bad_input("the saved run names a block that the teacher does not have")
          .file(teacher)
          .expected(fmt::format("0 to {}", blocks - 1))
          .found(fmt::format("{}", block));
    }
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
      .help(resumable() ? "go on with it: --resume; or start anew: --force"
                        : "start anew with --force, or choose another place");
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
  if (has_format(path_ / "heal.json", kReportFormat) || has_format(path_ / "state" / "run.json", kFormat)) return true;
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

void RunDirectory::save(HealRun& run) {
  HealRequest& r = run.request;
  run.facts["held_out_sha256"] = held_out_sha256(r);
  std::vector<StoredRows> held = {store(r.rows), store(r.validation)};
  Json texts = Json::array();
  for (const recipe::HeldOut& text : r.texts) {
    held.push_back(store(text.rows));
    texts.push_back(text.name);
  }
  std::vector<checkpoint::Tensor> tensors;
  add("rows", held[0], tensors);
  add("validation", held[1], tensors);
  for (size_t i = 0; i < r.texts.size(); ++i) add(fmt::format("text{}", i), held[i + 2], tensors);
  checkpoint::write_safetensors(path_ / "state" / "rows.safetensors", tensors, {});

  Json json = {{"format", kFormat},
               {"version", kFileVersion},
               {"model", r.model.string()},
               {"fingerprint", r.fingerprint},
               {"teacher", r.teacher ? Json(r.teacher->string()) : Json()},
               {"kept", r.kept},
               {"settings", recipe::to_json(r.settings)},
               {"texts", texts},
               {"init_adapter", r.init_adapter ? Json(r.init_adapter->string()) : Json()},
               {"init_adapter_sha256", r.init_adapter ? Json(adapter_sha256(*r.init_adapter)) : Json()},
               {"merge", r.merge},
               {"compute", {{"device", r.compute.device}, {"dtype", r.compute.dtype}, {"threads", r.compute.threads}}},
               {"record", r.record},
               {"asked", run.asked},
               {"facts", run.facts}};
  json["identity"] = r.identity = identity_of(json);
  StagedFile(path_ / "state" / "run.json", readable_json(json), false).commit();
  for (const fs::path& folder : {path_ / "state", path_, fs::absolute(path_).parent_path()})
    checkpoint::sync_folder(folder);
  if (begun_) begun_->keep();
}

Json RunDirectory::report() const {
  Json report = read_format(path_ / "heal.json");
  expect_format(JsonObject(report, path_ / "heal.json"), kReportFormat);
  return report;
}

HealRun RunDirectory::load() {
  lock();
  remove_temporaries();
  try {
    return read();
  } catch (const Json::exception& e) {  // a value of another type, deep inside
    throw bad_input("the saved run is damaged").file(path_ / "state" / "run.json").found(e.what());
  }
}

HealRun RunDirectory::read() const {
  const fs::path file = path_ / "state" / "run.json";
  const Json text = read_format(file);
  const JsonObject json(text, file);
  expect_format(json, kFormat);
  HealRun run;
  HealRequest& r = run.request;
  r.run = path_;
  r.model = json.string("model");
  r.fingerprint = json.string("fingerprint");
  if (json.has("teacher")) r.teacher = json.string("teacher");
  for (const Json& block : json.array("kept")) r.kept.push_back(block.get<int>());
  r.settings = recipe::settings_from_json(json.object("settings"));
  if (json.has("init_adapter")) r.init_adapter = json.string("init_adapter");
  r.identity = json.string("identity");
  check_sha256("the saved run is damaged", file, r.identity, identity_of(text));
  r.merge = json.boolean("merge");
  const JsonObject compute = json.object("compute");
  r.compute = {compute.string("device"), compute.string("dtype"),
               static_cast<int>(compute.integer("threads", 0, 4096))};
  r.record = json.at("record");
  run.facts = json.at("facts");
  run.asked = json.at("asked");
  const checkpoint::SafetensorsFile rows(path_ / "state" / "rows.safetensors");
  r.rows = fetch(rows, "rows");
  r.validation = fetch(rows, "validation");
  const Json& texts = json.array("texts");
  for (size_t i = 0; i < texts.size(); ++i)
    r.texts.push_back({texts[i].get<std::string>(), fetch(rows, fmt::format("text{}", i))});
  const JsonObject facts = json.object("facts");
  check_sha256("the saved rows are damaged", rows.path(), facts.string("rows_sha256"), data::examples_sha256(r.rows));
  check_sha256("the saved rows are damaged", rows.path(), facts.string("held_out_sha256"), held_out_sha256(r));
  if (r.init_adapter && checkpoint::StateSlots(path_ / "state").empty()) {  // a slot holds what the adapter began
    check_sha256("the adapter has changed since the run began", *r.init_adapter, json.string("init_adapter_sha256"),
                 adapter_sha256(*r.init_adapter));
  }
  check_fingerprint(r.model, r.fingerprint);
  if (r.teacher) check_teacher(*r.teacher, r.kept);
  if (r.teacher) check_fingerprint(*r.teacher, json.object("facts").object("teacher").string("fingerprint"));
  return run;
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

}  // namespace shorten::cli
