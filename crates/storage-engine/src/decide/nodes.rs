//! Registering nodes, and moving copies between them.

use protocol::{
    Event, Hash32, Profile, Refusal,
    command::{Content, Reassign, RegisterNode},
    error::ErrorCode,
    limits::MAX_NODES,
    node::NodeNumber,
};

use super::{Decision, refuse};
use crate::state::{State, StateError, StateResult, StateStore, records::StoredRecord};

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

pub(super) fn reassign<S: StateStore>(
    state: &State<S>,
    reassign: &Reassign,
) -> StateResult<Decision, S> {
    let record = state.version(&reassign.object, reassign.version)?;
    let Some(stored) = record.and_then(|record| record.stored) else {
        return Ok(refuse(ErrorCode::NotFound, "there is no such version with content"));
    };
    Ok(check_move(&stored, reassign, state.eligible()).map(|()| Event::Reassigned))
}

/// Copies of one shard, or the columns of an erasure-coded object, never share a node (PL-8).
fn check_move(
    stored: &StoredRecord,
    reassign: &Reassign,
    eligible: &[NodeNumber],
) -> Result<(), Refusal> {
    let Content::Single(layout) = &stored.content else {
        return refuse(ErrorCode::InvalidInput, "the version has no shards of its own");
    };
    let profile = layout.profile;
    if reassign.column >= profile.columns() || reassign.copy >= u32::from(profile.replicas) {
        return refuse(ErrorCode::NotFound, "there is no such column or copy");
    }
    if copy_index(reassign, profile.replicas).and_then(|at| stored.assignment.get(at))
        != Some(&reassign.from)
    {
        return refuse(ErrorCode::Conflict, "the copy is not assigned to this node");
    }
    if !eligible.contains(&reassign.to) {
        return refuse(ErrorCode::NoEligibleNodes, "the new node is not eligible in this epoch");
    }
    if siblings(stored, profile, reassign.column).contains(&reassign.to) {
        return refuse(ErrorCode::Conflict, "the new node holds a sibling of this copy");
    }
    Ok(())
}

/// The nodes of the copies that must differ from a copy of `column`: those of its shard, or with parity of
/// the whole object.
fn siblings(stored: &StoredRecord, profile: Profile, column: u32) -> &[NodeNumber] {
    if profile.parity > 0 {
        return &stored.assignment;
    }
    let shards = usize::from(profile.replicas).max(1);
    let column = usize::try_from(column).unwrap_or(usize::MAX);
    let mut columns = stored.assignment.chunks(shards);
    columns.nth(column).unwrap_or(&[])
}

/// Index of the copy in an assignment.
pub(crate) fn copy_index(reassign: &Reassign, replicas: u8) -> Option<usize> {
    let first = reassign.column.checked_mul(u32::from(replicas))?;
    usize::try_from(first.checked_add(reassign.copy)?).ok()
}
