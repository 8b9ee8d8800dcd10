// SPDX-License-Identifier: Apache-2.0
#include "tasks/encode.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "core/check.h"
#include "core/error.h"
#include "python/text.h"
#include "tasks/parallel.h"

namespace shorten::tasks {
namespace {

using Ids = std::vector<text::TokenId>;
using text::TokenId;
using text::Tokenizer;
using text::Window;

// What stands in front of a text that has nothing before it.
std::optional<TokenId> prefix_token(const Tokenizer& tokenizer, const Profile& profile) {
  return profile.prefix_bos && tokenizer.bos() ? tokenizer.bos() : tokenizer.eos();
}

TokenId need_prefix_token(const Tokenizer& tokenizer, const Profile& profile) {
  const auto prefix = prefix_token(tokenizer, profile);
  if (prefix) return *prefix;
  throw bad_input("the tokenizer names no token to begin a text with")
      .file(tokenizer.file())
      .expected(profile.prefix_bos ? "a bos_token or eos_token" : "an eos_token");
}

// A context, or context and continuation, or a whole text. A text that already begins with the prefix token
// spelled out does not get it twice.
Ids encode_text(const std::string& text, const Tokenizer& tokenizer, const Profile& profile) {
  if (!profile.tokenizer_bos) return tokenizer.encode(text);
  const auto prefix = prefix_token(tokenizer, profile);
  const bool has_prefix = prefix && text.starts_with(tokenizer.decode({*prefix}, false));
  return has_prefix ? tokenizer.encode(text) : tokenizer.encode_with_special(text);
}

Encoded encode_without_context(const std::string& continuation, const Tokenizer& tokenizer, const Profile& profile) {
  const TokenId prefix = need_prefix_token(tokenizer, profile);
  Encoded out{{prefix}, tokenizer.encode(continuation)};
  if (profile.tokenizer_bos && !out.continuation.empty() && out.continuation.front() == prefix) {
    out.continuation.erase(out.continuation.begin());
  }
  return out;
}

// Tokens of the continuation are those of the whole behind as many as the context alone has. Where the two
// disagree on the context (a token across the seam), the model reads the context's own.
Encoded encode_jointly(const Request& request, const Tokenizer& tokenizer, const Profile& profile) {
  const Request moved = move_trailing_space(request);
  Encoded out;
  out.context = encode_text(moved.context, tokenizer, profile);
  const Ids whole = encode_text(moved.context + moved.continuation, tokenizer, profile);
  if (whole.size() > out.context.size()) {
    out.continuation.assign(whole.begin() + static_cast<std::ptrdiff_t>(out.context.size()), whole.end());
  }
  return out;
}

std::vector<Window> encode_example(const Example& example, Kind kind, const Tokenizer& tokenizer,
                                   const Profile& profile, int64_t max_length, std::atomic<int64_t>& shortened) {
  std::vector<Window> out;
  for (const Request& request : example.requests) {
    if (kind != Kind::kText) {
      const Encoded pair = encode_pair(request, tokenizer, profile);
      out.push_back(to_window(pair, max_length));
      shortened += out.back().ids.size() < pair.context.size() + pair.continuation.size() ? 1 : 0;
      continue;
    }
    const Ids ids = encode_text(request.continuation, tokenizer, profile);
    if (ids.empty()) throw bad_input("no token is left of the text");
    out = rolling_windows(ids, need_prefix_token(tokenizer, profile), max_length);
  }
  return out;
}

void check_ids(const std::vector<Window>& windows, const Tokenizer& tokenizer, int64_t vocabulary) {
  for (const Window& window : windows) {
    const TokenId largest = *std::max_element(window.ids.begin(), window.ids.end());
    if (largest < vocabulary) continue;
    throw bad_input("a token id that the model does not have")
        .expected(fmt::format("ids below {}", vocabulary))
        .found(fmt::format("{}", largest))
        .help("the tokenizer is of another model: " + tokenizer.file().string());
  }
}

// An error about a request, with the document that it comes from. One about another file stays as it is.
Error placed(Error error, const TaskData& data, size_t i) {
  if (error.file().empty()) error.file(data.file).where(data.where(i));
  return error;
}

}  // namespace

Request move_trailing_space(const Request& request) {
  const size_t kept = python::rstrip(request.context).size();
  return {request.context.substr(0, kept), request.context.substr(kept) + request.continuation};
}

Encoded encode_pair(const Request& request, const Tokenizer& tokenizer, const Profile& profile) {
  Encoded out;
  if (request.context.empty()) {
    out = encode_without_context(request.continuation, tokenizer, profile);
  } else if (profile.joint) {
    out = encode_jointly(request, tokenizer, profile);
  } else {
    out = {tokenizer.encode(request.context), tokenizer.encode(request.continuation)};
  }
  if (out.context.empty()) throw bad_input("no token is left for the context").found(printable(request.context, 60));
  if (out.continuation.empty()) {
    throw bad_input("no token is left for the continuation")
        .expected("a continuation that does not melt into the last token of its context")
        .found(fmt::format("\"{}\"", printable(request.continuation, 60)));
  }
  return out;
}

Window to_window(const Encoded& pair, int64_t max_length) {
  SHORTEN_CHECK(!pair.context.empty() && !pair.continuation.empty(), "a request without tokens");
  const auto targets = static_cast<int64_t>(pair.continuation.size());
  if (targets > max_length) {
    throw bad_input("a continuation that is longer than the model reads")
        .expected(fmt::format("at most {} tokens", max_length))
        .found(fmt::format("{}", targets));
  }
  Window out;
  out.ids = pair.context;
  out.ids.insert(out.ids.end(), pair.continuation.begin(), pair.continuation.end());
  const int64_t surplus = static_cast<int64_t>(out.ids.size()) - (max_length + 1);
  if (surplus > 0) out.ids.erase(out.ids.begin(), out.ids.begin() + surplus);
  out.first_target = static_cast<int64_t>(out.ids.size()) - targets;
  return out;
}

std::vector<Window> rolling_windows(std::span<const TokenId> tokens, TokenId prefix, int64_t max_length) {
  SHORTEN_CHECK(max_length > 0, "windows without room");
  const auto total = static_cast<int64_t>(tokens.size());
  std::vector<Window> out;
  for (int64_t done = 0; done < total;) {
    const int64_t targets = std::min(max_length, total - done);
    const int64_t end = done + targets;
    const int64_t start = std::max<int64_t>(end - max_length - 1, 0);
    Window window;
    if (done == 0) window.ids.push_back(prefix);
    window.ids.insert(window.ids.end(), tokens.begin() + (done == 0 ? 0 : start), tokens.begin() + end);
    window.first_target = static_cast<int64_t>(window.ids.size()) - targets;
    out.push_back(std::move(window));
    done = end;
  }
  return out;
}

EncodedTask encode_task(const TaskData& data, const Tokenizer& tokenizer, const Profile& profile, int64_t max_length,
                        int64_t vocabulary) {
  EncodedTask out;
  out.windows.resize(data.examples.size());
  std::atomic<int64_t> shortened = 0;
  for_each_index(out.windows.size(), [&](size_t i) {
    try {
      out.windows[i] = encode_example(data.examples[i], data.task->kind, tokenizer, profile, max_length, shortened);
      check_ids(out.windows[i], tokenizer, vocabulary);
    } catch (const Error& error) {
      throw placed(error, data, i);
    }
  });
  out.shortened = shortened;
  return out;
}

}  // namespace shorten::tasks
