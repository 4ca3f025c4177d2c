#!/usr/bin/env bash
# Prints the folder of a Python environment with tests/requirements.txt, and makes it where it is missing. It tells of progress on stderr.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

venv=$CACHE/venv-$({ python3 --version; cat "$ROOT/tests/requirements.txt"; } | sha256sum | cut -c1-16)

make_venv() {
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --disable-pip-version-check --no-input --requirement "$ROOT/tests/requirements.txt"
  touch "$venv/complete"
}
[ -e "$venv/complete" ] || step "Python packages of the tests" "20 s" make_venv >&2
printf '%s\n' "$venv"
