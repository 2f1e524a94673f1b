"""The certified functions of the Rust crate against MPFR, over millions of seeded inputs.

Needs the package gmpy2; everything else in this folder does without.

    cargo build -p certified-math --example certified
    python3 tests/independent/certified_math_check.py --binary target/debug/examples/certified

A reference value is computed twice, with every rounding downward and with every rounding upward, at a
precision that grows until both have the same floor. Where they still differ at 4096 bits, the value is
taken for a multiple of 10^-18 if that is an identity between integers, and computed further if not.
"""

import argparse
import multiprocessing
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import gmpy2

from certified_math_inputs import FUNCTIONS, SCALE, requests, sample
from certified_math_reference import ERRORS, LIMIT, by_integers, encode, is_identity, ranged

CHUNK = 20_000
SUSPECT_BITS = 4096
VECTORED = ("sqrt", "exp", "exp2", "ln", "log2", "log10", "pow", "powi", "split")


def context(bits, rounding):
    return gmpy2.context(precision=bits, round=rounding, emax=2**40, emin=-(2**40))


CONTEXTS = {
    bits: (context(bits, gmpy2.RoundDown), context(bits, gmpy2.RoundUp))
    for bits in (256 * 2**k for k in range(10))
}


def number(ctx, raw):
    return ctx.div(gmpy2.mpz(raw), SCALE)


def power(ctx, other, x, y, scale):
    """x^y rounded in the direction of `ctx`; `other` rounds in the opposite one."""
    exponent_context = ctx if x >= SCALE else other
    exponent = gmpy2.mpfr(y, 256) if scale == 1 else number(exponent_context, y)
    return ctx.pow(number(ctx, x), exponent)


MPFR = {
    "exp": lambda ctx, _, x: ctx.exp(number(ctx, x)),
    "exp2": lambda ctx, _, x: ctx.exp2(number(ctx, x)),
    "ln": lambda ctx, _, x: ctx.log(number(ctx, x)),
    "log2": lambda ctx, _, x: ctx.log2(number(ctx, x)),
    "log10": lambda ctx, _, x: ctx.log10(number(ctx, x)),
    "pow": lambda ctx, other, x, y: power(ctx, other, x, y, SCALE),
    "powi": lambda ctx, other, x, y: power(ctx, other, x, y, 1),
}


def floor_by_mpfr(name, operands):
    function = MPFR[name]
    for bits, (down, up) in CONTEXTS.items():
        low = function(down, up, *operands)
        low = down.mul(low, SCALE)
        if low >= LIMIT:
            return "Overflow"
        high = up.mul(function(up, down, *operands), SCALE)
        low_floor = int(gmpy2.mpz(down.floor(low))) if low > 0 else 0
        high_floor = int(gmpy2.mpz(down.floor(high))) if gmpy2.is_finite(high) else None
        if low_floor == high_floor:
            return ranged(low_floor)
        if bits >= SUSPECT_BITS and high_floor is not None and is_identity(name, operands, high_floor):
            return ranged(high_floor)
    raise AssertionError(f"no precision decides {name} {operands}")


def expected(name, *operands):
    """The line that the Rust side must answer."""
    answer = by_integers(name, operands)
    answer = floor_by_mpfr(name, operands) if answer is None else answer
    return answer if isinstance(answer, str) else " ".join(map(str, answer))


def answers(binary, chunk):
    text = "".join(" ".join(map(str, request)) + "\n" for request in chunk)
    run = subprocess.run([binary], input=text, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()


def differences(binary, chunk):
    """The number of requests, of those with a value, and every wrong answer."""
    given = answers(binary, chunk)
    if len(given) != len(chunk):
        return len(chunk), 0, [("answers", len(given), "of", len(chunk))]
    wanted = [expected(*request) for request in chunk]
    wrong = [row for row in zip(chunk, given, wanted) if row[1] != row[2]]
    return len(chunk), sum(answer[0].isdigit() for answer in wanted), wrong


def write_vectors(folder, count, seed):
    """A vector file for each function, with what MPFR and integers say, not what Rust does."""
    for name in VECTORED:
        records = []
        for request in sample(name, count, seed):
            answer = expected(*request)
            answer = answer if answer in ERRORS else [int(value) for value in answer.split()]
            records.append(encode(request[1:], answer))
        (folder / f"{name}.bin").write_bytes(b"".join(records))
        print(f"{name}: {len(records)} vectors", flush=True)


def chunks(name, count, seed):
    chunk = []
    for request in requests(name, count, seed):
        chunk.append(request)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    yield chunk


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("functions", nargs="*", default=FUNCTIONS, metavar="FUNCTION")
    parser.add_argument("--binary", help="the example `certified`")
    parser.add_argument("--count", type=int, default=1_000_000, help="random inputs for each function")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", type=Path, metavar="DIR", help="write vector files instead")
    options = parser.parse_args()
    if options.write:
        return write_vectors(options.write, options.count, options.seed)
    failed = 0
    with multiprocessing.Pool(options.jobs) as pool:
        for name in options.functions:
            start, total, valued = time.monotonic(), 0, 0
            work = chunks(name, options.count, options.seed)
            wrong = []
            for size, values, rows in pool.imap(partial(differences, options.binary), work):
                total, valued, wrong = total + size, valued + values, wrong + rows
            seconds = time.monotonic() - start
            print(f"{name}: {total} inputs, {valued} with a value, {len(wrong)} differences, {seconds:.0f} s", flush=True)
            for row in wrong[:10]:
                print("  ", *row)
            failed += len(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
