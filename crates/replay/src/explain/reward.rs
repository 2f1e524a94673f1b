//! Why a node earned what it earned: fees, pool, bytes, uptime and proofs, counted again from the log (RP-14).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};
use certified_math::{BigNum128, mul_div_u128};
use core::mem;
use protocol::{
    Action, Amount, Event, Hash32, NodeId, Parameters, Rules,
    command::{AdvanceEpoch, Content, RecordAudit},
    event::EpochClosed,
    node::NodeNumber,
};
use storage_engine::layout::Geometry;

use super::{
    EntryRef, ExplainError, Explanation, Step, not_found,
    rerun::{Next, Rerun, named},
    text::table,
};
use crate::{
    Divergence,
    books::{Books, difference, is_verified},
    compare::Difference,
    derive,
};

/// Entries that a step names one by one.
const NAMED_ENTRIES: usize = 8;

/// What is asked, and what the epoch has so far.
pub(super) struct Reward {
    node_id: NodeId,
    epoch: u64,
    counted: Counted,
    /// Made at the closing, shown once it has been executed.
    steps: Vec<Step>,
    result: Option<Amount>,
    done: bool,
}

/// What is counted again in the epoch.
#[derive(Default)]
struct Counted {
    /// Each store's entry and fee.
    fees: Vec<(u64, Amount)>,
    /// Shards that each node proved.
    proved: BTreeMap<NodeNumber, BTreeSet<Hash32>>,
    /// Entries with proofs of the node that is asked about.
    audits: Vec<u64>,
}

/// What a node brought into the epoch.
#[derive(Clone, Copy, Debug)]
struct Share {
    node: NodeNumber,
    verified: bool,
    bytes: u64,
    copies: u64,
    bucket: u8,
    proofs: u64,
    contribution: u128,
}

