//! Credits and fees of every account; what it has and owes follows from them (EC-6, EC-8).

use alloc::collections::BTreeMap;
use certified_math::BigNum128;
use core::mem;
use protocol::{AccountId, Amount};
use token_state::Account;

use super::{difference, overflow, same};
use crate::{compare::Difference, derive};

/// All that was ever credited and charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sums {
    credits: Amount,
    fees: Amount,
}

/// Every account that was ever credited or charged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    /// Sums until the open epoch.
    settled: BTreeMap<AccountId, Sums>,
    /// Sums including the open epoch, of the accounts that moved in it.
    moved: BTreeMap<AccountId, Sums>,
    credited: Amount,
}

/// All accounts together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountTotals {
    /// ATR ever credited.
    pub credits: Amount,
    /// ATR ever charged.
    pub fees: Amount,
    /// ATR that accounts can spend.
    pub balances: Amount,
    /// ATR that accounts owe.
    pub debts: Amount,
}

impl AccountTotals {
    /// `credits + debts = balances + fees`, to the unit (EC-8).
    #[must_use]
    pub fn hold(&self) -> bool {
        let sum = |a: Amount, b: Amount| a.0.add(b.0);
        sum(self.credits, self.debts).is_ok()
            && sum(self.credits, self.debts) == sum(self.balances, self.fees)
    }
}

impl Accounts {
    /// All credits.
    pub(crate) const fn credited(&self) -> Amount {
        self.credited
    }

    /// A fee was charged.
    pub(crate) fn charge(
        &mut self,
        account: AccountId,
        fee: Amount,
        prepaid: bool,
    ) -> Result<(), Difference> {
        let sums = self.sums(account);
        if prepaid {
            let (balance, _) = derive::balance_and_debt(sums.credits, sums.fees);
            if balance < fee {
                return Err(difference("balance", "a balance that covers the fee", balance));
            }
        }
        sums.fees = added("account.fees", sums.fees, fee)?;
        Ok(())
    }

    /// ATR was credited; returns what of it paid a debt.
    pub(crate) fn credit(
        &mut self,
        account: AccountId,
        amount: Amount,
    ) -> Result<Amount, Difference> {
        let sums = self.sums(account);
        let settled = derive::settled(sums.credits, sums.fees, amount);
        sums.credits = added("account.credits", sums.credits, amount)?;
        self.credited = added("credited", self.credited, amount)?;
        Ok(settled)
    }

    fn sums(&mut self, account: AccountId) -> &mut Sums {
        let settled = &self.settled;
        self.moved
            .entry(account)
            .or_insert_with(|| settled.get(&account).copied().unwrap_or_default())
    }

    /// Holds every account that moved since the last time against what the ledger has of it.
    pub(crate) fn settle(
        &mut self,
        mut ledger: impl FnMut(&AccountId) -> Result<Account, Difference>,
    ) -> Result<(), Difference> {
        for (id, sums) in mem::take(&mut self.moved) {
            let found = ledger(&id)?;
            let (balance, debt) = derive::balance_and_debt(sums.credits, sums.fees);
            same("account.balance", balance, found.balance)?;
            same("account.debt", debt, found.debt)?;
            same("account.fees", sums.fees, found.fees)?;
            same("account.credits", sums.credits, found.credits)?;
            self.settled.insert(id, sums);
        }
        Ok(())
    }

    /// All accounts together, as of the last [`Accounts::settle`].
    pub(crate) fn totals(&self) -> Result<AccountTotals, Difference> {
        let mut totals = AccountTotals::default();
        for sums in self.settled.values() {
            let (balance, debt) = derive::balance_and_debt(sums.credits, sums.fees);
            totals = AccountTotals {
                credits: added("accounts.credits", totals.credits, sums.credits)?,
                fees: added("accounts.fees", totals.fees, sums.fees)?,
                balances: added("accounts.balances", totals.balances, balance)?,
                debts: added("accounts.debts", totals.debts, debt)?,
            };
        }
        Ok(totals)
    }
}

fn added(field: &str, sum: Amount, more: Amount) -> Result<Amount, Difference> {
    BigNum128::add(sum.0, more.0).map(Amount).map_err(|error| overflow(field, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Hash32;

    /// RP-6: debts are paid first, what is left can be spent, and a ledger that says otherwise is named (EC-8).
    #[test]
    fn rp_6_accounts_are_held_against_the_ledger() {
        let (id, one) = (AccountId(Hash32::ZERO), |raw| Amount::from_raw(raw));
        let mut books = Accounts::default();
        let mut account = Account::default();
        books.charge(id, one(7), false).unwrap();
        account = account.charged(one(7), false).unwrap();
        assert_eq!(books.credit(id, one(10)), Ok(one(7)));
        (account, _) = account.credited(one(10)).unwrap();
        assert_eq!(books.charge(id, one(4), true).unwrap_err().field, "derived.balance");
        assert_eq!(books.charge(id, one(3), true), Ok(()));
        account = account.charged(one(3), true).unwrap();
        let forged = [
            ("derived.account.balance", Account { balance: one(1), ..account }),
            ("derived.account.debt", Account { debt: one(1), ..account }),
            ("derived.account.fees", Account { fees: one(9), ..account }),
            ("derived.account.credits", Account { credits: one(9), ..account }),
        ];
        for (field, forged) in forged {
            assert_eq!(books.clone().settle(|_| Ok(forged)).unwrap_err().field, field);
        }
        books.settle(|_| Ok(account)).unwrap();
        let totals = books.totals().unwrap();
        assert!(totals.hold());
        assert_eq!(totals, AccountTotals { credits: one(10), fees: one(10), ..Default::default() });
        assert!(!AccountTotals { debts: one(1), ..totals }.hold());
    }
}
