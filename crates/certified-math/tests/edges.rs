//! Edge tables and golden values: each row is one fact that another implementation must share.

use certified_math::MathError::{DivisionByZero, Overflow, Syntax, Underflow};
use certified_math::{BigNum128, Divisor, MathError, div_rem_wide, mul_div_u128, mul_wide};

const MAX: u128 = u128::MAX;
const TOP: u128 = 1 << 127;

fn num(text: &str) -> BigNum128 {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn shown(result: Result<BigNum128, MathError>) -> Result<String, MathError> {
    result.map(|value| value.to_string())
}

fn check(name: &str, result: Result<BigNum128, MathError>, expected: Result<&str, MathError>) {
    assert_eq!(shown(result), expected.map(str::to_owned), "{name}");
}

#[test]
fn cm2_constants_are_the_ends_and_the_unit_of_the_range() {
    assert_eq!(BigNum128::ZERO.to_string(), "0.000000000000000000");
    assert_eq!(BigNum128::ONE.to_string(), "1.000000000000000000");
    assert_eq!(BigNum128::MAX.to_string(), "340282366920938463463.374607431768211455");
    assert_eq!(BigNum128::ONE.raw(), 10u128.pow(18));
    assert_eq!(BigNum128::default(), BigNum128::ZERO);
    assert!(BigNum128::ZERO < BigNum128::from_raw(1) && BigNum128::from_raw(1) < BigNum128::ONE);
}

/// CM-3.
#[test]
fn cm3_whole_numbers() {
    let most = 340_282_366_920_938_463_463;
    check("zero", BigNum128::from_int(0), Ok("0.000000000000000000"));
    check("most", BigNum128::from_int(most), Ok("340282366920938463463.000000000000000000"));
    check("one more", BigNum128::from_int(most + 1), Err(Overflow));
    check("largest", BigNum128::from_int(MAX), Err(Overflow));
    for (text, whole) in [("0.999999999999999999", 0), ("1", 1), ("9.99", 9)] {
        assert_eq!(num(text).floor_int(), whole, "{text}");
    }
    assert_eq!(BigNum128::MAX.floor_int(), most);
}

#[test]
fn cm5_products_are_exact_in_256_bits() {
    let rows = [
        (0, MAX, (0, 0)),
        (1, MAX, (0, MAX)),
        (2, TOP, (1, 0)),
        (1 << 64, 1 << 64, (1, 0)),
        (MAX, 2, (1, MAX - 1)),
        (MAX, MAX, (MAX - 1, 1)),
    ];
    for (a, b, product) in rows {
        assert_eq!(mul_wide(a, b), product, "{a} * {b}");
        assert_eq!(mul_wide(b, a), product, "{b} * {a}");
    }
}

#[test]
fn cm6_quotients_of_products() {
    let rows = [
        (0, 0, 1, Ok(0)),
        (7, 3, 2, Ok(10)),
        (MAX, MAX, MAX, Ok(MAX)),
        (MAX, MAX - 1, MAX, Ok(MAX - 1)),
        (MAX, MAX, MAX - 1, Err(Overflow)),
        (MAX, 2, 1, Err(Overflow)),
        (TOP, 2, 2, Ok(TOP)),
        (TOP, 2, 1, Err(Overflow)),
        (TOP, 2, 3, Ok(MAX / 3)),
        (1, 1, 0, Err(DivisionByZero)),
        (0, 0, 0, Err(DivisionByZero)),
        (MAX, MAX, 0, Err(DivisionByZero)),
    ];
    for (a, b, c, expected) in rows {
        assert_eq!(mul_div_u128(a, b, c), expected, "{a} * {b} / {c}");
        let reused = Divisor::new(c).and_then(|divisor| divisor.mul_div(a, b));
        assert_eq!(reused, expected, "{a} * {b} / {c}, prepared");
    }
}

/// Dividends and divisors that drive each correction step of both division algorithms.
#[test]
fn cm6_long_division_corrections() {
    let half = (1u128 << 64) - 1;
    let rows = [
        (TOP - 1, MAX, TOP),
        (TOP, 0, TOP | half),
        (TOP | (half - 1), MAX, TOP | half),
        (half << 64, MAX, MAX - half + 1),
        (half << 63, 0, TOP + 1),
        (MAX - 1, MAX, MAX),
        (1, 0, 3),
        (half, 0, 1 << 64),
        (0, MAX, 1),
    ];
    for (hi, lo, divisor) in rows {
        let (quotient, remainder) = div_rem_wide(hi, lo, divisor).unwrap();
        let (product_hi, product_lo) = mul_wide(quotient, divisor);
        let (sum, carry) = product_lo.overflowing_add(remainder);
        assert_eq!((product_hi + u128::from(carry), sum), (hi, lo), "{hi} {lo} / {divisor}");
        assert!(remainder < divisor);
        let prepared = Divisor::new(divisor).unwrap();
        assert_eq!(prepared.get(), divisor);
        assert_eq!(prepared.div_rem_wide(hi, lo), Ok((quotient, remainder)));
    }
}

/// CM-7.
#[test]
fn cm7_sums_and_differences() {
    let (least, most) = (BigNum128::from_raw(1), BigNum128::MAX);
    check("1.5 + 2.25", num("1.5").add(num("2.25")), Ok("3.750000000000000000"));
    check("max + 0", most.add(BigNum128::ZERO), Ok("340282366920938463463.374607431768211455"));
    check("max + least", most.add(least), Err(Overflow));
    check("1 - least", BigNum128::ONE.sub(least), Ok("0.999999999999999999"));
    check("1 - 1", BigNum128::ONE.sub(BigNum128::ONE), Ok("0.000000000000000000"));
    check("0 - least", BigNum128::ZERO.sub(least), Err(Underflow));
    check("empty sum", BigNum128::sum([]), Ok("0.000000000000000000"));
    check("sum", BigNum128::sum(["0.1", "0.2", "0.3"].map(num)), Ok("0.600000000000000000"));
    check("sum too large", BigNum128::sum([least, most]), Err(Overflow));
    check("sum too large, turned", BigNum128::sum([most, least]), Err(Overflow));
}

#[test]
fn cm8_products_and_quotients_round_down() {
    let least = "0.000000000000000001";
    let (top, whole) = ("340282366920938463463.374607431768211455", "340282366920938463463");
    let products = [
        ("0.1", "0.1", Ok("0.010000000000000000")),
        ("1.5", "1.5", Ok("2.250000000000000000")),
        (least, "0.999999999999999999", Ok("0.000000000000000000")),
        (least, least, Ok("0.000000000000000000")),
        ("0.333333333333333333", "3", Ok("0.999999999999999999")),
        ("18446744073.709551616", "18446744073.709551616", Err(Overflow)),
        (
            "18446744073.709551615",
            "18446744073.709551616",
            Ok("340282366920938463444.927863358058659840"),
        ),
        (top, "1", Ok(top)),
        (top, "1.000000000000000001", Err(Overflow)),
        (top, top, Err(Overflow)),
    ];
    for (a, b, expected) in products {
        check(&format!("{a} * {b}"), num(a).mul(num(b)), expected);
        check(&format!("{b} * {a}"), num(b).mul(num(a)), expected);
    }
    let quotients = [
        ("1", "3", Ok("0.333333333333333333")),
        ("2", "3", Ok("0.666666666666666666")),
        ("0", "3", Ok("0.000000000000000000")),
        (least, "2", Ok("0.000000000000000000")),
        (top, "1", Ok(top)),
        (top, top, Ok("1.000000000000000000")),
        (whole, least, Err(Overflow)),
        (least, top, Ok("0.000000000000000000")),
        (top, "0.999999999999999999", Err(Overflow)),
        ("0", "0", Err(DivisionByZero)),
        (top, "0", Err(DivisionByZero)),
    ];
    for (a, b, expected) in quotients {
        check(&format!("{a} / {b}"), num(a).div(num(b)), expected);
    }
}

#[test]
fn cm9_remainders() {
    let rows = [
        ("7.5", "2", Ok("1.500000000000000000")),
        ("2", "7.5", Ok("2.000000000000000000")),
        ("1", "0.3", Ok("0.100000000000000000")),
        ("0", "1", Ok("0.000000000000000000")),
        ("1", "0", Err(DivisionByZero)),
    ];
    for (a, b, expected) in rows {
        check(&format!("{a} rem {b}"), num(a).rem(num(b)), expected);
    }
}

/// `1 * 1 / 3 * 3` loses a unit where `1 * 3 / 3` does not: rounding happens once, on the last
/// step.
#[test]
fn cm10_a_ratio_rounds_once() {
    let (one, three) = (num("1"), num("3"));
    check("1 * 3 / 3", BigNum128::mul_div(one, three, three), Ok("1.000000000000000000"));
    check("(1 / 3) * 3", one.div(three).unwrap().mul(three), Ok("0.999999999999999999"));
    check("1 * 1 / 3", BigNum128::mul_div(one, one, three), Ok("0.333333333333333333"));
    let (max, zero) = (BigNum128::MAX, BigNum128::ZERO);
    check(
        "max * max / max",
        BigNum128::mul_div(max, max, max),
        shown(Ok(max)).as_deref().map_err(|e| *e),
    );
    check("max * max / 1", BigNum128::mul_div(max, max, one), Err(Overflow));
    check("0 * 0 / 0", BigNum128::mul_div(zero, zero, zero), Err(DivisionByZero));
}

#[test]
fn cm11_one_form_of_text_is_accepted() {
    let accepted = [
        ("0", 0),
        ("0.0", 0),
        ("0.000000000000000001", 1),
        ("1", 10u128.pow(18)),
        ("10", 10u128.pow(19)),
        ("0.90", 9 * 10u128.pow(17)),
        ("1.000000000000000000", 10u128.pow(18)),
        ("340282366920938463463.374607431768211455", MAX),
    ];
    for (text, raw) in accepted {
        assert_eq!(BigNum128::parse(text), Ok(BigNum128::from_raw(raw)), "{text:?}");
    }
    let refused = [
        "",
        ".",
        "1.",
        ".5",
        "+1",
        "-1",
        "-0",
        "00",
        "01",
        "00.5",
        " 1",
        "1 ",
        "1\n",
        "1e3",
        "1E3",
        "1.5e0",
        "1,5",
        "1_000",
        "1.2.3",
        "1..2",
        "0x1",
        "nan",
        "inf",
        "1.0000000000000000000",
        "0.0000000000000000001",
        "1\0",
        "١",
        "１",
        "999999999999999999999999999999999999999999x",
    ];
    for text in refused {
        assert_eq!(BigNum128::parse(text), Err(Syntax), "{text:?}");
    }
    let too_large = [
        "340282366920938463463.374607431768211456",
        "340282366920938463464",
        "340282366920938463463374607431768211455",
        "999999999999999999999999999999999999999999999999999999999999999999999999999999.9",
    ];
    for text in too_large {
        assert_eq!(BigNum128::parse(text), Err(Overflow), "{text:?}");
    }
}

/// The formulas of fees and rewards, worked by hand.
#[test]
fn golden_fees_and_rewards() {
    // 1,000,000 bytes are 977 KiB begun; 5 metadata keys add 5 percent.
    let per_kib = num("100").mul(num("977")).unwrap();
    check("fee", per_kib.mul(num("1.05")), Ok("102585.000000000000000000"));
    // A tenth of the fees is the pool; one node of three equal ones gets a third of it, floored.
    let pool = num("102585").mul(num("0.1")).unwrap();
    check("pool", Ok(pool), Ok("10258.500000000000000000"));
    let contribution = 786_432 * 10 * 64;
    let reward =
        mul_div_u128(pool.raw(), contribution, 3 * contribution + 1).map(BigNum128::from_raw);
    check("reward", reward, Ok("3419.499997735354636950"));
    check("uptime bucket", num("0.949999999999999999").mul(num("10")), Ok("9.499999999999999990"));
}

/// CM-12: a number in a failed assertion is the number that users see.
#[test]
fn cm12_debug_shows_the_same_text() {
    for text in ["0.000000000000000001", "12.500000000000000000"] {
        assert_eq!((format!("{:?}", num(text)), num(text).to_string()), (text.into(), text.into()));
    }
}

#[test]
fn cm4_errors_read_as_sentences() {
    for (error, text) in [
        (Overflow, "the result is too large to represent"),
        (Underflow, "the result would be negative"),
        (DivisionByZero, "division by zero"),
        (Syntax, "not a plain decimal number with at most 18 decimals"),
    ] {
        assert_eq!(error.to_string(), text);
    }
}
