//! What a Store command costs before anything is written: admission, execution, and the state root that every
//! 65,536th entry carries; one thread, state in memory.
//!
//! `cargo bench -p storage-engine --features keccak-batch/std`: without the feature only what the target was
//! compiled for is used.
#![allow(clippy::disallowed_types, reason = "a benchmark needs a clock")]

use protocol::{
    AccountId, Action, Authorization, Command, CommandId, Hash32, ObjectId, Parameters, Profile,
    Rules,
    command::{Content, Custody, Store},
    genesis::{Genesis, GenesisNode},
    layout::Layout,
    node::FailureDomain,
    signature::{SeedSigner, Signer, Suite},
};
use std::time::{Duration, Instant};
use storage_engine::{
    admit_all, execute,
    state::{Changes, MemoryStore, State},
};

/// Commands that are admitted together.
const GROUP: u64 = 512;
/// Commands in all: three times from one state root to the next.
const COMMANDS: u64 = 196_608;

fn main() {
    let mut state = State::open(MemoryStore::default()).expect("an empty state");
    let operator = SeedSigner::from_seed(Suite::Ed25519, [1; 32]);
    let payer = AccountId::of(&operator.public_key());
    let opening = command(0, payer, Action::Genesis(Box::new(genesis(&operator))));
    let opened = admit_all(None, vec![opening]).remove(0).expect("a genesis");
    execute(&mut state, 1, opened).expect("it opens the ledger");
    let ledger_id = state.ledger_id();
    let [mut admission, mut execution, mut rooted, mut flushed] = [Duration::ZERO; 4];
    let mut bytes = 0;
    for first in (1..=COMMANDS).step_by(512) {
        let commands = (first..first + GROUP).map(|n| store(n, payer)).collect();
        let admitted = timed(&mut admission, || admit_all(ledger_id.as_ref(), commands));
        for command in admitted.into_iter().flatten() {
            let began = Instant::now();
            let done = execute(&mut state, 1, command).expect("a new command");
            assert!(done.refusal.is_none());
            let span = if done.body.state_root.is_some() { &mut rooted } else { &mut execution };
            *span += began.elapsed();
            bytes += done.bytes.len();
            if done.body.state_root.is_some() {
                timed(&mut flushed, || state.flush(Changes::new()).expect("memory"));
            }
        }
    }
    let micros = |span: Duration| span.as_secs_f64() * 1e6 / COMMANDS as f64;
    println!("a Store command, {} bytes of body", bytes as u64 / COMMANDS);
    println!("admission    {:>6.2} µs", micros(admission));
    println!("execution    {:>6.2} µs", micros(execution));
    println!("state root   {:>6.2} µs, a share of one root for 65,536 commands", micros(rooted));
    println!("flush        {:>6.2} µs, into a map in memory", micros(flushed));
}

fn timed<T>(span: &mut Duration, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = work();
    *span += began.elapsed();
    result
}

fn genesis(operator: &SeedSigner) -> Genesis {
    let key = operator.public_key();
    let node = |n: u32| GenesisNode {
        node_id: protocol::NodeId(format!("node-{n:03}")),
        scheme: "ML-DSA-44".into(),
        key_hash: Hash32::of(&n.to_be_bytes()),
        domain: FailureDomain::default(),
    };
    let log_keys = [Suite::Ed25519, Suite::MlDsa44]
        .map(|suite| SeedSigner::from_seed(suite, [2; 32]).public_key());
    Genesis {
        name: "example.com/bench".into(),
        log_keys: log_keys.to_vec(),
        operator: key.clone(),
        council: vec![key],
        parameters: Parameters::v13(Profile::QFS_V13),
        rules: Rules::v13(),
        nodes: (0..12).map(node).collect(),
    }
}

fn store(number: u64, payer: AccountId) -> Command {
    let mut root = Hash32::ZERO;
    root.0[..8].copy_from_slice(&(number | 1 << 63).to_be_bytes());
    let layout = Layout {
        size: 1 << 20,
        block_size: 262_144,
        profile: Profile::QFS_V13,
        roots: vec![root; 4],
    };
    let store = Store {
        object: ObjectId(format!("bench/{number:012}")),
        version: 1,
        epoch: 1,
        hash_commit: root,
        metadata: br#"{"author":"bench"}"#.to_vec(),
        content: Content::Single(layout),
        custody: Custody::Claimed,
    };
    command(number, payer, Action::Store(store))
}

fn command(number: u64, payer: AccountId, action: Action) -> Command {
    Command {
        id: CommandId(u128::from(number).to_be_bytes()),
        valid_until_epoch: 1,
        payer,
        action,
        authorization: Authorization::Operator,
    }
}
