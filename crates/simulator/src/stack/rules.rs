//! The ledger's rules once more, over plain maps, written from their text and not from the engine's code.
//!
//! Only what the simulated clients can ask for is in here, and no stage, group, key or byte of the real thing. An
//! answer, a listing or an amount that differs from these is wrong.

use super::client::{self, ATR, LEAF, NODES};
use protocol::{
    AccountId, Action, Amount, Authorization, Command, CommandId, Event, Hash32, ObjectId, Outcome,
    command::{AdvanceEpoch, Content, RecordAudit, Store},
    error::ErrorCode,
    event::{EpochClosed, NodeAccount, Settlement},
    node::{NodeStatus, Standing},
};
use std::collections::{BTreeMap, BTreeSet};

/// An object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Who stored its first version.
    pub owner: AccountId,
    /// Greatest version ever.
    pub latest: u64,
    /// What has not ended; `None` for a delete marker.
    pub versions: BTreeMap<u64, Version>,
}

/// A version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Seq of the entry that made it.
    pub seq: u64,
    /// Tick of that entry.
    pub tick: u64,
    /// `None` for a delete marker.
    pub stored: Option<Stored>,
}

/// A version's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Bytes.
    pub size: u64,
    /// What it cost.
    pub fee: u128,
    /// Hash of content and metadata.
    pub hash_commit: Hash32,
    /// Nodes of its copies.
    pub assignment: Vec<u32>,
}

/// Where a command stands that was executed.
#[derive(Clone, Copy, Debug)]
struct Use {
    seq: u64,
    hash: Hash32,
    epoch: u64,
}

/// What is known of a command before it is executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    New,
    /// It was executed as this entry.
    As(u64),
    /// Another one was executed under its id.
    Otherwise,
}

/// How a node has behaved.
#[derive(Clone, Debug)]
struct Life {
    standing: Standing,
    /// The epoch in which that began.
    since: u64,
    /// Shards that it failed to prove in the open epoch.
    failing: BTreeSet<Hash32>,
    /// How many it failed in the two epochs before, the later one first.
    failed: [usize; 2],
}

impl Life {
    /// What stands at genesis.
    const fn new() -> Self {
        Self { standing: Standing::Active, since: 1, failing: BTreeSet::new(), failed: [0; 2] }
    }

    /// RG-6, without the lines that no simulated command can bring about.
    fn close(&mut self, epoch: u64, status: NodeStatus) -> Standing {
        let failures = self.failing.len() + self.failed[0] + self.failed[1];
        let sound = status == NodeStatus::Verified && failures == 0;
        let next = match self.standing {
            _ if status == NodeStatus::Revoked => Standing::Revoked,
            Standing::Revoked => Standing::Probation,
            Standing::Probation if !sound || epoch + 1 - self.since < 2 => Standing::Probation,
            _ if sound => Standing::Active,
            _ => Standing::Degraded,
        };
        if next != self.standing {
            (self.standing, self.since) = (next, epoch + 1);
        }
        self.failed = [self.failing.len(), self.failed[0]];
        self.failing.clear();
        next
    }
}

/// Everything that the ledger says, after some entry.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The open epoch; 0 before the first entry.
    pub epoch: u64,
    /// Everything stored, by name.
    pub objects: BTreeMap<String, Object>,
    /// All fees ever charged, by account.
    pub fees: BTreeMap<AccountId, u128>,
    /// Fees of the open epoch.
    pub open_fees: u128,
    /// Where the fees of closed epochs went: treasury, reserve, burnt.
    pub settled: [u128; 3],
    /// Shards proved in the open epoch.
    proved: BTreeSet<(u32, Hash32)>,
    /// How often each node has proved one of them.
    proofs: BTreeMap<u32, u64>,
    lives: BTreeMap<u32, Life>,
    /// NOD by node.
    pub nod: BTreeMap<u32, u128>,
    /// The open audit and its beacon, once its entry has a hash.
    audit: Option<(u64, Option<Hash32>)>,
    /// Eligible nodes of each epoch.
    eligible: BTreeMap<u64, Vec<u32>>,
    ids: BTreeMap<CommandId, Use>,
}

