// SPDX-License-Identifier: Apache-2.0
#include "jobs/self_text_cache.h"

#include <fmt/format.h>

#include <cstdlib>

#include "core/error.h"
#include "core/progress.h"
#include "core/sha256.h"
#include "text/source.h"

namespace shorten::jobs {
namespace {

constexpr char kRecord[] = "self_text", kIds[] = "input_ids", kDigest[] = "sha256";
constexpr uint64_t kMaxFile = uint64_t{8} << 30;

// As the XDG base directory specification has it: a relative path does not count. Empty if there is none.
fs::path cache_folder() {
  const auto absolute = [](const char* name) {
    const char* value = std::getenv(name);
    return value && value[0] == '/' ? fs::path(value) : fs::path();
  };
  if (const fs::path cache = absolute("XDG_CACHE_HOME"); !cache.empty()) return cache / "shorten";
  const fs::path home = absolute("HOME");
  return home.empty() ? fs::path() : home / ".cache" / "shorten";
}

std::string digest(const TokenRows& rows) {
  Sha256 sha;
  for (const auto& row : rows) sha.update(Json(row).dump() + "\n");
  return sha.hex();
}

}  // namespace

SelfTextCache::SelfTextCache(Json what, int64_t vocabulary) : what_(std::move(what)), vocabulary_(vocabulary) {
  const fs::path folder = cache_folder();
  if (!folder.empty()) file_ = folder / fmt::format("self-{}.jsonl", sha256_hex(what_.dump()).substr(0, 16));
}

TokenRows SelfTextCache::read_checked() const {
  const std::string text = read_file(file_, kMaxFile);
  const std::string first = text.substr(0, text.find('\n'));
  const Json parsed = parse_json(first, file_, "line 1");
  Json record = JsonObject(parsed, file_, "line 1").object(kRecord).value();
  const Json recorded_digest = record.value(kDigest, Json());
  record.erase(kDigest);
  if (record != what_) throw bad_input("it holds another text").file(file_);

  TokenRows rows;
  const auto length = what_.at("length").get<size_t>();
  const bool whole = what_.at("whole_rows").get<bool>();
  for (text::Document& document : text::read_source(file_.string()).documents) {
    const std::vector<text::TokenId>& ids = document.ids;
    bool sound = document.ready && ids.size() >= 2 && ids.size() <= length && (!whole || ids.size() == length);
    for (const text::TokenId id : ids) sound = sound && id < vocabulary_;
    if (!sound) throw bad_input("a row that cannot be one").file(file_).where(document.where);
    rows.push_back(std::move(document.ids));
  }
  if (rows.size() != what_.at("rows").get<size_t>() || recorded_digest != digest(rows))
    throw bad_input("it is damaged").file(file_);
  return rows;
}

std::optional<TokenRows> SelfTextCache::read() const {
  std::error_code error;
  if (file_.empty() || !fs::exists(file_, error)) return std::nullopt;
  try {
    return read_checked();
  } catch (const Error& e) {
    log_warning(fmt::format("{}: {}: the text is written again", printable(file_.string()), e.message()));
    return std::nullopt;
  }
}

void SelfTextCache::write(const TokenRows& rows) const {
  const auto warn = [](const std::string& place, const std::string& why) {
    log_warning(fmt::format("the text is not kept for the next time: {}: {}", printable(place), why));
  };
  if (file_.empty()) return warn("no cache folder", "neither XDG_CACHE_HOME nor HOME is an absolute path");
  std::string text;
  for (const auto& row : rows) {
    Json line = {{kIds, row}};
    if (text.empty()) {
      line[kRecord] = what_;
      line[kRecord][kDigest] = digest(rows);
    }
    text += line.dump() + "\n";
  }
  try {
    fs::create_directories(file_.parent_path());
    StagedFile(file_, text, /*force=*/true).commit();
  } catch (const Error& e) {
    warn(e.file(), e.message());
  } catch (const fs::filesystem_error& e) {
    warn(file_.parent_path().string(), e.code().message());
  }
}

}  // namespace shorten::jobs
