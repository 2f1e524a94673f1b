//! `audit run`: opens an audit, reads the challenged leaves, records what was found.

use crate::{
    app::App,
    args::AuditCommand,
    error::{CliError, Result, accepted},
};
use protocol::{
    Action, ErrorCode, Hash32, Layout, ObjectId, canonical,
    command::{AuditAnswer, Content, LeafProof, OpenAudit, RecordAudit},
    limits::MAX_AUDIT_RESULTS,
    node::NodeNumber,
};
use serde_json::json;
use shard_store::{ShardKey, fleet::Fleet};
use std::collections::{BTreeMap, BTreeSet};
use storage_engine::{
    audit::{challenged_leaf, sample_of, ticket},
    content::shard_id,
    layout::Geometry,
    shard_tree::leaf_count,
    state::{
        State, StateStore,
        records::{NodeRecord, VersionRecord},
    },
};

/// Versions that are read at a time, so that memory stays bounded however many there are.
const PAGE: usize = 1_024;
/// Bytes of answers in one entry, well below what an entry can hold.
const MAX_ANSWER_BYTES: usize = 48 << 10;
/// Signed results that share one sync of the log.
const RESULTS_PER_SUBMIT: usize = 32;

pub fn run(app: &mut App, command: &AuditCommand) -> Result<()> {
    let AuditCommand::Run { all, sample } = command;
    let governed = app.state()?.ledger().map_or(1, |ledger| ledger.parameters.audit_sample);
    let scope = if *all { OpenAudit::All } else { OpenAudit::Sample(sample.unwrap_or(governed)) };
    let open = app.signed(Action::OpenAudit(scope))?;
    let receipt = app.submit_one(open)?;
    let mut auditor =
        Auditor { audit: receipt.seq, beacon: receipt.entry_hash, proved: 0, failed: 0 };
    match scope {
        OpenAudit::All => auditor.every_shard(app)?,
        OpenAudit::Sample(size) => auditor.sampled(app, size)?,
    }
    let (proved, failed) = (auditor.proved, auditor.failed);
    app.out.say(&format!("audit {}: {proved} shards proved, {failed} not", receipt.seq))
}

/// One shard at one node, challenged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Challenge {
    object: ObjectId,
    version: u64,
    column: u32,
    root: Hash32,
    len: u64,
    leaf: u64,
}

struct Auditor {
    audit: u64,
    beacon: Hash32,
    proved: u64,
    failed: u64,
}

type ByNode = BTreeMap<NodeNumber, Vec<Challenge>>;

