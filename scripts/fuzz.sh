#!/usr/bin/env bash
# Runs every fuzz target of crates/saml for a minute (SECONDS_EACH=...), from the seeds that the repository holds. A crash fails it, and what
# crashed stays in crates/saml/fuzz/artifacts.
# shellcheck source=scripts/lib.sh
source "$(dirname "$0")/lib.sh"

seconds=${SECONDS_EACH:-60}
version=0.13.2
nightly=$(rustup toolchain list 2>/dev/null | awk '/^nightly/ { print $1; exit }')
[ -n "$nightly" ] || die "cargo-fuzz needs a nightly compiler." "Run: rustup toolchain install nightly --profile minimal"
have c++ || apt_install "A C++ compiler" build-essential
(
  lock "$CACHE/setup.lock" "installing"
  "$ROOT/scripts/cargo-tool.sh" cargo-fuzz $version cargo-fuzz "2 min"
  rm -rf "$CACHE/tools/target"
)
export PATH="$CACHE/tools/cargo-fuzz-$version/bin:$PATH"
cd "$ROOT/crates/saml/fuzz"

# Debian's own linker is enough: no sanitizer finds anything in code without unsafe that an overflow check does not.
build() { CARGO_TARGET_DIR="$ROOT/target/fuzz" cargo "+$nightly" fuzz build --sanitizer none --debug-assertions --fuzz-dir .; }
step "Fuzz targets" "3 min" build

failed=()
for target in fuzz_targets/*.rs; do
  name=$(basename "$target" .rs)
  mkdir -p "corpus/$name" "artifacts/$name"
  seeds=()
  [ ! -d "seeds/$name" ] || seeds=("seeds/$name")
  program=$(compgen -G "$ROOT/target/fuzz/*/release/$name")
  # 64 kB are enough for everything, and 1 GB of memory or 10 s for one input are a fault.
  fuzz() { "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 -artifact_prefix="artifacts/$name/" "corpus/$name" "${seeds[@]}"; }
  step "Fuzz: $name" "$seconds s" fuzz || failed+=("$name")
done
[ ${#failed[@]} = 0 ] || die "Crashes in: ${failed[*]}" "The inputs are in crates/saml/fuzz/artifacts."
