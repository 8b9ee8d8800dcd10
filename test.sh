#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and runs the tests; names those that were skipped and ends with the number of cases.
# usage: ./test.sh             everything that needs no Python
#        ./test.sh --interop   the tests against Transformers, PEFT and tokenizers (installs them into .deps/oracle)
#        ./test.sh --sanitize  the torch-free rooms and the corpus of bad files under ASan and UBSan
#        ./test.sh --fuzz [SECONDS]   the readers of untrusted files under libFuzzer, each for a share of the time
# Tests that want larger data take its folder from SHORTEN_TEST_DATA and are skipped, by name, without.
set -euo pipefail
cd "$(dirname "$0")"

# ctest counts processes; these are the cases of the test programs, by GoogleTest's own lines. A process that died in the
# middle of a case has no line for it.
cases() {  # FOLDER STATUS
  awk -v status="$2" '/^\[       OK \] .* ms\)$/ {passed++}
       /^\[  FAILED  \] .* ms\)$/ {failed++}
       /^\[  SKIPPED \] .* ms\)$/ {skipped++; names = names "  " $4 "\n"}
       END {
         if (status && !failed) failed = 1
         if (skipped) printf "skipped:\n%s", names
         printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
       }' "$1/Testing/Temporary/LastTest.log"
}
run_tests() {
  local status=0
  ctest --test-dir "$1" --output-on-failure --parallel 2 "${@:2}" || status=$?
  cases "$1" $status
  return $status
}

case ${1:-} in
  --sanitize | --fuzz) scripts/install.sh --sanitize ;;
  *) scripts/install.sh --tests ;;
esac
case ${1:-} in
  "")
    scripts/build.sh tests
    run_tests build
    ;;
  --sanitize)
    scripts/build.sh sanitize
    run_tests build/sanitize
    ;;
  --sanitize-torch)
    programs=(model score infer train engine)
    scripts/build.sh sanitize-torch build/sanitize-torch "${programs[@]/#/test_}"
    # Leaks are not looked for: LibTorch keeps what it has made once to the end.
    export ASAN_OPTIONS=detect_leaks=0
    run_tests build/sanitize-torch --tests-regex "^($(IFS='|'; echo "${programs[*]}"))"
    ;;
  --fuzz)
    scripts/build.sh sanitize build/sanitize fuzz
    tests/fuzz/run.sh "${2:-60}"
    ;;
  --interop)
    scripts/build.sh tests
    tests/interop/run.sh
    ;;
  *)
    echo "usage: ./test.sh [--interop | --sanitize | --sanitize-torch | --fuzz SECONDS]" >&2
    exit 2
    ;;
esac
