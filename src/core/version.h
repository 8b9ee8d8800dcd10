// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace shorten {

inline constexpr char kVersion[] = "0.1.0";  // written into every file we make

}  // namespace shorten
