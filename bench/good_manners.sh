#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What waiting threads cost: scoring with LibTorch's default (threads spin) and with the program's choice
# (they sleep), on a quiet machine and beside a process that keeps one core busy. Seconds, one line a run,
# policies in turn. usage: bench/good_manners.sh [RUNS]
set -euo pipefail
cd "$(dirname "$0")/.."
run() {  # POLICY → seconds of one scoring
  OMP_WAIT_POLICY=$1 build/bench_score examples/novelist-14m --rows tests/golden/novelist-14m/calibration.jsonl \
    --criterion ppl --dtype fp32 --device cpu | sed -E 's/.*"seconds":\[([0-9.]+)\].*/\1/'
}
for load in quiet busy; do
  if [ $load = busy ]; then
    (while :; do :; done) &
    busy=$!
    trap 'kill $busy 2>/dev/null' EXIT
  fi
  for _ in $(seq "${1:-3}"); do
    printf '%-6s sleeping %6.1f s   spinning %6.1f s\n' $load "$(run PASSIVE)" "$(run ACTIVE)"
  done
done
