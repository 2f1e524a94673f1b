//! What opening a log found at its end, for people and for those who count.

use std::{fmt, path::PathBuf};

/// What opening dropped from the end of a log. Nobody had a receipt for any of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// What was dropped; `None` after a clean end.
    pub cut: Option<Cut>,
}

/// Bytes that were dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The file that they were in.
    pub segment: PathBuf,
    /// How many, without zeros at their end.
    pub bytes: u64,
    /// Seq of the first entry that was being written.
    pub first_seq: u64,
    /// How they came about.
    pub cause: Cause,
}

/// What a crash interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The making of a segment: its header was not on the disk.
    MissingHeader,
    /// The writing of the last group: a part of it was not on the disk.
    TornGroup,
    /// The syncing of several groups: a later one was on the disk, an earlier one was not.
    OutOfOrder,
}

impl Tail {
    /// Bytes that were dropped.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.cut.as_ref().map_or(0, |cut| cut.bytes)
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cut {
            None => f.write_str("the log ended cleanly"),
            Some(cut) => cut.fmt(f),
        }
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, bytes, first_seq, cause } = self;
        let segment = segment.display();
        write!(f, "{segment}: dropped {bytes} bytes from entry {first_seq} on, {cause}; ")?;
        f.write_str("nobody had a receipt for them")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingHeader => "a segment that was being made",
            Self::TornGroup => "a group that was being written",
            Self::OutOfOrder => "groups that were being synced and reached the disk out of order",
        })
    }
}
