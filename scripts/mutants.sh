#!/bin/sh
# Breaks the code of .cargo/mutants.toml in every small way that cargo-mutants knows, one at a time, in a copy
# of the tree, and fails when the tests of the crate do not notice. Arguments go to cargo-mutants: `-p CRATE`
# takes one crate only, `--list` shows what would be tried.
set -eu

cd "$(dirname "$0")/.."

if ! cargo mutants --version >/dev/null 2>&1; then
    echo "mutants: cargo-mutants is not installed; run: cargo install --locked cargo-mutants" >&2
    exit 1
fi

# Which history shows a mutant is of no interest, so none is made smaller.
export PROPTEST_MAX_SHRINK_ITERS=0

# A target directory of its own: the mutants are built with less optimisation than everything else.
target="${CARGO_TARGET_DIR:-$PWD/target}/mutants"
mkdir -p "$target"
CARGO_TARGET_DIR="$target" exec cargo mutants --jobs 1 --output "$target" "$@"
