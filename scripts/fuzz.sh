#!/bin/sh
# Coverage-guided fuzzing of every decoder and parser; what each target promises is in fuzz/src/target.
#
#   fuzz.sh run [TARGET]...    fuzzes each for SECONDS_EACH (600), JOBS (2) of them at a time, and prints a table
#   fuzz.sh check              the same for every target and 3 seconds: what `make verify` does
#   fuzz.sh seeds [TARGET]...  makes the seeds that are made, and adds what earlier runs reached beyond them
#   fuzz.sh build              prints the path of the program
#
# Needs the toolchain of the workspace and a C++ compiler, and nothing else: libFuzzer comes with the crate libfuzzer-sys, and
# stable rustc instruments for it. Inputs that were found are kept below cargo's target directory.
#
# Exit 1 on any crash, hang or excess of memory; the input is kept, and a line says how to give it again.
set -eu

cd "$(dirname "$0")/.."

home=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
program=$home/fuzz/qfs-fuzz
corpora=$home/corpus
artefacts=$home/artefacts
logs=$home/logs

build() {
    RUSTC_WORKSPACE_WRAPPER=$PWD/fuzz/instrument.sh cargo build --quiet -p fuzz --features libfuzzer --bin qfs-fuzz \
        --profile fuzz --target-dir "$home" >&2
}

# The targets that were asked for, or all: name, longest input, dictionary. libFuzzer's warnings, before it knows whether it will run,
# are not wanted here.
table() {
    if [ $# -eq 0 ]; then
        "$program" 2>/dev/null
        return
    fi
    for name in "$@"; do
        "$program" 2>/dev/null | grep "^$name " || {
            echo "fuzz: there is no target $name" >&2
            return 2
        }
    done
}

# One target, for so many seconds, into its log.
fuzz_one() {
    name=$1 longest=$2 dictionary=$3 seconds=$4
    mkdir -p "$corpora/$name" "$artefacts/$name"
    [ "$dictionary" = - ] || dictionary=-dict=fuzz/dictionaries/$dictionary.dict
    [ "$dictionary" != - ] || dictionary=
    # What a target leaves in temporary files goes with it: libFuzzer ends without cleaning up.
    temporary=$(mktemp -d)
    TMPDIR=$temporary QFS_FUZZ_TARGET=$name "$program" -max_total_time="$seconds" -max_len="$longest" $dictionary \
        -len_control=20 -timeout=10 -rss_limit_mb=512 -artifact_prefix="$artefacts/$name/" -print_final_stats=1 -verbosity=1 \
        "$corpora/$name" "fuzz/seeds/$name" >"$logs/$name" 2>&1 || echo "exit $?" >>"$logs/$name"
    rm -rf "$temporary"
}

# One line of the summary, from a log of libFuzzer.
summary() {
    awk -v name="$1" '
        /^#[0-9]+.* cov: / { for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "ft:") ft = $(i + 1) } }
        /^stat::number_of_executed_units:/ { runs = $2 }
        /^stat::average_exec_per_sec:/ { speed = $2 }
        /^stat::new_units_added:/ { added = $2 }
        /^stat::peak_rss_mb:/ { memory = $2 }
        /^exit / { failed = 1 }
        END { printf "%-14s %11s %8s %7s %7s %6s %6s  %s\n", name, runs + 0, speed + 0, cov, ft, memory, added + 0,
            failed ? "FAILED" : "ok" }
    ' "$logs/$1"
}

heading() {
    printf '%-14s %11s %8s %7s %7s %6s %6s  %s\n' target executions exec/s edges features MiB new result
}

# How to give a finding again.
explain() {
    grep -m 1 -A 3 -e 'panicked at' -e 'memory allocation of' -e 'ERROR: libFuzzer' "$logs/$1" | cut -c1-200 | sed 's/^/    /' >&2 || true
    sed -n 's/.*Test unit written to //p' "$logs/$1" | while read -r input; do
        echo "    again: QFS_FUZZ_TARGET=$1 $program $input" >&2
        echo "    to keep it as a test: cp $input fuzz/seeds/$1/" >&2
    done
}

# Fuzzes the targets of a table on standard input. The workers take lines from it by turns.
fuzz_all() {
    seconds=$1 jobs=$2
    mkdir -p "$logs"
    list=$(cat)
    heading
    worker=0
    while [ "$worker" -lt "$jobs" ]; do
        echo "$list" | awk -v jobs="$jobs" -v worker="$worker" 'NR % jobs == worker' |
            while read -r name longest dictionary; do
                fuzz_one "$name" "$longest" "$dictionary" "$seconds"
                summary "$name"
            done &
        worker=$((worker + 1))
    done
    wait
    failed=0
    for name in $(echo "$list" | cut -d' ' -f1); do
        if grep -q '^exit ' "$logs/$name"; then
            failed=1
            echo "fuzz: $name failed; its log is $logs/$name" >&2
            explain "$name"
        fi
    done
    return "$failed"
}

# What a run found and the seeds do not reach, as far as there is room (fuzz/examples/seeds.rs).
add_seeds() {
    while read -r name _; do
        [ -d "$corpora/$name" ] || continue
        merged=$(mktemp -d)
        cp "fuzz/seeds/$name"/* "$merged"
        QFS_FUZZ_TARGET=$name "$program" -set_cover_merge=1 -timeout=10 "$merged" "$corpora/$name" >"$logs/$name.merge" 2>&1
        cargo run --quiet -p fuzz --example seeds -- "$name" "$merged"
        rm -r "$merged"
    done
}

command=${1:-run}
[ $# -eq 0 ] || shift
build
case $command in
    build) echo "$program" ;;
    run)
        chosen=$(table "$@")
        echo "$chosen" | fuzz_all "${SECONDS_EACH:-600}" "${JOBS:-2}"
        ;;
    check) table | fuzz_all "${SECONDS_EACH:-3}" "${JOBS:-2}" ;;
    seeds)
        cargo run --quiet -p fuzz --example seeds
        chosen=$(table "$@")
        echo "$chosen" | add_seeds
        ;;
    *)
        echo "fuzz: $command is none of run, check, seeds, build" >&2
        exit 2
        ;;
esac
