//! Snapshots: their bytes, what is refused, and that a restored state cannot be told from the original.

mod common;

use common::{By, Ledger, entry_hash, make};
use protocol::{
    EntryBody, Hash32, Profile,
    command::AuditAnswer,
    governance::{Change, Speaker},
    hash::hex_encode,
    keys::{KeyHolder, RotateKeys},
};
use std::{collections::BTreeSet, convert::Infallible, sync::Mutex};
use storage_engine::{
    execute_committed,
    state::{
        Changes, MemoryStore, State, StateError, StateStore,
        snapshot::{self, MAX_CHUNK_BYTES, Reader, Reason, SnapshotError, Summary},
    },
};

const HEADER: usize = 124;
const GOLDEN: &str = include_str!("../../../tests/vectors/state-snapshot.hex");

type Records = Vec<(Vec<u8>, Vec<u8>)>;
type Chunks = Vec<(u8, Vec<u8>)>;
type Error = SnapshotError<Infallible, Infallible>;

fn write(state: &mut State<MemoryStore>, head: Hash32) -> (Vec<u8>, Summary) {
    let mut file = Vec::new();
    let sink = |bytes: &[u8]| {
        file.extend_from_slice(bytes);
        Ok::<(), Infallible>(())
    };
    let summary = snapshot::write(state, head, sink).unwrap();
    (file, summary)
}

/// Restores from a source that gives at most `step` bytes at a time.
fn restore_by(file: &[u8], step: usize) -> Result<(State<MemoryStore>, Summary), Error> {
    let mut rest = file;
    let source = |buf: &mut [u8]| {
        let taken = buf.len().min(rest.len()).min(step);
        buf[..taken].copy_from_slice(&rest[..taken]);
        rest = &rest[taken..];
        Ok::<usize, Infallible>(taken)
    };
    snapshot::restore(Reader::open(source)?, MemoryStore::default())
}

fn restore(file: &[u8]) -> Result<(State<MemoryStore>, Summary), Error> {
    restore_by(file, usize::MAX)
}

fn refused(file: &[u8], why: &str) -> Reason {
    match restore(file) {
        Err(SnapshotError::Refused(reason)) => reason,
        Err(error) => panic!("{why}: {error}"),
        Ok(_) => panic!("{why}: not refused"),
    }
}

/// A small ledger with a record of every kind that a snapshot can have.
fn small() -> Ledger {
    let mut ledger = Ledger::with_nodes(3);
    let sample = make::sample(1, Profile::QFS_V13);
    let store = make::store("a", 1, 1, &sample);
    ledger.event(By::Operator, protocol::Action::Store(store));
    ledger.event(By::Operator, protocol::Action::RegisterNode(make::register(3)));
    ledger.event(By::Operator, make::delete("a", 2));
    ledger.event(By::Operator, make::ALL);
    let audit = ledger.state.ledger().unwrap().audit.unwrap().seq;
    let node = 0;
    let answer = make::answer(&ledger.state, &sample, ("a", 1, 0), node);
    let none = AuditAnswer { proof: None, ..answer.clone() };
    ledger.event(By::Operator, make::record(audit, node, vec![answer, none]));
    ledger.event(By::Alice, make::score("a", 1, 7));
    let change = Change::Quarantine(1);
    ledger.event(By::Operator, make::propose(Speaker::Operator, change, true));
    ledger.event(By::Alice, make::vote(1, Speaker::Council(0), true));
    let (ledger_id, next) = (ledger.state.ledger_id().unwrap(), By::Seeded(40).signer());
    let rotation = RotateKeys::signed(&ledger_id, KeyHolder::Council(0), 2, &[&next], &[]);
    ledger.event(By::Alice, protocol::Action::RotateKeys(rotation.into()));
    ledger
}

/// A snapshot in parts, put together again by rule ST-11 alone.
#[derive(Clone)]
struct Parts {
    header: Vec<u8>,
    chunks: Chunks,
}