impl Rules {
    /// What is known of this command.
    #[must_use]
    pub fn known(&self, id: &CommandId, hash: &Hash32) -> Known {
        match self.ids.get(id) {
            // Kept for the epoch after the entry, and the next.
            Some(used) if used.epoch + 1 >= self.epoch => {
                if used.hash == *hash {
                    Known::As(used.seq)
                } else {
                    Known::Otherwise
                }
            }
            _ => Known::New,
        }
    }

    /// The entry at `seq` has this hash.
    pub fn link(&mut self, seq: u64, hash: Hash32) {
        if let Some((audit, beacon)) = &mut self.audit
            && *audit == seq
        {
            *beacon = Some(hash);
        }
    }

    /// The open audit and its beacon.
    #[must_use]
    pub const fn audit(&self) -> Option<(u64, Option<Hash32>)> {
        self.audit
    }

    /// Executes a command as the entry at `seq`.
    pub fn execute(
        &mut self,
        seq: u64,
        tick: u64,
        command: &Command,
        operator: &AccountId,
    ) -> Outcome {
        let outcome = match self.happen(seq, tick, command, operator) {
            Ok(event) => Outcome::Accepted(event),
            Err(code) => Outcome::Rejected(code),
        };
        let used = Use { seq, hash: command.hash(), epoch: self.epoch };
        self.ids.insert(command.id, used);
        outcome
    }

    fn happen(
        &mut self,
        seq: u64,
        tick: u64,
        command: &Command,
        operator: &AccountId,
    ) -> Result<Event, ErrorCode> {
        if let Action::Genesis(genesis) = &command.action
            && self.epoch == 0
        {
            self.epoch = 1;
            self.eligible.insert(1, (0..NODES).collect());
            return Ok(Event::LedgerOpened { ledger_id: genesis.ledger_id() });
        }
        self.check_frame(command, operator)?;
        match &command.action {
            Action::Store(store) => self.store(seq, tick, &command.payer, store),
            Action::DeleteMarker { object, version } => {
                self.delete(seq, tick, &command.payer, object, *version)
            }
            Action::Purge { object, version } => self.purge(&command.payer, object, *version),
            Action::AdvanceEpoch(advance) => self.advance(advance),
            Action::OpenAudit(_) => {
                self.audit = Some((seq, None));
                Ok(Event::AuditOpened)
            }
            Action::RecordAudit(record) => self.record(record),
            _ => Err(ErrorCode::Conflict),
        }
    }

    fn check_frame(&self, command: &Command, operator: &AccountId) -> Result<(), ErrorCode> {
        if command.valid_until_epoch < self.epoch {
            return Err(ErrorCode::EpochChanged);
        }
        if command.valid_until_epoch > self.epoch + 1 {
            return Err(ErrorCode::InvalidInput);
        }
        let signer = match &command.authorization {
            Authorization::Operator => None,
            Authorization::Signature { key, .. } => Some(AccountId::of(key)),
        };
        let reserved = matches!(
            command.action,
            Action::AdvanceEpoch(_) | Action::OpenAudit(_) | Action::RecordAudit(_)
        );
        let by_operator = signer.as_ref() == Some(operator);
        if (reserved && !by_operator) || signer.unwrap_or(*operator) != command.payer {
            return Err(ErrorCode::Unauthorized);
        }
        Ok(())
    }

    fn next_version(
        &self,
        payer: &AccountId,
        id: &ObjectId,
        version: u64,
    ) -> Result<(), ErrorCode> {
        match self.objects.get(&id.0) {
            Some(object) if object.owner != *payer => Err(ErrorCode::Unauthorized),
            Some(object) if version <= object.latest => Err(ErrorCode::InvalidVersion),
            _ => Ok(()),
        }
    }

    fn placed(&self, epoch: u64, id: &ObjectId, version: u64) -> Result<Vec<u32>, ErrorCode> {
        let nodes = self.eligible.get(&epoch).ok_or(ErrorCode::InvalidInput)?;
        if nodes.len() < 3 {
            return Err(ErrorCode::NoEligibleNodes);
        }
        let mut placed = Vec::new();
        for column in 0..4 {
            let shard = client::shard_id(id, version, column);
            let digits = shard.to_hex();
            let start = client::remainder(&Hash32::of(digits.as_bytes()), nodes.len() as u64);
            placed.extend((0..3).map(|copy| nodes[(start as usize + copy) % nodes.len()]));
        }
        Ok(placed)
    }

