//! Audits: challenges as the beacon gives them, answered truly where the generator has the leaves.

use alloc::{collections::BTreeMap, vec::Vec};
use protocol::{
    Action, Hash32, ObjectId,
    command::{AuditAnswer, Content, LeafProof, OpenAudit, RecordAudit},
    node::NodeNumber,
};
use storage_engine::{
    audit::{challenged_leaf, sample_of, ticket},
    content::shard_id,
    layout::Geometry,
    shard_tree::{leaf_count, path},
};

use super::{
    WorkloadError,
    content::Levels,
    ledger::{Done, Ledger},
    scenario::Scenario,
};

/// Answers in one entry; an entry then stays far below its limit.
const ANSWERS: usize = 48;

/// Epochs for which one node's disk is failing.
const FAILING_EPOCHS: u64 = 6;

/// Challenges of an audit by node, each with the ticket that it is drawn by.
type Challenges = BTreeMap<NodeNumber, Vec<(Hash32, AuditAnswer)>>;

/// A version of one leaf, with a node that holds its first column.
struct Target {
    object: ObjectId,
    version: u64,
    node: NodeNumber,
    /// An empty column that the same node holds.
    empty: Option<u32>,
}

impl Scenario<'_> {
    /// Opens an audit and records what every node has to show.
    pub(super) fn audit(&mut self, scope: OpenAudit) -> Result<(), WorkloadError> {
        let opened = self.operate(Action::OpenAudit(scope))?;
        self.refuse_answers(opened.seq)?;
        for (node, mut challenged) in challenges(&self.ledger, &opened)? {
            challenged.sort_by_key(|(ticket, _)| *ticket);
            if let OpenAudit::Sample(sample) = scope {
                let sample = self.sample_of(sample, node);
                challenged.truncate(usize::try_from(sample).unwrap_or(usize::MAX));
            }
            let mut answers = Vec::new();
            for (_, mut answer) in challenged {
                answer.proof = self.prove(node, &answer)?;
                answers.push(answer);
            }
            for answers in answers.chunks(ANSWERS) {
                self.operate(Action::RecordAudit(RecordAudit {
                    audit: opened.seq,
                    node,
                    answers: answers.to_vec(),
                }))?;
            }
        }
        // Now every node of a sample has answered, and there are too many.
        self.refuse_answers(opened.seq)
    }

    /// How many shards of a node a sampled audit challenges (PL-6).
    fn sample_of(&self, sample: u32, node: NodeNumber) -> u32 {
        let (state, standing) = (&self.ledger.state, self.ledger.state.node(node));
        match (standing, state.ledger()) {
            (Some(node), Some(ledger)) => sample_of(sample, node.standing, &ledger.parameters),
            _ => sample,
        }
    }

    /// Whether a node has lost a shard: seldom, but for one at a time, whose disk is failing.
    fn is_lost(&mut self, node: NodeNumber) -> bool {
        let stretch = self.ledger.state.epoch().checked_div(FAILING_EPOCHS).unwrap_or(0);
        let failing = stretch.wrapping_mul(5).checked_rem(u64::from(self.spec.nodes));
        self.rng.one_in(if failing == Some(u64::from(node)) { 2 } else { 100 })
    }

    /// The proof of a challenged leaf; now and then a node has nothing to show.
    fn prove(
        &mut self,
        node: NodeNumber,
        answer: &AuditAnswer,
    ) -> Result<Option<LeafProof>, WorkloadError> {
        let is_lost = self.is_lost(node);
        let column = usize::try_from(answer.column).unwrap_or(usize::MAX);
        let leaves = self
            .leaves
            .get(&(answer.object.clone(), answer.version))
            .and_then(|columns| columns.get(column));
        let Some(leaves) = leaves.filter(|_| !is_lost) else {
            return Ok(None);
        };
        let index = usize::try_from(answer.leaf).unwrap_or(usize::MAX);
        let Some(leaf_hash) = leaves.get(index).copied() else {
            return Ok(None);
        };
        let count = u64::try_from(leaves.len()).unwrap_or(u64::MAX);
        let path = path(&Levels::of(leaves), count, answer.leaf)?;
        Ok(Some(LeafProof { leaf_hash, path }))
    }

    /// Answers that the ledger refuses: a wrong path, and one about an empty shard.
    fn refuse_answers(&mut self, audit: u64) -> Result<(), WorkloadError> {
        let Some(target) = self.target()? else {
            return Ok(());
        };
        let wrong = LeafProof { leaf_hash: Hash32::ZERO, path: Vec::new() };
        let columns = [Some(0), target.empty];
        for column in columns.into_iter().flatten() {
            let answer = AuditAnswer {
                object: target.object.clone(),
                version: target.version,
                column,
                leaf: 0,
                proof: Some(wrong.clone()),
            };
            self.operate(Action::RecordAudit(RecordAudit {
                audit,
                node: target.node,
                answers: Vec::from([answer]),
            }))?;
        }
        Ok(())
    }

    /// Something to give wrong answers about.
    fn target(&self) -> Result<Option<Target>, WorkloadError> {
        let mut found = None;
        self.ledger
            .state
            .visit_versions("", &mut |name, version, record| {
                let Some(stored) = record.stored else {
                    return true;
                };
                let Content::Single(layout) = &stored.content else {
                    return true;
                };
                if layout.size == 0 || layout.size > 4_096 {
                    return true;
                }
                let replicas = usize::from(layout.profile.replicas);
                let Some(node) = stored.assignment.first().copied() else {
                    return true;
                };
                let empty = (1u32..)
                    .zip(stored.assignment.chunks(replicas).skip(1))
                    .take(usize::from(layout.profile.data).saturating_sub(1))
                    .find(|(_, nodes)| nodes.contains(&node))
                    .map(|(column, _)| column);
                found = Some(Target { object: ObjectId(name.into()), version, node, empty });
                empty.is_none()
            })
            .map_err(WorkloadError::from)?;
        Ok(found)
    }
}

fn challenges(ledger: &Ledger, opened: &Done) -> Result<Challenges, WorkloadError> {
    let mut challenges = Challenges::new();
    let state = &ledger.state;
    state
        .visit_versions("", &mut |name, version, record| {
            let Some(stored) = record.stored else {
                return true;
            };
            let Content::Single(layout) = &stored.content else {
                return true;
            };
            let Ok(geometry) = Geometry::of(layout) else {
                return true;
            };
            let replicas = usize::from(layout.profile.replicas);
            for (column, nodes) in (0..).zip(stored.assignment.chunks(replicas)) {
                let leaves = leaf_count(geometry.shard_len(column));
                let shard = shard_id(name, version, column);
                for number in nodes {
                    let Some(node) = state.node(*number) else {
                        continue;
                    };
                    let beacon = &opened.entry_hash;
                    let Some(leaf) = challenged_leaf(beacon, &shard, &node.node_id, leaves) else {
                        continue;
                    };
                    let answer = AuditAnswer {
                        object: ObjectId(name.into()),
                        version,
                        column,
                        leaf,
                        proof: None,
                    };
                    let ticket = ticket(beacon, &shard, &node.node_id);
                    challenges.entry(*number).or_default().push((ticket, answer));
                }
            }
            true
        })
        .map_err(WorkloadError::from)?;
    Ok(challenges)
}