impl Parts {
    fn of(file: &[u8]) -> Self {
        let (header, mut rest) = file.split_at(HEADER);
        let mut chunks = Vec::new();
        while rest[0] != 0 {
            let len = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
            chunks.push((rest[0], rest[5..5 + len].to_vec()));
            rest = &rest[5 + len + 32..];
        }
        assert_eq!(rest.len(), 81);
        Self { header: header.to_vec(), chunks }
    }

    fn records(&self, kind: u8) -> Records {
        let mut records = Vec::new();
        for (_, chunk) in self.chunks.iter().filter(|(tag, _)| *tag == kind) {
            let mut rest = &chunk[..];
            while !rest.is_empty() {
                let key = usize::from(u16::from_be_bytes(rest[..2].try_into().unwrap()));
                let value = u32::from_be_bytes(rest[2..6].try_into().unwrap()) as usize;
                let (record, after) = rest.split_at(6 + key + value);
                records.push((record[6..6 + key].to_vec(), record[6 + key..].to_vec()));
                rest = after;
            }
        }
        records
    }

    fn with(&self, kind: u8, records: &Records) -> Self {
        let mut other = self.clone();
        let at = other.chunks.iter().position(|(tag, _)| *tag == kind).unwrap();
        other.chunks.retain(|(tag, _)| *tag != kind);
        other.chunks.insert(at, (kind, frames(records)));
        other
    }

    /// The file, with every count and hash made anew.
    fn seal(&self) -> Vec<u8> {
        let mut file = self.header.clone();
        let mut uses = Vec::new();
        for (tag, chunk) in &self.chunks {
            let frame = [&[*tag][..], &(chunk.len() as u32).to_be_bytes(), chunk].concat();
            file.extend_from_slice(&frame);
            file.extend_from_slice(Hash32::of(&frame).as_ref());
            if *tag == 2 {
                uses.extend_from_slice(chunk);
            }
        }
        file.push(0);
        for kind in [1, 2] {
            file.extend_from_slice(&(self.records(kind).len() as u64).to_be_bytes());
        }
        file.extend_from_slice(Hash32::of(&uses).as_ref());
        let hash = Hash32::of(&file);
        file.extend_from_slice(hash.as_ref());
        file
    }
}

fn frames(records: &Records) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in records {
        bytes.extend_from_slice(&(key.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&(value.len() as u32).to_be_bytes());
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(value);
    }
    bytes
}

#[test]
fn st_11_bytes_are_frozen() {
    let mut ledger = small();
    let head = ledger.head;
    let (file, summary) = write(&mut ledger.state, head);
    assert_eq!(hex_encode(&file), GOLDEN.trim());
    assert_eq!(Parts::of(&file).seal(), file);
    assert_eq!(summary.bytes, file.len() as u64);
    assert_eq!(summary.file_hash.as_ref(), &file[file.len() - 32..]);
    assert_eq!((summary.header.entry_hash, summary.header.cursor), (head, *ledger.state.cursor()));
    let kinds: BTreeSet<u8> = Parts::of(&file).records(1).iter().map(|(key, _)| key[0]).collect();
    assert_eq!(kinds, b"ABEFGHIKLNOPQSUVW".iter().copied().collect());
    assert_eq!(summary.command_ids, ledger.log.len() as u64, "all are of the open epoch");
}

#[test]
fn st_11_the_bytes_depend_on_the_state_alone() {
    let mut ledger = small();
    let head = ledger.head;
    let (file, summary) = write(&mut ledger.state, head);
    for step in [1, 7, usize::MAX] {
        let (mut restored, read) = restore_by(&file, step).unwrap();
        assert_eq!(read, summary);
        assert_eq!(restored.pending(), 0, "all of it is in the store");
        assert_eq!(write(&mut restored, head).0, file);
        let mut reopened = State::open(restored.store().clone()).unwrap();
        assert_eq!(write(&mut reopened, head).0, file);
    }
    // What a store keeps for itself beside the records is not the state's.
    let own = |key: &[u8]| (key.to_vec(), Some(b"mark".to_vec()));
    ledger.state.flush([own(b"M"), own(b"a"), own(b"\0"), own(b"D\xff")].into()).unwrap();
    assert_eq!(write(&mut ledger.state, head).0, file);
}

