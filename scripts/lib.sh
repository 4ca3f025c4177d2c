# shellcheck shell=bash
# Sourced first by every script here: where things are, and how a step shows its progress.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CACHE=${LINTEL_CACHE:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/lintel}
LOGS=$ROOT/target/log
mkdir -p "$CACHE" "$LOGS"
CACHE=$(cd "$CACHE" && pwd)

# shellcheck disable=SC2034 # Node 22 and the tools from npm come from node_modules; the machine's own node only runs npm.
MACHINE_PATH=$PATH
export PATH="$ROOT/node_modules/.bin:$PATH"

if [ -t 1 ]; then TERMINAL=1 BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'; else TERMINAL='' BOLD='' RED='' GREEN='' PLAIN=''; fi

say() { printf '%s\n' "$*"; }
warn() { printf '%swarning:%s %s\n' "$BOLD" "$PLAIN" "$*" >&2; }

# die "what is wrong" "what to do"...
die() {
  printf '%serror:%s %s\n' "$RED$BOLD" "$PLAIN" "$1" >&2
  shift
  [ $# = 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# at_least 22.12 "$(node --version)": compares dotted numbers and ignores a leading v.
at_least() { printf '%s\n%s\n' "$1" "${2#v}" | sort --version-sort --check=quiet; }

# Run a step of several seconds: step "what" "how long to expect" command...
# Its output goes to a file; a failure shows the end of that file.
step() {
  local what=$1 expected=$2 began=$SECONDS log ticker='' rc
  shift 2
  log=$LOGS/$(printf '%s' "$what" | tr -cs 'A-Za-z0-9.\n' '-').log
  printf '  … %s (about %s)' "$what" "$expected"
  [ -n "$TERMINAL" ] || printf '\n'
  show_elapsed "$what" "$expected" 9>&- & # Its last sleep outlives it, and must not hold our lock.
  ticker=$!
  set +e
  (set -e; "$@") >"$log" 2>&1 </dev/null
  rc=$?
  set -e
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  [ -z "$TERMINAL" ] || printf '\r\e[K'
  if [ "$rc" != 0 ]; then
    printf '  %s✗%s %s failed after %s; the end of %s:\n' "$RED" "$PLAIN" "$what" "$(duration $((SECONDS - began)))" "$log" >&2
    tail -n 40 "$log" | sed 's/^/    /' >&2
    return "$rc"
  fi
  printf '  %s✓%s %s (%s)\n' "$GREEN" "$PLAIN" "$what" "$(duration $((SECONDS - began)))"
}

# Ends with its script, also where that one is killed.
show_elapsed() {
  local began=$SECONDS pause=60
  [ -z "$TERMINAL" ] || pause=1
  while sleep "$pause" >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
    if [ -n "$TERMINAL" ]; then
      printf '\r\e[K  … %s (%s of about %s)' "$1" "$(duration $((SECONDS - began)))" "$2"
    else
      printf '    … %s: %s so far\n' "$1" "$(duration $((SECONDS - began)))"
    fi
  done
}

duration() { if [ "$1" -lt 60 ]; then printf '%d s' "$1"; else printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); fi; }

# Hold a lock until this script ends, so that two terminals do not install the same thing twice.
# lock FILE "what the other one is doing"
lock() {
  exec 9>"$1"
  flock --nonblock 9 && return
  say "  … waiting for another terminal that is $2"
  flock 9
}

# A hash of files' names and contents: hash_of FILE...
hash_of() { sha256sum "$@" | sha256sum | cut -c1-16; }

# Install what is missing by apt-get, or tell which packages to install: apt_install "what for" PACKAGE...
apt_install() {
  local purpose=$1 by_hand
  shift
  by_hand="apt-get install $*"
  have apt-get || die "$purpose is missing, and this is not a Debian-like system." "Install what these Debian packages hold: $*"
  if [ "$(id -u)" = 0 ]; then
    step "$purpose: $by_hand" "1 min" apt_get "$@"
  elif have sudo && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    say "  $purpose is missing; 'sudo $by_hand' may ask for your password."
    sudo -v || die "$purpose is missing, and sudo said no." "Ask whoever administers this machine for: $by_hand"
    step "$purpose: sudo $by_hand" "1 min" apt_get "$@"
  else
    die "$purpose is missing, and neither root nor sudo is at hand." "Ask whoever administers this machine for: $by_hand"
  fi
}

apt_get() {
  local root=()
  [ "$(id -u)" = 0 ] || root=(sudo -n)
  "${root[@]}" apt-get update
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"
}

# The version of a crate in Cargo.lock: locked_version wasm-bindgen
locked_version() {
  awk -v want="name = \"$1\"" '$0 == want { getline; gsub(/version = |"/, ""); print; exit }' "$ROOT/Cargo.lock"
}
