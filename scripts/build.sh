#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Configures and builds a preset of CMakePresets.json. usage: scripts/build.sh PRESET [FOLDER [TARGET...]]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
case $preset in sanitize | dev) folder=${2:-build/$preset} ;; *) folder=${2:-build} ;; esac
mkdir -p "$folder"
log=$folder/configure.log
cmake --preset "$preset" -B "$folder" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
# A compiler takes up to 1 GB with LibTorch's headers: no more jobs than memory allows.
jobs=$(nproc)
memory=$(awk '/MemAvailable/ {print int($2 / 1500000)}' /proc/meminfo)
[ "$memory" -ge 1 ] || memory=1
[ "$jobs" -le "$memory" ] || jobs=$memory
targets=("${@:3}")
cmake --build "$folder" --parallel "$jobs" --target "${targets[@]:-all}"
