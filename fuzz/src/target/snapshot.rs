//! State snapshots.

use core::convert::Infallible;

use arbitrary::Unstructured;
use protocol::{EntryBody, Hash32};
use std::sync::LazyLock;
use storage_engine::{
    execute_committed,
    state::{
        MemoryStore, State, keys,
        snapshot::{Reader, SnapshotError, restore, write},
        tree,
    },
};

use crate::{
    base::{BASE, replayed},
    edit::edit,
};

/// A snapshot of the generated ledger.
static SNAPSHOT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = replayed(&BASE.log.bodies).expect("an honest log");
    written(&mut state, Hash32::ZERO)
});

/// A changed snapshot, as it is or with every hash and count in it made good. Whatever is restored has the root of the header and is
/// written again in the same bytes (ST-11); and no state that was made up makes execution panic.
pub fn snapshot(data: &[u8]) {
    let [how, rest @ ..] = data else { return };
    let mut file = SNAPSHOT.clone();
    if how & 1 == 1 {
        file = rest.to_vec();
    } else {
        let _used_up = edit(&mut file, &mut Unstructured::new(rest));
    }
    if how & 2 == 2 {
        repair(&mut file);
    }
    let Ok(reader) = Reader::open::<Infallible>(source(&file)) else { return };
    let Ok((mut state, summary)) = restore(reader, MemoryStore::default()) else { return };
    assert_eq!(state.root().ok(), Some(summary.header.state_root));
    assert_eq!(written(&mut state, summary.header.entry_hash), file);
    go_on(&mut state);
}

/// The state of a snapshot.
pub(super) fn restored(file: &[u8]) -> Option<State<MemoryStore>> {
    let reader = Reader::open::<Infallible>(source(file)).ok()?;
    restore(reader, MemoryStore::default()).ok().map(|(state, _)| state)
}

fn source(mut file: &[u8]) -> impl FnMut(&mut [u8]) -> Result<usize, Infallible> {
    move |buffer| {
        let (now, later) = file.split_at(buffer.len().min(file.len()));
        buffer[..now.len()].copy_from_slice(now);
        file = later;
        Ok(now.len())
    }
}

/// The snapshot of a state.
pub(super) fn written(state: &mut State<MemoryStore>, entry_hash: Hash32) -> Vec<u8> {
    let mut file = Vec::new();
    let sink = |bytes: &[u8]| {
        file.extend_from_slice(bytes);
        Ok::<(), Infallible>(())
    };
    write(state, entry_hash, sink).expect("memory");
    file
}

/// Gives the state the log's commands once more, under other ids.
pub(super) fn go_on(state: &mut State<MemoryStore>) {
    for (number, bytes) in (0..).zip(&BASE.log.bodies) {
        let mut command = EntryBody::from_bytes(bytes).expect("an honest entry").command;
        command.id.0 = u128::to_be_bytes(number);
        let tick = state.cursor().tick;
        match execute_committed(state, tick, command) {
            Ok(executed) => state.link(Hash32::of(&executed.bytes)),
            Err(_) => return,
        }
    }
}

/// Bytes of the header, whose last 32 are the state root.
const HEADER: usize = 124;

/// Makes the hashes of chunks, the root, the counts and the hash of the file good, as far as the file has parts that can be told apart.
fn repair(file: &mut [u8]) {
    let Some(counts) = repair_chunks(file) else { return };
    let Some(trailer) = file.get_mut(counts.end + 1..) else { return };
    if trailer.len() >= 80 {
        trailer[..8].copy_from_slice(&counts.records.to_be_bytes());
        trailer[8..16].copy_from_slice(&counts.uses.to_be_bytes());
        trailer[16..48].copy_from_slice(&Hash32::of(&counts.use_bytes).0);
    }
    rehash(file);
    let Some(root) = root(file) else { return };
    file[HEADER - 32..HEADER].copy_from_slice(&root.0);
    rehash(file);
}

fn rehash(file: &mut [u8]) {
    if let Some((covered, hash)) = file.split_last_chunk_mut::<32>() {
        *hash = Hash32::of(covered).0;
    }
}

#[derive(Default)]
struct Counts {
    records: u64,
    uses: u64,
    use_bytes: Vec<u8>,
    /// Where the trailer begins.
    end: usize,
}

fn repair_chunks(file: &mut [u8]) -> Option<Counts> {
    let mut counts = Counts { end: HEADER, ..Counts::default() };
    loop {
        let chunk = file.get_mut(counts.end..)?;
        let (&tag, rest) = chunk.split_first()?;
        if tag == 0 {
            return Some(counts);
        }
        let length = usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()?;
        let records = rest.get(4..)?.get(..length)?.to_vec();
        let hash = Hash32::of(chunk.get(..5 + length)?);
        chunk.get_mut(5 + length..)?.first_chunk_mut::<32>()?.copy_from_slice(&hash.0);
        counts.end += 5 + length + 32;
        match tag {
            1 => counts.records += frames(&records),
            _ => {
                counts.uses += frames(&records);
                counts.use_bytes.extend(records);
            }
        }
    }
}

/// Records of a chunk.
fn frames(mut records: &[u8]) -> u64 {
    let mut count = 0;
    while let Some(([a, b, c, d, e, f], rest)) = records.split_first_chunk() {
        let key = usize::from(u16::from_be_bytes([*a, *b]));
        let value = u32::from_be_bytes([*c, *d, *e, *f]) as usize;
        records = rest.get(key.saturating_add(value)..).unwrap_or_default();
        count += 1;
    }
    count
}

struct NoPages;

impl tree::Pages for NoPages {
    type Error = tree::Broken;

    fn read(&self, _: &[u8]) -> Result<Option<Vec<u8>>, tree::Broken> {
        Ok(None)
    }
}

/// The root of the records, if the file can be read.
fn root(file: &[u8]) -> Option<Hash32> {
    let reader = Reader::open::<Infallible>(source(file)).ok()?;
    let mut changes = Vec::new();
    let mut take = |key: &[u8], value: &[u8]| {
        if keys::is_authenticated(key) {
            changes.push((Hash32::of(key), Some(Hash32::of(value))));
        }
        Ok::<(), SnapshotError<Infallible, Infallible>>(())
    };
    reader.read(&mut take).ok()?;
    changes.sort_unstable();
    tree::update(&NoPages, &changes, &mut |_, _| ()).ok()
}
