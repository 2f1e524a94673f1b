//! Golden values, errors and properties of the certified functions.

use certified_math::MathError::{DivisionByZero, Domain, Overflow, Underflow};
use certified_math::{BigNum128, MathError, split};
use proptest::prelude::*;

const SCALE: u128 = 1_000_000_000_000_000_000;

type Outcome = Result<BigNum128, MathError>;
type Row<'a> = (&'a str, Result<&'a str, MathError>);

fn num(text: &str) -> BigNum128 {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn raw(raw: u128) -> BigNum128 {
    BigNum128::from_raw(raw)
}

fn check(what: &str, result: Outcome, expected: Result<&str, MathError>) {
    assert_eq!(result, expected.map(num), "{what}");
}

fn table(name: &str, function: impl Fn(BigNum128) -> Outcome, rows: &[Row]) {
    for (x, expected) in rows {
        check(&format!("{name}({x})"), function(num(x)), *expected);
    }
}

const LEAST: &str = "0.000000000000000001";
const MAX: &str = "340282366920938463463.374607431768211455";

/// Every error that a function has, at the first input that has it, and the last input beside it that has none.
#[test]
fn cm4_every_error_of_every_function() {
    let (zero, one, least) = (BigNum128::ZERO, BigNum128::ONE, raw(1));
    let below_one = raw(SCALE - 1);
    let no_shares = |amount, weights: &[u128]| split(amount, weights).map(|shares| shares.rest);
    for (what, refused, error, beside) in [
        (
            "exp",
            raw(47_276_307_437_780_177_294).exp(),
            Overflow,
            raw(47_276_307_437_780_177_293).exp(),
        ),
        (
            "exp2",
            raw(68_205_294_292_027_477_739).exp2(),
            Overflow,
            raw(68_205_294_292_027_477_738).exp2(),
        ),
        ("exp2, whole", raw(69 * SCALE).exp2(), Overflow, raw(68 * SCALE).exp2()),
        ("ln of 0", zero.ln(), Domain, one.ln()),
        ("ln below 1", below_one.ln(), Underflow, one.ln()),
        ("ln of the least", least.ln(), Underflow, one.ln()),
        ("log2 of 0", zero.log2(), Domain, one.log2()),
        ("log2 below 1", below_one.log2(), Underflow, one.log2()),
        ("log2 of 1/2", raw(SCALE / 2).log2(), Underflow, one.log2()),
        ("log10 of 0", zero.log10(), Domain, one.log10()),
        ("log10 below 1", below_one.log10(), Underflow, one.log10()),
        ("log10 of 1/10", raw(SCALE / 10).log10(), Underflow, one.log10()),
        ("powi", BigNum128::MAX.powi(2), Overflow, BigNum128::MAX.powi(1)),
        ("powi, exact", raw(2 * SCALE).powi(69), Overflow, raw(2 * SCALE).powi(68)),
        ("powi, long", raw(SCALE + 1).powi(1 << 66), Overflow, raw(SCALE - 1).powi(1 << 66)),
        ("pow", BigNum128::MAX.pow(raw(SCALE + 1)), Overflow, BigNum128::MAX.pow(raw(SCALE - 1))),
        (
            "pow, exact",
            raw(4 * SCALE).pow(raw(69 * SCALE / 2)),
            Overflow,
            raw(4 * SCALE).pow(raw(67 * SCALE / 2)),
        ),
        ("clamp", one.clamp(one, below_one), Domain, one.clamp(one, one)),
        ("split among none", no_shares(one, &[]), DivisionByZero, no_shares(one, &[1])),
        ("split by 0", no_shares(one, &[0, 0]), DivisionByZero, no_shares(one, &[0, 1])),
    ] {
        assert_eq!(refused, Err(error), "{what}");
        assert!(beside.is_ok(), "{what}: {beside:?}");
    }
}

#[test]
fn cm16_square_roots() {
    table(
        "sqrt",
        |x| Ok(x.sqrt()),
        &[
            ("0", Ok("0")),
            (LEAST, Ok("0.000000001")),
            ("0.000000000000000002", Ok("0.000000001414213562")),
            ("0.04", Ok("0.2")),
            ("0.999999999999999999", Ok("0.999999999999999999")),
            ("1", Ok("1")),
            ("1.000000000000000001", Ok("1")),
            ("1.000000000000000002", Ok("1")),
            ("1.000000000000000003", Ok("1.000000000000000001")),
            ("2", Ok("1.414213562373095048")),
            ("4", Ok("2")),
        ],
    );
    check("sqrt(max)", Ok(BigNum128::MAX.sqrt()), Ok("18446744073.709551615999999999"));
}

#[test]
fn cm17_exponentials() {
    table(
        "exp",
        BigNum128::exp,
        &[
            ("0", Ok("1")),
            (LEAST, Ok("1.000000000000000001")),
            ("0.693147180559945309", Ok("1.999999999999999999")),
            ("0.693147180559945310", Ok("2.000000000000000001")),
            ("1", Ok("2.718281828459045235")),
            ("10", Ok("22026.465794806716516957")),
            ("48", Err(Overflow)),
            (MAX, Err(Overflow)),
        ],
    );
    table(
        "exp2",
        BigNum128::exp2,
        &[
            ("0", Ok("1")),
            (LEAST, Ok("1")),
            ("0.5", Ok("1.414213562373095048")),
            ("0.999999999999999999", Ok("1.999999999999999998")),
            ("1", Ok("2")),
            ("10.000000000000000001", Ok("1024.000000000000000709")),
            ("68", Ok("295147905179352825856")),
            ("69", Err(Overflow)),
            (MAX, Err(Overflow)),
        ],
    );
}

/// The ends of the ranges, to the last unit.
#[test]
fn cm17_overflow_begins_at_one_input() {
    let last = num("47.276307437780177293");
    assert!(last.exp().is_ok());
    assert_eq!(last.add(raw(1)).unwrap().exp(), Err(Overflow));
    let last = BigNum128::MAX.log2().unwrap();
    assert!(last.exp2().is_ok());
    assert_eq!(last.add(raw(1)).unwrap().exp2(), Err(Overflow));
}

#[test]
fn cm18_logarithms() {
    let refused = [("0", Err(Domain)), (LEAST, Err(Underflow)), ("0.5", Err(Underflow))];
    let begins = [("0.999999999999999999", Err(Underflow)), ("1", Ok("0"))];
    for (name, function) in [
        ("ln", BigNum128::ln as fn(BigNum128) -> Outcome),
        ("log2", BigNum128::log2),
        ("log10", BigNum128::log10),
    ] {
        table(name, function, &refused);
        table(name, function, &begins);
    }
    table(
        "ln",
        BigNum128::ln,
        &[
            ("1.000000000000000001", Ok("0")),
            ("1.000000000000000002", Ok(LEAST)),
            ("2", Ok("0.693147180559945309")),
            ("2.718281828459045235", Ok("0.999999999999999999")),
            ("2.718281828459045236", Ok("1")),
            ("10", Ok("2.302585092994045684")),
        ],
    );
    table(
        "log2",
        BigNum128::log2,
        &[
            ("1.000000000000000001", Ok(LEAST)),
            ("3", Ok("1.584962500721156181")),
            ("7.999999999999999999", Ok("2.999999999999999999")),
            ("8", Ok("3")),
            ("295147905179352825856", Ok("68")),
        ],
    );
    table(
        "log10",
        BigNum128::log10,
        &[
            ("1.000000000000000001", Ok("0")),
            ("2", Ok("0.301029995663981195")),
            ("999.999999999999999999", Ok("2.999999999999999999")),
            ("1000", Ok("3")),
            ("1000.000000000000000001", Ok("3")),
            ("100000000000000000000", Ok("20")),
        ],
    );
    for (name, result, most) in [
        ("ln", BigNum128::MAX.ln(), "47.276307437780177293"),
        ("log2", BigNum128::MAX.log2(), "68.205294292027477738"),
        ("log10", BigNum128::MAX.log10(), "20.531839444989592987"),
    ] {
        check(&format!("{name}(max)"), result, Ok(most));
    }
}

#[test]
fn cm18_exact_logarithms() {
    for n in 0..=68u128 {
        let power = BigNum128::from_int(1 << n).unwrap();
        assert_eq!(power.log2(), BigNum128::from_int(n));
        assert_eq!(BigNum128::from_int(n).unwrap().exp2(), Ok(power));
        let below = power.sub(raw(1)).unwrap().log2();
        assert!(
            below.map_or_else(|error| n == 0 && error == Underflow, |log| log.floor_int() < n),
            "{n}"
        );
    }
    for n in 0..=20u128 {
        let power = BigNum128::from_int(10u128.pow(n as u32)).unwrap();
        assert_eq!(power.log10(), BigNum128::from_int(n));
    }
    for n in 1..=18u32 {
        assert_eq!(raw(SCALE >> n).log2(), Err(Underflow));
        assert_eq!(raw(10u128.pow(18 - n)).log10(), Err(Underflow));
    }
}

#[test]
fn cm19_whole_powers() {
    for (x, n, expected) in [
        ("0", 0, Ok("1")),
        ("0", 1, Ok("0")),
        ("0", u128::MAX, Ok("0")),
        ("1", u128::MAX, Ok("1")),
        (MAX, 0, Ok("1")),
        (MAX, 1, Ok(MAX)),
        (MAX, 2, Err(Overflow)),
        ("2", 68, Ok("295147905179352825856")),
        ("2", 69, Err(Overflow)),
        ("1.5", 3, Ok("3.375")),
        ("0.1", 18, Ok(LEAST)),
        ("0.1", 19, Ok("0")),
        ("0.5", 18, Ok("0.000003814697265625")),
        ("0.5", 19, Ok("0.000001907348632812")),
        ("1.1", 20, Ok("6.727499949325600092")),
        ("0.999999999999999999", SCALE, Ok("0.367879441171442321")),
        ("1.000000000000000001", SCALE, Ok("2.718281828459045234")),
        (
            "1.000000000000000001",
            47_276_307_437_780_177_316,
            Ok("340282366920938463218.364810246622275216"),
        ),
        ("1.000000000000000001", 47_276_307_437_780_177_317, Err(Overflow)),
        ("1.000000000000000001", 1 << 66, Err(Overflow)),
        ("0.999999999999999999", u128::MAX, Ok("0")),
        ("1.000000000000000001", u128::MAX, Err(Overflow)),
    ] {
        check(&format!("{x}^{n}"), num(x).powi(n), expected);
    }
}

#[test]
fn cm20_fractional_powers() {
    for (x, y, expected) in [
        ("0", "0", Ok("1")),
        ("0", LEAST, Ok("0")),
        ("1", MAX, Ok("1")),
        (MAX, "0", Ok("1")),
        (MAX, "1", Ok(MAX)),
        (MAX, "1.000000000000000001", Err(Overflow)),
        ("4", "0.5", Ok("2")),
        ("0.04", "0.5", Ok("0.2")),
        ("0.00000004", "1.5", Ok("0.000000000008")),
        ("256", "0.125", Ok("2")),
        ("8", "0.125", Ok("1.296839554651009665")),
        ("0.0000000000000001", "0.0625", Ok("0.1")),
        ("0.000000000000000256", "0.125", Ok("0.011246826503806981")),
        ("18446744073709551616", "0.015625", Ok("2")),
        ("18446744073709551615", "0.015625", Ok("1.999999999999999999")),
        ("18446744073709551616", "1.046875", Ok("147573952589676412928")),
        ("18446744073709551616", "1.078125", Err(Overflow)),
        ("2", "0.5", Ok("1.414213562373095048")),
        ("0.5", "0.5", Ok("0.707106781186547524")),
        ("0.5", "59.5", Ok("0.000000000000000001")),
        ("0.5", "60", Ok("0")),
        ("1.000000000000000001", "0.5", Ok("1")),
        ("1.000000000000000002", "0.5", Ok("1")),
        ("0.999999999999999999", "0.5", Ok("0.999999999999999999")),
        ("0.999999999999999999", MAX, Ok("0")),
        ("1.000000000000000001", MAX, Err(Overflow)),
        (LEAST, LEAST, Ok("0.999999999999999958")),
    ] {
        check(&format!("{x}^{y}"), num(x).pow(num(y)), expected);
    }
}

#[test]
fn cm21_least_greatest_between() {
    let (one, two, three) = (num("1"), num("2"), num("3"));
    assert_eq!((one.min(two), two.min(one), one.max(two), two.max(one)), (one, one, two, two));
    assert_eq!(one.clamp(two, three), Ok(two));
    assert_eq!(two.clamp(one, three), Ok(two));
    assert_eq!(three.clamp(one, two), Ok(two));
    assert_eq!(one.clamp(three, three), Ok(three));
    assert_eq!(one.clamp(three, two), Err(Domain));
    assert_eq!(Domain.to_string(), "the function is not defined for these arguments");
}

fn shares(amount: BigNum128, weights: &[u128]) -> (Vec<u128>, u128) {
    let shares = split(amount, weights).unwrap();
    (shares.parts.iter().map(|part| part.raw()).collect(), shares.rest.raw())
}

#[test]
fn cm22_shares() {
    assert_eq!(shares(num("1"), &[1, 1, 1]), (vec![333_333_333_333_333_333; 3], 1));
    assert_eq!(shares(raw(10), &[1, 0, 2]), (vec![3, 0, 6], 1));
    assert_eq!(shares(BigNum128::ZERO, &[7]), (vec![0], 0));
    assert_eq!(shares(BigNum128::MAX, &[u128::MAX]), (vec![u128::MAX], 0));
    let third = u128::MAX / 3;
    assert_eq!(shares(BigNum128::MAX, &[u128::MAX; 3]), (vec![third; 3], 0));
    assert_eq!(shares(BigNum128::MAX, &[u128::MAX, 1]), (vec![u128::MAX - 1, 0], 1));
    for weights in [&[][..], &[0], &[0, 0]] {
        assert_eq!(split(num("1"), weights), Err(DivisionByZero), "{weights:?}");
    }
}

/// Numbers of every size, those around 1 and those of the ends.
fn number() -> impl Strategy<Value = BigNum128> {
    prop_oneof![
        (any::<u128>(), 0u32..128).prop_map(|(value, shift)| value >> shift),
        (SCALE - 1000..SCALE + 1000),
        (0..70 * SCALE),
        (u128::MAX - 1000..=u128::MAX),
    ]
    .prop_map(BigNum128::from_raw)
}

/// A neighbour above, sometimes the next number.
fn above(x: BigNum128, step: u128) -> BigNum128 {
    raw(x.raw().saturating_add(step))
}

/// Where errors stand in an order of results.
fn rank(outcome: Outcome) -> (u8, BigNum128) {
    match outcome {
        Err(Domain) => (0, BigNum128::ZERO),
        Err(Underflow) => (1, BigNum128::ZERO),
        Ok(value) => (2, value),
        Err(_) => (3, BigNum128::ZERO),
    }
}

fn gap(a: BigNum128, b: BigNum128) -> u128 {
    a.raw().abs_diff(b.raw())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn cm14_functions_are_monotone(x in number(), step in prop_oneof![Just(1u128), any::<u128>()]) {
        let y = above(x, step);
        prop_assert!(x.sqrt() <= y.sqrt());
        for function in [BigNum128::exp, BigNum128::exp2, BigNum128::ln, BigNum128::log2, BigNum128::log10] {
            prop_assert!(rank(function(x)) <= rank(function(y)));
        }
    }

    #[test]
    fn cm14_powers_are_monotone(x in number(), y in number(), step in prop_oneof![Just(1u128), any::<u128>()]) {
        prop_assert!(rank(x.pow(y)) <= rank(above(x, step).pow(y)));
        let (less, more) = (rank(x.pow(y)), rank(x.pow(above(y, step))));
        let ordered = if x >= BigNum128::ONE { less <= more } else { less >= more };
        prop_assert!(ordered);
    }

    /// CM-16: the defining inequality of a floored root, in 256 bits.
    #[test]
    fn cm16_the_root_is_the_greatest_with_that_square(x in number()) {
        use ethnum::U256;
        let (square, root) = (U256::from(x.raw()) * U256::from(SCALE), U256::from(x.sqrt().raw()));
        prop_assert!(root * root <= square && square < (root + 1) * (root + 1));
    }

    /// The logarithm of a floored power is at most a unit below its argument, for arguments where the
    /// power is fine enough: `e^x` floored moves `x` by less than `10^-18 / e^x`.
    #[test]
    fn cm17_cm18_logarithms_invert_exponentials(x in 0..47 * SCALE) {
        let x = raw(x);
        let back = x.exp().unwrap().ln().unwrap();
        prop_assert!(back <= x && gap(back, x) <= 1);
        let back = x.exp2().unwrap().log2().unwrap();
        prop_assert!(back <= x && gap(back, x) <= 2);
    }

    /// The exponential of a floored logarithm: at most `x` units and one below.
    #[test]
    fn cm17_cm18_exponentials_invert_logarithms(x in number()) {
        let x = x.max(BigNum128::ONE);
        let back = x.ln().unwrap().exp().unwrap();
        prop_assert!(back <= x && gap(back, x) <= x.floor_int() + 2);
    }

    #[test]
    fn cm20_half_powers_are_roots(x in number()) {
        let half = raw(SCALE / 2);
        prop_assert_eq!(x.pow(half), Ok(x.sqrt()));
        let root = x.sqrt();
        if root.raw() < 1 << 93 {
            let square = root.powi(2).unwrap();
            prop_assert!(square <= x);
            prop_assert!(above(root, 1).powi(2).map_or(true, |square| square >= x));
        }
    }

    #[test]
    fn cm19_small_powers_are_products(x in number()) {
        prop_assert_eq!(x.powi(1), Ok(x));
        prop_assert_eq!(x.powi(2), x.mul(x));
        prop_assert_eq!(x.pow(BigNum128::ONE), Ok(x));
        prop_assert_eq!(x.powi(0), Ok(BigNum128::ONE));
    }

    #[test]
    fn cm20_powers_of_two(y in number()) {
        prop_assert_eq!(raw(2 * SCALE).pow(y), y.exp2());
    }

    #[test]
    fn cm21_clamp_stays_between(x in number(), a in number(), b in number()) {
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(low <= high);
        let clamped = x.clamp(low, high).unwrap();
        prop_assert!(low <= clamped && clamped <= high);
        prop_assert_eq!(clamped == x, low <= x && x <= high);
        prop_assert_eq!(x.clamp(high, low).is_err(), low != high);
    }

    #[test]
    fn cm22_shares_add_up(amount in number(), weights in prop::collection::vec(any::<u128>(), 1..9), shift in 0u32..128) {
        let weights: Vec<u128> = weights.iter().map(|weight| weight >> shift).collect();
        prop_assume!(weights.iter().any(|weight| *weight > 0));
        let shares = split(amount, &weights).unwrap();
        let sum = BigNum128::sum(shares.parts.iter().copied().chain([shares.rest]));
        prop_assert_eq!(sum, Ok(amount));
        let heavy = weights.iter().filter(|weight| **weight > 0).count();
        prop_assert!(shares.rest.raw() < heavy as u128);
        for (part, weight) in shares.parts.iter().zip(&weights) {
            prop_assert!(*weight > 0 || part.raw() == 0);
        }
    }
}
