//! Logarithms of 2 and 10 and their reciprocals, to any precision.
//!
//! The first 320 bits are written down, because computing them would take longer than all else; a
//! test holds them against the series, which gives every further bit.

use crate::enclosure::{Enclosure, Precision};
use crate::nat::Nat;
use core::num::NonZero;

/// The first 64 bits of ln 2, in units of 2^-64.
pub(crate) const LN_2_TOP: u64 = 0xb172_17f7_d1cf_79ab;

/// A constant rounded down to 2^-320, least limb first; the last limb is its whole part.
type Digits = [u64; 6];

const LN_2: Digits = [
    0xe7b8_7620_6deb_ac98,
    0x8a0d_175b_8baa_fa2b,
    0x40f3_4326_7298_b62d,
    0xc9e3_b398_03f2_f6af,
    LN_2_TOP,
    0,
];

const LN_10: Digits = [
    0x58bc_0b5e_c6a0_4173,
    0x0f18_7a08_07c0_b5ca,
    0x8a3f_b3e7_6977_e43a,
    0xa95b_58ae_0b4c_28a3,
    0x4d76_3776_aaa2_b05b,
    2,
];

const LOG2_E: Digits = [
    0xbc38_87ee_aa2e_d9ac,
    0x164a_2cd9_a342_648f,
    0xd6ae_f551_bad2_b4b1,
    0x7d0f_fda0_d23a_7d11,
    0x7154_7652_b82f_e177,
    1,
];

const LOG10_E: Digits = [
    0x3aa1_277d_0a01_79f9,
    0x1d1f_96a2_7bc7_529e,
    0x1f71_a301_22e4_d101,
    0x9aad_d557_d699_ee19,
    0x6f2d_ec54_9b94_38ca,
    0,
];

/// ln 2; its lower bound is less than 2 units too low.
pub(crate) fn ln_2(precision: Precision) -> Enclosure {
    written(&LN_2, precision).unwrap_or_else(|| ln_2_by_series(precision))
}

/// ln 10; its lower bound is less than 2 units too low.
pub(crate) fn ln_10(precision: Precision) -> Enclosure {
    written(&LN_10, precision).unwrap_or_else(|| ln_10_by_series(precision))
}

/// `1 / ln 2`, the binary logarithm of e.
pub(crate) fn log2_e(precision: Precision) -> Enclosure {
    written(&LOG2_E, precision).unwrap_or_else(|| reciprocal(precision, ln_2))
}

/// `1 / ln 10`, the decimal logarithm of e.
pub(crate) fn log10_e(precision: Precision) -> Enclosure {
    written(&LOG10_E, precision).unwrap_or_else(|| reciprocal(precision, ln_10))
}

/// The constant at a precision that its digits reach.
fn written(digits: &Digits, precision: Precision) -> Option<Enclosure> {
    let fraction = digits.len().checked_sub(1)?;
    let dropped = fraction.checked_sub(precision.limbs())?;
    let kept = Nat::from_limbs(digits.get(dropped..)?.to_vec());
    Some(Enclosure::around(kept, 0, 1))
}

/// `ln 2 = 2 artanh(1/3)`.
fn ln_2_by_series(precision: Precision) -> Enclosure {
    let sum = artanh_of_reciprocal(precision.guarded(), THREE, NINE).shl(1);
    Enclosure::around(sum.without_limbs(1), 0, 2)
}

/// `ln 10 = 3 ln 2 + ln(5/4) = 6 artanh(1/3) + 2 artanh(1/9)`.
fn ln_10_by_series(precision: Precision) -> Enclosure {
    let inner = precision.guarded();
    let thrice = artanh_of_reciprocal(inner, THREE, NINE).times(&Nat::from(3u64));
    let sum = thrice.plus(&artanh_of_reciprocal(inner, NINE, EIGHTY_ONE)).shl(1);
    Enclosure::around(sum.without_limbs(1), 0, 2)
}

const THREE: NonZero<u64> = NonZero::new(3).unwrap();
const NINE: NonZero<u64> = NonZero::new(9).unwrap();
const EIGHTY_ONE: NonZero<u64> = NonZero::new(81).unwrap();

/// `artanh(1/n) = 1/n + 1/(3 n^3) + 1/(5 n^5) + ...`, each term less than 3 units too low.
fn artanh_of_reciprocal(precision: Precision, n: NonZero<u64>, n_squared: NonZero<u64>) -> Nat {
    let mut power = precision.one().over(n);
    let mut sum = Nat::default();
    for odd in (1..).step_by(2).map_while(NonZero::new) {
        if power.is_zero() {
            break;
        }
        sum.add_assign(&power.clone().over(odd));
        power = power.over(n_squared);
    }
    sum
}

/// `1 / constant`, from bounds of the constant at one limb more.
fn reciprocal(precision: Precision, constant: fn(Precision) -> Enclosure) -> Enclosure {
    let inner = precision.guarded();
    let one_squared = Nat::power_of_two(inner.bits().saturating_mul(2));
    let quotient = one_squared.quotient(&constant(inner).low);
    Enclosure::around(quotient.without_limbs(1), 1, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CM-16: the written digits are those of the series.
    #[test]
    fn cm16_written_constants_are_the_series() {
        let (written, longer) = (Precision::of_limbs(5), Precision::of_limbs(7));
        for (digits, series) in [
            (LN_2, ln_2_by_series(longer)),
            (LN_10, ln_10_by_series(longer)),
            (LOG2_E, reciprocal(longer, ln_2)),
            (LOG10_E, reciprocal(longer, ln_10)),
        ] {
            let digits = Nat::from_limbs(digits.to_vec());
            assert_eq!(digits, series.low.without_limbs(2));
            assert_eq!(digits, series.high.without_limbs(2));
        }
        assert!(super::written(&LN_2, written).is_some());
        assert!(super::written(&LN_2, Precision::of_limbs(6)).is_none());
    }

    /// CM-16: 60 decimals from the literature.
    #[test]
    fn cm16_constants_have_their_known_decimals() {
        let decimals = |value: Enclosure, precision: Precision| {
            let scale = Nat::from(10u128.pow(30));
            value.low.times(&scale).shr(precision.bits()).to_u128().unwrap()
        };
        let precision = Precision::FIRST;
        assert_eq!(decimals(ln_2(precision), precision), 693_147_180_559_945_309_417_232_121_458);
        assert_eq!(
            decimals(ln_10(precision), precision),
            2_302_585_092_994_045_684_017_991_454_684
        );
        assert_eq!(
            decimals(log2_e(precision), precision),
            1_442_695_040_888_963_407_359_924_681_001
        );
        assert_eq!(
            decimals(log10_e(precision), precision),
            434_294_481_903_251_827_651_128_918_916
        );
    }
}
