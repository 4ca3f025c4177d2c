#!/usr/bin/env bash
# Runs every native test, the end-to-end scenarios among them, and closes with one line: N passed, M failed. Arguments go to cargo test.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

LINTEL_VENV=$("$ROOT/scripts/venv.sh")
LINTEL_JSONATA_SUITE=$("$ROOT/scripts/jsonata-suite.sh")
export LINTEL_JSONATA_SUITE LINTEL_VENV LINTEL_NODE=$ROOT/node_modules/.bin/node
export PATH=$PATH:/usr/sbin:/sbin
closing=$LOGS/closing-line # .ci/run repeats it below make's own complaint.
rm -f "$closing"
workspace=(--workspace --exclude edge-worker)

# The scenarios start target/debug/control-api and its like. --all-targets builds them with the features that the tests have, so nothing is built twice.
say "Building the programs and the tests (the first time some 5 min)"
cargo build "${workspace[@]}" --all-targets || { say "0 passed, 1 failed" | tee "$closing"; exit 1; }

"$ROOT/scripts/vectors.sh"

# One server for all suites; each makes databases of its own in it. It ends with this script, however that ends.
cluster=$(mktemp -d /tmp/lintel-postgres.XXXXXX)
port=$("$LINTEL_NODE" -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
coproc POSTGRES { exec "$ROOT/scripts/postgres.sh" "$cluster" "$port" 2>"$LOGS/postgres.log"; }
trap 'kill "$POSTGRES_PID" 2>/dev/null; wait "$POSTGRES_PID" 2>/dev/null; rm -rf "$cluster"' EXIT
read -r -t 180 -u "${POSTGRES[0]}" LINTEL_TEST_POSTGRES_URL || { tail -n 20 "$LOGS/postgres.log" >&2; die "PostgreSQL did not start" "See $LOGS/postgres.log"; }
export LINTEL_TEST_POSTGRES_URL

say "Running the tests"
log=$LOGS/test.log
set +e
cargo test "${workspace[@]}" --no-fail-fast "$@" 2>&1 | tee "$log"
rc=${PIPESTATUS[0]}
set -e

# What each failure began with, once more and together: the whole of it stands above, between long logs.
awk '/^---- .* stdout ----$/ { print; left = 4; next } left-- > 0 { print substr($0, 1, 600) }' "$log"

# A test binary that crashed or did not compile has no result line: it counts as one failure.
awk -v rc="$rc" '
  /^test result: / { for (i = 2; i <= NF; i++) count[$i] += $(i - 1) }
  END {
    failed = count["failed;"]
    if (rc != 0 && failed == 0) failed = 1
    printf "%d passed, %d failed", count["passed;"], failed
    if (count["ignored;"]) printf ", %d skipped", count["ignored;"]
    printf "\n"
  }' "$log" | tee "$closing"
exit "$rc"
