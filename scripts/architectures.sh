#!/bin/sh
# The same bytes on every architecture: 32 bits (i686), big-endian (s390x, emulated) and WebAssembly (under Node).
#
#     scripts/architectures.sh [TARGET]...
#
# For each target the tests of the pure crates are run, the ledgers of tests/vectors/ledger are generated, and `qfs-replay`
# audits the kept one: logs, hashes, roots and evidence must be the committed files, byte for byte. Without a TARGET
# all three, and this machine itself without its tests, which `make test` runs.
#
# What is missing is installed with rustup and apt. Where that is not possible the target is SKIPPED, which the last line says.
set -eu

cd "$(dirname "$0")/.."
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
# Emulated processors are some ten times slower; `make test` draws more cases on this one.
export PROPTEST_CASES="${PROPTEST_CASES:-8}"

VECTORS=$PWD/tests/vectors/ledger
PURE="certified-math keccak-batch protocol aegis-registry token-state storage-engine eqm-log replay"
# Tests of `replay` that start neither a thread nor a process.
ALONE="--lib --test explain --test forgery --test governed --test honest --test ledger_vectors --test tamper"

export CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER=s390x-linux-gnu-gcc
export CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNNER="qemu-s390x -L /usr/s390x-linux-gnu"
export CARGO_TARGET_WASM32_WASIP1_RUNNER="node --no-warnings $PWD/tests/architectures/wasi.mjs"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
skipped=
failed=

have() {
    command -v "$1" >/dev/null 2>&1
}

installed() {
    apt-get install -y -qq --no-install-recommends "$@" >"$work/apt" 2>&1
}

# Packages of Debian, as root only; the lists may be older than the mirror.
apt_install() {
    have apt-get && [ "$(id -u)" -eq 0 ] || return 1
    export DEBIAN_FRONTEND=noninteractive
    echo "architectures: installing $*" >&2
    installed "$@" || { apt-get update -qq >/dev/null 2>&1 && installed "$@"; } || { cat "$work/apt" >&2; return 1; }
}

# Whether a program for 32 bits can be linked and run here.
links_32_bits() {
    echo 'int main(void) { return 0; }' >"$work/a.c"
    gcc -m32 -o "$work/a" "$work/a.c" 2>/dev/null && "$work/a"
}

# What a target needs beside its standard library.
system_for() {
    case $1 in
        # Not gcc-multilib, which cannot stand beside a cross compiler.
        i686-*) links_32_bits || apt_install "gcc-$(gcc -dumpversion | cut -d. -f1)-multilib" libc6-dev-i386 ;;
        s390x-*)
            { have qemu-s390x && have s390x-linux-gnu-gcc && [ -e /usr/s390x-linux-gnu/lib/libc.so.6 ]; } ||
                apt_install qemu-user gcc-s390x-linux-gnu libc6-dev-s390x-cross
            ;;
        wasm32-wasip1) have node || apt_install nodejs ;;
    esac
}

prepare() {
    have rustup || { echo "architectures: rustup is missing" >&2; return 1; }
    rustup target list --installed | grep -qx "$1" || rustup target add "$1" >&2 || return 1
    system_for "$1"
}

# Shows the end of a log, and remembers the target.
fault() {
    echo "architectures: $1: $2" >&2
    [ ! -f "$3" ] || tail -n 60 "$3" >&2
    failed="$failed $1"
}

# Tests of the pure crates. Only i686 programs can start each other here.
tests() {
    for crate in $PURE; do
        selection="--lib --tests"
        case $crate,$1 in
            replay,i686-*) ;;
            replay,*) selection=$ALONE ;;
        esac
        # Minutes where every instruction is emulated: hundreds of histories, hundreds of megabytes of hashing.
        skip=
        case $crate,$1 in
            keccak-batch,s390x-*) skip="-- --skip every_length_to_20_000_in_one_batch" ;;
            storage-engine,s390x-*) skip="-- --skip random_histories" ;;
            # It passes; then Node 20 itself ends with a segmentation fault, under every one of its compilers.
            storage-engine,wasm32-*) skip="-- --skip st_13_many_chunks_and_batches" ;;
        esac
        # Word splitting is wanted: several options.
        # shellcheck disable=SC2086
        cargo test --quiet --target "$1" -p "$crate" $selection $skip >>"$work/tests" 2>&1 || return 1
    done
}

passed() {
    sed -n 's/^test result: ok\. \([0-9]*\) passed.*/\1/p' "$work/tests" | awk '{ n += $1 } END { print n + 0 }'
}

# Runs an example or a program of `replay` as cargo runs it: natively, emulated, or under Node.
run_replay() {
    kind=$1 name=$2
    shift 2
    # shellcheck disable=SC2086
    cargo run --quiet $target_option -p replay --features cli,workload "--$kind" "$name" -- "$@"
}

# The ledgers made anew, and the kept one audited by the program.
ledgers() {
    out=$work/$1
    run_replay example vectors "$out/generated" && diff -r "$VECTORS" "$out/generated" &&
        run_replay bin qfs-replay "$VECTORS/kept.qfslog" --key "@$VECTORS/keys" --evidence "$out/evidence" --json &&
        diff -r "$VECTORS/evidence" "$out/evidence"
}

# The host, or a target.
check() {
    began=$(date +%s)
    rm -f "$work/tests"
    count="tests are those of make test"
    target_option=
    if [ "$1" != host ]; then
        target_option="--target $1"
        tests "$1" || { fault "$1" "a test failed" "$work/tests"; return 0; }
        count="$(passed) tests passed"
    fi
    ledgers "$1" >"$work/ledgers" 2>&1 || { fault "$1" "other bytes than $VECTORS" "$work/ledgers"; return 0; }
    echo "$1: $count; ledgers, roots and evidence are the same bytes ($(($(date +%s) - began)) s)"
}

[ $# -gt 0 ] || set -- host i686-unknown-linux-gnu wasm32-wasip1 s390x-unknown-linux-gnu
for target in "$@"; do
    if [ "$target" != host ] && ! prepare "$target"; then
        echo "architectures: $target SKIPPED: it cannot be installed here" >&2
        skipped="$skipped $target"
    else
        check "$target"
    fi
done

[ -z "$skipped" ] || echo "architectures: SKIPPED, and therefore not known:$skipped" >&2
[ -z "$failed" ] || { echo "architectures: different:$failed" >&2; exit 1; }
