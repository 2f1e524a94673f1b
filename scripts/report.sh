#!/bin/sh
# The report for people: checks it, and keeps pages, pictures and prints in the given directory to be looked at.
set -eu

out=$1
mkdir -p "$out"
out=$(cd "$out" && pwd)
cd "$(dirname "$0")/.."

QFS_REPORT="$out" PYTHONDONTWRITEBYTECODE=1 "${PYTHON:-python3}" -m unittest discover -s tests/report
# Without Chromium nothing is kept.
ls "$out"/report*.png "$out"/failed*.png "$out"/*.html "$out"/*.pdf 2>/dev/null || true
