//! How fast a log is audited: `cargo run -p replay --features cli,workload --example audit [ENTRIES]`.
//!
//! A log of stores, each of four shards with three copies, is made in memory under the published test
//! keys, then audited several times.

#![allow(clippy::disallowed_types, reason = "a benchmark needs a clock")]

use std::{cell::Cell, env, fs, time::Instant};

use protocol::{
    AccountId, Action, Authorization, Command, CommandId, Hash32, ObjectId, Profile,
    command::{Content, Custody, Store},
    layout::Layout,
    signature::{Signer, Suite},
};
use replay::{
    Report, audit,
    cli::threads,
    workload::{Log, Spec, keys},
};
use storage_engine::{
    execute_committed,
    state::{MemoryStore, State},
};

/// Rounds of each audit; the fastest counts, because neighbours only ever slow one down.
const ROUNDS: u32 = 5;

fn main() {
    let entries = env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let file = log(entries).export().expect("an export");
    let keys = keys::verifier_keys().expect("keys");
    println!("{entries} stores, {} bytes", file.len());
    measure("one thread", || audit(file.as_slice(), &keys, &mut |_| ()));
    measure("threads", || threads::audit(file.as_slice(), &keys, &mut |_| ()));
    stages(&file, &keys);
}

fn measure(name: &str, audit: impl Fn() -> Report) {
    let rates = (0..ROUNDS).map(|_| {
        let began = Instant::now();
        let report = audit();
        assert_eq!(report.divergence, None);
        report.entries as f64 / began.elapsed().as_secs_f64()
    });
    println!("{name:<12} {:>8.0} entries/s", rates.fold(0.0, f64::max));
}

/// Processor time of the first and the last stage, told by the threads on which source and progress are called.
fn stages(file: &[u8], keys: &[eqm_log::VerifierKey]) {
    let mut best = [f64::MAX; 3];
    for _ in 0..ROUNDS {
        let (mut rest, mut first, mut last) = (file, None, 0);
        let executed = Cell::new(0);
        let began = busy("thread-self");
        let report = threads::audit(
            |buf: &mut [u8]| {
                last = busy("thread-self");
                first.get_or_insert(last);
                let taken = rest.len().min(buf.len());
                buf[..taken].copy_from_slice(&rest[..taken]);
                rest = &rest[taken..];
                Ok::<usize, std::convert::Infallible>(taken)
            },
            keys,
            &mut |progress| {
                if progress.entries == progress.declared {
                    executed.set(busy("thread-self"));
                }
            },
        );
        let ended = busy("thread-self");
        let found = [last - first.unwrap_or(0), executed.get() - began, ended - executed.get()];
        for (best, found) in best.iter_mut().zip(found) {
            *best = best.min(found as f64 / report.entries as f64);
        }
    }
    let [decode, apply, end] = best;
    println!("ns of processor for each entry: decode {decode:.0}, apply {apply:.0}, end {end:.0}");
}

/// Nanoseconds that a thread has run, which other processes do not add to; 0 where the system does not tell.
fn busy(thread: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{thread}/schedstat")).unwrap_or_default();
    text.split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Genesis of a generated ledger with twelve nodes, and that many stores after it.
fn log(entries: u64) -> Log {
    let spec = Spec {
        seed: 1,
        nodes: 12,
        epochs: 0,
        objects_per_epoch: 0,
        profile: Profile::QFS_V13,
        sample: 1,
        council_epochs: 0,
        governed: false,
    };
    let mut log = Log::generate(&spec).expect("a genesis");
    log.bodies.truncate(1);
    let genesis = protocol::EntryBody::from_bytes(&log.bodies[0]).expect("a body");
    let mut state = State::open(MemoryStore::default()).expect("a state");
    let operator = AccountId::of(&keys::signer("operator", Suite::Ed25519).public_key());
    let commands = (0..entries).map(|number| store(operator, number));
    for (tick, command) in (1..).zip(std::iter::once(genesis.command).chain(commands)) {
        let executed = execute_committed(&mut state, tick, command).expect("an execution");
        state.link(Hash32::ZERO);
        if tick == 1 {
            log.bodies.clear();
        }
        log.bodies.push(executed.bytes);
    }
    log
}

/// A store of 1 MiB.
fn store(payer: AccountId, number: u64) -> Command {
    let root = |column: u8| Hash32::of(&[&number.to_be_bytes()[..], &[column]].concat());
    let layout = Layout {
        size: 1 << 20,
        block_size: 262_144,
        profile: Profile::QFS_V13,
        roots: (0..4).map(root).collect(),
    };
    let store = Store {
        object: ObjectId(format!("bench/{number:012}")),
        version: 1,
        epoch: 1,
        hash_commit: root(4),
        metadata: br#"{"author":"bench"}"#.to_vec(),
        content: Content::Single(layout),
        custody: Custody::Claimed,
    };
    Command {
        id: CommandId(u128::from(number).to_be_bytes()),
        valid_until_epoch: 1,
        payer,
        action: Action::Store(store),
        authorization: Authorization::Operator,
    }
}
