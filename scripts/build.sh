#!/usr/bin/env bash
# Builds the native programs that `make run` starts.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"
[ -x target/debug/lintel-dev ] || say "Building control-api, edge-tls and lintel-dev (the first time some 4 min)"
cargo build --package control-api --package edge-tls --package lintel-dev
