#!/usr/bin/env bash
# Puts JSONata's own test suite into the cache and prints where. It comes inside a crate that is used for nothing else.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

version=0.3.4
home=$CACHE/jsonata-suite-$version
if [ ! -d "$home" ]; then
  project=$(mktemp -d)
  trap 'rm -rf "$project"' EXIT
  mkdir "$project/src"
  touch "$project/src/lib.rs"
  printf '[package]\nname = "suite"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\njsonata-rs = "=%s"\n[workspace]\n' "$version" >"$project/Cargo.toml"
  (cd "$project" && step "JSONata's test suite" "10 s" cargo fetch --quiet) >&2
  found=$(compgen -G "${CARGO_HOME:-$HOME/.cargo}/registry/src/*/jsonata-rs-$version/tests/testsuite" | head -n 1)
  rm -rf "$home.part"
  cp -r "$found" "$home.part"
  mv "$home.part" "$home"
fi
printf '%s\n' "$home"
