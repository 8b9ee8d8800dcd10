#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the build needs: packages of the distribution and LibTorch into .deps/.
# usage: scripts/install.sh [--tests] [--sanitize] [--cuda]
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(g++ cmake ninja-build ccache pkg-config python3-venv
  libboost-dev libfmt-dev nlohmann-json3-dev libcli11-dev libssl-dev libpcre2-dev libutf8proc-dev libsentencepiece-dev)
torch=cpu
for argument in "$@"; do
  case $argument in
    --tests) packages+=(libgtest-dev libgmock-dev libbenchmark-dev clang-format) ;;
    --sanitize) packages+=(clang libclang-rt-14-dev libgtest-dev libgmock-dev) torch=none ;;
    --cuda) torch=cuda ;;
    *) echo "unknown argument: $argument (known: --tests, --sanitize, --cuda)" >&2; exit 2 ;;
  esac
done

# Packages of the distribution, only those that are missing: a repeated run asks for nothing.
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ]; then root=""; elif sudo -n true 2>/dev/null; then root="sudo"; else
    echo "Some packages are missing. Please run this line, then the same command again:" >&2
    echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  echo "installing packages: ${missing[*]}"
  log=$(mktemp)
  if ! { $root apt-get update -qq && $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
  fi
  rm -f "$log"
fi

[ $torch != none ] || exit 0
# LibTorch is the content of the PyPI wheel. Its Python part is not used. The CPU build of the program
# needs two small NVIDIA libraries that libtorch_cpu.so is linked with; the CUDA plug-in needs them all.
version=2.11.0
target=.deps/libtorch
done_mark=$target/installed-$torch-$version
if [ ! -e "$done_mark" ] && { [ $torch = cuda ] || [ ! -e "$target/installed-cuda-$version" ]; }; then
  echo "installing LibTorch $version ($torch) into $target"
  [ -e "$target/bin/pip" ] || { rm -rf "$target"; python3 -m venv "$target"; }
  if [ $torch = cuda ]; then
    "$target/bin/pip" -q install "torch==$version"
  else
    "$target/bin/pip" -q install --no-deps "torch==$version" nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85
  fi
  touch "$done_mark"
fi
