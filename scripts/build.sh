#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Configures and builds. usage: scripts/build.sh FOLDER [CMake options]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
shift
log=$folder/configure.log
mkdir -p "$folder"
cmake -S . -B "$folder" -G Ninja "$@" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
# A compiler takes up to 1 GB with LibTorch's headers: no more jobs than memory allows.
jobs=$(nproc)
memory=$(awk '/MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo)
[ "$memory" -ge 1 ] || memory=1
[ "$jobs" -le "$memory" ] || jobs=$memory
cmake --build "$folder" --parallel "$jobs"
