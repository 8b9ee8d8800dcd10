// SPDX-License-Identifier: Apache-2.0
// Which files of a model directory may be read. A directory that somebody else made can hold links;
// followed blindly they would carry private files of this machine into an output that gets published.
#pragma once

#include <string>
#include <vector>

#include "core/file.h"

namespace shorten::checkpoint {

// The first folder models--* of a Hub cache on the way to `path`, or an empty path. Resolve links first.
fs::path hub_folder(const fs::path& path);

// Throws bad_input unless `name`, as an index may give it, names a file in the same folder: no
// separators, no control characters, not hidden, and it ends in ".safetensors".
// `tensor` is the one that the index puts there.
void check_shard_name(const std::string& name, const std::string& tensor, const fs::path& index_file);

// `dir / name` if it is a regular file that may be read, else bad_input. A symbolic link may lead
//   - in a Hub cache (a folder models--*): only to a file inside the same models--* folder;
//   - elsewhere: into the directory itself, into blobs/ of a Hub cache, or to a file of the same name.
fs::path model_file(const fs::path& dir, const std::string& name);

bool has_file(const fs::path& dir, const std::string& name);  // something of that name is there, even a broken link

// Names of everything in `dir`, sorted. Throws bad_input if it cannot be listed.
std::vector<std::string> list_names(const fs::path& dir);

}  // namespace shorten::checkpoint
