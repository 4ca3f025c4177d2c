# shellcheck shell=bash
# Source it to build the worker: which compiler has std for wasm32, and where worker-build's helpers are, so that it downloads nothing.
#   source scripts/wasm-env.sh && cd edge-worker && worker-build --release
# LINTEL_WASM=rustup or =debian settles which compiler; otherwise rustup's is taken where it has the target.
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Debian's compiler and a std for wasm32 built once from its sources (scripts/wasm-std.sh).
debian_sysroot() { printf '%s/wasm-sysroot-%s' "$CACHE" "$(/usr/bin/rustc --version 2>/dev/null | awk '{ print $2 }')"; }
has_wasm32() { compgen -G "$1/lib/rustlib/wasm32-unknown-unknown/lib/libcore-*.rlib" >/dev/null; }
rustup_has_wasm32() { [ "${LINTEL_WASM:-rustup}" = rustup ] && has_wasm32 "$(rustc --print sysroot)"; }
debian_has_wasm32() { [ "${LINTEL_WASM:-debian}" = debian ] && has_wasm32 "$(debian_sysroot)"; }

use_debian_rust() {
  local own_lld
  # Where rustup's own linker is at hand it is newer than Debian's.
  own_lld=$(rustc --print sysroot)/lib/rustlib/$(rustc --print host-tuple)/bin/rust-lld
  [ -x "$own_lld" ] || own_lld=$(compgen -c wasm-ld- | sort --version-sort | tail -n 1)
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=${own_lld:?no rust-lld and no wasm-ld: apt-get install lld-19}
  SYSROOT=$(debian_sysroot) # Clippy's name for it.
  export SYSROOT
  export RUSTC=$SYSROOT/bin/rustc CARGO=/usr/bin/cargo
  export PATH="$SYSROOT/bin:$ROOT/node_modules/.bin:/usr/bin:$PATH"
}

# shellcheck disable=SC2034 # For the scripts that source this one.
if rustup_has_wasm32; then
  WASM_COMPILER=$(rustc --version)
elif debian_has_wasm32; then
  WASM_COMPILER="Debian's $(/usr/bin/rustc --version)"
  use_debian_rust
else
  WASM_COMPILER=''
fi

# Its own target folder: two compilers in one would rebuild each other's work, and wait for each other's lock.
export CARGO_TARGET_DIR=$ROOT/target/wasm
WORKER_BUILD_VERSION=0.8.7
WASM_BINDGEN_VERSION=$(locked_version wasm-bindgen)
export WASM_BINDGEN_BIN=$CACHE/tools/wasm-bindgen-cli-$WASM_BINDGEN_VERSION/bin/wasm-bindgen
export WASM_OPT_BIN=$ROOT/node_modules/.bin/wasm-opt
export ESBUILD_BIN=$ROOT/node_modules/.bin/esbuild
export PATH="$CACHE/tools/worker-build-$WORKER_BUILD_VERSION/bin:$PATH"
