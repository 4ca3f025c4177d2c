#!/usr/bin/env bash
# Runs Lintel in the foreground, with workerd from node_modules on PATH. Arguments go to lintel-dev.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"
exec target/debug/lintel-dev "$@"
