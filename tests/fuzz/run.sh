#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzz target for an equal share of SECONDS. What they learn stays beside the programs, in corpus/; an input
# that breaks a target stays there too, and its path is printed. usage: tests/fuzz/run.sh SECONDS [FOLDER]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
seconds=$1
folder=${2:-$root/build/sanitize}
cd "$root"
programs=("$folder"/fuzz_*)
share=$((seconds / ${#programs[@]}))
[ "$share" -ge 1 ] || share=1

# Tokenizers have files of their own among the golden ones.
seeds() {
  find "$root/tests/fuzz/corpus/$1" -type f 2>/dev/null || true
  case $1 in
    tokenizer_json) find tests/text/golden -name tokenizer.json ;;
    tokenizer_model) find tests/text/golden/spm-* -name tokenizer.model ;;
  esac
}

[ -w /dev/shm ] && export TMPDIR=/dev/shm  # files that nobody keeps
failed=0 runs=0
for program in "${programs[@]}"; do
  target=${program##*/fuzz_}
  corpus=$folder/corpus/$target
  mkdir -p "$corpus" "$folder/findings"
  while read -r seed; do cp "$seed" "$corpus/seed-$(sha256sum "$seed" | cut -c1-16)"; done < <(seeds "$target")
  log=$folder/$target.log
  if "$program" -max_total_time="$share" -max_len=8192 -timeout=20 -rss_limit_mb=3000 -print_final_stats=1 -verbosity=1 \
    -artifact_prefix="$folder/findings/$target-" "$corpus" >"$log" 2>&1; then
    done_runs=$(awk '/stat::number_of_executed_units/ {print $2}' "$log")
    runs=$((runs + done_runs))
    echo "fuzz: $target: $done_runs runs, no finding"
  else
    failed=1
    echo "fuzz: $target: a finding" >&2
    tail -n 60 "$log" >&2
  fi
done
echo "fuzz: $runs runs of ${#programs[@]} targets in $SECONDS s"
exit $failed
