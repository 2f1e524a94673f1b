//! Reading a snapshot, one chunk at a time: everything about it that needs no state.

use alloc::vec::Vec;
use core::cmp::Ordering;
use keccak_batch::Hasher;
use protocol::Hash32;

use super::{
    CHUNK_FRAME_BYTES, COUNTS_BYTES, FORMAT_VERSION, HEADER_BYTES, Header, MAGIC, MAX_CHUNK_BYTES,
    Part, RECORD_FRAME_BYTES, Reason, SnapshotError, Summary, shape::Shape,
};
use crate::state::records::Cursor;

/// Bytes of a hash.
const HASH_BYTES: usize = 32;

/// A snapshot whose header was read.
pub struct Reader<R> {
    input: Input<R>,
    header: Header,
    shape: Shape,
    uses: Hasher,
    records: u64,
    command_ids: u64,
    /// What the last chunk held, and its length.
    before: (Part, usize),
    last_key: Vec<u8>,
}

impl<R, E> Reader<R>
where
    R: FnMut(&mut [u8]) -> Result<usize, E>,
{
    /// Reads the header. `source` fills some of the buffer it is given and says how much; 0 means that it has ended.
    ///
    /// # Errors
    /// A fault of the source, or [`Reason::Magic`], [`Reason::Version`], [`Reason::CutShort`], [`Reason::Position`].
    pub fn open<F>(source: R) -> Result<Self, SnapshotError<F, E>> {
        let mut input = Input { source, file: Hasher::new(), bytes: 0 };
        let mut bytes = [0; HEADER_BYTES];
        input.fill(&mut bytes)?;
        Ok(Self {
            header: parse_header(&bytes)?,
            input,
            shape: Shape::default(),
            uses: Hasher::new(),
            records: 0,
            command_ids: 0,
            before: (Part::Records, MAX_CHUNK_BYTES),
            last_key: Vec::new(),
        })
    }

    /// What the snapshot says it is of. Nothing of it is shown before the last record was read.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Holds the snapshot against a root that is known from elsewhere.
    ///
    /// # Errors
    /// [`Reason::OtherState`].
    pub fn expect_root(&self, root: &Hash32) -> Result<(), Reason> {
        if self.header.state_root == *root { Ok(()) } else { Err(Reason::OtherState) }
    }

    /// Hands every record to `take`, in the order of the file, each checked by itself, and then checks the trailer. Only
    /// what follows from a success was a snapshot.
    ///
    /// # Errors
    /// What `take` reports, a fault of the source, or a [`Reason`].
    pub fn read<F>(
        mut self,
        take: &mut impl FnMut(&[u8], &[u8]) -> Result<(), SnapshotError<F, E>>,
    ) -> Result<Summary, SnapshotError<F, E>> {
        let mut chunk = Vec::new();
        loop {
            let mut tag = [0];
            self.input.fill(&mut tag)?;
            match tag.first().copied().and_then(Part::of_tag) {
                None => return Err(Reason::Part.into()),
                Some(Part::Trailer) => return self.finish(),
                Some(part) => {
                    self.chunk(part, &mut chunk)?;
                    self.records(part, chunk.get(CHUNK_FRAME_BYTES..).unwrap_or_default(), take)?;
                }
            }
        }
    }

    /// Reads a chunk after its tag into `chunk`, and checks its hash.
    fn chunk<F>(&mut self, part: Part, chunk: &mut Vec<u8>) -> Result<(), SnapshotError<F, E>> {
        if part < self.before.0 {
            return Err(Reason::Part.into());
        }
        let mut length = [0; 4];
        self.input.fill(&mut length)?;
        let records = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if !(1..=MAX_CHUNK_BYTES).contains(&records) {
            return Err(Reason::ChunkLength.into());
        }
        chunk.clear();
        chunk.push(part.tag());
        chunk.extend_from_slice(&length);
        chunk.resize(CHUNK_FRAME_BYTES.saturating_add(records), 0);
        self.input.fill(chunk.get_mut(CHUNK_FRAME_BYTES..).unwrap_or_default())?;
        if self.input.hash()? != Hash32::of(chunk) {
            return Err(Reason::ChunkHash.into());
        }
        Ok(())
    }

    fn records<F>(
        &mut self,
        part: Part,
        records: &[u8],
        take: &mut impl FnMut(&[u8], &[u8]) -> Result<(), SnapshotError<F, E>>,
    ) -> Result<(), SnapshotError<F, E>> {
        let mut rest = records;
        let mut first = true;
        while !rest.is_empty() {
            let (key, value, after) = split_record(rest).ok_or(Reason::Frame)?;
            let len = rest.len().saturating_sub(after.len());
            if first && self.had_room(part, len) {
                return Err(Reason::Packing.into());
            }
            self.pass(part, key, value)?;
            take(key, value)?;
            (rest, first) = (after, false);
        }
        if part == Part::CommandIds {
            self.uses.update(records);
        }
        self.before = (part, records.len());
        Ok(())
    }

    /// Whether the chunk before could have held a record of `len` bytes that begins the next one of its part.
    fn had_room(&self, part: Part, len: usize) -> bool {
        let (before, used) = self.before;
        before == part && used.saturating_add(len) <= MAX_CHUNK_BYTES
    }

    fn pass(&mut self, part: Part, key: &[u8], value: &[u8]) -> Result<(), Reason> {
        let count = match part {
            Part::CommandIds => &mut self.command_ids,
            Part::Records | Part::Trailer => &mut self.records,
        };
        let follows = *count == 0 || key.cmp(&self.last_key) == Ordering::Greater;
        if !follows {
            return Err(Reason::Order);
        }
        *count = count.saturating_add(1);
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.shape.check(part, key, value, self.header.cursor.next_seq)
    }

    fn finish<F>(mut self) -> Result<Summary, SnapshotError<F, E>> {
        let mut stated = [0; COUNTS_BYTES];
        self.input.fill(&mut stated)?;
        let uses = self.uses.finish();
        let counts =
            [&self.records.to_be_bytes()[..], &self.command_ids.to_be_bytes(), &uses].concat();
        if stated[..] != counts {
            return Err(Reason::Counts.into());
        }
        let file_hash = Hash32(core::mem::take(&mut self.input.file).finish());
        if self.input.hash()? != file_hash {
            return Err(Reason::FileHash.into());
        }
        self.input.ended()?;
        let Self { header, records, command_ids, .. } = self;
        Ok(Summary { header, records, command_ids, bytes: self.input.bytes, file_hash })
    }
}

