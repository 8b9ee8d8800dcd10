// SPDX-License-Identifier: Apache-2.0
// An entry of a JSON file of training data, read strictly.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "data/read.h"

namespace shorten::data {

// By the keys it has, null or not; nothing where they fit no kind. Where several do, the first in the order ready,
// messages, alpaca, completion, text.
std::optional<Kind> kind_of(const Json& entry);

std::string_view keys_of(Kind kind);       // "input_ids", for errors
std::string keys_seen(const Json& entry);  // "the keys "a", "b""
bool has_keys(const Json& entry, Kind kind);

// The messages of the entry at `where`. Throws bad_input: no message, another role, content that is no text.
std::vector<Message> messages_of(const JsonObject& entry, const std::string& where);

// A ready row. Throws bad_input: no ids, ids or labels not below `vocabulary`, another number of labels.
Example ready_row(const JsonObject& entry, int64_t vocabulary);

}  // namespace shorten::data
