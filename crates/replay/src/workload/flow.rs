//! Long logs, written entry by entry: as many as are asked for, in the memory that the store of the state takes.

use alloc::{format, string::ToString, vec::Vec};
use core::fmt::Display;
use eqm_log::export::{ByteSink, Header, Writer};
use protocol::{
    AccountId, Action, Amount, Authorization, Command, CommandId, EntryBody, Genesis, Hash32,
    ObjectId, Outcome, Parameters, Profile, Rules,
    command::{
        AdvanceEpoch, AuditAnswer, Content, Custody, LeafProof, OpenAudit, RecordAudit, Store,
    },
    layout::Layout,
    node::{Reading, RegistryFact, TelemetryFact},
    signature::{SeedSigner, Signer, Suite},
};
use storage_engine::{
    execute_committed,
    shard_tree::empty_root,
    state::{Changes, State, StateStore},
};

use super::{
    LEDGER_NAME, WorkloadError,
    keys::{log_ed25519, log_ml_dsa, signer, verifier_keys},
    nodes::NodeKeys,
    rng::Rng,
};

/// Nodes of genesis.
const NODES: u32 = 12;

/// Bytes of entries between two flushes of the state.
const FLUSH_BYTES: usize = 2 << 20;

/// Entries that end an epoch: an audit, its answers, the closing.
const ENDING: u64 = 24;

/// Bytes of an object that a node can prove: one leaf.
const SMALL: u64 = 3_000;

/// What a long log consists of, beside its epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mix {
    /// Stores of 1 MiB, unsigned, as the operator gives them.
    Stores,
    /// Stores, updates, delete markers, purges, credits and refusals, unsigned; audits with true answers.
    Mixed,
    /// The same, the stores and what follows upon them signed by two clients.
    Signed,
}

/// A long log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Decides everything that is not counted below.
    pub seed: u64,
    /// Entries, genesis among them.
    pub entries: u64,
    /// Entries of an epoch, at least 64.
    pub epoch: u64,
    /// What they are.
    pub mix: Mix,
}

/// Writes the export of a long log, signed by the published test keys, and returns the hash of the file. `store` is
/// empty, and has the state of the ledger afterwards. `progress` is called with the number of entries so far.
///
/// # Errors
/// A fault of the store or of the sink.
pub fn write<S, W>(
    flow: &Flow,
    store: S,
    sink: W,
    progress: &mut dyn FnMut(u64),
) -> Result<Hash32, WorkloadError>
where
    S: StateStore,
    W: ByteSink,
    W::Error: Display,
{
    let header = Header { origin: LEDGER_NAME.into(), count: flow.entries, keys: verifier_keys()? };
    let writer = Writer::create(sink, &header).map_err(WorkloadError::from)?;
    let mut river = River {
        flow: *flow,
        rng: Rng::new(flow.seed),
        state: State::open(store).map_err(WorkloadError::from)?,
        writer,
        operator: signer("operator", Suite::Ed25519),
        clients: ["client-ed25519", "client-ed25519-2"].map(|name| signer(name, Suite::Ed25519)),
        objects: 0,
        audit: 0,
        waiting: 0,
    };
    for seq in 0..flow.entries {
        river.entry(seq)?;
        progress(seq.saturating_add(1));
    }
    let checkpoint = river.writer.head().checkpoint(LEDGER_NAME);
    let note = checkpoint.sign(LEDGER_NAME, &log_ed25519(), &log_ml_dsa());
    river.writer.finish(&note.map_err(WorkloadError::from)?).map_err(WorkloadError::from)
}

/// A log while it is written.
struct River<S, W> {
    flow: Flow,
    rng: Rng,
    state: State<S>,
    writer: Writer<W>,
    operator: SeedSigner,
    clients: [SeedSigner; 2],
    /// Objects that were named so far.
    objects: u64,
    /// The entry that opened the last audit.
    audit: u64,
    /// Bytes of entries since the last flush.
    waiting: usize,
}