#[test]
fn st_12_every_flipped_bit_and_every_cut_is_refused() {
    let mut ledger = small();
    let head = ledger.head;
    let (file, _) = write(&mut ledger.state, head);
    for at in 0..file.len() {
        refused(&file[..at], &format!("cut at {at}"));
        for bit in 0..8 {
            let mut flipped = file.clone();
            flipped[at] ^= 1 << bit;
            refused(&flipped, &format!("bit {bit} of byte {at}"));
        }
    }
    for more in [&[0][..], &file] {
        assert_eq!(refused(&[&file, more].concat(), "extended"), Reason::Trailing);
    }
}

#[test]
fn st_12_a_change_under_the_root_is_refused_whatever_hashes_say() {
    let mut ledger = small();
    let head = ledger.head;
    let (file, _) = write(&mut ledger.state, head);
    let whole = Parts::of(&file);
    assert_eq!(whole.chunks[0].0, 1);
    // Lengths may no longer add up, so the trailer's counts stay those of the whole.
    let sealed = |at: usize, mask: u8| {
        let mut records = whole.chunks[0].1.clone();
        records[at] ^= mask;
        let frame = [&[1][..], &(records.len() as u32).to_be_bytes(), &records].concat();
        let mut bytes = [&whole.header[..], &frame, Hash32::of(&frame).as_ref()].concat();
        bytes.extend_from_slice(&file[bytes.len()..file.len() - 32]);
        let hash = Hash32::of(&bytes);
        bytes.extend_from_slice(hash.as_ref());
        bytes
    };
    assert_eq!(sealed(0, 0), file);
    for at in 0..whole.chunks[0].1.len() {
        for bit in 0..8 {
            refused(&sealed(at, 1 << bit), &format!("bit {bit} of byte {at} of the records"));
        }
    }
    let records = whole.records(1);
    for lost in 0..records.len() {
        let mut fewer = records.clone();
        fewer.remove(lost);
        let reason = refused(&whole.with(1, &fewer).seal(), "a record less");
        let expected = [Reason::Root, Reason::Record];
        assert!(expected.contains(&reason), "{reason:?}");
    }
    for (at, reason) in [(12, Reason::Contradiction), (92, Reason::Root)] {
        let mut changed = whole.clone();
        changed.header[at] ^= 1;
        assert_eq!(refused(&changed.seal(), "header"), reason);
    }
}

