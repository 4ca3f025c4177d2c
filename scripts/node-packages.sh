#!/usr/bin/env bash
# Fills node_modules from package-lock.json, when that has changed since the last time.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

cd "$ROOT"
stamp=node_modules/.lintel-stamp
wanted=$(hash_of package.json package-lock.json .npmrc)
[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || exit 0

# With the machine's own node: the one in node_modules is about to be replaced.
step "Node 22, workerd and other tools from npm (650 MB)" "30 s" env PATH="$MACHINE_PATH" npm ci --no-progress
[ -x node_modules/.bin/node ] || die "npm has no Node 22 for this machine ($(uname -sm))." "Lintel is built on Linux, x86-64 or arm64."
printf '%s\n' "$wanted" >"$stamp"
