//! One ordered command, executed: decide, evolve, and the entry's bytes.

use alloc::vec::Vec;
use protocol::{
    Command, EntryBody, Hash32, Outcome, Refusal,
    entry::ENTRY_FORMAT,
    error::ErrorCode,
    limits::{MAX_BODY_BYTES, STATE_ROOT_INTERVAL},
};

use crate::{
    Admission, Admitted, admit,
    admit::{Encoded, identity},
    decide::{Ordered, decide},
    evolve::evolve,
    state::{ENGINE_VERSION, Seen, State, StateError, StateResult, StateStore},
};

/// What executing a command gave.
#[derive(Debug)]
pub struct Executed {
    /// The entry's own part.
    pub body: EntryBody,
    /// Its canonical bytes, which are hashed and kept.
    pub bytes: Vec<u8>,
    /// Why it was refused; the entry has only the code.
    pub refusal: Option<Refusal>,
}

/// Executes a command that was admitted. If [`State::awaits_link`] says so afterwards, the caller gives the
/// state the entry's hash by [`State::link`] before the next one.
///
/// # Errors
/// Anything but a refusal: the replica must stop. `tick` must not be below the last one, the command's id
/// must be new (see [`State::seen`]), and no command may be longer than an entry.
pub fn execute<S: StateStore>(
    state: &mut State<S>,
    tick: u64,
    command: Admitted,
) -> StateResult<Executed, S> {
    let (encoded, derived) = command.into_parts();
    run(state, tick, encoded, |state, ordered| decide(state, ordered, &derived))
}

/// Executes a command as it stands in a log: what admission refuses is refused here, with the same code.
///
/// # Errors
/// As [`execute`].
pub fn execute_committed<S: StateStore>(
    state: &mut State<S>,
    tick: u64,
    command: Command,
) -> StateResult<Executed, S> {
    let admission = admit(state.ledger_id().as_ref(), command);
    let (id, hash) = identity(&admission);
    if state.seen_as(&id, &hash)? != Seen::Never {
        return Err(StateError::Broken("a command id is used twice within two epochs"));
    }
    execute_admission(state, tick, admission)
}

/// [`execute_committed`] of a command that went through admission before, under the same ledger id, and whose
/// id is known to be new.
///
/// # Errors
/// As [`execute`].
pub fn execute_admission<S: StateStore>(
    state: &mut State<S>,
    tick: u64,
    admission: Admission,
) -> StateResult<Executed, S> {
    match admission {
        Ok(admitted) => execute(state, tick, admitted),
        Err(refused) => {
            let (encoded, refusal) = refused.into_parts();
            run(state, tick, encoded, |_, _| Ok(Err(refusal)))
        }
    }
}

fn run<S: StateStore>(
    state: &mut State<S>,
    tick: u64,
    encoded: Encoded,
    decide: impl FnOnce(&State<S>, &Ordered<'_>) -> StateResult<Result<protocol::Event, Refusal>, S>,
) -> StateResult<Executed, S> {
    let Encoded { command, bytes: command_bytes, hash } = encoded;
    if state.awaits_link() {
        return Err(StateError::Broken("an executed entry is not linked"));
    }
    if let Some(needed) = state.ledger().map(|ledger| ledger.code_version)
        && needed > ENGINE_VERSION
    {
        return Err(StateError::Outdated { needed });
    }
    if tick < state.cursor.tick {
        return Err(StateError::Broken("the tick went back"));
    }
    let (seq, epoch) = (state.cursor.next_seq, state.epoch());
    let next_seq = seq.checked_add(1).ok_or(StateError::Broken("the log is full"))?;
    let decision = decide(state, &Ordered { seq, tick, epoch, command: &command })?;
    let (outcome, mut refusal) = match decision {
        Ok(event) => (Outcome::Accepted(event), None),
        Err(refusal) => (Outcome::Rejected(refusal.code), Some(refusal)),
    };
    let mut body =
        EntryBody { format: ENTRY_FORMAT, seq, tick, epoch, command, outcome, state_root: None };
    let mut bytes = body.to_bytes_with(&command_bytes);
    // Room for a state root, which is known only after the entry has happened.
    let longest = MAX_BODY_BYTES.saturating_sub(size_of::<Hash32>());
    if bytes.len() > longest {
        refusal = Some(Refusal::new(ErrorCode::Limit, "the outcome does not fit into an entry"));
        body.outcome = Outcome::Rejected(ErrorCode::Limit);
        bytes = body.to_bytes_with(&command_bytes);
    }
    if bytes.len() > longest {
        return Err(StateError::Broken("a command is too long for an entry"));
    }
    state.cursor.next_seq = next_seq;
    state.cursor.tick = tick;
    evolve(state, &body, hash)?;
    if carries_state_root(&body) {
        body.state_root = Some(state.root()?);
        bytes = body.to_bytes_with(&command_bytes);
    }
    Ok(Executed { body, bytes, refusal })
}

/// Every closing of an epoch and every 65,536th entry carries the state root (ST-6).
fn carries_state_root(body: &EntryBody) -> bool {
    let interval = body.seq > 0 && body.seq.is_multiple_of(STATE_ROOT_INTERVAL);
    interval || matches!(body.outcome, Outcome::Accepted(protocol::Event::EpochClosed(_)))
}
