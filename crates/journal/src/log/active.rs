//! The segment that is written to, and the zeros ahead of its end.
//!
//! A sync of a file that grows must also make its new length and the places of its new blocks durable, which costs
//! a commit of the file system's own journal. So the file is lengthened in steps, by writing zeros, and the groups
//! between two steps go where blocks are already.

use super::SegmentSizes;
use crate::{
    disk::DiskFile,
    segment::{HEADER_LEN, SegmentHeader},
};
use std::io;

static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// The last segment, open for writing.
#[derive(Debug)]
pub(super) struct Active<F> {
    file: F,
    len: u64,
    /// Length of the file: zeros from `len` on.
    ahead: u64,
}

impl<F: DiskFile> Active<F> {
    /// A segment with nothing but its header, durable but for its name.
    pub(super) fn begin(mut file: F, header: &SegmentHeader) -> io::Result<Self> {
        file.write_at(0, &header.to_bytes())?;
        file.sync_data()?;
        Ok(Self { file, len: HEADER_LEN as u64, ahead: HEADER_LEN as u64 })
    }

    /// A segment whose groups end at `len`, with zeros up to `ahead`.
    pub(super) const fn resume(file: F, len: u64, ahead: u64) -> Self {
        Self { file, len, ahead }
    }

    /// Where the next group goes.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Writes a group behind the last one; zeros after it when it is the first to reach beyond those before.
    pub(super) fn append(&mut self, group: &[u8], sizes: &SegmentSizes) -> io::Result<()> {
        self.file.write_at(self.len, group)?;
        self.len += group.len() as u64;
        if self.len > self.ahead {
            self.ahead = self.len;
            self.write_ahead(sizes)?;
        }
        Ok(())
    }

    fn write_ahead(&mut self, sizes: &SegmentSizes) -> io::Result<()> {
        let step = self.len.clamp(sizes.ahead_min, sizes.ahead_max);
        let end = (self.len + step).min(sizes.segment);
        while self.ahead < end {
            let zeros = &ZEROS[..(end - self.ahead).min(ZEROS.len() as u64) as usize];
            match self.file.write_at(self.ahead, zeros) {
                // The group stands without them, and the next one may still find room.
                Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
                written => written?,
            }
            self.ahead += zeros.len() as u64;
        }
        Ok(())
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Cuts the zeros off and makes everything durable.
    pub(super) fn close(mut self) -> io::Result<()> {
        self.file.set_len(self.len)?;
        self.file.sync_data()
    }
}
