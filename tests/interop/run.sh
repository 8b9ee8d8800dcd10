#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Holds what the program writes against the Python reference implementations.
# usage: tests/interop/run.sh [ENVIRONMENT]
#   ENVIRONMENT   a Python virtual environment with the packages of tests/golden/requirements.txt; made, or completed, when
#                 it does not have them (default .deps/oracle)
#   SHORTEN       (variable) the program (default build/shorten)
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
env=${1:-$root/.deps/oracle}
shorten=${SHORTEN:-$root/build/shorten}
requirements=$root/tests/golden/requirements.txt

[ -x "$shorten" ] || { echo "run.sh: no program at $shorten: build it first, or set SHORTEN" >&2; exit 2; }

# Exactly the pinned versions, and LibTorch finds all its libraries.
complete() {
  python - "$requirements" 2>&1 <<'PYTHON'
import importlib.metadata as metadata, sys
for line in open(sys.argv[1]):
    name, version = line.strip().split("==")
    if metadata.version(name) != version:
        sys.exit(f"{name} is {metadata.version(name)}, not {version}")
import torch, transformers
PYTHON
}

# `import torch` loads CUDA's libraries even where no GPU is. From PyPI they are about 3 GB; a CUDA 13 toolkit on this machine
# has most of them, and torch without its dependencies plus the few the toolkit lacks is enough.
install_torch() {
  local torch cuda
  torch=$(grep '^torch==' "$requirements")
  cuda=${CUDA_HOME:-/usr/local/cuda}
  if [ -e "$cuda/lib64/libcublas.so.13" ] && [ -e "$cuda/lib64/libcudnn.so.9" ]; then
    pip -q install --no-deps "$torch" nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85 \
      nvidia-cusparselt-cu13==0.8.0 nvidia-nvshmem-cu13==3.4.5 nvidia-cufile==1.20.0.107
    pip -q install sympy networkx jinja2 fsspec filelock typing-extensions 'setuptools<82'
    grep -q 'CUDA toolkit for LibTorch' "$env/bin/activate" ||
      echo "export LD_LIBRARY_PATH=$cuda/lib64\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH} # CUDA toolkit for LibTorch" >> "$env/bin/activate"
    # shellcheck disable=SC1091
    . "$env/bin/activate"
    python -c 'import torch' && return
    echo "run.sh: the toolkit in $cuda is not enough for LibTorch; installing PyPI's libraries" >&2
  fi
  pip -q install "$torch"
}

[ -f "$env/bin/activate" ] || python3 -m venv "$env"
# shellcheck disable=SC1091
. "$env/bin/activate"
if ! why=$(complete); then
  echo "run.sh: setting up $env (${why##*$'\n'})" >&2
  pip -q install -U pip
  install_torch
  grep -vE '^(torch|accelerate|peft)==' "$requirements" | pip -q install -r /dev/stdin
  grep -E '^(accelerate|peft)==' "$requirements" | pip -q install --no-deps -r /dev/stdin  # they would ask for all of CUDA again
  complete
fi

# LibTorch's threads must not spin while they wait: other work may need the core.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}
failed=0
python "$root/tests/interop/check_pruned.py" --shorten "$shorten" || failed=1
python "$root/tests/interop/check_heal.py" --shorten "$shorten" || failed=1

tokenizers() {  # REFERENCE MODEL_DIR FILE...
  local reference=$1 model=$2
  shift 2
  echo "== tokenizer of $(basename "$model") against $reference"
  python "$root/tests/interop/check_tokenizers.py" --test "$(dirname "$shorten")/test_text" --reference "$reference" "$model" --data "$@" || failed=1
}
example=$root/examples/novelist-14m
for reference in file auto sentencepiece; do tokenizers "$reference" "$example" "$root"/examples/texts/*.txt; done
if [ -n "${SHORTEN_TEST_DATA:-}" ]; then
  data=("$SHORTEN_TEST_DATA"/data/{wikitext-2/wiki.test.raw,ptb/ptb.valid.txt} "$SHORTEN_TEST_DATA"/data/books/*.txt
    "$SHORTEN_TEST_DATA"/data/alpaca/*.json "$SHORTEN_TEST_DATA"/data/tasks/*.jsonl)
  tokenizers file "$SHORTEN_TEST_DATA/models/tinystories-656k" "${data[@]}"
  tokenizers file "$SHORTEN_TEST_DATA/tokenizers/llama2" "${data[@]}"
  tokenizers sentencepiece "$SHORTEN_TEST_DATA/tokenizers/llama2" "${data[@]}"
  tokenizers auto "$SHORTEN_TEST_DATA/tokenizers/qwen2" "${data[@]}"
else
  echo "== skipped: tokenizers on larger data (SHORTEN_TEST_DATA is not set)"
fi
exit $failed
