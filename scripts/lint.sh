#!/usr/bin/env bash
# Every check that runs no code of ours: format, clippy for both targets, licences and sources, and which room may import what.
# All of them run, so that one round shows everything; the exit code tells whether any failed.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"
cd "$ROOT"

cargo_deny_version=0.20.2
(
  lock "$CACHE/setup.lock" "installing"
  "$ROOT/scripts/cargo-tool.sh" cargo-deny $cargo_deny_version cargo-deny "4 min"
  rm -rf "$CACHE/tools/target"
)
export PATH="$CACHE/tools/cargo-deny-$cargo_deny_version/bin:$PATH"

failures=0
check() { # check "what" command...
  local what=$1 began=$SECONDS
  shift
  printf '%s%s%s\n' "$BOLD" "$what" "$PLAIN"
  if "$@"; then
    printf '  %s✓%s %s (%s)\n' "$GREEN" "$PLAIN" "$what" "$(duration $((SECONDS - began)))"
  else
    failures=$((failures + 1))
    printf '  %s✗ %s%s\n' "$RED" "$what" "$PLAIN" >&2
  fi
}

check "Format" cargo fmt --all --check
check "Clippy, native" cargo clippy --workspace --exclude edge-worker --all-targets -- --deny warnings
check "Clippy, wasm32" "$ROOT/scripts/lint-wasm.sh"
check "Pure crates import no runtime" "$ROOT/scripts/lint-pure.sh"
check "Bans, licences, sources" cargo deny --locked check bans licenses sources
check "Security advisories" "$ROOT/scripts/lint-advisories.sh"
if have shellcheck; then check "Shell scripts" shellcheck --external-sources scripts/*.sh .ci/run; fi

[ $failures = 0 ] || die "$failures of the checks failed (above)."
