#!/usr/bin/env bash
# Builds std for wasm32 from Debian's rust-web-src into a sysroot in the cache, for machines that rustup's server is out of reach of.
# Nothing is written below /usr. scripts/wasm-env.sh uses the result.
# shellcheck source=scripts/wasm-env.sh
source "$(dirname "$0")/wasm-env.sh"

target=wasm32-unknown-unknown
host=$(/usr/bin/rustc --print host-tuple)
sysroot=$(debian_sysroot)
work=$sysroot.part
rm -rf "$work"
mkdir -p "$work/crate/src" "$work/lib/rustlib/$target/lib" "$work/bin"

cat >"$work/crate/Cargo.toml" <<TOML
[package]
name = "only-std"
version = "0.0.0"
edition = "2024"

[profile.release]
panic = "abort"

[workspace]
TOML
: >"$work/crate/src/lib.rs"

# With bitcode, or else lto = true cannot read it. -Zbuild-std on the worker itself would not do: worker-build looks for the target in the sysroot.
(
  cd "$work/crate"
  env --unset=SYSROOT PATH="/usr/bin:$PATH" RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes CARGO_TARGET_DIR="$work/target" \
    /usr/bin/cargo build --release -Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test --target "$target"
)
find "$work/target/$target/release/deps" -name '*.rlib' ! -name 'libonly_std-*' -exec cp -t "$work/lib/rustlib/$target/lib" {} +
ln -s "/usr/lib/rustlib/$host" "$work/lib/rustlib/$host"
printf '#!/bin/sh\nexec /usr/bin/rustc --sysroot %s "$@"\n' "'$sysroot'" >"$work/bin/rustc"
chmod +x "$work/bin/rustc"
rm -rf "$work/crate" "$work/target" "$sysroot"
mv "$work" "$sysroot"
rm -rf "$ROOT/target/wasm/$target" # Crates compiled against another std.
