#!/usr/bin/env bash
# Builds edge-worker for wasm32 into edge-worker/build, when its sources have changed, and refuses a result that is too large.
# shellcheck source=scripts/wasm-env.sh
source "$(dirname "$0")/wasm-env.sh"
[ -n "$WASM_COMPILER" ] || die "no Rust compiler here has std for wasm32." "Run: make setup"

limit=1000000 # Bytes after gzip. A worker that grows past this starts slowly in every isolate.
cd "$ROOT"
lock "$ROOT/target/worker.lock" "building the worker"

sources() { find Cargo.toml Cargo.lock .cargo scripts/worker.sh edge-worker crates -type f ! -path 'edge-worker/build/*' ! -path 'crates/*/tests/*' ! -path 'crates/*/fuzz/*' 2>/dev/null | LC_ALL=C sort; }
source_hash() { mapfile -t files < <(sources) && { hash_of "${files[@]}"; printf '%s\n' "$WASM_COMPILER" "$WORKER_BUILD_VERSION"; }; }
build() { (cd edge-worker && env --unset=RUST_BACKTRACE worker-build --profile worker); }
gzip_size() { find edge-worker/build -type f \( -name '*.js' -o -name '*.wasm' \) -print0 | LC_ALL=C sort -z | xargs -0 cat | gzip -9 | wc -c; }
kilobytes() { printf '%d kB' $((($1 + 999) / 1000)); }

stamp=target/wasm/worker.stamp
wanted=$(source_hash)
if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && [ -s edge-worker/build/index_bg.wasm ]; then exit 0; fi

rm -f "$stamp"
step "edge-worker with $WASM_COMPILER" "30 s, the first time 2 min" build
size=$(gzip_size)
say "    edge-worker/build: $(kilobytes "$(stat -c %s edge-worker/build/index_bg.wasm)") wasm, $(kilobytes "$size") after gzip, of $(kilobytes $limit) allowed"
[ "$size" -le $limit ] || die "the worker is too large: $size bytes after gzip." "Look for the dependency that came in: cargo tree -p edge-worker --target wasm32-unknown-unknown -e normal"
mkdir -p "$(dirname "$stamp")"
printf '%s\n' "$wanted" >"$stamp"
