#!/usr/bin/env bash
# Installs what building and running need: into the cache, node_modules and, where nothing else does, by apt-get. What is there is left alone.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

have cc || apt_install "A C compiler" build-essential

rust=$(rustc --version 2>/dev/null) || die "Rust is missing." "Install it by rustup (https://rustup.rs), then run again."
at_least 1.95 "$(cut -d' ' -f2 <<<"$rust")" || die "Lintel needs Rust 1.95 or newer; here is $rust." "Run: rustup update stable"

{ have node && have npm; } || apt_install "Node.js with npm" nodejs npm
node=$(PATH=$MACHINE_PATH node --version)
at_least 18 "$node" || die "Lintel needs Node.js 18 or newer, to install its own Node 22; here is $node." "Install a newer one (https://nodejs.org), then run again."

lock "$CACHE/setup.lock" "installing"
"$ROOT/scripts/node-packages.sh"
"$ROOT/scripts/wasm-target.sh"
# shellcheck source=scripts/wasm-env.sh
source "$ROOT/scripts/wasm-env.sh"
"$ROOT/scripts/cargo-tool.sh" wasm-bindgen-cli "$WASM_BINDGEN_VERSION" wasm-bindgen "2 min"
"$ROOT/scripts/cargo-tool.sh" worker-build "$WORKER_BUILD_VERSION" worker-build "3 min"
rm -rf "$CACHE/tools/target"
