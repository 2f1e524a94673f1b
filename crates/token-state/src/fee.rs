//! The ATR fee of a store (EC-1).

use certified_math::{BigNum128, MathError, mul_div_u128};
use protocol::{Amount, Parameters};

/// `per_kib × ceil(size / 1024) × (1 + min(keys, cap) × per_key)`, floored at 10^-18.
///
/// `size` is in bytes of content, `metadata_keys` counts the top-level keys.
///
/// # Errors
/// Overflow, for numbers far beyond the bounds of [`Parameters::validate`] and the largest object.
pub fn storage_fee(
    size: u64,
    metadata_keys: u64,
    parameters: &Parameters,
) -> Result<Amount, MathError> {
    let kib = u128::from(size.div_ceil(1024));
    let base = parameters.fee_per_kib.raw().checked_mul(kib).ok_or(MathError::Overflow)?;
    let keys = u128::from(metadata_keys.min(u64::from(parameters.fee_metadata_keys)));
    let factor = parameters
        .fee_per_metadata_key
        .raw()
        .checked_mul(keys)
        .and_then(|surcharge| surcharge.checked_add(BigNum128::ONE.raw()))
        .ok_or(MathError::Overflow)?;
    mul_div_u128(base, factor, BigNum128::ONE.raw()).map(Amount::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use protocol::Profile;

    #[test]
    fn ec_1_table() {
        let parameters = Parameters::v13(Profile::QFS_V13);
        let cases: [(u64, u64, &str); 8] = [
            (0, 5, "0.000000000000000000"),
            (1, 0, "100.000000000000000000"),
            (1, 1, "101.000000000000000000"),
            (1024, 2, "102.000000000000000000"),
            (1025, 0, "200.000000000000000000"),
            (262_145, 3, "26471.000000000000000000"),
            (1, 99, "199.000000000000000000"),
            (1, 100, "199.000000000000000000"),
        ];
        for (size, keys, fee) in cases {
            assert_eq!(storage_fee(size, keys, &parameters).unwrap().to_string(), fee);
        }
    }

    #[test]
    fn ec_1_the_largest_object_has_a_fee() {
        let parameters = Parameters::v13(Profile::QFS_V13);
        assert!(storage_fee(protocol::layout::MAX_OBJECT_SIZE, 99, &parameters).is_ok());
    }
}
