//! What was acknowledged, and whether the ledger still says so.

use crate::{ledger::Target, workload::WRITERS};
use journal::{JournalError, Ledger, LoggedEntry, Recovery};
use protocol::{CommandId, EntryBody, Hash32};
use std::{
    collections::{HashMap, HashSet},
    fmt,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::Path,
};

/// What a writer was about to ask for.
#[derive(Clone, Copy, Debug)]
pub struct Intent {
    pub number: u64,
    /// The epoch that it believed to be open.
    pub epoch: u64,
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ask {} {}", self.number, self.epoch)
    }
}

impl Intent {
    /// The number that comes next, and what the last process asked for and got no answer to.
    pub fn last_in(notes: &Path) -> (u64, Option<Self>) {
        let notes = fs::read_to_string(notes).unwrap_or_default();
        let (mut next, mut open) = (0, None);
        for words in notes.lines().map(|line| line.split(' ').collect::<Vec<_>>()) {
            let number = |at: usize| words[at].parse::<u64>().unwrap();
            open = (words[0] == "ask").then(|| Self { number: number(1), epoch: number(2) });
            next = next.max(number(1) + 1);
        }
        (next, open)
    }
}

/// A command and its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    command: CommandId,
    entry_hash: Hash32,
}

/// Everything that the writers of one ledger were told.
#[derive(Default)]
pub struct Witness {
    acknowledged: HashMap<u64, Entry>,
    /// The log as earlier openings found it, which may only grow.
    entries: Vec<Entry>,
    commands: HashSet<CommandId>,
    read: HashMap<u64, u64>,
    /// Answers that were first receipts of commands that were asked for again after a kill.
    pub repeated: u64,
}

impl Witness {
    /// Number of entries that somebody has a receipt for.
    pub fn len(&self) -> u64 {
        self.acknowledged.len() as u64
    }

    /// Takes up what the writers noted since the last time.
    pub fn read(&mut self, target: &Target) {
        for (writer, path) in (0..WRITERS).zip(target.note_files()) {
            let Ok(mut file) = File::open(path) else { continue };
            let from = self.read.entry(writer).or_default();
            let mut new = String::new();
            file.seek(SeekFrom::Start(*from)).unwrap();
            *from += file.read_to_string(&mut new).unwrap() as u64;
            new.lines().for_each(|line| self.note(writer, line));
        }
    }

    fn note(&mut self, writer: u64, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let [word @ ("logged" | "repeated"), number, seq, hash] = words[..] else { return };
        let number: u64 = number.parse().unwrap();
        let command = CommandId((u128::from(writer) << 64 | u128::from(number)).to_be_bytes());
        let entry_hash = Hash32::from_hex(hash).unwrap();
        self.repeated += u64::from(word == "repeated");
        let before = self.acknowledged.insert(seq.parse().unwrap(), Entry { command, entry_hash });
        // Asked for once more only after no answer, so nobody was told of an entry twice.
        assert!(before.is_none(), "two receipts for {line}: {before:?}");
    }

    /// Opens the ledger and holds what is new in it against what was acknowledged. Gives it back open.
    pub fn check(&mut self, target: &Target) -> (Ledger, Recovery) {
        // Opening re-executes what the state has not seen, and holds the log against the kept checkpoint.
        let (ledger, recovery) = Ledger::open(&target.dir).unwrap();
        assert_eq!(recovery.entries, ledger.len());
        self.take_up(&ledger);
        for (seq, told) in &self.acknowledged {
            let entry = self.entries.get(*seq as usize);
            assert_eq!(entry, Some(told), "entry {seq} is not what was acknowledged");
        }
        (ledger, recovery)
    }

    /// The same, with the whole log read once more.
    pub fn check_whole(&mut self, target: &Target) -> (Ledger, Recovery) {
        let before = std::mem::take(&mut self.entries);
        self.commands.clear();
        let opened = self.check(target);
        assert!(self.entries.starts_with(&before), "the log changed");
        opened
    }

    fn take_up(&mut self, ledger: &Ledger) {
        let mut head = self.entries.last().map_or(Hash32::ZERO, |last| last.entry_hash);
        ledger
            .read::<JournalError>(self.entries.len() as u64, |entry: LoggedEntry| {
                let seq = self.entries.len() as u64;
                assert_eq!((entry.seq, entry.prev_entry_hash), (seq, head));
                let command = EntryBody::from_bytes(&entry.body).unwrap().command.id;
                assert!(
                    self.commands.insert(command),
                    "entry {seq}: {command:?} was executed twice"
                );
                head = entry.entry_hash();
                self.entries.push(Entry { command, entry_hash: head });
                Ok(true)
            })
            .unwrap();
        // Also: what an opening found is durable, and is there at the next one.
        assert_eq!(self.entries.len() as u64, ledger.len());
    }
}

/// Executes the log from nothing, elsewhere: entries and state must come out the same.
pub fn re_execute(ledger: &mut Ledger, scratch: &Path) -> u64 {
    let copy = scratch.join("again");
    for part in ["log", "keys"] {
        fs::create_dir_all(copy.join(part)).unwrap();
        for file in fs::read_dir(ledger.dir().join(part)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), copy.join(part).join(file.file_name())).unwrap();
        }
    }
    let (mut again, recovery) = Ledger::open(&copy).unwrap();
    assert_eq!(recovery.re_executed, ledger.len());
    assert_eq!(again.state_root().unwrap(), ledger.state_root().unwrap());
    drop(again);
    fs::remove_dir_all(copy).unwrap();
    recovery.re_executed
}
