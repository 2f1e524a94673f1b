//! Durable Store commands: admitted, decided, chained, in the tree, on the disk.

use super::{Figure, broken, median, micros, per_second};
use crate::error::{CliError, Result};
use journal::{Ledger, Submitted, ledger::NewNode};
use protocol::{
    AccountId, Action, Authorization, Command, CommandId, Hash32, NodeId, ObjectId, Parameters,
    Profile, Rules,
    command::{Content, Custody, Store},
    layout::Layout,
    node::FailureDomain,
    signature::Signer,
};
use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

/// Nodes of the ledger that is measured.
const NODES: u32 = 12;
/// Commands that [`fill`] submits at a time.
pub const GROUP: usize = 8_000;

/// A ledger without shards: only the ledger's own work is measured.
pub fn ledger(dir: &Path) -> Result<Ledger> {
    let nodes: Vec<NewNode> = (0..NODES)
        .map(|n| NewNode {
            node_id: NodeId(format!("node-{n:03}")),
            domain: FailureDomain::default(),
        })
        .collect();
    let (ledger, _) = Ledger::create(
        &dir.join("ledger"),
        Parameters::v13(Profile::QFS_V13),
        Rules::v13(),
        &nodes,
    )?;
    Ok(ledger)
}

/// Store commands of 1 MiB objects: four shard ids, twelve placements, a fee each.
pub fn stores(ledger: &Ledger, from: u64, count: u64) -> Result<Vec<Command>> {
    let payer = AccountId::of(&ledger.operator()?.public_key());
    let root =
        |number: u64, column: u8| Hash32::of(&[&number.to_be_bytes()[..], &[column]].concat());
    let command = |number: u64| {
        let layout = Layout {
            size: 1 << 20,
            block_size: 262_144,
            profile: Profile::QFS_V13,
            roots: (0..4).map(|column| root(number, column)).collect(),
        };
        let store = Store {
            object: ObjectId(format!("bench/{number:012}")),
            version: 1,
            epoch: 1,
            hash_commit: root(number, 4),
            metadata: br#"{"author":"bench"}"#.to_vec(),
            content: Content::Single(layout),
            custody: Custody::Claimed,
        };
        let mut id = [0; 16];
        id[8..].copy_from_slice(&number.to_be_bytes());
        Command {
            id: CommandId(id),
            valid_until_epoch: 1,
            payer,
            action: Action::Store(store),
            authorization: Authorization::Operator,
        }
    };
    Ok((from..from + count).map(command).collect())
}

/// Groups of `size` commands: commands per second beside raw appends of the same bytes, each with an fdatasync.
pub fn groups(dir: &Path, size: u64) -> Result<Figure> {
    let mut ledger = ledger(dir)?;
    // Long enough for several state roots, each of which is a cost of 65,536 entries.
    let rounds = (400_000 / size).min(2_000);
    let mut raw = RawLog::create(dir)?;
    let (mut times, mut raw_times) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let commands = stores(&ledger, round * size, size)?;
        let before = ledger.bytes_logged();
        let began = Instant::now();
        let results = ledger.submit(commands)?;
        times.push(began.elapsed());
        check(&results)?;
        // Beside each group, so that both see the same neighbours.
        raw_times.push(raw.append(ledger.bytes_logged() - before)?);
    }
    let (group, raw_group) = (median(times.clone()), median(raw_times.clone()));
    if size == 1 {
        return Ok(Figure {
            part: String::new(),
            value: micros(group),
            unit: "µs median",
            batch: 1,
            durable: true,
            beside: ("raw append + fdatasync", micros(raw_group)),
        });
    }
    let total = |times: Vec<Duration>| per_second(rounds * size, times.into_iter().sum());
    Ok(Figure {
        part: String::new(),
        value: total(times),
        unit: "commands/s",
        batch: size,
        durable: true,
        beside: ("raw append + fdatasync of the same bytes", total(raw_times)),
    })
}

/// Refuses to measure refusals.
pub fn check(results: &[Submitted]) -> Result<()> {
    let logged = |result: &Submitted| matches!(result, Submitted::Logged { refusal: None, .. });
    if results.iter().all(logged) {
        Ok(())
    } else {
        Err(broken("a command of the benchmark was refused"))
    }
}

/// Submits the stores of these numbers, 8,000 a group; how long that took.
pub fn fill(ledger: &mut Ledger, numbers: std::ops::Range<u64>) -> Result<Duration> {
    let mut time = Duration::ZERO;
    for from in numbers.clone().step_by(GROUP) {
        let commands = stores(ledger, from, (GROUP as u64).min(numbers.end - from))?;
        let began = Instant::now();
        let results = ledger.submit(commands)?;
        time += began.elapsed();
        check(&results)?;
    }
    Ok(time)
}

/// A file that is appended to and synced: what durability costs here at least.
pub struct RawLog {
    file: File,
}

impl RawLog {
    pub fn create(dir: &Path) -> Result<Self> {
        let path = dir.join("raw");
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        Ok(Self { file: file.map_err(|error| CliError::io("cannot make", &path, &error))? })
    }

    pub fn append(&mut self, bytes: u64) -> Result<Duration> {
        let block = vec![7; usize::try_from(bytes).map_err(broken)?];
        let began = Instant::now();
        self.file.write_all(&block).and_then(|()| self.file.sync_data()).map_err(broken)?;
        Ok(began.elapsed())
    }
}