/// One file for each reason, in the order of ST-12.
#[test]
fn st_12_reasons() {
    let mut ledger = small();
    let head = ledger.head;
    let (file, _) = write(&mut ledger.state, head);
    let whole = Parts::of(&file);
    let patch = |at: usize, bytes: &[u8]| {
        let mut file = file.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let header = |at: usize, bytes: &[u8]| {
        let mut parts = whole.clone();
        parts.header[at..at + bytes.len()].copy_from_slice(bytes);
        parts.seal()
    };
    let records = |change: &dyn Fn(&mut Records)| {
        let mut records = whole.records(1);
        change(&mut records);
        whole.with(1, &records).seal()
    };
    let ids = |change: &dyn Fn(&mut Records)| {
        let mut ids = whole.records(2);
        change(&mut ids);
        whole.with(2, &ids).seal()
    };
    let chunks = |change: &dyn Fn(&mut Chunks)| {
        let mut parts = whole.clone();
        change(&mut parts.chunks);
        parts.seal()
    };
    let at =
        |records: &Records, kind: u8| records.iter().position(|(key, _)| key[0] == kind).unwrap();
    let first = &whole.records(1)[0];
    let first = 6 + first.0.len() + first.1.len();
    let trailer = file.len() - 81;
    let cases: Vec<(Reason, Vec<u8>)> = vec![
        (Reason::Magic, patch(0, b"x")),
        (Reason::Version, patch(11, &[2])),
        (Reason::CutShort, file[..file.len() - 1].to_vec()),
        (Reason::Trailing, [&file[..], &[0]].concat()),
        (Reason::Position, header(44, &[0; 8])),
        (Reason::Position, header(44, &[0xff; 8])),
        (Reason::Part, patch(HEADER, &[3])),
        (Reason::Part, chunks(&|chunks| chunks.push(chunks[0].clone()))),
        (Reason::ChunkLength, patch(HEADER + 1, &[0; 4])),
        (Reason::ChunkLength, patch(HEADER + 1, &[0, 1, 0, 1])),
        (Reason::ChunkLength, patch(HEADER + 1, &[0xff; 4])),
        (Reason::ChunkHash, patch(HEADER + 20, &[0xee])),
        (Reason::Order, records(&|records| records.swap(0, 1))),
        (Reason::Order, records(&|records| records.insert(0, records[0].clone()))),
        (Reason::Order, ids(&|ids| ids.swap(0, 1))),
        (
            Reason::Packing,
            chunks(&|chunks| {
                let rest = chunks[0].1.split_off(first);
                chunks.insert(1, (1, rest));
            }),
        ),
        (Reason::Record, records(&|records| records.push((b"X".to_vec(), vec![])))),
        (Reason::Record, records(&|records| records.insert(0, (vec![], vec![])))),
        (Reason::Record, records(&|records| records[0].1.push(0))),
        (
            Reason::Record,
            records(&|records| {
                let genesis = at(records, b'G');
                records[genesis].0.push(0);
            }),
        ),
        (Reason::Record, records(&|records| records.push((b"Z".to_vec(), vec![0; 16])))),
        // Ids of an epoch that is not remembered, of an entry to come, and of another length.
        (Reason::Record, ids(&|ids| ids.last_mut().unwrap().0[8] = 9)),
        (Reason::Record, ids(&|ids| ids[0].1[0] = 0xff)),
        (Reason::Record, ids(&|ids| ids.last_mut().unwrap().0.push(0))),
        (Reason::Counts, patch(trailer + 8, &[0xee])),
        (Reason::Counts, patch(trailer + 16, &[0xee])),
        (Reason::Counts, patch(trailer + 17, &file[..32])),
        (Reason::FileHash, patch(file.len() - 32, &file[..32])),
        (Reason::Root, header(92, &[0; 32])),
        (Reason::Contradiction, header(12, &[0; 32])),
    ];
    let mut numbers = BTreeSet::new();
    for (line, (reason, file)) in cases.iter().enumerate() {
        let found = refused(file, &format!("line {line}"));
        assert_eq!(found, *reason, "line {line}");
        numbers.insert(reason.number());
    }
    // A chunk that no sealing gives, and a state that was not asked for.
    let mut parts = whole.clone();
    parts.chunks[0].1[2..6].copy_from_slice(&[0xff; 4]);
    let frame = [&[1][..], &(parts.chunks[0].1.len() as u32).to_be_bytes(), &parts.chunks[0].1];
    let frame = frame.concat();
    let reaching = [&parts.header[..], &frame, Hash32::of(&frame).as_ref()].concat();
    assert_eq!(refused(&reaching, "frame"), Reason::Frame);
    let mut rest = &file[..];
    let source = |buf: &mut [u8]| std::io::Read::read(&mut rest, buf);
    let reader = Reader::open::<Infallible>(source).unwrap();
    assert_eq!(reader.expect_root(&ledger.state.root().unwrap()), Ok(()));
    assert_eq!(reader.expect_root(&head), Err(Reason::OtherState));
    numbers.extend([Reason::Frame.number(), Reason::OtherState.number()]);
    assert_eq!(numbers, (1..=17).collect());
}

type Damage = fn(&mut (Vec<u8>, Vec<u8>));

/// ST-12: of no kind is there a longer key, or a longer or shorter value, than ST-1 and ST-2 say.
#[test]
fn st_12_every_kind_of_record_has_its_shape() {
    let mut ledger = small();
    let head = ledger.head;
    let (file, _) = write(&mut ledger.state, head);
    let whole = Parts::of(&file);
    let records = whole.records(1);
    for (at, (key, _)) in records.iter().enumerate() {
        let longer_key: Damage = |record| record.0.push(0);
        let longer: Damage = |record| record.1.push(0);
        // Proofs have no value that could be shorter.
        let shorter: Damage = |(key, value)| {
            if value.pop().is_none() {
                key.truncate(12);
            }
        };
        for change in [longer_key, longer, shorter] {
            let mut changed = records.clone();
            change(&mut changed[at]);
            let kind = char::from(key[0]);
            assert_eq!(refused(&whole.with(1, &changed).seal(), "shape"), Reason::Record, "{kind}");
        }
    }
}

#[test]
fn st_13_only_whole_states_are_written_and_only_empty_stores_taken() {
    let mut empty = Ledger::empty();
    let sink = |_: &[u8]| Ok::<(), Infallible>(());
    assert!(matches!(
        snapshot::write(&mut empty.state, Hash32::ZERO, sink),
        Err(SnapshotError::State(StateError::Broken("no genesis")))
    ));
    let mut ledger = small();
    let head = ledger.head;
    let (file, _) = write(&mut ledger.state, head);
    ledger.state.flush(Changes::new()).unwrap();
    let mut rest = &file[..];
    let source = |buf: &mut [u8]| std::io::Read::read(&mut rest, buf);
    let reader = Reader::open::<Infallible>(source).unwrap();
    let taken = snapshot::restore(reader, ledger.state.store().clone());
    assert!(matches!(taken, Err(SnapshotError::State(StateError::Broken(_)))));
}

#[test]
fn st_13_many_chunks_and_batches() {
    let mut state = State::open(MemoryStore::default()).unwrap();
    let mut ledger = Ledger::with_nodes(3);
    let (mut head, mut tick) = (Hash32::ZERO, 1);
    let mut run = |state: &mut State<MemoryStore>, command| {
        let done = execute_committed(state, tick, command).unwrap();
        head = entry_hash(&head, &done.bytes);
        tick += 1;
        head
    };
    run(&mut state, EntryBody::from_bytes(&ledger.log[0]).unwrap().command);
    let mut last = Hash32::ZERO;
    for n in 0..700 {
        let mut store = make::store(&format!("o{n}"), 1, 1, &make::sample(1, Profile::QFS_V13));
        store.metadata = format!("{{\"m\":\"{}\"}}", "x".repeat(16_300 - n)).into_bytes();
        let command = ledger.command(By::Unsigned, protocol::Action::Store(store));
        last = run(&mut state, command);
    }
    let (file, summary) = write(&mut state, last);
    assert!(summary.bytes > 9 << 20 && summary.records > 1_400, "{summary:?}");
    let parts = Parts::of(&file);
    assert!(parts.chunks.len() > 150);
    assert!(parts.chunks.iter().all(|(_, chunk)| chunk.len() <= MAX_CHUNK_BYTES));
    let (mut restored, _) = restore(&file).unwrap();
    assert_eq!(restored.root().unwrap(), state.root().unwrap());
    assert!(write(&mut restored, last).0 == file);

    // What a refusal at the very end leaves stands beyond any log.
    let (store, rest) = (Mutex::new(MemoryStore::default()), &file[..file.len() - 1]);
    let mut rest = rest;
    let source = |buf: &mut [u8]| std::io::Read::read(&mut rest, buf);
    let reader = Reader::open::<Infallible>(source).unwrap();
    assert!(snapshot::restore(reader, Shared(&store)).is_err());
    let left = State::open(store.into_inner().unwrap()).unwrap();
    assert_eq!(left.cursor().next_seq, u64::MAX);
}

/// A store that outlives the state that is rebuilt in it.
struct Shared<'a>(&'a Mutex<MemoryStore>);

impl StateStore for Shared<'_> {
    type Fault = Infallible;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Infallible> {
        self.0.lock().unwrap().get(key)
    }

    fn scan(
        &self,
        from: &[u8],
        end: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Infallible> {
        self.0.lock().unwrap().scan(from, end, visit)
    }

    fn commit(&mut self, changes: Changes) -> Result<(), Infallible> {
        self.0.lock().unwrap().commit(changes)
    }
}
