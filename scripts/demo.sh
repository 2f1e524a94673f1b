#!/usr/bin/env bash
# The guided tour: `make demo [INPUT=DIR]`. Without INPUT it stores this repository's tracked files.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
cd "$here"
target=${CARGO_TARGET_DIR:-$here/target}
input=${1:-}
# Anyone may pass through, so that the auditor can run as a user who owns nothing; the ledger itself is private.
out=$(mktemp -d "${TMPDIR:-/tmp}/qfs-demo.XXXXXX")
chmod 755 "$out"

if [ -z "$input" ]; then
    input=$out/input
    mkdir "$input"
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -z | tar --create --null --files-from=- --file=- | tar --extract --directory="$input" --file=-
    else
        tar --create --exclude=./target --exclude=./.git --file=- . | tar --extract --directory="$input" --file=-
    fi
fi

exec "$target/debug/qfs" demo --input "$input" --output "$out/tour"
