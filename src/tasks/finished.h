// SPDX-License-Identifier: Apache-2.0
// Answers to a whole task, kept in a file, so that an evaluation that was interrupted goes on where it was.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/file.h"
#include "tasks/metrics.h"

namespace shorten::tasks {

using TaskAnswers = std::vector<std::vector<Answer>>;  // [example][request]

// Everything that the answers depend on, by name, so that a difference can be named: "profile" → "v0.4.3".
// Flat: values are strings and numbers.
using AnswerKey = Json;

// The file's answers if its key equals `key` and it has as many answers as `examples` have requests. Otherwise
// nothing, and `why` says what differs ("the profile was v0.3-sep"); empty where there is no such file.
std::optional<TaskAnswers> read_finished(const fs::path& file, const AnswerKey& key, std::span<const Example> examples,
                                         std::string& why);

// Replaces the file, which appears whole or not at all; its folder must exist.
void write_finished(const fs::path& file, const AnswerKey& key, const TaskAnswers& answers);

}  // namespace shorten::tasks
