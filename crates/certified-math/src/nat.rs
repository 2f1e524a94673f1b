//! Natural numbers of any size, as far as certified functions need them.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::num::NonZero;

/// Bits of a limb.
pub(crate) const LIMB_BITS: usize = 64;

/// A natural number: limbs of 64 bits, the least significant first, the last of them not 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Nat(Vec<u64>);

impl Nat {
    /// The number with these limbs; zeros at the top are taken off.
    pub(crate) fn from_limbs(mut limbs: Vec<u64>) -> Self {
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        Self(limbs)
    }

    /// `2^exponent`.
    pub(crate) fn power_of_two(exponent: usize) -> Self {
        Self::from(1u64).shl(exponent)
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }

    /// The number if it is below 2^128.
    pub(crate) fn to_u128(&self) -> Option<u128> {
        match *self.0.as_slice() {
            [] => Some(0),
            [low] => Some(u128::from(low)),
            [low, high] => Some(u128::from(high) << LIMB_BITS | u128::from(low)),
            _ => None,
        }
    }

    /// `self += other`.
    pub(crate) fn add_assign(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        let mut carry = false;
        let operands = other.0.iter().copied().chain(core::iter::repeat(0));
        for (index, (limb, operand)) in self.0.iter_mut().zip(operands).enumerate() {
            if !carry && index >= other.0.len() {
                return;
            }
            (*limb, carry) = limb.carrying_add(operand, carry);
        }
        if carry {
            self.0.push(1);
        }
    }

    /// `self + other`.
    pub(crate) fn plus(mut self, other: &Self) -> Self {
        self.add_assign(other);
        self
    }

    /// `self - other`, or 0 if `other` is greater.
    pub(crate) fn minus(mut self, other: &Self) -> Self {
        if self < *other {
            return Self::default();
        }
        let mut borrow = false;
        let operands = other.0.iter().copied().chain(core::iter::repeat(0));
        for (limb, operand) in self.0.iter_mut().zip(operands) {
            (*limb, borrow) = limb.borrowing_sub(operand, borrow);
        }
        Self::from_limbs(self.0)
    }

    /// `|self - other|`.
    pub(crate) fn abs_diff(self, other: Self) -> Self {
        if self < other { other.minus(&self) } else { self.minus(&other) }
    }

    /// `self * other`.
    pub(crate) fn times(&self, other: &Self) -> Self {
        let mut product = alloc::vec![0; self.0.len().saturating_add(other.0.len())];
        for (index, &digit) in self.0.iter().enumerate() {
            let Some(row) = product.get_mut(index..) else { break };
            let mut carry = 0;
            for (limb, &factor) in row.iter_mut().zip(&other.0) {
                (*limb, carry) = digit.carrying_mul_add(factor, *limb, carry);
            }
            if let Some(limb) = row.get_mut(other.0.len()) {
                *limb = carry;
            }
        }
        Self::from_limbs(product)
    }

    /// `floor(self / divisor)` by a single limb.
    pub(crate) fn over(mut self, divisor: NonZero<u64>) -> Self {
        let mut rest = 0;
        for limb in self.0.iter_mut().rev() {
            (*limb, rest) = divide_limb(rest, *limb, divisor);
        }
        Self::from_limbs(self.0)
    }

    /// `floor(self / divisor)` bit by bit, for the rare quotients whose divisor has many limbs; 0 by 0.
    pub(crate) fn quotient(&self, divisor: &Self) -> Self {
        let (mut quotient, mut rest) = (Self::default(), self.clone());
        if divisor.is_zero() {
            return quotient;
        }
        for shift in (0..=self.bits().saturating_sub(divisor.bits())).rev() {
            let part = divisor.shl(shift);
            if rest >= part {
                rest = rest.minus(&part);
                quotient.add_assign(&Self::power_of_two(shift));
            }
        }
        quotient
    }

    /// `self * 2^bits`.
    pub(crate) fn shl(&self, bits: usize) -> Self {
        let (limbs, bits) = split_bits(bits);
        let mut shifted = alloc::vec![0; limbs];
        let mut carry = 0;
        for &limb in &self.0 {
            let wide = u128::from(limb).unbounded_shl(bits);
            shifted.push(low_half(wide) | carry);
            carry = low_half(wide >> LIMB_BITS);
        }
        shifted.push(carry);
        Self::from_limbs(shifted)
    }

    /// `floor(self / 2^bits)`.
    pub(crate) fn shr(&self, bits: usize) -> Self {
        let (limbs, bits) = split_bits(bits);
        let kept = self.0.get(limbs..).unwrap_or_default();
        let above = kept.iter().skip(1).copied().chain([0]);
        let shifted = kept.iter().zip(above).map(|(&limb, above)| {
            low_half((u128::from(above) << LIMB_BITS | u128::from(limb)).unbounded_shr(bits))
        });
        Self::from_limbs(shifted.collect())
    }

    /// `floor(self / 2^(64 * limbs))`, in place.
    pub(crate) fn without_limbs(mut self, limbs: usize) -> Self {
        self.0.drain(..limbs.min(self.0.len()));
        self
    }

    /// The length in bits: 0 for 0.
    pub(crate) fn bits(&self) -> usize {
        let unused = self.0.last().map_or(0, |limb| limb.leading_zeros());
        let unused = usize::try_from(unused).unwrap_or_default();
        self.0.len().saturating_mul(LIMB_BITS).saturating_sub(unused)
    }
}

