#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Milliseconds of `shorten --help`: the median of 51 runs.
set -euo pipefail
cd "$(dirname "$0")/.."
for _ in $(seq 51); do
  begin=$(date +%s%N)
  build/shorten --help >/dev/null
  echo $((($(date +%s%N) - begin) / 1000))
done | sort -n | awk '{v[NR] = $1} END {printf "shorten --help: %.1f ms (from %.1f to %.1f)\n", v[int((NR + 1) / 2)] / 1000, v[1] / 1000, v[NR] / 1000}'
