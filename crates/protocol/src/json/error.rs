//! Refusals of the parser (rule CJ-13).

use core::fmt;

/// Why a text was refused, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Bytes before the offending one.
    pub offset: usize,
    /// What is wrong there.
    pub kind: ErrorKind,
}

/// The reasons to refuse a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The bytes are not UTF-8.
    InvalidUtf8,
    /// U+FEFF before the value.
    ByteOrderMark,
    /// The text ends inside the value.
    UnexpectedEnd,
    /// A character that the grammar does not allow here.
    UnexpectedCharacter,
    /// Something other than whitespace after the value.
    TrailingBytes,
    /// A character below U+0020 inside a string, not escaped.
    ControlCharacter,
    /// A backslash that starts no escape of RFC 8259.
    InvalidEscape,
    /// An escaped surrogate without its other half.
    LoneSurrogate,
    /// A number with a fraction or an exponent, even where its value is whole.
    NotAnInteger,
    /// A number that starts with a superfluous zero.
    LeadingZero,
    /// A number beyond ±[`MAX_INTEGER`](super::MAX_INTEGER).
    OutOfRange,
    /// A member name that the object already has.
    DuplicateKey,
    /// An array or object inside [`MAX_DEPTH`](super::MAX_DEPTH) others.
    TooDeep,
    /// Valid, but not the canonical text of its value; see [`parse_canonical`](super::parse_canonical).
    NotCanonical,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidUtf8 => "the bytes are not UTF-8",
            Self::ByteOrderMark => "a byte order mark is not allowed",
            Self::UnexpectedEnd => "the JSON text ends too early",
            Self::UnexpectedCharacter => "this character is not allowed here",
            Self::TrailingBytes => "there is something after the JSON value",
            Self::ControlCharacter => "control characters in a string must be escaped",
            Self::InvalidEscape => "this is no JSON escape sequence",
            Self::LoneSurrogate => "a surrogate escape lacks its other half",
            Self::NotAnInteger => "only integers are allowed, without fraction or exponent",
            Self::LeadingZero => "a number must not start with a superfluous zero",
            Self::OutOfRange => "the number is beyond 9007199254740991 on either side of zero",
            Self::DuplicateKey => "the object has this member name twice",
            Self::TooDeep => "arrays and objects are nested more than 64 deep",
            Self::NotCanonical => "the JSON text is not in canonical form",
        })
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (byte {})", self.kind, self.offset)
    }
}

impl core::error::Error for JsonError {}
