//! Numbers: their text, and their arithmetic beside somebody else's 256 bits.

use core::str::from_utf8;

use arbitrary::{Result, Unstructured};
use certified_math::{BigNum128, Divisor, MathError, div_rem_wide, mul_wide, split};
use ethnum::U256;

/// Raw units in one.
const SCALE: u128 = 1_000_000_000_000_000_000;

/// A decimal number. It is read as the number that its digits make, printed with 18 decimals, and read back the same
/// (CM-11, CM-12).
pub fn decimal(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    match BigNum128::parse(text) {
        Ok(number) => {
            let printed = number.to_string();
            assert_eq!(BigNum128::parse(&printed), Ok(number));
            let (whole, fraction) = printed.split_once('.').expect("a point");
            assert_eq!(fraction.len(), 18);
            let (given, decimals) = text.split_once('.').unwrap_or((text, ""));
            assert_eq!((whole, fraction), (given, &*format!("{decimals:0<18}")));
        }
        Err(MathError::Overflow) => {
            let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
            let digits = format!("{whole}{decimals:0<18}");
            let value = U256::from_str_radix(&digits, 10);
            assert!(value.is_err() || value.is_ok_and(|value| value > U256::from(u128::MAX)));
        }
        Err(_) => {}
    }
}

/// Three numbers through every operation: what 256-bit integers say, rounded down, or the error that says why not.
pub fn arithmetic(data: &[u8]) {
    let _used_up = operations(&mut Unstructured::new(data));
}

fn operations(input: &mut Unstructured<'_>) -> Result<()> {
    let [a, b, c] = [number(input)?, number(input)?, number(input)?];
    let [x, y, z] = [a, b, c].map(BigNum128::from_raw);
    let [wide_a, wide_b, wide_c, scale] = [a, b, c, SCALE].map(U256::from);
    let fits = |value: U256| {
        u128::try_from(value).map(BigNum128::from_raw).map_err(|_| MathError::Overflow)
    };
    let over = |value: U256, by: U256| match by {
        U256::ZERO => Err(MathError::DivisionByZero),
        by => fits(value / by),
    };
    assert_eq!(x.add(y), fits(wide_a + wide_b));
    assert_eq!(x.sub(y).ok(), a.checked_sub(b).map(BigNum128::from_raw));
    assert_eq!(x.mul(y), over(wide_a * wide_b, scale));
    assert_eq!(x.div(y), over(wide_a * scale, wide_b));
    assert_eq!(x.rem(y).ok(), a.checked_rem(b).map(BigNum128::from_raw));
    assert_eq!(BigNum128::mul_div(x, y, z), over(wide_a * wide_b, wide_c));
    let (high, low) = mul_wide(a, b);
    assert_eq!(U256::from_words(high, low), wide_a * wide_b);
    let quotient = div_rem_wide(a, b, c);
    match Divisor::new(c) {
        Ok(divisor) => assert_eq!(divisor.div_rem_wide(a, b), quotient),
        Err(error) => assert_eq!(quotient, Err(error)),
    }
    if let Ok((quotient, rest)) = quotient {
        let back = U256::from(quotient) * wide_c + U256::from(rest);
        assert_eq!((back, rest < c), (U256::from_words(a, b), true));
    } else {
        assert!(c <= a, "the quotient fits");
    }
    let root = U256::from(x.sqrt().raw());
    assert!(root * root <= wide_a * scale && (root + 1) * (root + 1) > wide_a * scale);
    shares(x, [b, c])?;
    elementary(x, y);
    Ok(())
}

/// A number of any length in bits, so that small ones, and those beside the bounds, are as likely as others.
fn number(input: &mut Unstructured<'_>) -> Result<u128> {
    let bits = input.arbitrary::<u128>()?.checked_shr(input.int_in_range(0..=128)?).unwrap_or(0);
    Ok(if input.arbitrary()? { !bits } else { bits })
}

/// Nothing is lost or made when an amount is split, and everybody gets what the weight says, rounded down (CM-22).
fn shares(amount: BigNum128, weights: [u128; 2]) -> Result<()> {
    let Ok(shares) = split(amount, &weights) else { return Ok(()) };
    let parts = BigNum128::sum(shares.parts.iter().copied()).expect("at most the amount");
    assert_eq!(parts.add(shares.rest), Ok(amount));
    let total = U256::from(weights[0]) + U256::from(weights[1]);
    for (part, weight) in shares.parts.iter().zip(weights) {
        assert_eq!(U256::from(part.raw()), U256::from(amount.raw()) * U256::from(weight) / total);
    }
    Ok(())
}

/// Functions that are only ever rounded down: monotonic, and each other's inverse as far as rounding lets them.
fn elementary(x: BigNum128, y: BigNum128) {
    let (low, high) = (x.min(y), x.max(y));
    for function in
        [BigNum128::exp, BigNum128::exp2, BigNum128::ln, BigNum128::log2, BigNum128::log10]
    {
        if let (Ok(low), Ok(high)) = (function(low), function(high)) {
            assert!(low <= high);
        }
    }
    if let Ok(log) = x.ln() {
        assert!(log.exp().is_ok_and(|back| back <= x), "rounded down twice");
    }
    assert_eq!(x.powi(2), x.mul(x));
    let _any = x.pow(y);
}
