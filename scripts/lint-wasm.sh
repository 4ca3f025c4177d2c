#!/usr/bin/env bash
# Clippy as the worker's own compiler sees it, for wasm32.
# shellcheck source=scripts/wasm-env.sh
source "$(dirname "$0")/wasm-env.sh"
cd "$ROOT"
cargo clippy --package edge-worker --target wasm32-unknown-unknown -- --deny warnings
