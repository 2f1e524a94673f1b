//! Bytes of one file: what the system's cache has, and what would be left of them without power.

use super::Random;
use std::{collections::BTreeMap, io, ops::Range};

/// Bytes that the disk writes as a whole or not at all.
pub const SECTOR: usize = 512;

type Sector = [u8; SECTOR];

/// One file.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    /// What every reader sees.
    cache: Vec<u8>,
    /// What was synced.
    stable: Vec<u8>,
    /// All that each sector has been since the last sync. The system may have written it back at any moment.
    versions: BTreeMap<usize, Vec<Sector>>,
    /// All lengths since the last sync.
    lengths: Vec<usize>,
}

impl Content {
    pub(super) const fn len(&self) -> usize {
        self.cache.len()
    }

    pub(super) fn read(&self, at: usize, buf: &mut [u8]) -> io::Result<()> {
        let bytes = at.checked_add(buf.len()).and_then(|end| self.cache.get(at..end));
        buf.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let (old, end) = (self.cache.len(), at + bytes.len());
        if end > old {
            self.cache.resize(end, 0);
            self.lengths.push(end);
        }
        self.cache[at..end].copy_from_slice(bytes);
        self.changed(at.min(old)..end);
    }

    pub(super) fn set_len(&mut self, len: usize) {
        let old = self.cache.len();
        self.cache.resize(len, 0);
        self.lengths.push(len);
        self.changed(len.min(old)..len.max(old));
    }

    fn changed(&mut self, bytes: Range<usize>) {
        for sector in bytes.start / SECTOR..bytes.end.div_ceil(SECTOR) {
            let version = self.cached(sector);
            self.versions.entry(sector).or_default().push(version);
        }
    }

    /// A sector as the cache has it, with zeros where the file ends before.
    fn cached(&self, sector: usize) -> Sector {
        let mut bytes = [0; SECTOR];
        let rest = self.cache.get(sector * SECTOR..).unwrap_or_default();
        let len = rest.len().min(SECTOR);
        bytes[..len].copy_from_slice(&rest[..len]);
        bytes
    }

    /// Everything is on the disk.
    pub(super) fn sync(&mut self) {
        self.stable.resize(self.cache.len(), 0);
        for sector in std::mem::take(&mut self.versions).into_keys() {
            let bytes = self.cached(sector);
            self.place(sector, &bytes);
        }
        self.lengths.clear();
    }

    /// As [`Content::sync`], but one sector goes to the place of another, and nobody is told.
    pub(super) fn sync_misdirected(&mut self, random: &mut Random) {
        let dirty: Vec<usize> = self.versions.keys().copied().collect();
        if let Some(from) = dirty.get(random.below(dirty.len() as u64) as usize).copied() {
            let bytes = self.cached(from);
            self.versions.remove(&from);
            self.sync();
            let to = random.below(self.stable.len().div_ceil(SECTOR) as u64) as usize;
            self.place(to, &bytes);
        }
    }

    /// The sync failed: some of it is on the disk, and the system takes all of it for written.
    pub(super) fn sync_failed(&mut self, random: &mut Random) {
        self.settle(random);
    }

    /// The power is gone: what is left is what is on the disk.
    pub(super) fn lose_power(&mut self, random: &mut Random) {
        self.settle(random);
        self.cache.clone_from(&self.stable);
    }

    /// Decides for length and sectors, each by itself, which of their states since the last sync reached the disk:
    /// sometimes the first for all, sometimes the last, mostly any.
    fn settle(&mut self, random: &mut Random) {
        let mood = random.below(8);
        let mut chosen = |states: usize| match mood {
            0 => 0,
            1 => states,
            _ => random.below(states as u64 + 1) as usize,
        };
        let lengths = std::mem::take(&mut self.lengths);
        if let Some(last) = chosen(lengths.len()).checked_sub(1) {
            self.stable.resize(lengths[last], 0);
        }
        for (sector, versions) in std::mem::take(&mut self.versions) {
            if let Some(last) = chosen(versions.len()).checked_sub(1) {
                self.place(sector, &versions[last]);
            }
        }
    }

    /// What is on the disk for certain.
    pub(super) fn durable(&self) -> Self {
        let bytes = &self.stable;
        Self { cache: bytes.clone(), stable: bytes.clone(), ..Self::default() }
    }

    fn place(&mut self, sector: usize, bytes: &Sector) {
        let rest = self.stable.get_mut(sector * SECTOR..).unwrap_or_default();
        let len = rest.len().min(SECTOR);
        rest[..len].copy_from_slice(&bytes[..len]);
    }

    /// Turns one bit over, on the disk and for readers.
    pub(super) fn rot(&mut self, bit: usize) {
        for bytes in [&mut self.cache, &mut self.stable] {
            if let Some(byte) = bytes.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
        }
    }
}
