//! Nodes that join and leave, and whose key speaks for whom.

use alloc::format;
use protocol::{
    Command, Event, Hash32, Refusal,
    command::RegisterNode,
    error::ErrorCode,
    governance::Speaker,
    limits::MAX_NODES,
    node::{NodeNumber, Standing},
    signature::Suite,
};

use super::{Decision, refuse, refuse_with};
use crate::state::{State, StateError, StateResult, StateStore, records::NodeRecord};

pub(super) fn register<S: StateStore>(
    state: &State<S>,
    node: &RegisterNode,
) -> StateResult<Decision, S> {
    let Some(number) = state.node_number(&node.node_id)? else {
        let next = u32::try_from(state.nodes().len()).unwrap_or(u32::MAX);
        if next >= MAX_NODES {
            return Ok(refuse(ErrorCode::Limit, "a ledger registers at most 400 nodes"));
        }
        return Ok(Ok(Event::NodeRegistered { node: next }));
    };
    let record = state.node(number).ok_or(StateError::Broken("a node has no record"))?;
    let same = record.key_hash == Hash32::of(&node.public_key)
        && record.scheme == node.scheme
        && record.domain == node.domain;
    if !same || state.node_key(number)?.is_some() {
        return Ok(refuse(ErrorCode::Conflict, "a node of this name is registered already"));
    }
    Ok(Ok(Event::NodeKeyDisclosed { node: number }))
}

/// A node leaves by its own signature or the operator's (RG-8).
pub(super) fn exit<S: StateStore>(
    state: &State<S>,
    command: &Command,
    number: NodeNumber,
) -> Decision {
    let Some(node) = state.node(number) else {
        return refuse(ErrorCode::NotFound, "there is no such node");
    };
    let by_operator = speaks(state, command, Speaker::Operator).is_ok();
    if !by_operator && !is_key_of(node, command) {
        return refuse(ErrorCode::Unauthorized, "a node leaves by its own key or the operator's");
    }
    if matches!(node.standing, Standing::Draining | Standing::Exited | Standing::Expelled) {
        return refuse(ErrorCode::Conflict, "the node is leaving or has left");
    }
    Ok(Event::Exiting)
}

/// Whether the command is signed by the key of the speaker whom it names (GV-2).
pub(super) fn speaks<S: StateStore>(
    state: &State<S>,
    command: &Command,
    speaker: Speaker,
) -> Result<(), Refusal> {
    let signer = command.signer();
    let holds = match speaker {
        Speaker::Operator => signer.is_some() && signer == state.operator_key(),
        Speaker::Council(member) => {
            let seat = usize::try_from(member).ok().and_then(|seat| state.council().get(seat));
            let Some(key) = seat else {
                return refuse(ErrorCode::NotFound, "the council has no such member");
            };
            key.is_some() && signer == key.as_ref()
        }
        Speaker::Node(number) => {
            let Some(node) = state.node(number) else {
                return refuse(ErrorCode::NotFound, "there is no such node");
            };
            may_speak(node) && is_key_of(node, command)
        }
    };
    if holds {
        return Ok(());
    }
    refuse_with(
        ErrorCode::Unauthorized,
        format!("the command is not signed by a key that speaks for {speaker}"),
    )
}

/// Whether the node has a say (GV-2). A revoked node that leaves is DRAINING, and its key is no better for that.
pub(super) fn may_speak(node: &NodeRecord) -> bool {
    let revoked = node.registry.as_ref().is_some_and(|fact| fact.revoked);
    !revoked && !node.standing.is_gone()
}

fn is_key_of(node: &NodeRecord, command: &Command) -> bool {
    let Some(key) = command.signer() else {
        return false;
    };
    Suite::from_name(&node.scheme) == Some(key.suite) && node.key_hash == Hash32::of(&key.bytes)
}
