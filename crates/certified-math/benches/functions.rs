//! Time of each operation, and of `mul` and `div` beside the same formulas over `ethnum::U256`.
//!
//! `cargo bench -p certified-math`
#![allow(clippy::disallowed_types, reason = "a benchmark needs a clock")]

use certified_math::{BigNum128, MathError, split};
use ethnum::U256;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// How often each figure is measured; the best counts, because neighbours only ever add time.
const REPEATS: usize = 50;

/// The least duration of one measurement, short enough to fit between two of a neighbour's.
const SPAN: Duration = Duration::from_millis(4);

/// Operands that are taken in turn, so that no branch is foreseen.
const OPERANDS: usize = 1024;

const SCALE: u128 = 1_000_000_000_000_000_000;

type Pair = (BigNum128, BigNum128);

fn main() {
    let amounts = pairs(|a, b| (a >> 40, b >> 68));
    let ratios = pairs(|a, b| (a >> 48, (b >> 48) | 1));
    let wide = pairs(|a, b| (a >> (a % 64 + 34), (b >> (b % 64)) | 1));
    beside("mul, amount by factor", &amounts, BigNum128::mul, u256_mul);
    beside("mul, many sizes", &wide, BigNum128::mul, u256_mul);
    beside("div, amount by amount", &ratios, BigNum128::div, u256_div);
    beside("div, many sizes", &wide, BigNum128::div, u256_div);

    let above_one = pairs(|a, b| ((a >> 34) + SCALE, b % (4 * SCALE)));
    let small = pairs(|a, b| (a % (47 * SCALE), b % (68 * SCALE)));
    let near_one = pairs(|a, b| (SCALE - SCALE / 2 + a % SCALE, b >> 64));
    show("sqrt", &above_one, |x, _| Ok(x.sqrt()));
    show("exp", &small, |x, _| x.exp());
    show("exp2", &small, |_, y| y.exp2());
    show("ln", &above_one, |x, _| x.ln());
    show("log2", &above_one, |x, _| x.log2());
    show("log10", &above_one, |x, _| x.log10());
    show("pow, base near 1", &near_one, BigNum128::pow);
    show("powi, 3", &near_one, |x, _| x.powi(3));
    show("powi, 100", &near_one, |x, _| x.powi(100));
    show("powi, 10^18", &near_one, |x, _| x.powi(SCALE));
    let weights: Vec<u128> = amounts.iter().map(|pair| pair.1.raw()).collect();
    let each = best(|x, _| split(x, &weights).map(|shares| shares.rest), &amounts[..1]) / 1024.0;
    println!("{:24} {each:9.1} ns for each of 1024 weights", "split");
}

/// Prints the time of `ours` and `theirs`, which must agree.
fn beside(
    name: &str,
    pairs: &[Pair],
    ours: impl Fn(BigNum128, BigNum128) -> Outcome,
    theirs: impl Fn(BigNum128, BigNum128) -> Outcome,
) {
    assert!(pairs.iter().all(|(a, b)| ours(*a, *b) == theirs(*a, *b)), "{name}: results differ");
    let (mut own, mut other) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..REPEATS {
        own = own.min(measure(&ours, pairs));
        other = other.min(measure(&theirs, pairs));
    }
    println!("{name:24} {own:9.1} ns, ethnum {other:7.1} ns, ratio {:.2}", own / other);
}

fn show(name: &str, pairs: &[Pair], run: impl Fn(BigNum128, BigNum128) -> Outcome) {
    println!("{name:24} {:9.1} ns", best(run, pairs));
}

type Outcome = Result<BigNum128, MathError>;

fn best(run: impl Fn(BigNum128, BigNum128) -> Outcome, pairs: &[Pair]) -> f64 {
    (0..REPEATS).map(|_| measure(&run, pairs)).fold(f64::INFINITY, f64::min)
}

/// Nanoseconds for each call.
fn measure(run: impl Fn(BigNum128, BigNum128) -> Outcome, pairs: &[Pair]) -> f64 {
    let (start, mut calls) = (Instant::now(), 0u32);
    while start.elapsed() < SPAN {
        for (a, b) in pairs {
            let _ = black_box(run(black_box(*a), black_box(*b)));
        }
        calls += pairs.len() as u32;
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
}

fn u256_mul(a: BigNum128, b: BigNum128) -> Outcome {
    narrow(U256::from(a.raw()) * U256::from(b.raw()) / U256::from(SCALE))
}

fn u256_div(a: BigNum128, b: BigNum128) -> Outcome {
    if b == BigNum128::ZERO {
        return Err(MathError::DivisionByZero);
    }
    narrow(U256::from(a.raw()) * U256::from(SCALE) / U256::from(b.raw()))
}

fn narrow(value: U256) -> Outcome {
    u128::try_from(value).map(BigNum128::from_raw).map_err(|_| MathError::Overflow)
}

/// Pairs of numbers that `shape` makes of two random ones (SplitMix64, fixed seed).
fn pairs(shape: impl Fn(u128, u128) -> (u128, u128)) -> Vec<Pair> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let mut wide = || u128::from(next()) << 64 | u128::from(next());
    let pair = |(a, b)| (BigNum128::from_raw(a), BigNum128::from_raw(b));
    (0..OPERANDS).map(|_| pair(shape(wide(), wide()))).collect()
}
