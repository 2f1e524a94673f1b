#!/bin/sh
# Installs what the build needs and nothing else: a C++ compiler, make, clang with libclang (RocksDB's
# bindings are generated with it), pkg-config and pip, plus the Rust toolchain of rust-toolchain.toml.
# Quiet when everything is there; safe to run again.
#
# With the argument `schemas` it also sees to the validator of JSON Schema that tests/schemas needs, and prints the path
# of a Python that has it.
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

requirements=tests/schemas/requirements.txt
python=${PYTHON:-python3}

# Whether a Python has every package that is pinned, in exactly that version.
has_validator() {
    "$1" - "$requirements" <<'END' 2>/dev/null
import importlib.metadata as packages, re, sys

pins = re.findall(r"^([\w-]+)==(\S+)", open(sys.argv[1]).read(), re.MULTILINE)
sys.exit(not pins or any(packages.version(name) != version for name, version in pins))
END
}

# The Python at hand if it has them; otherwise one of its own below the build directory.
ensure_validator() {
    has_validator "$python" && { command -v "$python"; return 0; }
    own=${CARGO_TARGET_DIR:-target}/schemas-python
    if ! has_validator "$own/bin/python"; then
        echo "setup: installing the validator of JSON Schema" >&2
        "$python" -c 'import ensurepip' 2>/dev/null || apt_install python3-venv
        "$python" -m venv --clear "$own" >&2 || fail "Python can make no environment in $own"
        "$own/bin/python" -m pip install --quiet --disable-pip-version-check \
            --require-hashes --only-binary :all: -r "$requirements" >&2 || fail "pip could not install $requirements"
    fi
    echo "$own/bin/python"
}

packages=$(missing_packages)
# Word splitting is wanted: one argument per package.
# shellcheck disable=SC2086
[ -z "$packages" ] || apt_install $packages
ensure_toolchain
case "${1:-}" in
    schemas) ensure_validator ;;
esac
