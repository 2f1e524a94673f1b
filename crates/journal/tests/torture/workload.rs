//! What the writers ask for: a function of thread, number and epoch, so that it can be asked for again.

use journal::Ledger;
use protocol::{
    AccountId, Action, Authorization, Command, CommandId, Hash32, ObjectId, Profile,
    command::{AdvanceEpoch, Content, Custody, Store},
    layout::Layout,
    signature::{SeedSigner, Signer},
};
use storage_engine::{content::hash_commit, shard_tree};

/// Threads that write.
pub const WRITERS: u64 = 16;
/// The first writer closes an epoch now and then: that makes a state root, and the state is flushed.
const CLOSES_EVERY: u64 = 150;
/// These writers' entries are as long as metadata allows, so that segments fill up.
const WIDE_FROM: u64 = 6;
const WIDE_BYTES: usize = 16_000;

/// Everything that the commands are made of.
pub struct Workload {
    ledger_id: Hash32,
    operator: SeedSigner,
    payer: AccountId,
    facts: AdvanceEpoch,
}

impl Workload {
    /// Commands for this ledger. The facts of its last closing stand for good.
    pub fn new(ledger: &Ledger) -> Self {
        let state = ledger.state();
        let record = state.ledger().unwrap();
        let operator = ledger.operator().unwrap();
        let nodes = state.nodes();
        Self {
            ledger_id: state.ledger_id().unwrap(),
            payer: AccountId::of(&operator.public_key()),
            operator,
            facts: AdvanceEpoch {
                closes: record.epoch,
                registry_hash: record.registry_hash,
                registry: nodes.iter().filter_map(|node| node.registry.clone()).collect(),
                telemetry_hash: record.telemetry_hash,
                telemetry: nodes.iter().filter_map(|node| node.telemetry.clone()).collect(),
            },
        }
    }

    /// The command of a writer with this number, in this epoch.
    pub fn command(&self, writer: u64, number: u64, epoch: u64) -> Command {
        let closes = Self::closes(writer, number);
        let command = Command {
            id: CommandId((u128::from(writer) << 64 | u128::from(number)).to_be_bytes()),
            valid_until_epoch: epoch + 1,
            payer: self.payer,
            action: if closes { self.advance(epoch) } else { self.store(writer, number, epoch) },
            authorization: Authorization::Operator,
        };
        if closes { command.sign(&self.ledger_id, &self.operator) } else { command }
    }

    /// Whether that command closes an epoch.
    pub const fn closes(writer: u64, number: u64) -> bool {
        writer == 0 && number % CLOSES_EVERY == CLOSES_EVERY - 1
    }

    fn advance(&self, epoch: u64) -> Action {
        Action::AdvanceEpoch(AdvanceEpoch { closes: epoch, ..self.facts.clone() })
    }

    fn store(&self, writer: u64, number: u64, epoch: u64) -> Action {
        let pad = if writer >= WIDE_FROM { WIDE_BYTES } else { 0 };
        let metadata = format!(r#"{{"pad":"{}"}}"#, "x".repeat(pad)).into_bytes();
        let layout = Layout {
            size: 0,
            block_size: 262_144,
            profile: Profile::QFS_V13,
            roots: vec![shard_tree::empty_root(); 4],
        };
        Action::Store(Store {
            object: ObjectId(format!("{writer}/{number}")),
            version: 1,
            epoch,
            hash_commit: hash_commit(b"", &metadata),
            metadata,
            content: Content::Single(layout),
            custody: Custody::Claimed,
        })
    }
}
