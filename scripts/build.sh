#!/usr/bin/env bash
# Builds the native programs: with no argument, what `make run` starts; with --release, what is deployed.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

if [ "${1:-}" = --release ]; then
  say "Building control-api and edge-tls for deployment into target/release (the first time some 6 min)"
  exec cargo build --locked --release --package control-api --package edge-tls
fi
[ -x target/debug/lintel-dev ] || say "Building control-api, edge-tls and lintel-dev (the first time some 4 min)"
exec cargo build --package control-api --package edge-tls --package lintel-dev