fn parse_header(bytes: &[u8; HEADER_BYTES]) -> Result<Header, Reason> {
    let mut fields = Fields(bytes);
    if fields.take()? != MAGIC {
        return Err(Reason::Magic);
    }
    if u32::from_be_bytes(fields.take()?) != FORMAT_VERSION {
        return Err(Reason::Version);
    }
    let ledger_id = Hash32(fields.take()?);
    let next_seq = u64::from_be_bytes(fields.take()?);
    let tick = u64::from_be_bytes(fields.take()?);
    if matches!(next_seq, 0 | u64::MAX) {
        return Err(Reason::Position);
    }
    let cursor = Cursor { next_seq, tick };
    let (entry_hash, state_root) = (Hash32(fields.take()?), Hash32(fields.take()?));
    Ok(Header { ledger_id, cursor, entry_hash, state_root })
}

/// Fields of fixed length, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        let (field, rest) = self.0.split_first_chunk::<N>().ok_or(Reason::CutShort)?;
        self.0 = rest;
        Ok(*field)
    }
}

/// Key, value, and what comes after them.
fn split_record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (frame, rest) = bytes.split_first_chunk::<RECORD_FRAME_BYTES>()?;
    let [k1, k2, v1, v2, v3, v4] = *frame;
    let key = usize::from(u16::from_be_bytes([k1, k2]));
    let value = usize::try_from(u32::from_be_bytes([v1, v2, v3, v4])).ok()?;
    let (key, rest) = rest.split_at_checked(key)?;
    let (value, rest) = rest.split_at_checked(value)?;
    Some((key, value, rest))
}

/// The source, and the hash of what came from it.
struct Input<R> {
    source: R,
    file: Hasher,
    bytes: u64,
}

impl<R, E> Input<R>
where
    R: FnMut(&mut [u8]) -> Result<usize, E>,
{
    /// Fills `buf` with bytes that the file's hash covers.
    fn fill<F>(&mut self, buf: &mut [u8]) -> Result<(), SnapshotError<F, E>> {
        self.take(buf)?;
        self.file.update(buf);
        Ok(())
    }

    /// The hash that comes next; the file's hash covers it unless it is the last.
    fn hash<F>(&mut self) -> Result<Hash32, SnapshotError<F, E>> {
        let mut hash = [0; HASH_BYTES];
        self.fill(&mut hash)?;
        Ok(Hash32(hash))
    }

    fn take<F>(&mut self, buf: &mut [u8]) -> Result<(), SnapshotError<F, E>> {
        let mut rest = &mut buf[..];
        while !rest.is_empty() {
            let taken = (self.source)(rest).map_err(SnapshotError::Stream)?;
            // A source that claims more than there was room for is as good as one that ended.
            rest = match rest.split_at_mut_checked(taken) {
                Some((_, after)) if taken > 0 => after,
                _ => return Err(Reason::CutShort.into()),
            };
            self.bytes = self.bytes.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    fn ended<F>(&mut self) -> Result<(), SnapshotError<F, E>> {
        match (self.source)(&mut [0]).map_err(SnapshotError::Stream)? {
            0 => Ok(()),
            _ => Err(Reason::Trailing.into()),
        }
    }
}
