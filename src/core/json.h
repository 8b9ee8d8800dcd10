// SPDX-License-Identifier: Apache-2.0
// JSON from untrusted files: strict UTF-8, a depth limit, no duplicate keys; then typed access that
// names the file and the key when something is missing or of another type.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shorten {

// Keeps the order of keys, so that what we write reads as it was built.
using Json = nlohmann::ordered_json;

// Parses one JSON text. `file` and `where` only serve the error. Throws bad_input.
Json parse_json(std::string_view text, const std::filesystem::path& file, const std::string& where = "");

// Reads and parses a whole file of at most `max_bytes`.
Json read_json(const std::filesystem::path& file, uint64_t max_bytes = 256u << 20);

// One object of a JSON file with the path to it, for typed access with good errors.
class JsonObject {
 public:
  // Throws bad_input if `value` is no object. Keeps a reference to `value`.
  JsonObject(const Json& value, std::filesystem::path file, std::string where = "");

  bool has(std::string_view key) const;  // present and not null
  const Json& at(std::string_view key) const;
  const Json& value() const { return value_; }

  int64_t integer(std::string_view key, int64_t low, int64_t high) const;
  double number(std::string_view key) const;  // finite
  bool boolean(std::string_view key) const;
  const std::string& string(std::string_view key) const;
  JsonObject object(std::string_view key) const;
  const Json& array(std::string_view key) const;
  std::vector<double> numbers(std::string_view key) const;

  // The same with a value for a key that is absent or null.
  int64_t integer_or(std::string_view key, int64_t fallback, int64_t low, int64_t high) const;
  double number_or(std::string_view key, double fallback) const;
  bool boolean_or(std::string_view key, bool fallback) const;
  std::string string_or(std::string_view key, std::string fallback) const;

  // Throws bad_input that names the first key not in `known`.
  void expect_only(const std::vector<std::string_view>& known) const;

  // A bad_input error placed at `key` of this object, to be completed and thrown by the caller.
  class Error error(std::string what, std::string_view key) const;
  const std::filesystem::path& file() const { return file_; }

 private:
  std::string place(std::string_view key) const;

  const Json& value_;
  std::filesystem::path file_;
  std::string where_;
};

}  // namespace shorten
