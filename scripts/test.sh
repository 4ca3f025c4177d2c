#!/usr/bin/env bash
# Runs every native test, the end-to-end scenarios among them, and closes with one line: N passed, M failed. Arguments go to cargo test.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

LINTEL_VENV=$("$ROOT/scripts/venv.sh")
export LINTEL_VENV LINTEL_NODE=$ROOT/node_modules/.bin/node
export PATH=$PATH:/usr/sbin:/sbin
workspace=(--workspace --exclude edge-worker)

# The scenarios start target/debug/control-api and its like. --all-targets builds them with the features that the tests have, so nothing is built twice.
say "Building the programs and the tests (the first time some 5 min)"
cargo build "${workspace[@]}" --all-targets

say "Running the tests"
log=$LOGS/test.log
set +e
cargo test "${workspace[@]}" --no-fail-fast "$@" 2>&1 | tee "$log"
rc=${PIPESTATUS[0]}
set -e

# A test binary that crashed or did not compile has no result line: it counts as one failure.
awk -v rc="$rc" '
  /^test result: / { for (i = 2; i <= NF; i++) count[$i] += $(i - 1) }
  END {
    failed = count["failed;"]
    if (rc != 0 && failed == 0) failed = 1
    printf "%d passed, %d failed", count["passed;"], failed
    if (count["ignored;"]) printf ", %d skipped", count["ignored;"]
    printf "\n"
  }' "$log"
exit "$rc"
