//! What one account has and owes.

use borsh::{BorshDeserialize, BorshSerialize};
use certified_math::MathError;
use protocol::Amount;

/// ATR of one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Account {
    /// ATR that it can spend.
    pub balance: Amount,
    /// ATR of fees that accrued without a balance to pay them.
    pub debt: Amount,
    /// All fees ever charged to it.
    pub fees: Amount,
}

impl Account {
    /// The account after a fee: paid from the balance as far as it reaches, the rest owed (EC-6).
    ///
    /// # Errors
    /// Overflow of what is owed; underflow when `prepaid` and the balance does not cover the fee.
    pub fn charged(self, fee: Amount, prepaid: bool) -> Result<Self, MathError> {
        let paid = self.balance.min(fee);
        let owed = fee.0.sub(paid.0)?;
        if prepaid && owed.raw() > 0 {
            return Err(MathError::Underflow);
        }
        Ok(Self {
            balance: Amount(self.balance.0.sub(paid.0)?),
            debt: Amount(self.debt.0.add(owed)?),
            fees: Amount(self.fees.0.add(fee.0)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ec_6_balance_first_then_debt() {
        let account = Account { balance: Amount::from_raw(5), ..Account::default() };
        let after = account.charged(Amount::from_raw(7), false).unwrap();
        assert_eq!((after.balance.raw(), after.debt.raw(), after.fees.raw()), (0, 2, 7));
        assert_eq!(account.charged(Amount::from_raw(7), true), Err(MathError::Underflow));
        assert!(account.charged(Amount::from_raw(5), true).is_ok());
    }
}
