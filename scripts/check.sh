#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a machine can check of the house rules: which room includes which, layout, file lengths.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0
fail() { echo "check: $*" >&2; failed=1; }

# docs/architecture.md: a room may include itself and these. engine/engine.h alone is for cli: it is the
# torch-free face of the rooms above the line.
declare -A allowed=(
  [core]=""
  [checkpoint]="core"
  [family]="core checkpoint"
  [text]="core"
  [python]="core text"
  [tasks]="core text python"
  [data]="core text python"
  [recipe]="core data"
  [plan]="core checkpoint family"
  [prune]="core checkpoint family plan"
  [peft]="core checkpoint family python"
  [report]="core"
  [kernels]="core"
  [model]="core checkpoint family kernels"
  [score]="core plan model kernels"
  [infer]="core text model kernels"
  [train]="core data recipe checkpoint family prune peft kernels model"
  [engine]="core checkpoint family text tasks data recipe plan peft kernels model score infer train"
  [jobs]="core checkpoint family text tasks data recipe plan prune peft report"
  [cli]="core checkpoint family text tasks data recipe plan report jobs"
)
while IFS=: read -r file include; do
  from=$(cut -d/ -f2 <<<"$file")
  to=$(sed -E 's/.*"([a-z]+)\/.*/\1/' <<<"$include")
  [ -n "${allowed[$from]+x}" ] || { fail "$file: the room $from is not in the list"; continue; }
  [ "$to" = "$from" ] && continue
  [[ $include == *'"engine/engine.h"'* && $from = cli ]] && continue
  [[ $include == *'"engine/'@(engine|open)'.h"'* && $from = jobs ]] && continue
  [[ $file = src/engine/open.* ]] && continue
  [[ " ${allowed[$from]} " == *" $to "* ]] || fail "$file includes $to/: ${from} may include: ${allowed[$from]:-nothing}"
done < <(grep -rE '^#include "[a-z]+/' src --include='*.h' --include='*.cpp' --include='*.cu' --include='*.cuh')

# No LibTorch below the line, nor in the program itself.
if grep -rlE '#include [<"](ATen|c10|torch)/' src/{core,checkpoint,family,text,python,tasks,data,recipe,plan,prune,peft,report,jobs,cli} src/engine/{engine,open}.h src/engine/open.cpp; then
  fail "LibTorch headers below the torch line"
fi
# Libraries name fields of requests; only the command line knows options. (Saved runs use a few as keys.)
if grep -rnE '"[^"]*[ "(]--[a-z]' src --include='*.cpp' --include='*.h' | grep -vE '^src/cli/|jobs/heal_resume.cpp|quickstart.sh --cuda|--list-tasks|--task-data names'; then
  fail "an option of the command line in a library: name the field (core/error.h)"
fi
if grep -rnE '\bassert\(' src --include='*.h' --include='*.cpp'; then fail "assert: use Error or SHORTEN_CHECK"; fi

while read -r lines file; do
  [ "$lines" -le 400 ] || fail "$file has $lines lines (at most 400)"
done < <(git ls-files 'src/*.cpp' 'src/*.h' 'src/*.cu' 'src/*.cuh' 'tests/*.cpp' 'tests/*.h' | xargs wc -l | grep -v ' total$')
while read -r file; do
  head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || fail "$file has no SPDX line"
done < <(git ls-files '*.cpp' '*.h' '*.cu' '*.cuh' '*.py' '*.sh' '*.cmake' '*CMakeLists.txt')

# clang-format 14 does not know CUDA's <<< >>>.
if command -v clang-format >/dev/null; then
  badly_laid_out=$(git ls-files '*.cpp' '*.h' | xargs clang-format --dry-run --Werror 2>&1 | grep error || true)
  [ -z "$badly_laid_out" ] || fail "clang-format -i these: $(head -n 5 <<<"$badly_laid_out")"
fi
[ $failed = 0 ] && echo "check: rooms, layout and lengths are in order"
exit $failed