    fn store(
        &mut self,
        seq: u64,
        tick: u64,
        payer: &AccountId,
        store: &Store,
    ) -> Result<Event, ErrorCode> {
        self.next_version(payer, &store.object, store.version)?;
        let size = match &store.content {
            Content::Single(layout) => layout.size,
            Content::Manifest { .. } => return Err(ErrorCode::InvalidInput),
        };
        let assignment = self.placed(self.epoch, &store.object, store.version)?;
        if store.epoch != self.epoch {
            if store.epoch == 0 || store.epoch > self.epoch {
                return Err(ErrorCode::InvalidInput);
            }
            let then = self.placed(store.epoch, &store.object, store.version);
            if then.as_ref() != Ok(&assignment) {
                return Err(ErrorCode::EpochChanged);
            }
        }
        let keys = store.metadata.iter().filter(|byte| **byte == b':').count() as u128;
        let fee = ATR * u128::from(size.div_ceil(1_024)) * (100 + keys);
        *self.fees.entry(*payer).or_default() += fee;
        self.open_fees += fee;
        let event = Event::Stored {
            fee: Amount::from_raw(fee),
            assignment: assignment.clone(),
            update: self.objects.contains_key(&store.object.0),
        };
        let stored = Stored { size, fee, hash_commit: store.hash_commit, assignment };
        self.add(payer, &store.object, store.version, Version { seq, tick, stored: Some(stored) });
        Ok(event)
    }

    fn add(&mut self, payer: &AccountId, id: &ObjectId, number: u64, version: Version) {
        let object = self.objects.entry(id.0.clone()).or_insert_with(|| Object {
            owner: *payer,
            latest: 0,
            versions: BTreeMap::new(),
        });
        object.latest = number;
        object.versions.insert(number, version);
    }

    fn delete(
        &mut self,
        seq: u64,
        tick: u64,
        payer: &AccountId,
        id: &ObjectId,
        version: u64,
    ) -> Result<Event, ErrorCode> {
        let object = self.objects.get(&id.0).ok_or(ErrorCode::NotFound)?;
        self.next_version(payer, id, version)?;
        let current = object.versions.values().next_back();
        if current.is_none_or(|version| version.stored.is_none()) {
            return Err(ErrorCode::NotFound);
        }
        self.add(payer, id, version, Version { seq, tick, stored: None });
        Ok(Event::DeleteMarked)
    }

    fn purge(
        &mut self,
        payer: &AccountId,
        id: &ObjectId,
        version: u64,
    ) -> Result<Event, ErrorCode> {
        let object = self.objects.get_mut(&id.0).ok_or(ErrorCode::NotFound)?;
        if object.owner != *payer {
            return Err(ErrorCode::Unauthorized);
        }
        object.versions.remove(&version).ok_or(ErrorCode::NotFound)?;
        Ok(Event::Purged)
    }

    /// Bytes of the copies at a node. All bytes of these small objects are in their first shard.
    #[must_use]
    pub fn bytes_at(&self, node: u32) -> u64 {
        let versions = self.objects.values().flat_map(|object| object.versions.values());
        let stored = versions.filter_map(|version| version.stored.as_ref());
        stored
            .filter(|stored| stored.assignment[..3].contains(&node))
            .map(|stored| stored.size)
            .sum()
    }

