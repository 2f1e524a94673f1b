//! Credits and fees of every account; what it has and owes follows from them (EC-6, EC-8).

use alloc::{
    collections::{BTreeMap, btree_map::Entry},
    vec::Vec,
};
use borsh::{BorshDeserialize, BorshSerialize};
use certified_math::BigNum128;
use core::{fmt::Display, mem};
use protocol::{AccountId, Amount, canonical};
use storage_engine::state::{Changes, MemoryStore, StateStore};
use token_state::Account;

use super::{difference, overflow, same};
use crate::{compare::Difference, derive};

/// All that was ever credited and charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Sums {
    credits: Amount,
    fees: Amount,
}

/// Every account that was ever credited or charged. There may be more of them than fit into memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts<A = MemoryStore> {
    /// Sums until the last [`Accounts::settle`], by account.
    settled: A,
    /// Sums until now, of the accounts that moved since.
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

    fn with(self, account: &Sums) -> Result<Self, Difference> {
        let (balance, debt) = derive::balance_and_debt(account.credits, account.fees);
        Ok(Self {
            credits: added("accounts.credits", self.credits, account.credits)?,
            fees: added("accounts.fees", self.fees, account.fees)?,
            balances: added("accounts.balances", self.balances, balance)?,
            debts: added("accounts.debts", self.debts, debt)?,
        })
    }
}

impl<A: StateStore> Accounts<A> {
    /// The accounts that `settled` has, which were credited this much in all.
    pub(crate) const fn resume(settled: A, credited: Amount) -> Self {
        Self { settled, moved: BTreeMap::new(), credited }
    }

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
        let sums = self.sums(account)?;
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
        let sums = self.sums(account)?;
        let settled = derive::settled(sums.credits, sums.fees, amount);
        sums.credits = added("account.credits", sums.credits, amount)?;
        self.credited = added("credited", self.credited, amount)?;
        Ok(settled)
    }

    fn sums(&mut self, account: AccountId) -> Result<&mut Sums, Difference> {
        match self.moved.entry(account) {
            Entry::Occupied(moved) => Ok(moved.into_mut()),
            Entry::Vacant(vacant) => {
                let settled = self.settled.get(account.0.as_ref()).map_err(unreadable)?;
                let sums = settled.map(|bytes| decode(&bytes)).transpose()?;
                Ok(vacant.insert(sums.unwrap_or_default()))
            }
        }
    }

    /// Holds every account that moved since the last time against what the ledger has of it.
    pub(crate) fn settle(
        &mut self,
        mut ledger: impl FnMut(&AccountId) -> Result<Account, Difference>,
    ) -> Result<(), Difference> {
        let mut changes = Changes::new();
        for (id, sums) in mem::take(&mut self.moved) {
            let found = ledger(&id)?;
            let (balance, debt) = derive::balance_and_debt(sums.credits, sums.fees);
            same("account.balance", balance, found.balance)?;
            same("account.debt", debt, found.debt)?;
            same("account.fees", sums.fees, found.fees)?;
            same("account.credits", sums.credits, found.credits)?;
            changes.insert(Vec::from(id.0.0), Some(canonical::encode(&sums)));
        }
        self.settled.commit(changes).map_err(unreadable)
    }

    /// All accounts together, as of the last [`Accounts::settle`].
    pub(crate) fn totals(&self) -> Result<AccountTotals, Difference> {
        let mut totals = Ok(AccountTotals::default());
        let all = [u8::MAX; 33];
        let scanned = self.settled.scan(&[], &all, &mut |_, sums| {
            totals = totals.clone().and_then(|totals| totals.with(&decode(sums)?));
            totals.is_ok()
        });
        scanned.map_err(unreadable)?;
        totals
    }
}

fn decode(sums: &[u8]) -> Result<Sums, Difference> {
    canonical::decode(sums).map_err(|_| unreadable("an account cannot be read"))
}

fn unreadable(fault: impl Display) -> Difference {
    difference("accounts", "accounts that can be read and written", fault)
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
        let mut books = Accounts::<MemoryStore>::default();
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
