// SPDX-License-Identifier: Apache-2.0
#include "core/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/file.h"
#include "core/json_text.h"
#include "core/utf8.h"

namespace shorten {
namespace {

constexpr size_t kMaxKeys = 20'000;  // of one object: a new key is looked up among all others

size_t line_of(std::string_view text, size_t offset) {
  return 1 + static_cast<size_t>(std::count(
                 text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size())), '\n'));
}

std::string shown(const Json& value) {
  return std::string(value.type_name()) + " " +
         printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60);
}

}  // namespace

Json parse_json(std::string_view text, const std::filesystem::path& file, const std::string& where) {
  const auto fail = [&](std::string what, size_t offset) {
    return bad_input(std::move(what))
        .file(file)
        .where(where.empty() ? fmt::format("line {}", line_of(text, offset)) : where);
  };
  if (const size_t bad = find_invalid_utf8(text); bad != std::string_view::npos) {
    throw fail("not valid UTF-8", bad)
        .found(fmt::format("byte 0x{:02x} at offset {}", static_cast<unsigned char>(text[bad]), bad));
  }
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) throw fail("a NUL character in JSON", nul);
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      if (depth >= kMaxJsonDepth)
        throw bad_input("JSON nested too deeply")
            .file(file)
            .where(where)
            .expected(fmt::format("at most {} levels", kMaxJsonDepth));
      if (event == Event::object_start) keys.emplace_back();
    } else if (event == Event::object_end) {
      keys.pop_back();
    } else if (event == Event::key) {
      if (keys.back().size() == kMaxKeys)
        throw bad_input("too many keys in one JSON object")
            .file(file)
            .where(where)
            .expected(fmt::format("at most {}", kMaxKeys));
      if (!keys.back().insert(parsed.get<std::string>()).second) {
        throw bad_input("a key appears twice in one JSON object")
            .file(file)
            .where(fmt::format("{}{}key \"{}\"", where, where.empty() ? "" : ", ", parsed.get<std::string>()));
      }
    }
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), watch);
  } catch (const Json::parse_error& e) {
    std::string reason =
        e.what();  // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..."
    if (const size_t colon = reason.find(": "); colon != std::string::npos) reason = reason.substr(colon + 2);
    throw fail("not valid JSON", e.byte == 0 ? 0 : e.byte - 1).found(reason);
  } catch (const Json::out_of_range& e) {
    throw fail("a JSON number is out of range", 0).found(e.what());
  }
}

Json read_json(const std::filesystem::path& file, uint64_t max_bytes) {
  return parse_json(read_file(file, max_bytes), file);
}

JsonObject::JsonObject(const Json& value, std::filesystem::path file, std::string where)
    : value_(value), file_(std::move(file)), where_(std::move(where)) {
  if (!value.is_object()) throw bad_input("a JSON object is needed here").file(file_).where(where_).found(shown(value));
}

std::string JsonObject::place(std::string_view key) const {
  return where_.empty() ? fmt::format("key \"{}\"", key) : fmt::format("{}, key \"{}\"", where_, key);
}

Error JsonObject::error(std::string what, std::string_view key) const {
  Error e = bad_input(std::move(what)).file(file_).where(place(key));
  if (const auto it = value_.find(std::string(key)); it != value_.end()) e.found(shown(*it));
  return e;
}

bool JsonObject::has(std::string_view key) const {
  const auto it = value_.find(std::string(key));
  return it != value_.end() && !it->is_null();
}

const Json& JsonObject::at(std::string_view key) const {
  const auto it = value_.find(std::string(key));
  if (it == value_.end()) throw error("a key is missing", key);
  return *it;
}

int64_t JsonObject::integer(std::string_view key, int64_t low, int64_t high) const {
  const Json& v = at(key);
  const std::string range = fmt::format("an integer from {} to {}", low, high);
  if (!v.is_number_integer()) throw error("not an integer", key).expected(range);
  if (v.is_number_unsigned() && v.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))
    throw error("out of range", key).expected(range);
  const int64_t n = v.get<int64_t>();
  if (n < low || n > high) throw error("out of range", key).expected(range);
  return n;
}

double JsonObject::number(std::string_view key) const {
  const Json& v = at(key);
  if (!v.is_number() || !std::isfinite(v.get<double>())) throw error("not a number", key).expected("a finite number");
  return v.get<double>();
}

bool JsonObject::boolean(std::string_view key) const {
  const Json& v = at(key);
  if (!v.is_boolean()) throw error("neither true nor false", key).expected("true or false");
  return v.get<bool>();
}

const std::string& JsonObject::string(std::string_view key) const {
  const Json& v = at(key);
  if (!v.is_string()) throw error("not a string", key).expected("a string");
  return v.get_ref<const std::string&>();
}

JsonObject JsonObject::object(std::string_view key) const { return {at(key), file_, place(key)}; }

const Json& JsonObject::array(std::string_view key) const {
  const Json& v = at(key);
  if (!v.is_array()) throw error("not an array", key).expected("an array");
  return v;
}

std::vector<double> JsonObject::numbers(std::string_view key) const {
  std::vector<double> out;
  for (const Json& v : array(key)) {
    if (!v.is_number() || !std::isfinite(v.get<double>()))
      throw error("an element is not a number", key).expected("finite numbers");
    out.push_back(v.get<double>());
  }
  return out;
}

int64_t JsonObject::integer_or(std::string_view key, int64_t fallback, int64_t low, int64_t high) const {
  return has(key) ? integer(key, low, high) : fallback;
}
double JsonObject::number_or(std::string_view key, double fallback) const { return has(key) ? number(key) : fallback; }
bool JsonObject::boolean_or(std::string_view key, bool fallback) const { return has(key) ? boolean(key) : fallback; }
std::string JsonObject::string_or(std::string_view key, std::string fallback) const {
  return has(key) ? string(key) : std::move(fallback);
}

void JsonObject::expect_only(const std::vector<std::string_view>& known) const {
  for (const auto& [key, unused] : value_.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    throw error("unknown key", key).expected(fmt::format("one of: {}", fmt::join(known, ", ")));
  }
}

}  // namespace shorten
