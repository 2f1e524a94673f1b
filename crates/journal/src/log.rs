//! The log on disk: segment files, appended to and never changed (`spec/journal.md`).
//!
//! Writing and syncing are separate, so that several groups can share one fdatasync. [`Log::write`] puts a group
//! where it belongs; nobody may hear of its entries before [`Log::sync`] has returned.

mod active;
mod reader;
mod recovery;
mod tail;
#[cfg(test)]
mod tests;

pub use tail::{Cause, Cut, Tail};

use crate::{
    JournalError,
    disk::{Disk, RealDisk},
    segment::{GroupStart, SegmentHeader, encode_group},
};
use active::Active;
use eqm_log::chain;
use protocol::Hash32;
use reader::GroupReader;
use std::{
    io,
    path::{Path, PathBuf},
};

const DISCONTINUED: &str = "a group does not continue the one before";

/// One entry as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEntry {
    /// Position in the log.
    pub seq: u64,
    /// Hash of the entry before.
    pub prev_entry_hash: Hash32,
    /// Canonical bytes of its body.
    pub body: Vec<u8>,
}

impl LoggedEntry {
    /// Hash of this entry.
    #[must_use]
    pub fn entry_hash(&self) -> Hash32 {
        chain::entry_hash(&self.prev_entry_hash, &self.body)
    }
}

/// How long segments get, and how far ahead they are written, in bytes. No reader depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSizes {
    /// A segment is closed once it is this long.
    pub segment: u64,
    /// Zeros written ahead of a small segment. They grow with it,
    pub ahead_min: u64,
    /// up to these.
    pub ahead_max: u64,
}

impl Default for SegmentSizes {
    fn default() -> Self {
        Self { segment: 64 << 20, ahead_min: 256 << 10, ahead_max: 8 << 20 }
    }
}

#[derive(Clone, Debug)]
struct Segment {
    first_seq: u64,
    path: PathBuf,
}

/// The segment files of one ledger, and where the next group goes.
#[derive(Debug)]
pub struct Log<D: Disk = RealDisk> {
    disk: D,
    dir: PathBuf,
    sizes: SegmentSizes,
    segments: Vec<Segment>,
    active: Option<Active<D::File>>,
    next_seq: u64,
    durable: u64,
    head: Hash32,
    cursor: Vec<u8>,
    bytes_written: u64,
    poisoned: bool,
}

impl<D: Disk> Log<D> {
    /// Opens the log in `dir`, made if need be. Everything that is in it afterwards is durable; what a crash left
    /// unfinished at its end is dropped, and told.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when anything but the end is damaged; nothing is changed then.
    pub fn open(disk: D, dir: &Path) -> Result<(Self, Tail), JournalError> {
        Self::open_sized(disk, dir, SegmentSizes::default())
    }

