// SPDX-License-Identifier: Apache-2.0
// The checker is nlohmann's parser with a handler that stores nothing; the walker is a scanner that may
// trust what has been checked.
#include "core/json_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/error.h"
#include "core/utf8.h"

namespace shorten {
namespace {

struct Checker : nlohmann::json_sax<nlohmann::json> {
  size_t max_keys, keys = 0;
  int depth = 0;
  size_t error_at = 0;
  std::string reason;  // empty: no error

  explicit Checker(size_t limit) : max_keys(limit) {}

  bool open() {
    if (++depth <= kMaxJsonDepth) return true;
    reason = fmt::format("more than {} levels of nesting", kMaxJsonDepth);
    return false;
  }
  bool close() { return --depth, true; }

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return open(); }
  bool key(string_t&) override {
    if (++keys <= max_keys) return true;
    reason = fmt::format("more than {} keys", max_keys);
    return false;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t) override { return open(); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& e) override {
    error_at = position == 0 ? 0 : position - 1;
    reason = e.what();  // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ..."
    for (const std::string_view mark : {"] ", ": "}) {
      if (const size_t at = reason.find(mark); at != std::string::npos) reason = reason.substr(at + mark.size());
    }
    return false;
  }
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// A position that moves over checked JSON.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) { skip_space(); }

  char peek() const { return text_[at_]; }
  void take() {  // one structural character
    ++at_;
    skip_space();
  }

  std::string_view value() {  // skips one value of any kind
    const size_t begin = at_;
    int depth = 0;
    do {
      const char c = text_[at_];
      if (c == '"') {
        skip_string();
      } else if (c == '{' || c == '[') {
        ++depth, ++at_;
      } else if (c == '}' || c == ']') {
        --depth, ++at_;
      } else if (c == ',' || c == ':' || is_space(c)) {
        ++at_;
      } else {
        while (at_ < text_.size() && !is_space(text_[at_]) &&
               std::string_view(",]}").find(text_[at_]) == std::string_view::npos)
          ++at_;
      }
    } while (depth > 0);
    const std::string_view found = text_.substr(begin, at_ - begin);
    skip_space();
    return found;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  void skip_string() {
    for (++at_; text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\') ++at_;
    }
    ++at_;
  }

  std::string_view text_;
  size_t at_ = 0;
};

// A path need not be UTF-8; JSON must be.
std::string compact(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string one_line(const Json& value) {
  if (!value.is_structured()) return compact(value);
  std::string out;
  for (const auto& [key, member] : value.items()) {
    out += out.empty() ? "" : ", ";
    out += (value.is_object() ? compact(key) + ": " : "") + one_line(member);
  }
  return fmt::format("{}{}{}", value.is_object() ? '{' : '[', out, value.is_object() ? '}' : ']');
}

// `used` columns of the first line are taken by the key and the indentation.
std::string readable(const Json& value, size_t indent, size_t used) {
  constexpr size_t kWidth = 100;
  const std::string line = one_line(value);
  const bool whole_file = indent == 0;
  if (!value.is_structured() || value.empty() || (!whole_file && used + line.size() <= kWidth)) return line;
  const std::string margin(indent + 2, ' ');
  std::string out;
  for (const auto& [key, member] : value.items()) {
    const std::string name = value.is_object() ? compact(key) + ": " : "";
    out += (out.empty() ? "\n" : ",\n") + margin + name;
    out += readable(member, indent + 2, margin.size() + name.size() + 1);
  }
  out += "\n" + std::string(indent, ' ');
  return fmt::format("{}{}{}", value.is_object() ? '{' : '[', out, value.is_object() ? '}' : ']');
}

}  // namespace

void check_json_text(std::string_view text, const std::filesystem::path& file, const std::string& where,
                     size_t max_keys) {
  const auto fail = [&](std::string what, size_t offset) {
    const auto line =
        1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size())), '\n');
    return bad_input(std::move(what)).file(file).where(where.empty() ? fmt::format("line {}", line) : where);
  };
  if (const size_t bad = find_invalid_utf8(text); bad != std::string_view::npos) {
    throw fail("not valid UTF-8", bad)
        .found(fmt::format("byte 0x{:02x} at offset {}", static_cast<unsigned char>(text[bad]), bad));
  }
  if (text.starts_with("\xEF\xBB\xBF")) throw fail("JSON must not start with a byte-order mark", 0);
  // The parser would take a NUL for the end of the text and ignore what follows.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    throw fail("not valid JSON", nul).found(fmt::format("a NUL byte at offset {}", nul));
  }
  Checker checker(max_keys);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &checker)) {
    const bool too_much = checker.keys > max_keys || checker.depth > kMaxJsonDepth;
    throw fail(too_much ? "the JSON is nested too deeply or has too many keys" : "not valid JSON", checker.error_at)
        .found(checker.reason);
  }
}

std::vector<JsonMember> json_members(std::string_view text) {
  Scanner scan(text);
  SHORTEN_CHECK(scan.peek() == '{', "members are asked of a JSON value that is no object");
  std::vector<JsonMember> members;
  for (scan.take(); scan.peek() != '}';) {
    if (scan.peek() == ',') scan.take();
    const std::string_view key = scan.value();
    scan.take();  // the colon
    members.push_back({json_string(key), scan.value()});
  }
  return members;
}

std::vector<std::string_view> json_elements(std::string_view text) {
  Scanner scan(text);
  SHORTEN_CHECK(scan.peek() == '[', "elements are asked of a JSON value that is no array");
  std::vector<std::string_view> elements;
  for (scan.take(); scan.peek() != ']';) {
    if (scan.peek() == ',') scan.take();
    elements.push_back(scan.value());
  }
  return elements;
}

char json_kind(std::string_view text) { return Scanner(text).peek(); }

std::string json_string(std::string_view text) {
  const std::string_view literal = Scanner(text).value();
  if (literal.find('\\') == std::string_view::npos) return std::string(literal.substr(1, literal.size() - 2));
  return nlohmann::json::parse(literal).get<std::string>();
}

std::optional<std::string_view> find_json_value(std::string_view text, std::string_view key) {
  for (const JsonMember& member : json_members(text)) {
    if (member.key == key) return member.value;
  }
  return std::nullopt;
}

std::string replace_part(std::string_view text, std::string_view part, std::string_view replacement) {
  SHORTEN_CHECK(part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size(),
                "the part to replace is not in the text");
  const auto begin = static_cast<size_t>(part.data() - text.data());
  std::string out(text.substr(0, begin));
  out += replacement;
  out += text.substr(begin + part.size());
  return out;
}

std::string keep_json_elements(std::string_view text, const std::vector<int>& kept) {
  const std::vector<std::string_view> elements = json_elements(text);
  if (kept.empty() || elements.empty()) return "[]";
  const auto offset = [&](const char* p) { return static_cast<size_t>(p - text.data()); };
  const auto end_of = [&](size_t i) { return offset(elements[i].data()) + elements[i].size(); };
  std::string out(text.substr(0, offset(elements.front().data())));
  for (size_t n = 0; n < kept.size(); ++n) {
    const auto i = static_cast<size_t>(kept[n]);
    SHORTEN_CHECK(i < elements.size(), "an element to keep is not in the array");
    // What stands between two elements (comma, line break, indentation) belongs to the second of them.
    if (n > 0) out += text.substr(end_of(i - 1), offset(elements[i].data()) - end_of(i - 1));
    out += elements[i];
  }
  return out += text.substr(end_of(elements.size() - 1));
}

std::string readable_json(const Json& value) { return readable(value, 0, 0) + "\n"; }

}  // namespace shorten
