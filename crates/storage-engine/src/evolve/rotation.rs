//! What a rotation or a revocation of keys changes (KY-5, KY-6).

use protocol::{
    Command, Hash32,
    keys::{KeyHolder, RevokeKeys, RotateKeys},
};

use crate::state::{State, StateError, StateResult, StateStore, keys, records::KeysRecord};

pub(super) fn rotate<S: StateStore>(
    state: &mut State<S>,
    seq: u64,
    command: &Command,
    rotation: &RotateKeys,
) -> StateResult<(), S> {
    let holder = rotation.holder;
    let mut record = history(state, command, holder)?;
    record.begin(seq, &rotation.keys, rotation.is_endorsed());
    keep(state, holder, &record)?;
    if let (KeyHolder::Node(number), [key]) = (holder, &rotation.keys[..]) {
        state.put(keys::node_key(number), &key.bytes);
        state.hot_mut()?.node_mut(number, |node| {
            node.scheme = key.suite.name().into();
            node.key_hash = Hash32::of(&key.bytes);
        })?;
    }
    Ok(())
}

pub(super) fn revoke<S: StateStore>(
    state: &mut State<S>,
    seq: u64,
    command: &Command,
    revocation: &RevokeKeys,
) -> StateResult<(), S> {
    let RevokeKeys { holder, generation, .. } = *revocation;
    let mut record = history(state, command, holder)?;
    let named = record.get_mut(generation).ok_or(StateError::Broken("no such keys"))?;
    named.revoked = Some(seq);
    if generation == record.generation() {
        record.in_force.clear();
    }
    keep(state, holder, &record)
}

fn history<S: StateStore>(
    state: &State<S>,
    command: &Command,
    holder: KeyHolder,
) -> StateResult<KeysRecord, S> {
    state
        .key_history(holder, command.signer())?
        .ok_or(StateError::Broken("a holder of keys has none"))
}

fn keep<S: StateStore>(
    state: &mut State<S>,
    holder: KeyHolder,
    record: &KeysRecord,
) -> StateResult<(), S> {
    state.put(keys::holder(holder), record);
    state.hot_mut()?.keys.put(holder, &record.in_force);
    Ok(())
}
