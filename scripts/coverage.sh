#!/bin/sh
# Which lines of the given crates their tests reach, all of these tests together. Fails when a crate is below
# the floor; with MISSED=1 it also lists the lines that no test reaches.
set -eu

cd "$(dirname "$0")/.."

floor=90

fail() {
    echo "coverage: $*" >&2
    exit 1
}

[ $# -gt 0 ] || fail "which crates? \`make coverage\` names the pure ones"
cargo llvm-cov --version >/dev/null 2>&1 ||
    fail "cargo-llvm-cov is not installed; run: cargo install --locked cargo-llvm-cov"
[ -n "$(find "$(rustc --print sysroot)" -name llvm-profdata -print -quit)" ] ||
    fail "the toolchain has no llvm-tools; run: rustup component add llvm-tools"

packages=
for crate in "$@"; do
    packages="$packages -p $crate"
done

trace=$(mktemp)
trap 'rm -f "$trace"' EXIT
# shellcheck disable=SC2086 # one word for each crate
cargo llvm-cov --quiet --lcov --output-path "$trace" $packages ${FEATURES:-}
awk -v floor="$floor" -v lines="${MISSED:-0}" -f scripts/coverage.awk "$trace"