impl Ord for Nat {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_length = self.0.len().cmp(&other.0.len());
        by_length.then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

impl PartialOrd for Nat {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<u128> for Nat {
    fn from(value: u128) -> Self {
        Self::from_limbs(alloc::vec![low_half(value), low_half(value >> LIMB_BITS)])
    }
}

impl From<u64> for Nat {
    fn from(value: u64) -> Self {
        Self::from_limbs(alloc::vec![value])
    }
}

/// The low 64 bits.
fn low_half(value: u128) -> u64 {
    u64::try_from(value & u128::from(u64::MAX)).unwrap_or_default()
}

/// A count of bits as whole limbs and what is left of it.
fn split_bits(bits: usize) -> (usize, u32) {
    (bits.wrapping_div(LIMB_BITS), u32::try_from(bits.wrapping_rem(LIMB_BITS)).unwrap_or_default())
}

/// Quotient and remainder of `rest * 2^64 + limb`, for `rest < divisor`.
fn divide_limb(rest: u64, limb: u64, divisor: NonZero<u64>) -> (u64, u64) {
    let dividend = u128::from(rest) << LIMB_BITS | u128::from(limb);
    let quotient = low_half(dividend / NonZero::<u128>::from(divisor));
    (quotient, limb.wrapping_sub(quotient.wrapping_mul(divisor.get())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ethnum::U256;
    use proptest::prelude::*;

    fn nat(value: U256) -> Nat {
        let (hi, lo) = value.into_words();
        Nat::from(hi).shl(128).plus(&Nat::from(lo))
    }

    fn limb() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), Just(1), Just(u64::MAX), any::<u64>()]
    }

    /// Numbers of up to six limbs, many of them all zeros or ones.
    fn long() -> impl Strategy<Value = Nat> {
        prop::collection::vec(limb(), 0..7).prop_map(Nat::from_limbs)
    }

    fn wide() -> impl Strategy<Value = U256> {
        prop::array::uniform4(limb()).prop_map(|[a, b, c, d]| {
            U256::from_words(
                u128::from(a) << 64 | u128::from(b),
                u128::from(c) << 64 | u128::from(d),
            )
        })
    }

    #[test]
    fn zero_has_no_limbs() {
        let zero = Nat::from(0u64);
        assert!(
            zero.is_zero()
                && zero == Nat::from(0u128)
                && zero == Nat::from_limbs(alloc::vec![0, 0])
        );
        assert_eq!((zero.bits(), zero.to_u128()), (0, Some(0)));
        assert!(Nat::from(7u64).quotient(&zero).is_zero());
        assert!(zero.times(&Nat::from(7u64)).is_zero() && zero.shl(65).is_zero());
        assert_eq!(Nat::power_of_two(128).to_u128(), None);
        assert_eq!(Nat::power_of_two(127).to_u128(), Some(1 << 127));
        assert_eq!((Nat::power_of_two(64).bits(), Nat::from(u64::MAX).bits()), (65, 64));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        /// Against an independent integer, where 256 bits are enough.
        #[test]
        fn operations_of_256_bits(a in wide(), b in wide(), small in limb(), shift in 0usize..256) {
            prop_assert_eq!(nat(a).cmp(&nat(b)), a.cmp(&b));
            prop_assert_eq!(nat(a).minus(&nat(b)), nat(a.saturating_sub(b)));
            prop_assert_eq!(nat(a).abs_diff(nat(b)), nat(a.max(b) - a.min(b)));
            prop_assert_eq!(nat(a >> 1).plus(&nat(b >> 1)), nat((a >> 1) + (b >> 1)));
            prop_assert_eq!(nat(a >> 128).times(&nat(b >> 128)), nat((a >> 128) * (b >> 128)));
            prop_assert_eq!(nat(a).shr(shift), nat(a >> shift as u32));
            prop_assert_eq!(nat(a >> 128).shl(shift % 128), nat((a >> 128) << (shift % 128) as u32));
            prop_assert_eq!(nat(a).without_limbs(shift / 64), nat(a >> (shift / 64 * 64) as u32));
            prop_assert_eq!(nat(a).bits(), 256 - a.leading_zeros() as usize);
            if let Some(small) = NonZero::new(small) {
                prop_assert_eq!(nat(a).over(small), nat(a / U256::from(small.get())));
            }
            if b > 0 {
                prop_assert_eq!(nat(a).quotient(&nat(b)), nat(a / b));
            }
        }

        /// Beyond 256 bits by the laws that tie the operations to each other.
        #[test]
        fn laws_of_any_size(a in long(), b in long(), c in long(), bits in 0usize..300) {
            prop_assert_eq!(a.clone().plus(&b), b.clone().plus(&a));
            prop_assert_eq!(a.clone().plus(&b).minus(&b), a.clone());
            prop_assert_eq!(a.times(&b), b.times(&a));
            let (sum, products) = (a.clone().plus(&b), a.times(&c).plus(&b.times(&c)));
            prop_assert_eq!(sum.times(&c), products);
            prop_assert_eq!(a.shl(bits), a.times(&Nat::power_of_two(bits)));
            prop_assert_eq!(a.shl(bits).shr(bits), a.clone());
            if !b.is_zero() {
                let quotient = a.quotient(&b);
                let below = quotient.times(&b);
                prop_assert!(below <= a && a < below.plus(&b));
            }
        }
    }
}
