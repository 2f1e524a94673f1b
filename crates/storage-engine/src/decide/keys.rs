//! Keys that are replaced and declared void (KY-4, KY-6).

use alloc::format;
use protocol::{
    Command, Event, Refusal,
    error::ErrorCode,
    keys::{KeyHolder, RevokeKeys, RotateKeys},
    limits::MAX_KEY_GENERATIONS,
};

use super::{Decision, nodes::speaks, refuse, refuse_with};
use crate::state::{State, StateError, StateResult, StateStore, records::KeysRecord};

pub(super) fn rotate<S: StateStore>(
    state: &State<S>,
    command: &Command,
    rotation: &RotateKeys,
) -> StateResult<Decision, S> {
    let holder = rotation.holder;
    if let Err(refusal) = speaks(state, command, holder.speaker()) {
        return Ok(Err(refusal));
    }
    let history = history(state, command, holder)?;
    let ledger_id = state.ledger_id().ok_or(StateError::Broken("no genesis"))?;
    let checked = check_generation(rotation, &history)
        .and_then(|()| check_is_new(rotation, &history))
        .and_then(|()| rotation.check_endorsement(&ledger_id, state.log_keys()));
    Ok(checked.map(|()| Event::KeysRotated))
}

/// The generations until now. Who speaks for a holder is known to exist.
fn history<S: StateStore>(
    state: &State<S>,
    command: &Command,
    holder: KeyHolder,
) -> StateResult<KeysRecord, S> {
    let history = state.key_history(holder, command.signer())?;
    history.ok_or(StateError::Broken("a holder of keys has none"))
}

fn check_generation(rotation: &RotateKeys, history: &KeysRecord) -> Result<(), Refusal> {
    let in_force = history.generation();
    if in_force.checked_add(1) != Some(rotation.generation) {
        return refuse_with(
            ErrorCode::Conflict,
            format!(
                "generation {in_force} of these keys is in force, so the next is not {}",
                rotation.generation
            ),
        );
    }
    if history.generations.len() >= MAX_KEY_GENERATIONS {
        return refuse(ErrorCode::Limit, "a holder has at most 256 generations of keys");
    }
    Ok(())
}

fn check_is_new(rotation: &RotateKeys, history: &KeysRecord) -> Result<(), Refusal> {
    if rotation.keys.iter().any(|key| history.knows(&key.fingerprint())) {
        return refuse(ErrorCode::Conflict, "a key that was replaced does not come back");
    }
    Ok(())
}

pub(super) fn revoke<S: StateStore>(
    state: &State<S>,
    command: &Command,
    revocation: &RevokeKeys,
) -> StateResult<Decision, S> {
    let RevokeKeys { holder, generation, .. } = *revocation;
    if let Err(refusal) = speaks(state, command, holder.speaker()) {
        return Ok(Err(refusal));
    }
    let history = history(state, command, holder)?;
    let Some(named) = history.get(generation) else {
        return Ok(refuse(ErrorCode::NotFound, "there is no such generation of these keys"));
    };
    if named.revoked.is_some() {
        return Ok(refuse(ErrorCode::Conflict, "the keys are revoked already"));
    }
    let is_last = generation == history.generation();
    Ok(match holder {
        KeyHolder::Log if is_last => {
            refuse(ErrorCode::Conflict, "these keys sign the log: rotate them first")
        }
        KeyHolder::Council(_) if !is_last => {
            refuse(ErrorCode::Conflict, "these keys were replaced and speak for nobody")
        }
        KeyHolder::Council(_) if state.council().iter().flatten().count() <= 1 => {
            refuse(ErrorCode::Conflict, "the council would have no member left")
        }
        _ => Ok(Event::KeysRevoked),
    })
}
