//! Decisions: what an ordered command does (ST-7). Reads the state and never writes it; whatever could
//! overflow later is refused here, so that no accepted history keeps an epoch from closing.

mod audit;
mod epoch;
mod governance;
mod keys;
mod money;
mod moves;
mod nodes;
mod objects;

pub(crate) use epoch::{Forces, coming};
pub use governance::electors;
pub(crate) use moves::copy_index;
pub use moves::replacement;

use alloc::format;
use protocol::{
    AccountId, Action, Command, Event, Refusal, error::ErrorCode, signature::PublicKey,
};

use crate::{
    admit::Derived,
    state::{State, StateResult, StateStore, records::LedgerRecord},
};

/// A command with its place in the order.
#[derive(Clone, Copy, Debug)]
pub struct Ordered<'a> {
    /// Position in the log.
    pub seq: u64,
    /// Logical time.
    pub tick: u64,
    /// The open epoch; 0 before genesis.
    pub epoch: u64,
    /// What is asked.
    pub command: &'a Command,
}

/// A decision: what happens, or why nothing does.
pub type Decision = Result<Event, Refusal>;

/// Decides an admitted command, with what follows from it alone.
///
/// # Errors
/// A fault of the store. Refusals are decisions, inside.
pub fn decide<S: StateStore>(
    state: &State<S>,
    ordered: &Ordered<'_>,
    derived: &Derived,
) -> StateResult<Decision, S> {
    let command = ordered.command;
    let Some(ledger) = state.ledger() else {
        return Ok(match &command.action {
            Action::Genesis(genesis) => Ok(Event::LedgerOpened { ledger_id: genesis.ledger_id() }),
            _ => {
                refuse(ErrorCode::AegisContextMissing, "the ledger has no genesis; see `qfs init`")
            }
        });
    };
    if let Err(refusal) = check_frame(state, ordered, ledger) {
        return Ok(Err(refusal));
    }
    match &command.action {
        Action::Genesis(_) => Ok(refuse(ErrorCode::Conflict, "the ledger is open already")),
        Action::RegisterNode(node) => nodes::register(state, node),
        Action::Reassign(reassign) => moves::reassign(state, reassign),
        Action::Exit { node } => Ok(nodes::exit(state, command, *node)),
        Action::AdvanceEpoch(advance) => epoch::advance(state, ledger, advance),
        Action::Store(store) => objects::store(state, ledger, command, store, derived),
        Action::DeleteMarker { object, version } => {
            objects::delete(state, &command.payer, object, *version)
        }
        Action::Purge { object, version } => {
            objects::purge(state, &command.payer, object, *version)
        }
        Action::OpenAudit(_) => Ok(Ok(Event::AuditOpened)),
        Action::RecordAudit(record) => audit::record(state, ledger, record),
        Action::Propose(propose) => governance::propose(state, ledger, command, propose),
        Action::Vote(vote) => governance::vote(state, ledger, command, vote),
        Action::Activate { proposal, speaker } => {
            governance::activate(state, ledger, command, *proposal, *speaker)
        }
        Action::Credit { account, amount } => money::credit(state, ledger, account, *amount),
        Action::RecordScore(record) => objects::score(state, ledger, command, record),
        Action::RotateKeys(rotation) => keys::rotate(state, command, rotation),
        Action::RevokeKeys(revocation) => keys::revoke(state, command, revocation),
    }
}

/// What holds for every command: its lifetime, and who may give it (PR-4, PR-5).
fn check_frame<S: StateStore>(
    state: &State<S>,
    ordered: &Ordered<'_>,
    ledger: &LedgerRecord,
) -> Result<(), Refusal> {
    let command = ordered.command;
    let epoch = ledger.epoch;
    if command.valid_until_epoch < epoch {
        return refuse_with(
            ErrorCode::EpochChanged,
            format!(
                "the command was valid until epoch {}, this is {epoch}",
                command.valid_until_epoch
            ),
        );
    }
    if command.valid_until_epoch > epoch.saturating_add(1) {
        return refuse(
            ErrorCode::InvalidInput,
            "a command is valid until this epoch or the next, because ids are kept that long",
        );
    }
    let operator = state.operator_key();
    let signer = command.signer();
    if is_reserved(&command.action) && (signer.is_none() || signer != operator) {
        return refuse(ErrorCode::Unauthorized, "only the operator's signature allows this");
    }
    if account_of(state, signer) != Some(command.payer) {
        return refuse(ErrorCode::Unauthorized, "a command is paid by the key that signs it");
    }
    Ok(())
}

/// The account that a signer answers for (PR-4). Unsigned commands are the operator's own: nobody else's account can be
/// charged without a signature. A key that the operator has replaced answers for nothing (KY-5).
fn account_of<S: StateStore>(state: &State<S>, signer: Option<&PublicKey>) -> Option<AccountId> {
    let operators = state.operator();
    match signer {
        None => operators,
        Some(key) if state.operator_key() == Some(key) => operators,
        Some(key) => Some(AccountId::of(key)).filter(|account| Some(*account) != operators),
    }
}

/// Commands that need the operator's signature.
const fn is_reserved(action: &Action) -> bool {
    matches!(
        action,
        Action::RegisterNode(_)
            | Action::AdvanceEpoch(_)
            | Action::Reassign(_)
            | Action::OpenAudit(_)
            | Action::RecordAudit(_)
            | Action::Credit { .. }
    )
}

fn refuse<T>(code: ErrorCode, detail: &'static str) -> Result<T, Refusal> {
    Err(Refusal::new(code, detail))
}

fn refuse_with<T>(code: ErrorCode, detail: alloc::string::String) -> Result<T, Refusal> {
    Err(Refusal::with(code, detail))
}
