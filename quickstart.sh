#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh clone to a shorter model: installs dependencies, builds build/shorten, removes 8 of the 32 blocks of the
# example model, and heals the result on text that the unpruned model generates. When repeated, it neither
# installs nor builds anything again.
# usage: ./quickstart.sh [--cuda]      --cuda also builds the plug-in for NVIDIA GPUs (needs nvcc)
set -euo pipefail
cd "$(dirname "$0")"

case ${1:-} in
  "") preset=release ;;
  --cuda) preset=cuda ;;
  *) echo "usage: ./quickstart.sh [--cuda]" >&2; exit 2 ;;
esac
scripts/install.sh "$@"
mkdir -p build
echo "building build/shorten"
scripts/build.sh "$preset" >build/build.log 2>&1 || { tail -n 40 build/build.log >&2; exit 1; }

shorten=build/shorten
model=examples/novelist-14m
out=out/quickstart
mkdir -p "$out"
step() { printf '\n$ shorten %s\n' "$*"; "$shorten" "$@"; }

step inspect $model
step score $model --text examples/texts/calibrate.txt -o $out/scores.json --force -q
step plan $model --scores $out/scores.json --remove 8 -o $out/plan.json --force -q
step prune $model --plan $out/plan.json -o $out/novelist-24-blocks --force -q
step heal $out/novelist-24-blocks -o $out/healing --method full --lr 5e-4 --warmup 5 --steps 40 --batch 16 --length 64 --force -q
step eval $model $out/novelist-24-blocks $out/healing/model --text held-out=examples/texts/held-out.txt -o $out/report.json --force -q
step bench $model $out/healing/model --runs 5 --warmup 2 -o $out/bench.json --force -q
step generate $out/healing/model --prompt "The clerk opened the" --max-new-tokens 24 -q

cat <<END

The files:
  $out/scores.json          importance of every block
  $out/plan.json            which blocks go
  $out/novelist-24-blocks/  the shorter model: any engine for Hugging Face checkpoints opens it
  $out/healing/             its healing: healing/model is what you want
  $out/report.json          the perplexities of all three
  $out/bench.json           both speeds
END
