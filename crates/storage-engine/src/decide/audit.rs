//! What a reader found: every answer is checked against the challenge that the beacon gives.

use alloc::{collections::BTreeSet, format};
use protocol::{
    Event, Hash32, Layout, Refusal,
    command::{AuditAnswer, Content, OpenAudit, RecordAudit},
    error::ErrorCode,
    limits::MAX_PROOFS_PER_EPOCH,
};

use super::{Decision, refuse, refuse_with};
use crate::{
    audit::{challenged_leaf, sample_of},
    content::shard_id,
    layout::Geometry,
    shard_tree::{leaf_count, verify_path},
    state::{
        State, StateResult, StateStore,
        records::{AuditRecord, LedgerRecord, NodeRecord, StoredRecord},
    },
};

pub(super) fn record<S: StateStore>(
    state: &State<S>,
    ledger: &LedgerRecord,
    record: &RecordAudit,
) -> StateResult<Decision, S> {
    let Some(audit) = ledger.audit.filter(|audit| audit.seq == record.audit) else {
        return Ok(refuse(ErrorCode::NotFound, "no such audit is open in this epoch"));
    };
    let Some(node) = state.node(record.node) else {
        return Ok(refuse(ErrorCode::NotFound, "there is no such node"));
    };
    if let Err(refusal) = check_scope(ledger, audit, node, record) {
        return Ok(Err(refusal));
    }
    let (mut counted, mut failed) = (BTreeSet::new(), BTreeSet::new());
    for answer in &record.answers {
        let version = state.version(&answer.object, answer.version)?;
        let Some(stored) = version.and_then(|record| record.stored) else {
            return Ok(refuse(ErrorCode::NotFound, "an answer names no stored version"));
        };
        match check(&audit, node, record.node, &stored, answer) {
            Err(refusal) => return Ok(Err(refusal)),
            Ok((shard, true)) => {
                if !state.has_proved(ledger.epoch, record.node, &shard)? {
                    counted.insert(shard);
                }
            }
            Ok((shard, false)) => {
                if !state.has_failed(ledger.epoch, record.node, &shard)? {
                    failed.insert(shard);
                }
            }
        }
    }
    let count = |shards: BTreeSet<Hash32>| u32::try_from(shards.len()).unwrap_or(u32::MAX);
    let (counted, failed) = (count(counted), count(failed));
    let proofs = node.proofs.checked_add(u64::from(counted));
    if proofs.is_none_or(|proofs| proofs > MAX_PROOFS_PER_EPOCH) {
        return Ok(refuse(ErrorCode::Limit, "too many proofs for one node in one epoch"));
    }
    Ok(Ok(Event::AuditRecorded { counted, failed }))
}

/// A sampled audit takes no more answers than it challenged.
fn check_scope(
    ledger: &LedgerRecord,
    audit: AuditRecord,
    node: &NodeRecord,
    record: &RecordAudit,
) -> Result<(), Refusal> {
    let answers = u32::try_from(record.answers.len()).unwrap_or(u32::MAX);
    let limit = match audit.scope {
        OpenAudit::All => u32::MAX,
        OpenAudit::Sample(sample) => sample_of(sample, node.standing, &ledger.parameters),
    };
    match node.answers.checked_add(answers) {
        None => refuse(ErrorCode::Limit, "too many answers"),
        Some(total) if total > limit => refuse_with(
            ErrorCode::Limit,
            format!("the audit challenges {limit} shards of the node"),
        ),
        Some(_) => Ok(()),
    }
}

/// The shard id, and whether the answer proves it; it does not when the node had nothing to show.
fn check(
    audit: &AuditRecord,
    node: &NodeRecord,
    number: u32,
    stored: &StoredRecord,
    answer: &AuditAnswer,
) -> Result<(Hash32, bool), Refusal> {
    let Content::Single(layout) = &stored.content else {
        return refuse(ErrorCode::ProofUnavailable, "the version has no shards of its own");
    };
    if !holds(layout, stored, answer.column, number) {
        return refuse(ErrorCode::InvalidInput, "the shard is not assigned to this node");
    }
    let geometry = Geometry::of(layout)
        .map_err(|error| Refusal::with(ErrorCode::InvalidInput, format!("{error}")))?;
    let leaves = leaf_count(geometry.shard_len(answer.column));
    let shard = shard_id(&answer.object.0, answer.version, answer.column);
    match challenged_leaf(&audit.beacon, &shard, &node.node_id, leaves) {
        None => {
            return refuse(ErrorCode::ProofUnavailable, "empty shards are never challenged");
        }
        Some(leaf) if leaf != answer.leaf => {
            return refuse(ErrorCode::InvalidInput, "the answer is not to the challenged leaf");
        }
        Some(_) => {}
    }
    let Some(proof) = &answer.proof else {
        return Ok((shard, false));
    };
    let root = usize::try_from(answer.column).ok().and_then(|at| layout.roots.get(at));
    let proves = root
        .is_some_and(|root| verify_path(root, &proof.leaf_hash, answer.leaf, leaves, &proof.path));
    if !proves {
        return refuse(ErrorCode::IntegrityMismatch, "the path does not lead to the shard's root");
    }
    Ok((shard, true))
}

fn holds(layout: &Layout, stored: &StoredRecord, column: u32, node: u32) -> bool {
    let replicas = usize::from(layout.profile.replicas);
    let first = usize::try_from(column).ok().and_then(|column| column.checked_mul(replicas));
    first.is_some_and(|first| {
        stored.assignment.iter().skip(first).take(replicas).any(|n| *n == node)
    })
}
