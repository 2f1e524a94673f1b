//! Storing, marking as deleted, and ending versions of objects.

use alloc::{format, vec::Vec};
use protocol::{
    AccountId, Authorization, Command, Event, Layout, ObjectId, Refusal,
    command::{Content, RecordScore, Store},
    error::ErrorCode,
    limits::MAX_TOTAL_BYTES,
    node::NodeNumber,
};
use token_state::storage_fee;

use super::{Decision, refuse, refuse_with};
use crate::{
    admit::Derived,
    layout::Geometry,
    placement::{Ring, place_from},
    state::{
        State, StateResult, StateStore, domain_classes,
        records::{LedgerRecord, ObjectRecord},
    },
};

pub(super) fn store<S: StateStore>(
    state: &State<S>,
    ledger: &LedgerRecord,
    command: &Command,
    store: &Store,
    derived: &Derived,
) -> StateResult<Decision, S> {
    let object = state.object(&store.object)?;
    if let Err(refusal) = check_next_version(object.as_ref(), &command.payer, store.version) {
        return Ok(Err(refusal));
    }
    let (layout, geometry) = match check_content(ledger, store) {
        Ok(content) => content,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let assignment = match placed(state, ledger, store, layout, derived)? {
        Ok(assignment) => assignment,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Ok(fee) = storage_fee(layout.size, derived.metadata_keys, &ledger.parameters) else {
        return Ok(refuse(ErrorCode::Limit, "the fee exceeds what an amount can hold"));
    };
    if ledger.treasury.charged(fee).is_err() {
        return Ok(refuse(
            ErrorCode::Limit,
            "all fees together would exceed what an amount can hold",
        ));
    }
    if state.account(&command.payer)?.charged(fee, ledger.parameters.prepaid).is_err() {
        return Ok(refuse_with(
            ErrorCode::InsufficientFunds,
            format!("the fee is {fee} ATR and the payer's balance does not cover it"),
        ));
    }
    let copies = geometry.stored_len().checked_mul(u64::from(layout.profile.replicas));
    let total = copies.and_then(|copies| ledger.bytes_stored.checked_add(copies));
    if total.is_none_or(|total| total > MAX_TOTAL_BYTES) {
        return Ok(refuse(ErrorCode::Limit, "the nodes together hold at most 2^60 bytes"));
    }
    Ok(Ok(Event::Stored { fee, assignment, update: object.is_some() }))
}

/// Versions grow, and belong to one owner (PR-8, PR-9).
fn check_next_version(
    object: Option<&ObjectRecord>,
    payer: &AccountId,
    version: u64,
) -> Result<(), Refusal> {
    let Some(object) = object else { return Ok(()) };
    if object.owner != *payer {
        return refuse(ErrorCode::Unauthorized, "the object belongs to another account");
    }
    if version <= object.latest {
        return refuse_with(
            ErrorCode::InvalidVersion,
            format!("version {version} is not greater than the latest, {}", object.latest),
        );
    }
    Ok(())
}

fn check_content<'a>(
    ledger: &LedgerRecord,
    store: &'a Store,
) -> Result<(&'a Layout, Geometry), Refusal> {
    let Content::Single(layout) = &store.content else {
        return refuse(ErrorCode::InvalidInput, "manifests are not offered by this ledger");
    };
    let parameters = &ledger.parameters;
    if layout.profile != parameters.profile || layout.block_size != parameters.block_size {
        return refuse_with(
            ErrorCode::InvalidInput,
            format!(
                "this ledger stores with profile {} in blocks of {} bytes",
                parameters.profile, parameters.block_size
            ),
        );
    }
    if u32::try_from(store.metadata.len()).map_or(true, |len| len > parameters.metadata_limit) {
        return refuse(ErrorCode::Limit, "the metadata is longer than this ledger allows");
    }
    let geometry = Geometry::of(layout)
        .map_err(|error| Refusal::with(ErrorCode::InvalidInput, format!("{error}")))?;
    Ok((layout, geometry))
}

/// Where the copies stand: by the open epoch's nodes, which must be where the client put them (PL-7).
fn placed<S: StateStore>(
    state: &State<S>,
    ledger: &LedgerRecord,
    store: &Store,
    layout: &Layout,
    derived: &Derived,
) -> StateResult<Result<Vec<NodeNumber>, Refusal>, S> {
    let place = |ring: Ring<'_>| {
        let ring = state.fenced(ring, &derived.regions);
        place_from(&derived.starts, layout.profile, &ring)
    };
    let now = match place(state.ring()) {
        Ok(now) => now,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if store.epoch == ledger.epoch {
        return Ok(Ok(now));
    }
    if store.epoch == 0 || store.epoch > ledger.epoch {
        return Ok(refuse(ErrorCode::InvalidInput, "the command names an epoch that never was"));
    }
    let then = state.epoch_record(store.epoch)?.map(|record| {
        let domains = domain_classes(state.nodes(), record.failure_domain);
        place(Ring::new(&record.eligible, domains.as_deref()))
    });
    Ok(if then == Some(Ok(now.clone())) {
        Ok(now)
    } else {
        refuse_with(
            ErrorCode::EpochChanged,
            format!(
                "epoch {} places the shards elsewhere than epoch {}: move them and send again",
                ledger.epoch, store.epoch
            ),
        )
    })
}

pub(super) fn delete<S: StateStore>(
    state: &State<S>,
    payer: &AccountId,
    id: &ObjectId,
    version: u64,
) -> StateResult<Decision, S> {
    let Some(object) = state.object(id)? else {
        return Ok(refuse(ErrorCode::NotFound, "there is no such object"));
    };
    if let Err(refusal) = check_next_version(Some(&object), payer, version) {
        return Ok(Err(refusal));
    }
    let current = match object.current {
        Some(current) => state.version(id, current)?,
        None => None,
    };
    if current.is_none_or(|record| record.stored.is_none()) {
        return Ok(refuse(ErrorCode::NotFound, "the object is deleted already"));
    }
    Ok(Ok(Event::DeleteMarked))
}

pub(super) fn purge<S: StateStore>(
    state: &State<S>,
    payer: &AccountId,
    id: &ObjectId,
    version: u64,
) -> StateResult<Decision, S> {
    let Some(object) = state.object(id)? else {
        return Ok(refuse(ErrorCode::NotFound, "there is no such object"));
    };
    if object.owner != *payer {
        return Ok(refuse(ErrorCode::Unauthorized, "the object belongs to another account"));
    }
    if state.version(id, version)?.is_none() {
        return Ok(refuse(ErrorCode::NotFound, "there is no such version"));
    }
    Ok(Ok(Event::Purged))
}

/// A score is an observation: nothing else depends on it (EC-11).
pub(super) fn score<S: StateStore>(
    state: &State<S>,
    ledger: &LedgerRecord,
    command: &Command,
    record: &RecordScore,
) -> StateResult<Decision, S> {
    // The payer is the signer's account, or the operator's where nobody signed.
    if command.authorization == Authorization::Operator
        || !ledger.rules.scorers.contains(&command.payer)
    {
        return Ok(refuse(ErrorCode::Unauthorized, "only a scorer's signature allows this"));
    }
    let version = state.version(&record.object, record.version)?;
    if version.is_none_or(|version| version.stored.is_none()) {
        return Ok(refuse(ErrorCode::NotFound, "there is no such version with content"));
    }
    Ok(Ok(Event::Scored))
}