    fn record(&mut self, record: &RecordAudit) -> Result<Event, ErrorCode> {
        let beacon = match self.audit {
            Some((seq, Some(beacon))) if seq == record.audit => beacon,
            _ => return Err(ErrorCode::NotFound),
        };
        let (mut counted, mut failed) = (0, 0);
        for answer in &record.answers {
            let object = self.objects.get(&answer.object.0);
            let version = object.and_then(|object| object.versions.get(&answer.version));
            let stored = version.and_then(|version| version.stored.as_ref());
            let stored = stored.ok_or(ErrorCode::NotFound)?;
            if !stored.assignment[..3].contains(&record.node) {
                return Err(ErrorCode::InvalidInput);
            }
            if stored.size == 0 {
                return Err(ErrorCode::ProofUnavailable);
            }
            let (id, number, node) = (&answer.object, answer.version, record.node);
            let leaf = client::challenged_leaf(&beacon, id, number, node, stored.size);
            if leaf != answer.leaf {
                return Err(ErrorCode::InvalidInput);
            }
            match &answer.proof {
                None => {
                    let life = self.lives.entry(record.node).or_insert_with(Life::new);
                    failed += u32::from(life.failing.insert(client::shard_id(id, number, 0)));
                }
                Some(proof) if proof.path.len() as u64 + 1 != stored.size.div_ceil(LEAF) => {
                    return Err(ErrorCode::IntegrityMismatch);
                }
                Some(_) => {
                    counted +=
                        u32::from(self.proved.insert((node, client::shard_id(id, number, 0))));
                }
            }
        }
        *self.proofs.entry(record.node).or_default() += u64::from(counted);
        Ok(Event::AuditRecorded { counted, failed })
    }

    fn advance(&mut self, advance: &AdvanceEpoch) -> Result<Event, ErrorCode> {
        if advance.closes != self.epoch {
            return Err(ErrorCode::EpochChanged);
        }
        let mut nodes: Vec<NodeAccount> = (0..NODES)
            .map(|node| {
                let status = status(advance, node);
                let life = self.lives.entry(node).or_insert_with(Life::new);
                NodeAccount {
                    status,
                    standing: life.close(self.epoch, status),
                    eligible: status == NodeStatus::Verified,
                    bytes_stored: self.bytes_at(node),
                    uptime_bucket: if status == NodeStatus::Verified { 10 } else { 0 },
                    proofs: self.proofs.get(&node).copied().unwrap_or(0),
                    reward: Amount::from_raw(0),
                }
            })
            .collect();
        let pool = (self.open_fees / 10).min(1_000_000 * ATR);
        let weight = |node: &NodeAccount| {
            u128::from(node.bytes_stored) * u128::from(node.uptime_bucket) * u128::from(node.proofs)
        };
        let total: u128 = nodes.iter().map(weight).sum();
        let verified: Vec<u32> = (0..)
            .zip(&nodes)
            .filter(|(_, n)| n.status == NodeStatus::Verified)
            .map(|(n, _)| n)
            .collect();
        let mut rewards = 0;
        if total > 0 && verified.len() >= 3 {
            for (number, node) in (0..).zip(&mut nodes) {
                let reward = (pool * weight(node) / total).min(pool * 3 / 10);
                node.reward = Amount::from_raw(reward);
                *self.nod.entry(number).or_default() += reward;
                rewards += reward;
            }
        }
        let fees = self.open_fees;
        let settlement = Settlement {
            fees: Amount::from_raw(fees),
            pool: Amount::from_raw(pool),
            rewards: Amount::from_raw(rewards),
            treasury: Amount::from_raw(fees - pool),
            reserve: Amount::from_raw(pool - rewards),
        };
        for (sum, part) in self.settled.iter_mut().zip([fees - pool, pool - rewards, rewards]) {
            *sum += part;
        }
        let epoch = self.epoch;
        (self.open_fees, self.audit) = (0, None);
        self.proved.clear();
        self.proofs.clear();
        self.epoch += 1;
        self.eligible.insert(self.epoch, verified);
        Ok(Event::EpochClosed(EpochClosed { epoch, settlement, nodes, changes: Vec::new() }))
    }
}

fn status(advance: &AdvanceEpoch, node: u32) -> NodeStatus {
    let Some(fact) = advance.registry.iter().find(|fact| fact.node == node) else {
        return NodeStatus::NoRegistryEntry;
    };
    let reading = advance.telemetry.iter().find(|fact| fact.node == node);
    let uptime = reading.and_then(|fact| fact.reading.as_ref()).map(|reading| reading.uptime_ratio);
    match uptime {
        _ if fact.revoked => NodeStatus::Revoked,
        Some(uptime) if uptime.raw() >= ATR / 10 * 9 => NodeStatus::Verified,
        _ => NodeStatus::LowUptime,
    }
}
