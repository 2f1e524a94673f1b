#!/bin/sh
# Stands before the compiler for the workspace's own crates: counters on edges, and the operands of comparisons, which is what
# libFuzzer steers by. Other crates are compiled as always; hashing and signatures would be several times slower, and nothing in
# them is looked for.
exec "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
