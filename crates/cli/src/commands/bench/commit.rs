//! Durable Store commands: admitted, decided, chained, in the tree, on the disk.

use super::{Figure, broken, median, per_second};
use crate::error::{CliError, Result};
use journal::{JournalError, Ledger, Submitted, ledger::NewNode, segment};
use protocol::{
    AccountId, Action, Authorization, Command, CommandId, Hash32, NodeId, ObjectId, Parameters,
    Profile,
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

/// A ledger without shards: only the ledger's own work is measured.
pub fn ledger(dir: &Path) -> Result<Ledger> {
    let nodes: Vec<NewNode> = (0..NODES)
        .map(|n| NewNode {
            node_id: NodeId(format!("node-{n:03}")),
            domain: FailureDomain::default(),
        })
        .collect();
    let (ledger, _) =
        Ledger::create(&dir.join("ledger"), Parameters::v13(Profile::QFS_V13), &nodes)?;
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
    let rounds = (60_000 / size).clamp(8, 2_000);
    let mut raw = RawLog::create(dir)?;
    let (mut times, mut raw_times) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let commands = stores(&ledger, round * size, size)?;
        let first = ledger.len();
        let began = Instant::now();
        let results = ledger.submit(commands)?;
        times.push(began.elapsed());
        let logged = |result: &Submitted| matches!(result, Submitted::Logged { refusal: None, .. });
        if !results.iter().all(logged) {
            return Err(broken("a command of the benchmark was refused"));
        }
        // Beside each group, so that both see the same neighbours.
        raw_times.push(raw.append(group_bytes(&ledger, first)?)?);
    }
    let (group, raw_group) = (median(times.clone()), median(raw_times.clone()));
    if size == 1 {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        return Ok(Figure {
            value: micros(group),
            unit: "µs median",
            batch: 1,
            durable: true,
            beside: ("raw append + fdatasync", micros(raw_group)),
        });
    }
    let total = |times: Vec<Duration>| per_second(rounds * size, times.into_iter().sum());
    Ok(Figure {
        value: total(times),
        unit: "commands/s",
        batch: size,
        durable: true,
        beside: ("raw append + fdatasync of the same bytes", total(raw_times)),
    })
}

/// Bytes of the group of the entries from `first` on: the segments' lengths do not tell, being written ahead.
fn group_bytes(ledger: &Ledger, first: u64) -> Result<u64> {
    let mut bytes = segment::FRAME_LEN + segment::FIXED_PAYLOAD;
    ledger.read::<JournalError>(first, |entry| {
        bytes += 4 + entry.body.len();
        Ok(true)
    })?;
    Ok(bytes as u64)
}

/// A file that is appended to and synced: what durability costs here at least.
struct RawLog {
    file: File,
}

impl RawLog {
    fn create(dir: &Path) -> Result<Self> {
        let path = dir.join("raw");
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        Ok(Self { file: file.map_err(|error| CliError::io("cannot make", &path, &error))? })
    }

    fn append(&mut self, bytes: u64) -> Result<Duration> {
        let block = vec![7; usize::try_from(bytes).map_err(broken)?];
        let began = Instant::now();
        self.file.write_all(&block).and_then(|()| self.file.sync_data()).map_err(broken)?;
        Ok(began.elapsed())
    }
}
