//! One ordered command, executed: decide, evolve, and the entry's bytes.

use alloc::vec::Vec;
use protocol::{
    Command, EntryBody, Hash32, Outcome, Refusal, canonical,
    entry::ENTRY_FORMAT,
    error::ErrorCode,
    limits::{MAX_BODY_BYTES, STATE_ROOT_INTERVAL},
};

use crate::{
    Admitted, admit,
    decide::{Ordered, decide},
    evolve::evolve,
    state::{Seen, State, StateError, StateResult, StateStore},
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

/// Executes a command that was admitted. The caller hashes the entry and calls [`State::link`] before the next one.
///
/// # Errors
/// Anything but a refusal: the replica must stop. `tick` must not be below the last one, the command's id
/// must be new (see [`State::seen`]), and no command may be longer than an entry.
pub fn execute<S: StateStore>(
    state: &mut State<S>,
    tick: u64,
    command: Admitted,
) -> StateResult<Executed, S> {
    let metadata_keys = command.metadata_keys();
    run(state, tick, command.into_parts(), |state, ordered| decide(state, ordered, metadata_keys))
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
    if state.seen(&command)? != Seen::Never {
        return Err(StateError::Broken("a command id is used twice within two epochs"));
    }
    match admit(state.ledger_id().as_ref(), command) {
        Ok(admitted) => execute(state, tick, admitted),
        Err((command, refusal)) => {
            let bytes = canonical::encode(&*command);
            run(state, tick, (*command, bytes), |_, _| Ok(Err(refusal)))
        }
    }
}

fn run<S: StateStore>(
    state: &mut State<S>,
    tick: u64,
    (command, command_bytes): (Command, Vec<u8>),
    decide: impl FnOnce(&State<S>, &Ordered<'_>) -> StateResult<Result<protocol::Event, Refusal>, S>,
) -> StateResult<Executed, S> {
    if state.link_due {
        return Err(StateError::Broken("an executed entry is not linked"));
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
    state.link_due = true;
    evolve(state, &body, Hash32::of(&command_bytes))?;
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