impl Reward {
    pub(super) fn new(node_id: &str, epoch: u64) -> Self {
        Self {
            node_id: NodeId(node_id.into()),
            epoch,
            counted: Counted::default(),
            steps: Vec::new(),
            result: None,
            done: false,
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        self.done
    }

    /// Looks at an entry of the epoch before it is executed.
    pub(super) fn before(&mut self, next: &Next, rerun: &Rerun) -> Result<(), ExplainError> {
        let (Some(books), Some(event)) = (&rerun.books, next.event()) else { return Ok(()) };
        if books.epoch != self.epoch {
            return Ok(());
        }
        match (&next.body.command.action, event) {
            (Action::Store(_), Event::Stored { fee, .. }) => {
                self.counted.fees.push((next.entry.seq, *fee));
                Ok(())
            }
            (Action::RecordAudit(record), Event::AuditRecorded { .. }) => {
                let is_own = rerun.number(&self.node_id) == Some(record.node);
                self.counted.prove(next.entry.seq, record, is_own);
                Ok(())
            }
            (Action::AdvanceEpoch(advance), Event::EpochClosed(closed)) => {
                self.close(next.entry, advance, closed, rerun, books)
            }
            _ => Ok(()),
        }
    }

    /// The closing has been executed and is what it says.
    pub(super) fn after(&mut self, next: Next) -> Result<(), ExplainError> {
        self.done = next.closing().is_some_and(|(_, closed)| closed.epoch == self.epoch);
        Ok(())
    }

    fn close(
        &mut self,
        entry: EntryRef,
        advance: &AdvanceEpoch,
        closed: &EpochClosed,
        rerun: &Rerun,
        books: &Books,
    ) -> Result<(), ExplainError> {
        let number = rerun.number(&self.node_id).ok_or_else(|| {
            not_found(format!("no node {} is registered in epoch {}", self.node_id, self.epoch))
        })?;
        let counted = mem::take(&mut self.counted);
        let bytes = stored_bytes(rerun)?;
        let shares: Vec<Share> = (0u32..)
            .zip(&closed.nodes)
            .map(|(node, _)| counted.share(node, advance, &bytes, &books.rules))
            .collect();
        let closing =
            Closing { entry, number, advance, rerun, books, counted: &counted, shares: &shares };
        let (steps, reward) = closing.derive(closed).map_err(|found| named(entry.seq, found))?;
        (self.steps, self.result) = (steps, Some(reward));
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Explanation, ExplainError> {
        let Some(reward) = self.result.filter(|_| self.done) else {
            return Err(not_found(format!("epoch {} is not closed", self.epoch)));
        };
        Ok(Explanation {
            explains: "reward",
            subject: Vec::from([
                ("node", self.node_id.to_string()),
                ("epoch", self.epoch.to_string()),
            ]),
            steps: self.steps,
            result: Vec::from([reward.to_string()]),
        })
    }
}

impl Counted {
    fn prove(&mut self, seq: u64, record: &RecordAudit, is_own: bool) {
        let proofs = self.proved.entry(record.node).or_default();
        for answer in record.answers.iter().filter(|answer| answer.proof.is_some()) {
            let named = (answer.object.0.as_str(), answer.version, answer.column.saturating_add(1));
            let shards = derive::shards([named].into_iter());
            proofs.extend(shards.last().map(|shard| shard.id));
        }
        if is_own && record.answers.iter().any(|answer| answer.proof.is_some()) {
            self.audits.push(seq);
        }
    }

    fn share(
        &self,
        node: NodeNumber,
        advance: &AdvanceEpoch,
        bytes: &BTreeMap<NodeNumber, (u64, u64)>,
        rules: &Rules,
    ) -> Share {
        let registry = advance.registry.iter().find(|fact| fact.node == node);
        let telemetry = advance.telemetry.iter().find(|fact| fact.node == node);
        let status = derive::status(registry, telemetry, rules);
        let bucket = derive::bucket(status, telemetry);
        let (bytes, copies) = bytes.get(&node).copied().unwrap_or_default();
        let proofs = self.proved.get(&node).map_or(0, BTreeSet::len);
        let proofs = u64::try_from(proofs).unwrap_or(u64::MAX);
        let contribution =
            u128::from(bytes).saturating_mul(u128::from(bucket)).saturating_mul(u128::from(proofs));
        Share { node, verified: is_verified(status), bytes, copies, bucket, proofs, contribution }
    }
}

/// Bytes and number of the copies that each node holds, by the versions that exist.
fn stored_bytes(rerun: &Rerun) -> Result<BTreeMap<NodeNumber, (u64, u64)>, ExplainError> {
    let mut held: BTreeMap<NodeNumber, (u64, u64)> = BTreeMap::new();
    rerun
        .state
        .visit_versions("", &mut |_, _, version| {
            if let Some(stored) = &version.stored
                && let Content::Single(layout) = &stored.content
                && let Ok(geometry) = Geometry::of(layout)
            {
                let replicas = usize::from(layout.profile.replicas);
                for (column, nodes) in (0..).zip(stored.assignment.chunks(replicas)) {
                    let len = geometry.shard_len(column);
                    for node in nodes {
                        let (bytes, copies) = held.entry(*node).or_default();
                        *bytes = bytes.saturating_add(len);
                        *copies = copies.saturating_add(u64::from(len > 0));
                    }
                }
            }
            true
        })
        .map_err(|error| {
            let seq = rerun.state.cursor().next_seq;
            Divergence::in_entry(seq, "state", "readable versions", error)
        })?;
    Ok(held)
}

/// A closing that is derived.
struct Closing<'a> {
    entry: EntryRef,
    number: NodeNumber,
    advance: &'a AdvanceEpoch,
    rerun: &'a Rerun,
    books: &'a Books,
    counted: &'a Counted,
    shares: &'a [Share],
}

/// The numbers that the pool is divided by.
struct Pool {
    fees: Amount,
    pool: Amount,
    all: u128,
    enough: bool,
    cap: Amount,
}

impl Closing<'_> {
    fn parameters(&self) -> &Parameters {
        &self.books.parameters
    }