impl Auditor {
    fn every_shard(&mut self, app: &mut App) -> Result<()> {
        let mut after = None;
        loop {
            let mut challenges = ByNode::new();
            let next = self.page(app.state()?, after.as_ref(), &mut |node, _, challenge| {
                challenges.entry(node).or_default().push(challenge);
            })?;
            self.answer_all(app, challenges)?;
            match next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Per node, the shards with the smallest tickets.
    fn sampled(&mut self, app: &mut App, sample: u32) -> Result<()> {
        let sizes = sizes(app.state()?, sample);
        let mut best: BTreeMap<NodeNumber, BTreeSet<(Hash32, Challenge)>> = BTreeMap::new();
        let mut after = None;
        loop {
            let next =
                self.page(app.state()?, after.as_ref(), &mut |node, ticket, challenge| {
                    let chosen = best.entry(node).or_default();
                    chosen.insert((ticket, challenge));
                    if chosen.len() > sizes.get(node as usize).copied().unwrap_or(0) {
                        chosen.pop_last();
                    }
                })?;
            match next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let challenges = best
            .into_iter()
            .map(|(node, chosen)| (node, chosen.into_iter().map(|(_, c)| c).collect()))
            .collect();
        self.answer_all(app, challenges)
    }

    /// Visits the challenges of the next versions, and says where the page ended; `None` at the end.
    fn page<S: StateStore>(
        &self,
        state: &State<S>,
        after: Option<&(ObjectId, u64)>,
        visit: &mut dyn FnMut(NodeNumber, Hash32, Challenge),
    ) -> Result<Option<(ObjectId, u64)>> {
        let (mut seen, mut last) = (0, None);
        let after = after.map(|(id, version)| (id, *version));
        state.visit_versions_after(after, &mut |name, version, record| {
            self.challenge(state, name, version, &record, visit);
            seen += 1;
            last = Some((ObjectId(name.to_owned()), version));
            seen < PAGE
        })?;
        Ok(last.filter(|_| seen == PAGE))
    }

    fn challenge<S: StateStore>(
        &self,
        state: &State<S>,
        name: &str,
        version: u64,
        record: &VersionRecord,
        visit: &mut dyn FnMut(NodeNumber, Hash32, Challenge),
    ) {
        let Some((stored, layout)) =
            record.stored.as_ref().and_then(|stored| match &stored.content {
                Content::Single(layout) => Some((stored, layout)),
                Content::Manifest { .. } => None,
            })
        else {
            return;
        };
        let Ok(geometry) = Geometry::of(layout) else {
            return;
        };
        let copies = stored.assignment.chunks(usize::from(layout.profile.replicas));
        for ((column, root), nodes) in (0..).zip(&layout.roots).zip(copies) {
            let (len, shard) = (geometry.shard_len(column), shard_id(name, version, column));
            for node in nodes {
                let Some(record) = state.node(*node) else {
                    continue;
                };
                let leaf = challenged_leaf(&self.beacon, &shard, &record.node_id, leaf_count(len));
                // Empty shards have no leaf and are never challenged.
                let Some(leaf) = leaf else { continue };
                let object = ObjectId(name.to_owned());
                let ticket = ticket(&self.beacon, &shard, &record.node_id);
                visit(*node, ticket, Challenge { object, version, column, root: *root, len, leaf });
            }
        }
    }

    fn answer_all(&mut self, app: &mut App, challenges: ByNode) -> Result<()> {
        let mut results = Vec::new();
        for (node, challenges) in challenges {
            let mut answers = Vec::new();
            let mut bytes = 0;
            for challenge in challenges {
                let answer = answer(app.fleet()?, node, challenge);
                bytes += canonical::encode(&answer).len();
                answers.push(answer);
                if answers.len() == MAX_AUDIT_RESULTS || bytes >= MAX_ANSWER_BYTES {
                    results.push((node, std::mem::take(&mut answers)));
                    bytes = 0;
                }
            }
            if !answers.is_empty() {
                results.push((node, answers));
            }
        }
        for chunk in results.chunks(RESULTS_PER_SUBMIT) {
            self.record(app, chunk)?;
        }
        Ok(())
    }

    fn record(&mut self, app: &mut App, results: &[(NodeNumber, Vec<AuditAnswer>)]) -> Result<()> {
        let mut commands = Vec::with_capacity(results.len());
        for (node, answers) in results {
            let record = RecordAudit { audit: self.audit, node: *node, answers: answers.clone() };
            commands.push(app.signed(Action::RecordAudit(record))?);
        }
        for (result, (node, answers)) in app.submit(commands)?.into_iter().zip(results) {
            accepted(result)?;
            for answer in answers {
                self.show(app, *node, answer)?;
            }
        }
        Ok(())
    }

    fn show(&mut self, app: &mut App, node: NodeNumber, answer: &AuditAnswer) -> Result<()> {
        let verified = answer.proof.is_some();
        *(if verified { &mut self.proved } else { &mut self.failed }) += 1;
        let state = app.state()?;
        let node_id = state.node(node).map_or(String::new(), |node| node.node_id.0.clone());
        let shard = shard_id(&answer.object.0, answer.version, answer.column).to_hex();
        let document = json!({ "node_id": node_id, "shard_id": shard, "verified": verified });
        app.out.row(&document, || {
            format!("{node_id}  {shard}  {}", if verified { "verified" } else { "NOT VERIFIED" })
        })
    }
}

/// How many shards a sampled audit challenges at each node, by number (PL-6).
fn sizes<S: StateStore>(state: &State<S>, sample: u32) -> Vec<usize> {
    let Some(ledger) = state.ledger() else { return Vec::new() };
    let size = |node: &NodeRecord| sample_of(sample, node.standing, &ledger.parameters) as usize;
    state.nodes().iter().map(size).collect()
}

/// What the node shows for a challenge. A leaf that cannot be read, or is not what the root commits to, is no
/// proof; why, a scrub of the node tells.
fn answer(fleet: &dyn Fleet, node: NodeNumber, challenge: Challenge) -> AuditAnswer {
    let Challenge { object, version, column, root, len, leaf } = challenge;
    let key = ShardKey { shard_id: shard_id(&object.0, version, column), root };
    let proof = fleet.store(node).and_then(|store| store.prove(&key, len, leaf).ok());
    let proof = proof.map(|proof| LeafProof { leaf_hash: proof.leaf_hash, path: proof.path });
    AuditAnswer { object, version, column, leaf, proof }
}

/// The column of a shard id, for commands that name shards by it.
pub fn column_of(object: &ObjectId, version: u64, layout: &Layout, shard: &str) -> Result<u32> {
    (0..layout.profile.columns())
        .find(|column| shard_id(&object.0, version, *column).to_hex() == shard)
        .ok_or_else(|| {
            CliError::failed(
                ErrorCode::NotFound,
                format!("{object} version {version} has no shard {shard}"),
            )
        })
}
