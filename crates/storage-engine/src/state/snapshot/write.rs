//! Writing a snapshot, one chunk at a time.

use alloc::vec::Vec;
use keccak_batch::Hasher;
use protocol::{Hash32, limits::COMMAND_ID_EPOCHS};

use super::{
    CHUNK_FRAME_BYTES, FORMAT_VERSION, Header, MAGIC, MAX_CHUNK_BYTES, Part, RECORD_FRAME_BYTES,
    SnapshotError, Summary,
};
use crate::state::{State, StateError, StateStore, keys};

/// No entry makes such a record.
const TOO_LONG: &str = "a record is too long for a snapshot";

/// Writes the state to `sink`, which takes all bytes it is given. `entry_hash` is that of the last entry: the state does not
/// know it. A state has one snapshot: the bytes depend on nothing else.
///
/// # Errors
/// A fault of the store or of the sink; a state before genesis, or one whose last entry is not linked. What was written until
/// then is not a snapshot.
pub fn write<S: StateStore, E>(
    state: &mut State<S>,
    entry_hash: Hash32,
    sink: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Summary, SnapshotError<S::Fault, E>> {
    if state.awaits_link() {
        return Err(StateError::Broken("an executed entry is not linked").into());
    }
    let ledger_id = state.ledger_id().ok_or(StateError::Broken("no genesis"))?;
    let state_root = state.root()?;
    let header = Header { ledger_id, cursor: *state.cursor(), entry_hash, state_root };
    let mut writer = Writer::new(sink);
    writer.header(&header).map_err(SnapshotError::Stream)?;
    for (from, end) in keys::AUTHENTICATED.map(keys::kind) {
        writer.part(Part::Records, state, &from, &end)?;
    }
    writer.end_chunk(Part::Records).map_err(SnapshotError::Stream)?;
    let (from, end) = remembered(state.epoch());
    writer.part(Part::CommandIds, state, &from, &end)?;
    writer.end_chunk(Part::CommandIds).map_err(SnapshotError::Stream)?;
    writer.finish(header).map_err(SnapshotError::Stream)
}

/// The command ids that execution asks for while `epoch` is open: from, end.
fn remembered(epoch: u64) -> (Vec<u8>, Vec<u8>) {
    let oldest = epoch.saturating_sub(COMMAND_ID_EPOCHS.saturating_sub(1));
    (keys::commands(oldest).0, keys::commands(epoch).1)
}

struct Writer<W> {
    sink: W,
    file: Hasher,
    bytes: u64,
    records: u64,
    command_ids: u64,
    uses: Hasher,
    /// The frame of the chunk, whose length is not known yet, and its records.
    chunk: Vec<u8>,
}

impl<W, E> Writer<W>
where
    W: FnMut(&[u8]) -> Result<(), E>,
{
    fn new(sink: W) -> Self {
        let chunk = Vec::with_capacity(CHUNK_FRAME_BYTES.saturating_add(MAX_CHUNK_BYTES));
        let (file, uses) = (Hasher::new(), Hasher::new());
        Self { sink, file, bytes: 0, records: 0, command_ids: 0, uses, chunk }
    }

    fn emit(&mut self, bytes: &[u8]) -> Result<(), E> {
        self.file.update(bytes);
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        (self.sink)(bytes)
    }

    fn header(&mut self, header: &Header) -> Result<(), E> {
        let bytes = [
            &MAGIC[..],
            &FORMAT_VERSION.to_be_bytes(),
            header.ledger_id.as_ref(),
            &header.cursor.next_seq.to_be_bytes(),
            &header.cursor.tick.to_be_bytes(),
            header.entry_hash.as_ref(),
            header.state_root.as_ref(),
        ];
        self.emit(&bytes.concat())
    }

    /// All records from `from` up to `end`.
    fn part<S: StateStore>(
        &mut self,
        part: Part,
        state: &State<S>,
        from: &[u8],
        end: &[u8],
    ) -> Result<(), SnapshotError<S::Fault, E>> {
        let mut written = Ok(());
        state.scan(from, end, &mut |key, value| {
            written = self.record(part, key, value);
            written.is_ok()
        })?;
        written
    }

    fn record<F>(
        &mut self,
        part: Part,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), SnapshotError<F, E>> {
        let len = RECORD_FRAME_BYTES.saturating_add(key.len()).saturating_add(value.len());
        let (Ok(key_len), Ok(value_len)) = (u16::try_from(key.len()), u32::try_from(value.len()))
        else {
            return Err(StateError::Broken(TOO_LONG).into());
        };
        if len > MAX_CHUNK_BYTES {
            return Err(StateError::Broken(TOO_LONG).into());
        }
        let longest = CHUNK_FRAME_BYTES.saturating_add(MAX_CHUNK_BYTES);
        if self.chunk.len().saturating_add(len) > longest {
            self.end_chunk(part).map_err(SnapshotError::Stream)?;
        }
        if self.chunk.is_empty() {
            self.chunk.resize(CHUNK_FRAME_BYTES, 0);
        }
        self.chunk.extend_from_slice(&key_len.to_be_bytes());
        self.chunk.extend_from_slice(&value_len.to_be_bytes());
        self.chunk.extend_from_slice(key);
        self.chunk.extend_from_slice(value);
        let count = match part {
            Part::CommandIds => &mut self.command_ids,
            Part::Records | Part::Trailer => &mut self.records,
        };
        *count = count.saturating_add(1);
        Ok(())
    }

    /// Writes the chunk that was gathered, if there is one.
    fn end_chunk(&mut self, part: Part) -> Result<(), E> {
        let mut chunk = core::mem::take(&mut self.chunk);
        let Some((frame, records)) = chunk.split_first_chunk_mut::<CHUNK_FRAME_BYTES>() else {
            return Ok(());
        };
        let [a, b, c, d] = u32::try_from(records.len()).unwrap_or(u32::MAX).to_be_bytes();
        *frame = [part.tag(), a, b, c, d];
        if part == Part::CommandIds {
            self.uses.update(records);
        }
        let hash = Hash32::of(&chunk);
        self.emit(&chunk)?;
        self.emit(hash.as_ref())?;
        chunk.clear();
        self.chunk = chunk;
        Ok(())
    }

    fn finish(mut self, header: Header) -> Result<Summary, E> {
        let uses = core::mem::take(&mut self.uses).finish();
        let counts = [
            &[Part::Trailer.tag()][..],
            &self.records.to_be_bytes(),
            &self.command_ids.to_be_bytes(),
            &uses,
        ];
        self.emit(&counts.concat())?;
        let file_hash = Hash32(core::mem::take(&mut self.file).finish());
        self.emit(file_hash.as_ref())?;
        let Self { records, command_ids, bytes, .. } = self;
        Ok(Summary { header, records, command_ids, bytes, file_hash })
    }
}
