#!/bin/sh
# Installs what the build needs and nothing else: a C++ compiler, make, clang with libclang (RocksDB's
# bindings are generated with it), pkg-config and pip, plus the Rust toolchain of rust-toolchain.toml.
# Quiet when everything is there; safe to run again.
set -eu

cd "$(dirname "$0")/.."

fail() {
    echo "setup: $*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# bindgen loads libclang at run time, so the library itself must be found, not only `clang`.
have_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    for dir in /usr/lib /usr/lib64 /usr/local/lib /usr/lib/*-linux-gnu /usr/lib/llvm-*/lib; do
        for library in "$dir"/libclang.so* "$dir"/libclang-*.so*; do
            [ -e "$library" ] && return 0
        done
    done
    return 1
}

missing_packages() {
    have g++ || printf 'g++ '
    have make || printf 'make '
    have clang || printf 'clang '
    have_libclang || printf 'libclang-dev '
    have pkg-config || printf 'pkg-config '
    "${PYTHON:-python3}" -m pip --version >/dev/null 2>&1 || printf 'python3-pip '
}

apt_install() {
    have apt-get || fail "missing: $*. Install them with this system's package manager."
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif have sudo && sudo -n true 2>/dev/null; then
        as_root=sudo
    else
        fail "missing: $*. Run as root: apt-get install --no-install-recommends $*"
    fi
    echo "setup: installing $*" >&2
    log=$(mktemp)
    # The package lists may be older than the mirror: refresh them once before giving up.
    for attempt in as-is refreshed; do
        [ "$attempt" = as-is ] || $as_root apt-get update -qq >>"$log" 2>&1 || true
        if $as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends "$@" >>"$log" 2>&1; then
            rm -f "$log"
            return 0
        fi
    done
    cat "$log" >&2
    rm -f "$log"
    fail "apt-get could not install: $*"
}


ensure_toolchain() {
    have cargo || have rustup || fail "Rust is missing. Install rustup, then run this again."
    # A distribution's own cargo is taken as it is; rust-version in Cargo.toml still holds it to account.
    have rustup || return 0
    channel=$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)
    [ -n "$channel" ] || fail "rust-toolchain.toml names no channel"
    if ! rustup toolchain list | grep -q "^$channel-"; then
        echo "setup: installing Rust $channel" >&2
        rustup toolchain install "$channel" --profile minimal --component rustfmt --component clippy >/dev/null
    fi
}

packages=$(missing_packages)
# Word splitting is wanted: one argument per package.
# shellcheck disable=SC2086
[ -z "$packages" ] || apt_install $packages
ensure_toolchain
