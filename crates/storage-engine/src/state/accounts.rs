//! What all accounts have together.

use protocol::canonical;
use token_state::{Account, AccountSums};

use super::{State, StateError, StateResult, StateStore, keys};

impl<S: StateStore> State<S> {
    /// The sums over all accounts (EC-8, EC-10). Reads every account's record.
    ///
    /// # Errors
    /// A fault of the store, or a damaged record.
    pub fn account_sums(&self) -> StateResult<AccountSums, S> {
        let mut sums = AccountSums::default();
        let mut sound = true;
        let mut add = |account: Option<Account>| {
            sound = sound && account.is_some_and(|account| sums.add(&account).is_ok());
            sound
        };
        let charged = self.hot.as_ref().map(|hot| &hot.accounts);
        let (from, end) = keys::kind(keys::ACCOUNT);
        self.scan(&from, &end, &mut |key, record| {
            // Accounts that were charged since the last root are counted below, as they are now.
            let newer = charged.is_some_and(|accounts| {
                keys::parse_account(key).is_some_and(|id| accounts.contains_key(&id))
            });
            newer || add(canonical::decode(record).ok())
        })?;
        charged.into_iter().flatten().all(|(_, account)| add(Some(*account)));
        if sound { Ok(sums) } else { Err(StateError::Broken("the accounts do not add up")) }
    }
}
