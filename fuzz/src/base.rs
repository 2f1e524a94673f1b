//! Valid things that inputs are changes of, made once.

use std::sync::LazyLock;

use eqm_log::{Checkpoint, export::Reader};
use eqm_log::{LogHead, NodeReader, TreeHash, VerifiedCheckpoint, VerifierKey};
use protocol::{EntryBody, Hash32, Profile, signature::SeedSigner};
use replay::workload::{Log, Spec, keys};
use std::collections::BTreeMap;
use std::convert::Infallible;
use storage_engine::{
    execute_committed,
    state::{MemoryStore, State},
};

/// A log that is audited in a millisecond.
const SPEC: Spec = Spec {
    seed: 3,
    nodes: 4,
    epochs: 1,
    objects_per_epoch: 2,
    profile: Profile::QFS_V13,
    sample: 4,
    council_epochs: 0,
    governed: false,
};

/// A generated log and what follows from it.
pub struct Base {
    /// The entries.
    pub log: Log,
    /// The export file.
    pub file: Vec<u8>,
    /// Its signed checkpoint.
    pub note: String,
    /// The same, verified.
    pub checkpoint: VerifiedCheckpoint,
    /// The log's keys.
    pub keys: Vec<VerifierKey>,
    /// The log's tree.
    pub nodes: Nodes,
    /// The end of its chain and the right edge of its tree.
    pub head: LogHead,
    /// Identity of the ledger.
    pub ledger_id: Hash32,
}

/// The log that inputs are changes of.
pub static BASE: LazyLock<Base> = LazyLock::new(Base::make);

impl Base {
    fn make() -> Self {
        let log = Log::generate(&SPEC).expect("the workload is sound");
        let file = log.export().expect("the log fits its format");
        let keys = keys::verifier_keys().expect("constant keys");
        let export = Reader::open(&file[..]).and_then(Reader::finish).expect("an honest file");
        let note = export.note().to_owned();
        let checkpoint = Checkpoint::verify(&note, &keys).expect("an honest signature");
        let mut nodes = Nodes::default();
        let head = nodes.grow(&log.bodies);
        let state = replayed(&log.bodies).expect("an honest log");
        let ledger_id = state.ledger_id().expect("genesis");
        Self { log, file, note, checkpoint, keys, nodes, head, ledger_id }
    }

    /// Entries of the log.
    pub fn size(&self) -> u64 {
        self.checkpoint.size()
    }
}

/// Signers of the log, which take as long to make as to sign with.
static SIGNERS: LazyLock<(SeedSigner, SeedSigner)> =
    LazyLock::new(|| (keys::log_ed25519(), keys::log_ml_dsa()));

/// The export file of these entries, signed by the log's keys.
pub fn exported(bodies: Vec<Vec<u8>>) -> Vec<u8> {
    let (ed, pq) = &*SIGNERS;
    Log { bodies }.export_signed(&BASE.keys, ed, pq).expect("a log fits its format")
}

/// Executes the commands of a log anew; `None` where an entry is not what execution makes of it.
pub fn replayed(bodies: &[Vec<u8>]) -> Option<State<MemoryStore>> {
    let mut state = State::open(MemoryStore::default()).expect("memory");
    let mut head = LogHead::new();
    for bytes in bodies {
        let body = EntryBody::from_bytes(bytes).ok()?;
        let executed = execute_committed(&mut state, body.tick, body.command).ok()?;
        if executed.bytes != *bytes {
            return None;
        }
        state.link(head.append(bytes, |_, _, _| ()));
    }
    Some(state)
}

/// The nodes of a tree.
#[derive(Clone, Debug, Default)]
pub struct Nodes(pub BTreeMap<(u8, u64), TreeHash>);

impl Nodes {
    /// The tree over entries with these bodies.
    pub fn grow(&mut self, bodies: &[Vec<u8>]) -> LogHead {
        let mut head = LogHead::new();
        for body in bodies {
            head.append(body, |level, index, hash| {
                self.0.insert((level, index), hash);
            });
        }
        head
    }
}

impl Nodes {
    /// Leaf `index` of the tree.
    pub fn leaf(&self, index: u64) -> TreeHash {
        self.0[&(0, index)]
    }
}

impl NodeReader for Nodes {
    type Error = Infallible;

    fn node(&self, level: u8, index: u64) -> Result<TreeHash, Infallible> {
        Ok(self.0[&(level, index)])
    }
}
