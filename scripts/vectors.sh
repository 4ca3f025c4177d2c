#!/usr/bin/env bash
# Builds edge-worker with the JWT vectors' judge in it (feature `vectors`) into target/vectors, for tests/vectors/workerd.mjs alone.
# shellcheck source=scripts/wasm-env.sh
source "$(dirname "$0")/wasm-env.sh"
[ -n "$WASM_COMPILER" ] || die "no Rust compiler here has std for wasm32." "Run: make setup"

cd "$ROOT"
lock "$ROOT/target/worker.lock" "building the worker"
build() { (cd edge-worker && env --unset=RUST_BACKTRACE worker-build --profile worker --no-opt --out-dir ../target/vectors . --features vectors); }
stamp=target/wasm/vectors.stamp
mapfile -t files < <(find Cargo.toml Cargo.lock edge-worker crates -type f ! -path 'edge-worker/build/*' ! -name '*.json' | LC_ALL=C sort)
wanted=$(hash_of "${files[@]}")
[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || [ ! -s target/vectors/index_bg.wasm ] || exit 0
rm -f "$stamp"
step "edge-worker for the JWT vectors" "30 s" build
printf '%s\n' "$wanted" >"$stamp"
