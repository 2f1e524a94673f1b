//! Canonical JSON: RFC 8785 (JCS) with integers only.
//!
//! One value has one text. The parser takes any RFC 8259 text whose numbers are integers within
//! ±(2^53 − 1) and refuses the rest with a position and a reason; the writer gives the canonical
//! text. The rules CJ-1 to CJ-13 are written down in `spec/canonical-json.md`.

mod error;
mod parse;
#[cfg(test)]
mod tests;
mod value;
mod write;

pub use error::{ErrorKind, JsonError};
pub use parse::{parse, parse_canonical};
pub use value::{Map, Value, object};

/// 2^53 − 1, the greatest integer that every JSON implementation keeps exact (RFC 7493, section
/// 2.2).
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;

/// How many arrays and objects may stand inside each other.
pub const MAX_DEPTH: usize = 64;
