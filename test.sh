#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and runs the tests; ends with ctest's summary.
# usage: ./test.sh             everything that needs no Python
#        ./test.sh --interop   the tests against Transformers, PEFT and tokenizers (installs them into .deps/oracle)
#        ./test.sh --sanitize  the torch-free rooms and the corpus of bad files under ASan and UBSan
# Tests that want larger data take its folder from SHORTEN_TEST_DATA and are skipped, by name, without.
set -euo pipefail
cd "$(dirname "$0")"

scripts/install.sh --tests
case ${1:-} in
  "")
    scripts/build.sh tests
    ctest --test-dir build --output-on-failure --parallel 2
    ;;
  --sanitize)
    scripts/build.sh sanitize
    ctest --test-dir build/sanitize --output-on-failure --parallel 2
    ;;
  --interop)
    scripts/build.sh tests
    tests/interop/run.sh
    ;;
  *)
    echo "usage: ./test.sh [--interop | --sanitize]" >&2
    exit 2
    ;;
esac