    /// [`Log::open`], with segments of other sizes from here on.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_sized(
        disk: D,
        dir: &Path,
        sizes: SegmentSizes,
    ) -> Result<(Self, Tail), JournalError> {
        disk.make_dir(dir).map_err(JournalError::io("cannot make directory", dir))?;
        let mut log = Self::without_entries(disk, dir.to_path_buf(), sizes);
        let tail = log.recover()?;
        Ok((log, tail))
    }

    fn without_entries(disk: D, dir: PathBuf, sizes: SegmentSizes) -> Self {
        Self {
            disk,
            dir,
            sizes,
            segments: Vec::new(),
            active: None,
            next_seq: 0,
            durable: 0,
            head: Hash32::ZERO,
            cursor: Vec::new(),
            bytes_written: 0,
            poisoned: false,
        }
    }

    /// Number of entries, which is the seq of the next.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.next_seq
    }

    /// Number of entries that a crash cannot take any more.
    #[must_use]
    pub const fn durable_len(&self) -> u64 {
        self.durable
    }

    /// Whether a write or a sync failed: what is on the disk is only known after a restart.
    #[must_use]
    pub const fn is_poisoned(&self) -> bool {
        self.poisoned
    }

    /// Bytes of the groups written since the log was opened.
    #[must_use]
    pub const fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    /// Whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.next_seq == 0
    }

    /// Hash of the last entry; zeros while there is none.
    #[must_use]
    pub const fn head(&self) -> Hash32 {
        self.head
    }

    /// The cursor that the sequencer left with the last group.
    #[must_use]
    pub fn cursor(&self) -> &[u8] {
        &self.cursor
    }

    /// Writes the entries with these bodies as one group, which the next [`Log::sync`] makes durable. `head` is the hash
    /// of the last of them. Without bodies nothing is written.
    ///
    /// # Errors
    /// What the operating system says, and [`JournalError::Poisoned`] ever after: only a restart finds out what
    /// reached the disk. [`JournalError::Halted`] for what is longer than a group can hold; nothing is written then.
    pub fn write(
        &mut self,
        cursor: &[u8],
        bodies: &[Vec<u8>],
        head: Hash32,
    ) -> Result<(), JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned);
        }
        if bodies.is_empty() {
            return Ok(());
        }
        if self.active.as_ref().is_none_or(|active| active.len() >= self.sizes.segment) {
            self.or_poison(Self::begin_segment)?;
        }
        let start = GroupStart {
            first_seq: self.next_seq,
            prev_entry_hash: self.head,
            durable: self.durable,
        };
        let written = self.or_poison_active(|active, sizes| {
            let Some(bytes) = encode_group(active.len(), &start, cursor, bodies) else {
                return Ok(None);
            };
            // A crash in this write leaves a torn group, which opening drops: no receipt was given for it.
            active.append(&bytes, sizes).map(|()| Some(bytes.len() as u64))
        })?;
        self.bytes_written +=
            written.ok_or_else(|| JournalError::Halted("a group of entries is too long".into()))?;
        self.next_seq += bodies.len() as u64;
        self.head = head;
        self.cursor = cursor.to_vec();
        Ok(())
    }

    /// Makes everything that was written durable.
    ///
    /// # Errors
    /// As [`Log::write`]. A failed sync is never tried again: the system may have dropped the bytes, and a second
    /// sync would then succeed without them.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        if self.poisoned {
            return Err(JournalError::Poisoned);
        }
        if self.durable < self.next_seq {
            // A crash before this returns may lose what was written since the last; after it, never.
            self.or_poison_active(|active, _| active.sync())?;
            self.durable = self.next_seq;
        }
        Ok(())
    }

    /// [`Log::write`] where the entries' hashes are not known yet, and [`Log::sync`] if `sync`.
    ///
    /// # Errors
    /// As those two.
    pub fn append(
        &mut self,
        cursor: &[u8],
        bodies: &[Vec<u8>],
        sync: bool,
    ) -> Result<(), JournalError> {
        let head = bodies.iter().fold(self.head, |head, body| chain::entry_hash(&head, body));
        self.write(cursor, bodies, head)?;
        if sync { self.sync() } else { Ok(()) }
    }

    /// Does `step`; unless it succeeds, nothing is done to the log any more.
    fn or_poison<T>(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        self.poisoned = true;
        let done = step(self)?;
        self.poisoned = false;
        Ok(done)
    }

    fn or_poison_active<T>(
        &mut self,
        step: impl FnOnce(&mut Active<D::File>, &SegmentSizes) -> io::Result<T>,
    ) -> Result<T, JournalError> {
        self.or_poison(|log| {
            let path = log.segments.last().map(|segment| segment.path.clone()).unwrap_or_default();
            let active = log.active.as_mut().ok_or(JournalError::Poisoned)?;
            step(active, &log.sizes).map_err(JournalError::io("cannot append to", path))
        })
    }

    fn begin_segment(&mut self) -> Result<(), JournalError> {
        // All of the old one is durable before the new one has a name, so that only the last segment ever has an
        // unfinished end. A crash before the new one is there leaves a full last segment.
        if let Some(active) = self.active.take() {
            active.close().map_err(JournalError::io("cannot close a segment in", &self.dir))?;
            self.durable = self.next_seq;
        }
        let path = self.dir.join(segment_name(self.next_seq));
        let header = SegmentHeader { first_seq: self.next_seq, prev_entry_hash: self.head };
        // A crash in here leaves a segment without a header or without groups; opening removes the former.
        let active = self.disk.create(&path).and_then(|file| Active::begin(file, &header));
        self.active = Some(active.map_err(JournalError::io("cannot begin segment", &path))?);
        self.sync_dir()?;
        self.segments.push(Segment { first_seq: self.next_seq, path });
        Ok(())
    }

    fn sync_dir(&self) -> Result<(), JournalError> {
        self.disk.sync_dir(&self.dir).map_err(JournalError::io("cannot make durable", &self.dir))
    }

    /// Visits the entries from `seq` on, in order, until `visit` returns false. Entries that are not durable yet
    /// are among them.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when bytes are not as they were written; whatever `visit` returns.
    pub fn read<E: From<JournalError>>(
        &self,
        seq: u64,
        mut visit: impl FnMut(LoggedEntry) -> Result<bool, E>,
    ) -> Result<(), E> {
        let first = self.segments.partition_point(|segment| segment.first_seq <= seq);
        let from = first.saturating_sub(1);
        let mut expected = None;
        for index in from..self.segments.len() {
            let mut reader = self.reader(index)?;
            reader.skip_to(seq)?;
            while let Some(group) = reader.next()? {
                let begins = (group.start.first_seq, group.start.prev_entry_hash);
                if expected.map_or(begins.0 > seq, |expected| expected != begins) {
                    return Err(reader.damaged(DISCONTINUED).into());
                }
                let (mut at, mut prev) = begins;
                for body in group.bodies {
                    let entry = LoggedEntry { seq: at, prev_entry_hash: prev, body };
                    (at, prev) = (at + 1, entry.entry_hash());
                    if entry.seq >= seq && !visit(entry)? {
                        return Ok(());
                    }
                }
                expected = Some((at, prev));
            }
            if reader.rest()?.is_some() {
                return Err(reader.damaged("a group cannot be read").into());
            }
        }
        match expected {
            Some(end) if end != (self.next_seq, self.head) => {
                Err(damaged(&self.dir, 0, "the log does not end with its last entry").into())
            }
            _ => Ok(()),
        }
    }

    /// The entry at `seq`, if there is one.
    ///
    /// # Errors
    /// As [`Log::read`].
    pub fn entry(&self, seq: u64) -> Result<Option<LoggedEntry>, JournalError> {
        let mut found = None;
        self.read::<JournalError>(seq, |entry| {
            found = Some(entry);
            Ok(false)
        })?;
        Ok(found)
    }

    /// Reads a segment: up to what was written last, or to the end of the file when it is closed.
    fn reader(&self, index: usize) -> Result<GroupReader<D::File>, JournalError> {
        let path = &self.segments[index].path;
        let file = self.disk.open(path).map_err(JournalError::io("cannot open", path))?;
        let active = self.active.as_ref().filter(|_| index + 1 == self.segments.len());
        GroupReader::new(file, path, active.map(Active::len))
    }
}

fn segment_name(first_seq: u64) -> String {
    format!("{first_seq:020}.seg")
}

fn damaged(path: &Path, at: u64, what: &str) -> JournalError {
    let path = path.display();
    JournalError::Damaged(format!("{path}, byte {at}: {what}; restore the file from a copy"))
}
