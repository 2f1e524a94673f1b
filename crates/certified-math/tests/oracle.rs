//! Every operation against an independent 256-bit integer.

use certified_math::{BigNum128, Divisor, MathError, div_rem_wide, mul_div_u128, mul_wide};
use ethnum::U256;
use proptest::prelude::*;

const SCALE: u128 = 1_000_000_000_000_000_000;

/// Numbers of every bit length, and the neighbours of powers of two, where carries and corrections
/// happen.
fn operand() -> impl Strategy<Value = u128> {
    prop_oneof![
        (any::<u128>(), 0u32..128).prop_map(|(value, shift)| value >> shift),
        (0u32..128, 0u128..3)
            .prop_map(|(bit, near)| (1u128 << bit).wrapping_add(near).wrapping_sub(1)),
        (any::<u64>(), any::<bool>()).prop_map(
            |(low, ones)| (u128::from(low) << 64) | if ones { u128::from(u64::MAX) } else { 0 }
        ),
        (0u128..4).prop_map(|near| u128::MAX - near),
        (0u128..1 << 70).prop_map(|small| small),
    ]
}

fn wide(hi: u128, lo: u128) -> U256 {
    U256::from_words(hi, lo)
}

/// The quotient as this crate must report it.
fn quotient(dividend: U256, divisor: u128) -> Result<u128, MathError> {
    if divisor == 0 {
        return Err(MathError::DivisionByZero);
    }
    u128::try_from(dividend / U256::from(divisor)).map_err(|_| MathError::Overflow)
}

fn raw(result: Result<BigNum128, MathError>) -> Result<u128, MathError> {
    result.map(BigNum128::raw)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn cm5_product(a in operand(), b in operand()) {
        let (hi, lo) = mul_wide(a, b);
        prop_assert_eq!(wide(hi, lo), U256::from(a) * U256::from(b));
    }

    #[test]
    fn cm6_division(hi in operand(), lo in operand(), divisor in operand()) {
        let dividend = wide(hi, lo);
        let expected = quotient(dividend, divisor)
            .map(|q| (q, u128::try_from(dividend % U256::from(divisor)).unwrap()));
        prop_assert_eq!(div_rem_wide(hi, lo, divisor), expected);
        prop_assert_eq!(Divisor::new(divisor).and_then(|d| d.div_rem_wide(hi, lo)), expected);
    }

    /// The same with the quotient in range, which random operands rarely give.
    #[test]
    fn cm6_division_in_range(divisor in operand(), hi in operand(), lo in operand()) {
        prop_assume!(divisor != 0);
        let hi = hi % divisor;
        let dividend = wide(hi, lo);
        let expected = Ok((
            u128::try_from(dividend / U256::from(divisor)).unwrap(),
            u128::try_from(dividend % U256::from(divisor)).unwrap(),
        ));
        prop_assert_eq!(div_rem_wide(hi, lo, divisor), expected);
        prop_assert_eq!(Divisor::new(divisor).and_then(|d| d.div_rem_wide(hi, lo)), expected);
    }

    #[test]
    fn cm6_and_cm10_ratio(a in operand(), b in operand(), c in operand()) {
        let expected = quotient(U256::from(a) * U256::from(b), c);
        prop_assert_eq!(mul_div_u128(a, b, c), expected);
        let fixed = [a, b, c].map(BigNum128::from_raw);
        prop_assert_eq!(raw(BigNum128::mul_div(fixed[0], fixed[1], fixed[2])), expected);
    }

    #[test]
    fn cm7_to_cm9_four_operations(a in operand(), b in operand()) {
        let (x, y) = (BigNum128::from_raw(a), BigNum128::from_raw(b));
        prop_assert_eq!(raw(x.add(y)), quotient(U256::from(a) + U256::from(b), 1));
        prop_assert_eq!(raw(x.sub(y)), if a >= b { Ok(a - b) } else { Err(MathError::Underflow) });
        prop_assert_eq!(raw(x.mul(y)), quotient(U256::from(a) * U256::from(b), SCALE));
        prop_assert_eq!(raw(x.div(y)), quotient(U256::from(a) * U256::from(SCALE), b));
        prop_assert_eq!(raw(x.rem(y)), a.checked_rem(b).ok_or(MathError::DivisionByZero));
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
    }

    #[test]
    fn cm12_text_goes_there_and_back(value in operand()) {
        let number = BigNum128::from_raw(value);
        let text = number.to_string();
        prop_assert_eq!(text.split_once('.').map(|(_, decimals)| decimals.len()), Some(18));
        prop_assert_eq!(BigNum128::parse(&text), Ok(number));
    }

    /// Whatever the text, reading it never panics, and what is read prints the same number.
    #[test]
    fn cm11_any_text(text in "[0-9.]{0,24}|\\PC{0,12}") {
        if let Ok(number) = BigNum128::parse(&text) {
            let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
            prop_assert_eq!(number.to_string(), format!("{whole}.{decimals:0<18}"));
        }
    }
}
