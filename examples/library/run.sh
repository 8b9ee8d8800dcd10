#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is built in BUILD into a folder of its own, builds the example against it, and runs it on the example
# model. usage: examples/library/run.sh BUILD
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >"$work/install.log" || { cat "$work/install.log" >&2; exit 1; }
cmake -S examples/library -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix" >"$work/configure.log" 2>&1 ||
  { cat "$work/configure.log" >&2; exit 1; }
cmake --build "$work/build"
mkdir "$work/out"
XDG_CACHE_HOME=$work/cache "$work/build/shorten_example" examples/novelist-14m examples/texts/calibrate.txt "$work/out"
"$work/prefix/bin/shorten" inspect "$work/out/run/model"
