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
    /// All ATR ever credited to it.
    pub credits: Amount,
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
            ..self
        })
    }

    /// The account after a credit, and what of it paid the account's debt; the rest is balance (EC-8).
    ///
    /// # Errors
    /// Overflow of the balance or of all credits, which the bound of [`crate::Treasury::credited`] rules out.
    pub fn credited(self, amount: Amount) -> Result<(Self, Amount), MathError> {
        let settled = self.debt.min(amount);
        let rest = amount.0.sub(settled.0)?;
        let after = Self {
            balance: Amount(self.balance.0.add(rest)?),
            debt: Amount(self.debt.0.sub(settled.0)?),
            credits: Amount(self.credits.0.add(amount.0)?),
            ..self
        };
        Ok((after, settled))
    }

    /// Whether `credits + debt = balance + fees`, as after any sequence of charges and credits (EC-8).
    #[must_use]
    pub const fn is_balanced(&self) -> bool {
        // Sums of 129 bits, compared as they are: the carry is part of each.
        let (came, came_carry) = self.credits.raw().overflowing_add(self.debt.raw());
        let (went, went_carry) = self.balance.raw().overflowing_add(self.fees.raw());
        came == went && came_carry == went_carry
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

    #[test]
    fn ec_8_debt_first_then_balance() {
        let owing = Account { debt: Amount::from_raw(5), ..Account::default() };
        for (amount, settled, balance, debt) in
            [(0, 0, 0, 5), (3, 3, 0, 2), (5, 5, 0, 0), (7, 5, 2, 0)]
        {
            let (after, paid) = owing.credited(Amount::from_raw(amount)).unwrap();
            assert_eq!(paid.raw(), settled);
            assert_eq!((after.balance.raw(), after.debt.raw()), (balance, debt));
            assert_eq!((after.credits.raw(), after.fees.raw()), (amount, 0));
        }
    }
}
