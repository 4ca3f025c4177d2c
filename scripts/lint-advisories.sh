#!/usr/bin/env bash
# Known vulnerabilities in what we depend on. The database is a git repository; where it is out of reach the last copy is used, and with none
# the check is left out aloud.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

if ! timeout 60 cargo deny fetch db >"$LOGS/advisories.log" 2>&1; then
  if ! compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*/crates" >/dev/null; then
    warn "the advisory database is out of reach and no copy is here: known vulnerabilities were NOT checked ($LOGS/advisories.log)."
    exit 0
  fi
  warn "the advisory database is out of reach: an older copy is used."
fi
cargo deny --locked --offline check advisories
