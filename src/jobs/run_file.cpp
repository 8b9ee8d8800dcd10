// SPDX-License-Identifier: Apache-2.0
// state/run.json: what a run was begun with; and its rows, in state/rows.safetensors.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "checkpoint/file_writer.h"
#include "checkpoint/state_slots.h"
#include "core/error.h"
#include "core/file_format.h"
#include "core/json_text.h"
#include "core/sha256.h"
#include "jobs/run_directory.h"

namespace shorten::jobs {
namespace {

// Of what is only measured.
std::string held_out_sha256(const engine::HealRequest& request) {
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

family::ModelPtr open_unchanged(const fs::path& dir, const std::string& expected) {
  auto model = std::make_shared<family::Model>(dir);
  if (model->fingerprint() == expected) return model;
  throw bad_input("the model has changed since the run began").file(dir).expected(expected).found(model->fingerprint());
}

void check_teacher(const family::Model& teacher, const std::vector<int>& kept) {
  const auto blocks = static_cast<int>(teacher.blocks());
  for (const int block : kept) {
    if (block < 0 || block >= blocks) {
      throw bad_input("the saved run names a block that the teacher does not have")
          .file(teacher.dir())
          .expected(fmt::format("0 to {}", blocks - 1))
          .found(fmt::format("{}", block));
    }
  }
}

SavedRun read_checked(const fs::path& folder) {
  const fs::path file = folder / "state" / "run.json";
  const Json text = read_format(file);
  const JsonObject json(text, file);
  expect_format(json, kRunFormat);
  SavedRun run;
  engine::HealRequest& r = run.request;
  r.run = folder;
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
  const checkpoint::SafetensorsFile rows(folder / "state" / "rows.safetensors");
  r.rows = fetch(rows, "rows");
  r.validation = fetch(rows, "validation");
  const Json& texts = json.array("texts");
  for (size_t i = 0; i < texts.size(); ++i)
    r.texts.push_back({texts[i].get<std::string>(), fetch(rows, fmt::format("text{}", i))});
  const JsonObject facts = json.object("facts");
  check_sha256("the saved rows are damaged", rows.path(), facts.string("rows_sha256"), data::examples_sha256(r.rows));
  check_sha256("the saved rows are damaged", rows.path(), facts.string("held_out_sha256"), held_out_sha256(r));
  if (r.init_adapter && checkpoint::StateSlots(folder / "state").empty()) {  // a slot holds what the adapter began
    check_sha256("the adapter has changed since the run began", *r.init_adapter, json.string("init_adapter_sha256"),
                 adapter_sha256(*r.init_adapter));
  }
  r.model = engine::source_of(open_unchanged(json.string("model"), json.string("fingerprint")));
  if (json.has("teacher")) {
    r.teacher = open_unchanged(json.string("teacher"), facts.object("teacher").string("fingerprint"));
    check_teacher(*r.teacher, r.kept);
  }
  return run;
}

}  // namespace

void write_run(const fs::path& folder, SavedRun& run) {
  engine::HealRequest& r = run.request;
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
  checkpoint::write_safetensors(folder / "state" / "rows.safetensors", tensors, {});

  Json json = {{"format", kRunFormat},
               {"version", kFileVersion},
               {"model", fs::absolute(r.model.files->dir()).string()},
               {"fingerprint", r.model.files->fingerprint()},
               {"teacher", r.teacher ? Json(fs::absolute(r.teacher->dir()).string()) : Json()},
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
  StagedFile(folder / "state" / "run.json", readable_json(json), false).commit();
  for (const fs::path& changed : {folder / "state", folder, fs::absolute(folder).parent_path()})
    checkpoint::sync_folder(changed);
}

SavedRun read_run(const fs::path& folder) {
  try {
    return read_checked(folder);
  } catch (const Json::exception& e) {  // a value of another type, deep inside
    throw bad_input("the saved run is damaged").file(folder / "state" / "run.json").found(e.what());
  }
}

}  // namespace shorten::jobs
