// SPDX-License-Identifier: Apache-2.0
// What the harness's own regression tests do: write the requests as Python does, and answer them at random.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/file.h"
#include "core/json.h"
#include "core/utf8.h"
#include "python/random.h"
#include "tasks/documents.h"
#include "tasks/metrics.h"
#include "test_data.h"

namespace shorten::test {

inline const tasks::Profile& early() { return tasks::find_profile("v0.3-joint"); }

inline fs::path task_data() { return fs::path(extra_data()) / "data/tasks"; }
inline fs::path wikitext_data() { return fs::path(extra_data()) / "data/wikitext-2"; }
inline fs::path full_hashes() { return task_data() / "harness_full_hashes"; }
inline fs::path ten_documents() { return task_data() / "harness_requests_10docs"; }

// json.dumps of a string: ASCII, with surrogate pairs.
inline std::string python_dump(std::string_view text) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const size_t n = utf8_sequence_length(text, at);
    const char32_t c = utf8_decode(text, at, n);
    at += n;
    const std::string_view kPlain = "\"\\\n\r\t\f\b", kLetters = "\"\\nrtfb";
    if (const size_t i = c < 0x80 ? kPlain.find(static_cast<char>(c)) : std::string_view::npos;
        i != std::string_view::npos) {
      out += '\\';
      out += kLetters[i];
    } else if (c >= 0x20 && c < 0x7F) {
      out += static_cast<char>(c);
    } else if (c < 0x10000) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
    } else {
      const uint32_t rest = static_cast<uint32_t>(c) - 0x10000;
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    }
  }
  return out + "\"";
}

// json.dumps of all requests: [[context, continuation], ...], or [[text], ...].
inline std::string python_requests(const std::vector<tasks::Example>& examples, tasks::Kind kind) {
  std::string out;
  for (const tasks::Example& example : examples) {
    for (const tasks::Request& request : example.requests) {
      out += out.empty() ? "[" : ", ";
      const std::string continuation = python_dump(request.continuation);
      out += kind == tasks::Kind::kText ? "[" + continuation + "]"
                                        : "[" + python_dump(request.context) + ", " + continuation + "]";
    }
  }
  return out + "]";
}

// The model of those tests: random.seed(42), then for each request -random.random(), never greedy. A last word is
// asked for twice, for its likelihood and for its greediness.
inline std::vector<std::vector<tasks::Answer>> random_answers(const std::vector<tasks::Example>& examples,
                                                              tasks::Kind kind) {
  python::Random random(42);
  std::vector<std::vector<tasks::Answer>> out;
  for (const tasks::Example& example : examples) {
    auto& answers = out.emplace_back();
    for (size_t r = 0; r < example.requests.size(); ++r) answers.push_back({-random.random(), false});
    if (kind == tasks::Kind::kLastWord) random.random();
  }
  return out;
}

}  // namespace shorten::test