    fn derive(&self, closed: &EpochClosed) -> Result<(Vec<Step>, Amount), Difference> {
        let own = self.shares.iter().find(|share| share.node == self.number).copied();
        let own = own.ok_or_else(|| difference("nodes.len", "the node's account", "none"))?;
        let fees = BigNum128::sum(self.counted.fees.iter().map(|(_, fee)| fee.0));
        let fees = Amount(fees.map_err(overflow)?);
        let pool = self.pool(fees)?;
        let rewards: Vec<Amount> =
            self.shares.iter().map(|share| pool.reward(share)).collect::<Result<_, _>>()?;
        let paid = Amount(BigNum128::sum(rewards.iter().map(|r| r.0)).map_err(overflow)?);
        let reward = pool.reward(&own)?;
        self.compare(&pool, &own, reward, paid, closed)?;
        let steps = Vec::from([
            self.fees_step(fees),
            self.pool_step(&pool),
            self.verified_step(&own),
            self.bytes_step(&own),
            self.proofs_step(&own),
            self.contribution_step(&own),
            self.sum_step(&pool),
            self.reward_step(&own, &pool, reward)?,
            self.conservation_step(&pool, paid)?,
        ]);
        Ok((steps, reward))
    }

    fn pool(&self, fees: Amount) -> Result<Pool, Difference> {
        let parameters = self.parameters();
        let share = fees.0.mul(parameters.pool_share.0).map_err(overflow)?;
        let pool = Amount(share).min(parameters.pool_cap);
        let cap = Amount(pool.0.mul(parameters.node_reward_cap.0).map_err(overflow)?);
        let verified = self.shares.iter().filter(|share| share.verified).count();
        let least = usize::try_from(parameters.min_verified_nodes).unwrap_or(usize::MAX);
        let contributions = self.shares.iter().map(|share| share.contribution);
        let all = contributions.fold(0u128, u128::saturating_add);
        Ok(Pool { fees, pool, all, enough: verified >= least, cap })
    }

    /// Holds what was counted against what the closing says.
    fn compare(
        &self,
        pool: &Pool,
        own: &Share,
        reward: Amount,
        paid: Amount,
        closed: &EpochClosed,
    ) -> Result<(), Difference> {
        use crate::books::same;
        same("settlement.fees", pool.fees, closed.settlement.fees)?;
        same("settlement.pool", pool.pool, closed.settlement.pool)?;
        same("settlement.rewards", paid, closed.settlement.rewards)?;
        let at = usize::try_from(own.node).unwrap_or(usize::MAX);
        let Some(account) = closed.nodes.get(at) else { return Ok(()) };
        same("bytes_stored", own.bytes, account.bytes_stored)?;
        same("uptime_bucket", own.bucket, account.uptime_bucket)?;
        same("proofs", own.proofs, account.proofs)?;
        same("reward", reward, account.reward)
    }

    fn fees_step(&self, fees: Amount) -> Step {
        let stores = &self.counted.fees;
        let mut rows: Vec<Vec<String>> = stores
            .iter()
            .take(NAMED_ENTRIES)
            .map(|(seq, fee)| Vec::from([format!("entry {seq}"), fee.to_string()]))
            .collect();
        if let Some(more) = stores.len().checked_sub(NAMED_ENTRIES).filter(|more| *more > 0) {
            let rest = stores.iter().skip(NAMED_ENTRIES).map(|(_, fee)| fee.0);
            let rest = BigNum128::sum(rest).map_or(Amount::ZERO, Amount);
            rows.push(Vec::from([format!("{more} more"), rest.to_string()]));
        }
        Step::new("Fees of the epoch", "EC-1", "sum of the fees of its accepted stores")
            .input("stores", stores.len())
            .rows(table(&rows))
            .result(fees)
    }

    fn pool_step(&self, pool: &Pool) -> Step {
        let parameters = self.parameters();
        Step::new("Pool", "EC-2", "min(floor(fees × pool_share), pool_cap)")
            .input("fees", pool.fees)
            .parameter("pool_share", parameters.pool_share)
            .parameter("pool_cap", parameters.pool_cap)
            .result(pool.pool)
    }

    fn verified_step(&self, own: &Share) -> Step {
        let fact = self.advance.telemetry.iter().find(|fact| fact.node == own.node);
        let reading = fact.and_then(|fact| fact.reading.as_ref());
        let ratio = |ratio: Option<Amount>| ratio.map_or("no reading".into(), |r| r.to_string());
        let registry = self.advance.registry.iter().find(|fact| fact.node == own.node);
        let status = derive::status(registry, fact, &self.books.rules);
        Step::new(
            "Verification and uptime bucket",
            "RG-4, EC-3",
            "floor(10 × uptime_ratio) of a verified node, else 0",
        )
        .input("status", status)
        .input("uptime_ratio", ratio(reading.map(|reading| reading.uptime_ratio)))
        .input("health_score", ratio(reading.map(|reading| reading.health_score)))
        .parameter("min_uptime", self.books.rules.min_uptime)
        .parameter("min_health", self.books.rules.min_health)
        .at(self.entry)
        .result(own.bucket)
    }

