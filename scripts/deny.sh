#!/bin/sh
# Licences, bans and sources of the dependencies, against deny.toml. Advisories are checked too when their
# database is already on this machine; it is never fetched here.
set -eu

cd "$(dirname "$0")/.."

if ! command -v cargo-deny >/dev/null 2>&1; then
    echo "deny: cargo-deny is not installed, dependencies were not checked" >&2
    exit 0
fi

cargo deny --log-level error check --hide-inclusion-graph licenses bans sources

if [ -d "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs" ]; then
    cargo deny --log-level error check --hide-inclusion-graph --disable-fetch advisories
else
    echo "deny: no advisory database on this machine, advisories were not checked" >&2
fi
