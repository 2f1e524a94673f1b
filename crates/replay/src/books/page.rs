//! The books but for the accounts, as they are kept to go on later.

use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{Amount, Hash32, Parameters, Rules};
use storage_engine::state::StateStore;

use super::{Accounts, Books, Keyring, Proposals, Roll, Totals};

/// Everything in the books that has no map of its own.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Page {
    ledger_id: Hash32,
    keys: Keyring,
    epoch: u64,
    opened_at: u64,
    parameters: Parameters,
    rules: Rules,
    code_version: u32,
    roll: Roll,
    proposals: Proposals,
    credited: Amount,
    totals: Totals,
}

impl<A: StateStore> Books<A> {
    /// What is to be kept beside the accounts, all of which are settled.
    pub(crate) fn page(&self) -> Page {
        // Named one by one, so that what is added to the books is not forgotten here.
        let Self {
            ledger_id,
            keys,
            epoch,
            opened_at,
            parameters,
            rules,
            code_version,
            roll,
            proposals,
            accounts,
            totals,
        } = self;
        Page {
            ledger_id: *ledger_id,
            keys: keys.clone(),
            epoch: *epoch,
            opened_at: *opened_at,
            parameters: parameters.clone(),
            rules: rules.clone(),
            code_version: *code_version,
            roll: roll.clone(),
            proposals: proposals.clone(),
            credited: accounts.credited(),
            totals: totals.clone(),
        }
    }

    /// The books as they were kept, with the accounts that were settled then.
    pub(crate) fn resume(page: Page, accounts: A) -> Self {
        Self {
            ledger_id: page.ledger_id,
            keys: page.keys,
            epoch: page.epoch,
            opened_at: page.opened_at,
            parameters: page.parameters,
            rules: page.rules,
            code_version: page.code_version,
            roll: page.roll,
            proposals: page.proposals,
            accounts: Accounts::resume(accounts, page.credited),
            totals: page.totals,
        }
    }
}
