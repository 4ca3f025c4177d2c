#!/usr/bin/env bash
# Measures a release build of the edge beside nginx, interleaved in one run, and prints ratios.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

packages=()
have nginx || [ -x /usr/sbin/nginx ] || packages+=(nginx-light)
have h2load || packages+=(nghttp2-client)
have openssl || packages+=(openssl)
[ ${#packages[@]} = 0 ] || apt_install "What the benchmark needs" "${packages[@]}"

step "Building the release" "7 min" cargo build --release --package control-api --package edge-tls --package lintel-dev
export PATH=$PATH:/usr/sbin LINTEL_BIN_DIR=$ROOT/target/release
exec node tests/bench/edge.mjs