/// Who gives a command.
#[derive(Clone, Copy)]
enum Giver {
    /// The operator, who need not sign.
    Unsigned,
    Operator,
    Client(usize),
}

impl<S, W> River<S, W>
where
    S: StateStore,
    W: ByteSink,
    W::Error: Display,
{
    fn entry(&mut self, seq: u64) -> Result<(), WorkloadError> {
        let (giver, action) = match seq {
            0 => (Giver::Unsigned, genesis()),
            _ => self.next(seq)?,
        };
        let (tick, command) = (seq, self.command(seq, giver, action));
        let executed =
            execute_committed(&mut self.state, tick, command).map_err(WorkloadError::from)?;
        self.waiting = self.waiting.saturating_add(executed.bytes.len());
        self.state.link(self.writer.push(&executed.bytes).map_err(WorkloadError::from)?);
        if matches!(&executed.body, EntryBody { outcome: Outcome::Rejected(_), .. } if seq == 0) {
            return Err(WorkloadError("genesis was refused".into()));
        }
        if self.waiting >= FLUSH_BYTES {
            self.waiting = 0;
            self.state.flush(Changes::new()).map_err(WorkloadError::from)?;
        }
        Ok(())
    }

    fn next(&mut self, seq: u64) -> Result<(Giver, Action), WorkloadError> {
        let epoch = self.flow.epoch.max(64);
        let left = epoch.saturating_sub(1).saturating_sub(seq.checked_rem(epoch).unwrap_or(0));
        if left == 0 {
            return Ok((Giver::Operator, self.closing()));
        }
        if self.flow.mix == Mix::Stores || left > ENDING {
            return self.ask();
        }
        if left == ENDING {
            self.audit = seq;
            return Ok((Giver::Operator, Action::OpenAudit(OpenAudit::All)));
        }
        self.answer()
    }

    /// What clients ask for.
    fn ask(&mut self) -> Result<(Giver, Action), WorkloadError> {
        if self.flow.mix == Mix::Stores {
            return Ok((Giver::Unsigned, self.store_new()));
        }
        let known = self.rng.below(self.objects);
        let giver = self.giver(known);
        let record = self.state.object(&name(known)).map_err(WorkloadError::from)?;
        let object = name(known);
        let next = record.map_or(1, |record| record.latest.saturating_add(1));
        let action = match (self.rng.below(100), record) {
            (0..60, _) | (_, None) => {
                let giver = self.giver(self.objects);
                return Ok((giver, self.store_new()));
            }
            (60..74, _) => self.store(object, next),
            (74..82, _) => Action::DeleteMarker { object, version: next },
            (82..96, Some(record)) => {
                Action::Purge { object, version: record.current.unwrap_or(record.latest) }
            }
            (96..98, _) => {
                let account = AccountId(Hash32::of(&self.rng.next().to_be_bytes()));
                let amount = Amount::from_raw(u128::from(self.rng.next()));
                return Ok((Giver::Operator, Action::Credit { account, amount }));
            }
            // The version is there already: refused.
            (_, Some(record)) => self.store(object, record.latest),
        };
        Ok((giver, action))
    }

    /// The answer of a node about a small object, which it holds.
    fn answer(&mut self) -> Result<(Giver, Action), WorkloadError> {
        let known = self.rng.below(self.objects);
        let object = name(known);
        let record = self.state.object(&object).map_err(WorkloadError::from)?;
        let Some(version) = record.and_then(|record| record.current) else { return self.ask() };
        let record = self.state.version(&object, version).map_err(WorkloadError::from)?;
        let Some(stored) = record.and_then(|record| record.stored) else { return self.ask() };
        let (Content::Single(layout), Some(node)) = (&stored.content, stored.assignment.first())
        else {
            return self.ask();
        };
        let root = layout.roots.first().copied().filter(|_| layout.size == SMALL);
        let Some(leaf_hash) = root else { return self.ask() };
        let proof = Some(LeafProof { leaf_hash, path: Vec::new() });
        let answer = AuditAnswer { object, version, column: 0, leaf: 0, proof };
        let answers = Vec::from([answer]);
        let record = RecordAudit { audit: self.audit, node: *node, answers };
        Ok((Giver::Operator, Action::RecordAudit(record)))
    }

    /// The facts by which every node is verified.
    fn closing(&self) -> Action {
        let one = Amount(certified_math::BigNum128::ONE);
        let reading = Reading {
            uptime_ratio: one,
            health_score: one,
            conflict_detected: false,
            latency_bands: Default::default(),
            error_count: None,
        };
        let nodes = || (0..).zip(self.state.nodes());
        let registry = nodes().map(|(node, record)| RegistryFact {
            node,
            key: Some(record.key_hash),
            scheme: record.scheme.clone(),
            revoked: false,
            reason: Default::default(),
        });
        let telemetry =
            nodes().map(|(node, _)| TelemetryFact { node, reading: Some(reading.clone()) });
        Action::AdvanceEpoch(AdvanceEpoch {
            closes: self.state.epoch(),
            registry_hash: Hash32::of(b"registry"),
            registry: registry.collect(),
            telemetry_hash: Hash32::of(b"telemetry"),
            telemetry: telemetry.collect(),
        })
    }

    fn store_new(&mut self) -> Action {
        let number = self.objects;
        self.objects = number.saturating_add(1);
        self.store(name(number), 1)
    }

    fn store(&mut self, object: ObjectId, version: u64) -> Action {
        let mut root = || Hash32::of(&self.rng.next().to_be_bytes());
        let hash_commit = root();
        let small = self.flow.mix != Mix::Stores;
        let roots = match small {
            true => [root(), empty_root(), empty_root(), empty_root()],
            false => [root(), root(), root(), root()],
        };
        let size = if small { SMALL } else { 1 << 20 };
        let parameters = Parameters::v13(Profile::QFS_V13);
        let (profile, block_size) = (parameters.profile, parameters.block_size);
        Action::Store(Store {
            object,
            version,
            epoch: self.state.epoch(),
            hash_commit,
            metadata: br#"{"author":"flow"}"#.to_vec(),
            content: Content::Single(Layout { size, block_size, profile, roots: roots.into() }),
            custody: Custody::Claimed,
        })
    }

    /// The owner of an object.
    fn giver(&self, number: u64) -> Giver {
        match self.flow.mix {
            Mix::Signed => Giver::Client(usize::from(!number.is_multiple_of(2))),
            Mix::Stores | Mix::Mixed => Giver::Unsigned,
        }
    }

    fn command(&self, seq: u64, giver: Giver, action: Action) -> Command {
        let signer = match giver {
            Giver::Unsigned => None,
            Giver::Operator => Some(&self.operator),
            Giver::Client(at) => self.clients.get(at),
        };
        let payer = AccountId::of(&signer.unwrap_or(&self.operator).public_key());
        let command = Command {
            id: CommandId(u128::from(seq).to_be_bytes()),
            valid_until_epoch: self.state.epoch().saturating_add(1),
            payer,
            action,
            authorization: Authorization::Operator,
        };
        match (signer, self.state.ledger_id()) {
            (Some(signer), Some(id)) => command.sign(&id, signer),
            _ => command,
        }
    }
}

fn name(number: u64) -> ObjectId {
    ObjectId(format!("flow/{number:012}"))
}

fn genesis() -> Action {
    let mut keys = NodeKeys::default();
    let genesis = Genesis {
        name: LEDGER_NAME.to_string(),
        log_keys: Vec::from([log_ed25519().public_key(), log_ml_dsa().public_key()]),
        operator: signer("operator", Suite::Ed25519).public_key(),
        council: [0, 1, 2]
            .map(|at| signer(&format!("council-{at}"), Suite::Ed25519).public_key())
            .into(),
        parameters: Parameters::v13(Profile::QFS_V13),
        rules: Rules::v13(),
        nodes: (0..NODES).map(|number| keys.of_genesis(number)).collect(),
    };
    Action::Genesis(genesis.into())
}
