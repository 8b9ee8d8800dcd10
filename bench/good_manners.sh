#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What waiting threads cost on a quiet machine and beside a process that keeps one core busy, with LibTorch's default
# (threads spin), sleeping threads, and threads that spin shortly before they sleep. The program takes the third way where
# nobody else runs when it starts, else the second. Seconds of a scoring (ppl on the example model), then tokens a second
# of decoding (6 blocks of a TinyLlama shape). One line a run, ways in turn. usage: bench/good_manners.sh [RUNS]
set -euo pipefail
cd "$(dirname "$0")/.."
declare -A ways=([sleeping]="OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0" [short]="OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=30000"
                 [spinning]="OMP_WAIT_POLICY=ACTIVE")
scoring() {  # WAY -> seconds
  env ${ways[$1]} build/bench_score examples/novelist-14m --rows tests/golden/novelist-14m/calibration.jsonl \
    --criterion ppl --dtype fp32 --device cpu | sed -E 's/.*"seconds":\[([0-9.]+)\].*/\1/'
}
decoding() {  # WAY -> tokens a second
  env ${ways[$1]} build/shorten bench --random-weights bench/shapes/tinyllama-1.1b.json --blocks 6 --device cpu --dtype bf16 \
    --input 12 --new-tokens 40 --runs 3 --warmup 1 --json -q | sed -nE 's/.*"decode_tok_s": ([0-9.]+).*/\1/p'
}
for load in quiet busy; do
  if [ $load = busy ]; then
    (while :; do :; done) &
    busy=$!
    trap 'kill $busy 2>/dev/null' EXIT
  fi
  for _ in $(seq "${1:-3}"); do
    for work in scoring decoding; do
      printf '%-6s %-9s sleeping %6.1f   short %6.1f   spinning %6.1f\n' $load $work "$($work sleeping)" "$($work short)" "$($work spinning)"
    done
  done
done
