//! Where a log departs from what it must be.

use alloc::string::String;
use core::fmt;
use eqm_log::export::Place;
use protocol::error::ErrorCode;

/// The first place at which a log is not what re-execution and its signatures require (RP-9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Header, entry or trailer.
    pub place: Place,
    /// The field in words, for instance `outcome.fee` or `checkpoint.signature`.
    pub field: String,
    /// What the rules give.
    pub expected: String,
    /// What the file has.
    pub got: String,
    /// Why that is wrong, where the values do not say it; may be empty.
    pub message: String,
    /// `SE_ERR_INTEGRITY_MISMATCH`, or `SE_ERR_INTERNAL` when the file could not be read.
    pub code: ErrorCode,
}

impl Divergence {
    /// The entry it is about; `None` for header and trailer.
    #[must_use]
    pub const fn seq(&self) -> Option<u64> {
        match self.place {
            Place::Frame { seq } => Some(seq),
            Place::Header | Place::Trailer => None,
        }
    }

    /// The place in one or two words: `header`, `entry 17`, `trailer`.
    #[must_use]
    pub fn place_name(&self) -> String {
        match self.place {
            Place::Header => "header".into(),
            Place::Frame { seq } => alloc::format!("entry {seq}"),
            Place::Trailer => "trailer".into(),
        }
    }

    pub(crate) fn new(
        place: Place,
        field: impl Into<String>,
        expected: impl fmt::Display,
        got: impl fmt::Display,
    ) -> Self {
        Self {
            place,
            field: field.into(),
            expected: alloc::format!("{expected}"),
            got: alloc::format!("{got}"),
            message: String::new(),
            code: ErrorCode::IntegrityMismatch,
        }
    }

    pub(crate) fn in_entry(
        seq: u64,
        field: impl Into<String>,
        expected: impl fmt::Display,
        got: impl fmt::Display,
    ) -> Self {
        Self::new(Place::Frame { seq }, field, expected, got)
    }

    pub(crate) fn because(mut self, message: impl fmt::Display) -> Self {
        self.message = alloc::format!("{message}");
        self
    }
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, expected, got, message, .. } = self;
        write!(f, "{}, {field}: expected {expected}, got {got}", self.place_name())?;
        if message.is_empty() {
            return Ok(());
        }
        write!(f, " ({message})")
    }
}

impl core::error::Error for Divergence {}
