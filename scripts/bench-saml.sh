#!/usr/bin/env bash
# Measures how fast the worker turns a token into SAML, beside JavaScript workers that do the same and the bare RSA signatures, all in one workerd.
# shellcheck source=scripts/wasm-env.sh
source "$(dirname "$0")/wasm-env.sh"
[ -n "$WASM_COMPILER" ] || die "no Rust compiler here has std for wasm32." "Run: make setup"
cd "$ROOT"

# As it is deployed, but for the feature `bench`.
build_worker() {
  lock "$ROOT/target/worker.lock" "building the worker"
  (cd edge-worker && env --unset=RUST_BACKTRACE worker-build --profile worker --out-dir ../target/bench/worker . --features bench)
}
build_peer() { WRANGLER_SEND_METRICS=false wrangler deploy --config tests/bench/saml/wrangler.toml --dry-run --outdir "$ROOT/target/bench/peer"; }

step "edge-worker for the benchmark" "2 min" build_worker
step "The JavaScript worker beside it" "5 s" build_peer
export LINTEL_BIN_DIR=$ROOT/target/debug
exec node tests/bench/saml/bench.mjs
