#!/usr/bin/env bash
# Makes sure that a Rust compiler with std for wasm32 is there: rustup's target or, where rustup's server is out of reach, Debian's sources.
# shellcheck source=scripts/wasm-env.sh
source "$(dirname "$0")/wasm-env.sh"
[ -z "$WASM_COMPILER" ] || exit 0

by_rustup() { have rustup && timeout 120 rustup target add wasm32-unknown-unknown; }

if [ "${LINTEL_WASM:-rustup}" = rustup ]; then
  step "Rust's wasm32 target by rustup" "10 s, at most 2 min" by_rustup && exit
  have apt-get || die "rustup could not add the target wasm32-unknown-unknown." "Let this machine reach rustup's server, and run again."
  say "  rustup's server is out of reach: building the target from Debian's sources instead."
fi

packages=()
for file in /usr/bin/rustc:rustc-web /usr/bin/cargo:cargo-web /usr/bin/clippy-driver:rust-web-clippy /usr/lib/rustlib/src/rust/library:rust-web-src; do
  [ -e "${file%%:*}" ] || packages+=("${file##*:}")
done
[ ${#packages[@]} = 0 ] || apt_install "Debian's Rust compiler" "${packages[@]}"
at_least 1.95 "$(/usr/bin/rustc --version | awk '{ print $2 }')" || die "Debian's rustc is $(/usr/bin/rustc --version), older than 1.95." "apt-get install rustc-web cargo-web rust-web-src rust-web-clippy, or let this machine reach rustup's server."
step "std for wasm32 from Debian's sources" "1 min" "$ROOT/scripts/wasm-std.sh"
