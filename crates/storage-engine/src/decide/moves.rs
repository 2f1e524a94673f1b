//! Moving copies between nodes (PL-8, PL-11).

use alloc::{format, vec::Vec};
use protocol::{
    Event, Layout, Refusal,
    command::{Content, Reassign},
    error::ErrorCode,
    json, metadata,
    node::{NodeNumber, Standing},
};

use super::{Decision, refuse, refuse_with};
use crate::{
    placement,
    state::{State, StateError, StateResult, StateStore, records::StoredRecord},
};

pub(super) fn reassign<S: StateStore>(
    state: &State<S>,
    reassign: &Reassign,
) -> StateResult<Decision, S> {
    let record = state.version(&reassign.object, reassign.version)?;
    let Some(stored) = record.and_then(|record| record.stored) else {
        return Ok(refuse(ErrorCode::NotFound, "there is no such version with content"));
    };
    let layout = match check_source(state, &stored, reassign) {
        Ok(layout) => layout,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let to = find(state, reassign, &stored, layout)?;
    Ok(match to {
        None => refuse(
            ErrorCode::NoEligibleNodes,
            "no eligible node may take this copy: all that are left hold a sibling, or the object's regions and the failure domains leave none",
        ),
        Some(to) if to != reassign.to => {
            refuse_with(ErrorCode::Conflict, format!("the copy moves to node {to} and no other"))
        }
        Some(_) => Ok(Event::Reassigned),
    })
}

fn check_source<'a, S: StateStore>(
    state: &State<S>,
    stored: &'a StoredRecord,
    reassign: &Reassign,
) -> Result<&'a Layout, Refusal> {
    let Content::Single(layout) = &stored.content else {
        return refuse(ErrorCode::InvalidInput, "the version has no shards of its own");
    };
    let profile = layout.profile;
    if reassign.column >= profile.columns() || reassign.copy >= u32::from(profile.replicas) {
        return refuse(ErrorCode::NotFound, "there is no such column or copy");
    }
    if copy_index(reassign.column, reassign.copy, profile.replicas)
        .and_then(|at| stored.assignment.get(at))
        != Some(&reassign.from)
    {
        return refuse(ErrorCode::Conflict, "the copy is not assigned to this node");
    }
    if may_keep(state, reassign.from) {
        return refuse(
            ErrorCode::Conflict,
            "the node is eligible and in good standing: it keeps its copies",
        );
    }
    Ok(layout)
}

/// Whether nobody may take copies from the node: it is eligible, stays, and has failed no proof lately.
fn may_keep<S: StateStore>(state: &State<S>, number: NodeNumber) -> bool {
    let standing = state.node(number).map(|node| node.standing);
    let losing = matches!(standing, None | Some(Standing::Draining | Standing::Degraded));
    state.eligible().contains(&number) && !losing
}

/// The node that takes over a copy (PL-11): the column and copy of a version as it stands now. `None` when no node may.
///
/// # Errors
/// A fault of the store, or a damaged record.
pub fn replacement<S: StateStore>(
    state: &State<S>,
    reassign: &Reassign,
    stored: &StoredRecord,
) -> StateResult<Option<NodeNumber>, S> {
    match &stored.content {
        Content::Single(layout) => find(state, reassign, stored, layout),
        Content::Manifest { .. } => Ok(None),
    }
}

fn find<S: StateStore>(
    state: &State<S>,
    reassign: &Reassign,
    stored: &StoredRecord,
    layout: &Layout,
) -> StateResult<Option<NodeNumber>, S> {
    let metadata = json::parse(&stored.metadata)
        .map_err(|_| StateError::Broken("an object's metadata cannot be read"))?;
    let regions: Vec<_> = metadata::regions(&metadata);
    let starts = placement::start_hashes(&reassign.object.0, reassign.version, layout.profile);
    let leaving = |number| {
        state.node(number).is_none_or(|node: &crate::state::records::NodeRecord| {
            node.standing == Standing::Draining
        })
    };
    Ok(placement::replacement(
        &starts,
        layout.profile,
        &stored.assignment,
        reassign.column,
        reassign.copy,
        &state.ring_within(&regions),
        leaving,
    ))
}

/// Index of the copy in an assignment.
pub(crate) fn copy_index(column: u32, copy: u32, replicas: u8) -> Option<usize> {
    let first = column.checked_mul(u32::from(replicas))?;
    usize::try_from(first.checked_add(copy)?).ok()
}
