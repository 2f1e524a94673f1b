//! Reading the groups of one segment.

use super::damaged;
use crate::{
    JournalError,
    disk::DiskFile,
    segment::{FRAME_LEN, Frame, GROUP_MAGIC, Group, HEADER_LEN, SegmentHeader},
};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Bytes read at once, at least.
const WINDOW: u64 = 1 << 16;

/// Goes through a segment group by group.
pub(super) struct GroupReader<F> {
    file: F,
    path: PathBuf,
    /// Where the next group begins.
    at: u64,
    end: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl<F: DiskFile> GroupReader<F> {
    /// Reads `file` up to `end`, or to the file's own.
    pub(super) fn new(file: F, path: &Path, end: Option<u64>) -> Result<Self, JournalError> {
        let end = end.map_or_else(|| file.len(), Ok);
        let end = end.map_err(JournalError::io("cannot read", path))?;
        let (window, path) = (Vec::new(), path.to_path_buf());
        Ok(Self { file, path, at: HEADER_LEN as u64, end, window, window_at: 0 })
    }

    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn damaged(&self, what: &str) -> JournalError {
        damaged(&self.path, self.at, what)
    }

    /// The segment's header; `None` when the file is too short to have one or it is not intact.
    pub(super) fn header(&mut self) -> Result<Option<SegmentHeader>, JournalError> {
        let bytes = self.bytes(0, HEADER_LEN as u64)?;
        Ok(bytes.and_then(|bytes| SegmentHeader::from_bytes(bytes.first_chunk()?)))
    }

    /// The next group; `None` at the end and before anything that is not an intact group.
    pub(super) fn next(&mut self) -> Result<Option<Group>, JournalError> {
        let at = self.at;
        let Some(frame) = self.frame()? else {
            return Ok(None);
        };
        let payload = self.bytes(at + FRAME_LEN as u64, frame.len as u64)?;
        let payload = payload.filter(|payload| frame.holds(at, payload));
        let group = payload.and_then(Group::from_payload);
        if group.is_some() {
            self.at += (FRAME_LEN + frame.len) as u64;
        }
        Ok(group)
    }

    fn frame(&mut self) -> Result<Option<Frame>, JournalError> {
        let bytes = self.bytes(self.at, FRAME_LEN as u64)?;
        Ok(bytes.and_then(|bytes| Frame::from_bytes(bytes.first_chunk()?)))
    }

    /// Goes to the last group that begins at or before `seq`, reading frames only.
    pub(super) fn skip_to(&mut self, seq: u64) -> Result<(), JournalError> {
        let mut target = self.at;
        while let Some(frame) = self.frame()? {
            let bytes = self.bytes(self.at + FRAME_LEN as u64, 8)?;
            let first_seq = bytes.and_then(|bytes| bytes.first_chunk()).copied();
            if first_seq.is_none_or(|bytes| u64::from_be_bytes(bytes) > seq) {
                break;
            }
            target = self.at;
            self.at += (FRAME_LEN + frame.len) as u64;
        }
        self.at = target;
        Ok(())
    }

    /// What stands from here to the end; `None` when all of it is zeros.
    pub(super) fn rest(&mut self) -> Result<Option<&[u8]>, JournalError> {
        let rest = self.bytes(self.at, self.end.saturating_sub(self.at))?;
        Ok(rest.filter(|bytes| bytes.iter().any(|byte| *byte != 0)))
    }

    /// The bytes from `at` on; `None` when the end comes before.
    pub(super) fn bytes(&mut self, at: u64, len: u64) -> Result<Option<&[u8]>, JournalError> {
        let Some(left) = self.end.checked_sub(at).filter(|left| len <= *left) else {
            return Ok(None);
        };
        let windowed = |from: u64, window: &[u8]| {
            let start = at.checked_sub(from)? as usize;
            (start.checked_add(len as usize)? <= window.len()).then_some(start)
        };
        let start = match windowed(self.window_at, &self.window) {
            Some(start) => start,
            None => {
                self.fill(at, len.max(WINDOW.min(left)))?;
                0
            }
        };
        Ok(self.window.get(start..start + len as usize))
    }

    fn fill(&mut self, at: u64, len: u64) -> Result<(), JournalError> {
        self.window.clear();
        self.window.resize(len as usize, 0);
        self.window_at = at;
        match self.file.read_at(at, &mut self.window) {
            // It was longer when it was opened.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(damaged(&self.path, at, "the file ends too early"))
            }
            read => read.map_err(JournalError::io("cannot read", &self.path)),
        }
    }
}

/// The intact groups that begin anywhere in `bytes`, which stand at `at` in their file.
pub(super) fn groups_within(bytes: &[u8], at: u64) -> impl Iterator<Item = Group> {
    let starts = bytes.windows(GROUP_MAGIC.len()).enumerate();
    let starts = starts.filter(|(_, window)| *window == GROUP_MAGIC);
    starts.filter_map(move |(start, _)| {
        let (frame, rest) = bytes.get(start..)?.split_first_chunk::<FRAME_LEN>()?;
        let frame = Frame::from_bytes(frame)?;
        let payload = rest.get(..frame.len)?;
        frame.holds(at + start as u64, payload).then(|| Group::from_payload(payload))?
    })
}
