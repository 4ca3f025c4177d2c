#!/usr/bin/env bash
# Installs one program from crates.io into the cache, a folder per version: cargo-tool.sh CRATE VERSION PROGRAM "how long"
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

crate=$1 version=$2 program=$3 expected=$4
home=$CACHE/tools/$crate-$version
[ ! -x "$home/bin/$program" ] || exit 0

# Optimised a little only: these programs run for seconds and would take twice as long to build.
# The target folder is shared, since they have many dependencies in common.
install() {
  env --unset=RUSTC --unset=RUSTFLAGS \
    CARGO_TARGET_DIR="$CACHE/tools/target" CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=false \
    cargo install "$crate" --version "$version" --bin "$program" --root "$home.part" --no-track
  mkdir -p "$home"
  rm -rf "$home"
  mv "$home.part" "$home"
}
cd "$CACHE" # Away from this workspace's own cargo settings.
step "$crate $version" "$expected" install