    fn bytes_step(&self, own: &Share) -> Step {
        Step::new(
            "Bytes stored",
            "EC-3",
            "sum over the copies that are assigned to it at the closing",
        )
        .input("copies with bytes", own.copies)
        .result(own.bytes)
    }

    fn proofs_step(&self, own: &Share) -> Step {
        let mut entries: Vec<String> =
            self.counted.audits.iter().take(NAMED_ENTRIES).map(u64::to_string).collect();
        if self.counted.audits.len() > NAMED_ENTRIES {
            entries.push("…".into());
        }
        Step::new("Proofs", "PL-6", "shards proved in the epoch, each once")
            .input("audit results", self.counted.audits.len())
            .input("entries", entries.join(" "))
            .result(own.proofs)
    }

    fn contribution_step(&self, own: &Share) -> Step {
        Step::new("Contribution", "EC-3", "bytes_stored × uptime_bucket × proofs")
            .input("bytes_stored", own.bytes)
            .input("uptime_bucket", own.bucket)
            .input("proofs", own.proofs)
            .result(own.contribution)
    }

    fn sum_step(&self, pool: &Pool) -> Step {
        let head = ["node", "bytes", "bucket", "proofs", "contribution"].map(String::from);
        let mut rows = Vec::from([Vec::from(head)]);
        let contributing = self.shares.iter().filter(|share| share.contribution > 0);
        rows.extend(contributing.map(|share| {
            Vec::from([
                self.rerun.name(share.node),
                share.bytes.to_string(),
                share.bucket.to_string(),
                share.proofs.to_string(),
                share.contribution.to_string(),
            ])
        }));
        let verified = self.shares.iter().filter(|share| share.verified).count();
        Step::new("Sum of contributions", "EC-3, EC-4", "over all verified nodes")
            .input("verified nodes", verified)
            .rows(table(&rows))
            .parameter("min_verified_nodes", self.parameters().min_verified_nodes)
            .result(pool.all)
    }

    fn reward_step(&self, own: &Share, pool: &Pool, reward: Amount) -> Result<Step, Difference> {
        let formula = "min(floor(pool × contribution / sum), floor(pool × node_reward_cap))";
        let step = Step::new("Reward", "EC-4", formula)
            .input("pool × contribution / sum", pool.part(own)?)
            .input("cap", pool.cap)
            .parameter("node_reward_cap", self.parameters().node_reward_cap)
            .at(self.entry);
        let step =
            if pool.enough { step } else { step.input("paid", "no: too few verified nodes") };
        Ok(step.result(reward))
    }

    fn conservation_step(&self, pool: &Pool, paid: Amount) -> Result<Step, Difference> {
        let treasury = Amount(pool.fees.0.sub(pool.pool.0).map_err(overflow)?);
        let reserve = Amount(pool.pool.0.sub(paid.0).map_err(overflow)?);
        let sum = BigNum128::sum([paid.0, treasury.0, reserve.0]).map(Amount);
        Ok(Step::new("Conservation", "EC-5", "fees = rewards + treasury + reserve")
            .input("rewards", paid)
            .input("treasury", treasury)
            .input("reserve", reserve)
            .at(self.entry)
            .result(sum.map_err(overflow)?))
    }
}

impl Pool {
    /// floor(pool × contribution / sum).
    fn part(&self, share: &Share) -> Result<Amount, Difference> {
        if self.all == 0 {
            return Ok(Amount::ZERO);
        }
        let part = mul_div_u128(self.pool.raw(), share.contribution, self.all);
        part.map(Amount::from_raw).map_err(overflow)
    }

    fn reward(&self, share: &Share) -> Result<Amount, Difference> {
        if !self.enough {
            return Ok(Amount::ZERO);
        }
        self.part(share).map(|part| part.min(self.cap))
    }
}

fn overflow(error: impl core::fmt::Display) -> Difference {
    difference("settlement", "sums that fit an amount", error)
}
