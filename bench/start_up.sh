#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Milliseconds until a program has shown its help, the median of 51 runs: shorten, and bench_score, which
# is linked with LibTorch and so loads it first.
set -euo pipefail
cd "$(dirname "$0")/.."
for program in shorten bench_score; do
  for _ in $(seq 51); do
    begin=$(date +%s%N)
    "build/$program" --help >/dev/null
    echo $((($(date +%s%N) - begin) / 1000))
  done | sort -n | awk -v p="$program --help" '{v[NR] = $1}
    END {printf "%-20s %6.1f ms (from %.1f to %.1f)\n", p, v[int((NR + 1) / 2)] / 1000, v[1] / 1000, v[NR] / 1000}'
done
