#!/usr/bin/env bash
# The crates in crates/ do no I/O: none may depend, at any depth, on what scripts/pure.deny.toml names. Their tests may.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

failed=0
for crate in crates/*/Cargo.toml; do
  cargo deny --locked --log-level error --manifest-path "$crate" --config scripts/pure.deny.toml --exclude-dev check bans || failed=1
done
exit $failed
