//! Totals of the whole ledger, and the bound that keeps every later sum exact.

use borsh::{BorshDeserialize, BorshSerialize};
use certified_math::MathError;
use protocol::{Amount, event::Settlement, limits::MAX_CREDITED};

/// Totals of the whole ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Treasury {
    /// Fees of the open epoch, not settled yet.
    pub open_fees: Amount,
    /// ATR of the treasury.
    pub treasury: Amount,
    /// ATR of the reserve.
    pub reserve: Amount,
    /// ATR burnt for rewards; equals the NOD ever minted.
    pub burnt: Amount,
    /// ATR ever credited to accounts. No part of the fees.
    pub credited: Amount,
}

/// All fees ever charged stay below this, so that no total can overflow and every epoch can close (EC-7).
const MAX_FEES: u128 = u128::MAX / 4;

impl Treasury {
    /// All fees ever charged.
    ///
    /// # Errors
    /// Overflow, which [`Treasury::charged`] rules out.
    pub fn total(&self) -> Result<Amount, MathError> {
        let parts = [self.open_fees, self.treasury, self.reserve, self.burnt];
        certified_math::BigNum128::sum(parts.into_iter().map(|part| part.0)).map(Amount)
    }

    /// The totals after a fee.
    ///
    /// # Errors
    /// Overflow when all fees together would pass the bound.
    pub fn charged(self, fee: Amount) -> Result<Self, MathError> {
        let total = self.total()?.0.add(fee.0)?;
        if total.raw() > MAX_FEES {
            return Err(MathError::Overflow);
        }
        Ok(Self { open_fees: Amount(self.open_fees.0.add(fee.0)?), ..self })
    }

    /// The totals after the open epoch's settlement: `open_fees` moves to the three others (EC-5).
    ///
    /// # Errors
    /// Overflow or underflow when the settlement is not of this epoch's fees.
    pub fn settled(self, settlement: &Settlement) -> Result<Self, MathError> {
        Ok(Self {
            open_fees: Amount(self.open_fees.0.sub(settlement.fees.0)?),
            treasury: Amount(self.treasury.0.add(settlement.treasury.0)?),
            reserve: Amount(self.reserve.0.add(settlement.reserve.0)?),
            burnt: Amount(self.burnt.0.add(settlement.rewards.0)?),
            ..self
        })
    }

    /// The totals after a credit (EC-8).
    ///
    /// # Errors
    /// Overflow when all credits together would pass [`MAX_CREDITED`].
    pub fn credited(self, amount: Amount) -> Result<Self, MathError> {
        let credited = Amount(self.credited.0.add(amount.0)?);
        if credited.raw() > MAX_CREDITED {
            return Err(MathError::Overflow);
        }
        Ok(Self { credited, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Parameters, Profile};

    #[test]
    fn ec_5_settling_moves_and_never_makes() {
        let treasury = Treasury::default().charged(Amount::from_raw(1_000_003)).unwrap();
        let parameters = Parameters::v13(Profile::QFS_V13);
        let (settlement, _) = crate::settle(treasury.open_fees, &[], &parameters).unwrap();
        let after = treasury.settled(&settlement).unwrap();
        assert_eq!(after.open_fees, Amount::ZERO);
        assert_eq!(after.total(), treasury.total());
    }

    #[test]
    fn ec_7_fees_stop_before_any_total_can_overflow() {
        let treasury = Treasury::default().charged(Amount::from_raw(MAX_FEES)).unwrap();
        assert_eq!(treasury.charged(Amount::from_raw(1)), Err(MathError::Overflow));
    }

    #[test]
    fn ec_8_credits_stop_before_any_balance_can_overflow() {
        let charged = Treasury::default().charged(Amount::from_raw(7)).unwrap();
        let full = charged.credited(Amount::from_raw(MAX_CREDITED)).unwrap();
        assert_eq!(full.credited.raw(), MAX_CREDITED);
        assert_eq!(Treasury { credited: Amount::ZERO, ..full }, charged, "and nothing else moves");
        assert_eq!(full.total(), charged.total(), "a credit is no fee");
        assert_eq!(full.credited(Amount::ZERO), Ok(full));
        for beyond in [1, u128::MAX] {
            assert_eq!(full.credited(Amount::from_raw(beyond)), Err(MathError::Overflow));
        }
    }
}
