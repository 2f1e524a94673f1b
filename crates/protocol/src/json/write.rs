//! The canonical text of a value (rules CJ-7 to CJ-9).

use super::Value;
use alloc::string::{String, ToString};
use core::fmt;

impl Value {
    /// The canonical text; its UTF-8 bytes are what gets hashed.
    #[must_use]
    pub fn to_canonical(&self) -> String {
        self.to_string()
    }

    /// Writes the canonical text.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn write_canonical<W: fmt::Write + ?Sized>(&self, out: &mut W) -> fmt::Result {
        match self {
            Self::Null => out.write_str("null"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Int(value) => write!(out, "{value}"),
            Self::Str(text) => write_string(out, text),
            Self::Array(elements) => write_list(out, '[', ']', elements.iter(), |out, element| {
                element.write_canonical(out)
            }),
            Self::Object(members) => {
                write_list(out, '{', '}', members.iter(), |out, (key, value)| {
                    write_string(out, key)?;
                    out.write_char(':')?;
                    value.write_canonical(out)
                })
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_canonical(f)
    }
}

fn write_list<W: fmt::Write + ?Sized, T>(
    out: &mut W,
    open: char,
    close: char,
    items: impl Iterator<Item = T>,
    write_item: impl Fn(&mut W, T) -> fmt::Result,
) -> fmt::Result {
    out.write_char(open)?;
    for (position, item) in items.enumerate() {
        if position > 0 {
            out.write_char(',')?;
        }
        write_item(out, item)?;
    }
    out.write_char(close)
}

/// Escapes what RFC 8785, section 3.2.2.2 escapes, in its forms, and nothing else.
fn write_string<W: fmt::Write + ?Sized>(out: &mut W, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for part in text.split_inclusive(needs_escape) {
        let mut rest = part.chars();
        match rest.next_back() {
            Some(last) if needs_escape(last) => {
                out.write_str(rest.as_str())?;
                write_escape(out, last)?;
            }
            _ => out.write_str(part)?,
        }
    }
    out.write_char('"')
}

/// What may not stand for itself between quotes (RFC 8259, section 7).
pub(super) fn needs_escape(c: char) -> bool {
    c < ' ' || c == '"' || c == '\\'
}

fn write_escape<W: fmt::Write + ?Sized>(out: &mut W, c: char) -> fmt::Result {
    match c {
        '"' => out.write_str("\\\""),
        '\\' => out.write_str("\\\\"),
        '\u{8}' => out.write_str("\\b"),
        '\t' => out.write_str("\\t"),
        '\n' => out.write_str("\\n"),
        '\u{c}' => out.write_str("\\f"),
        '\r' => out.write_str("\\r"),
        _ => write!(out, "\\u{:04x}", u32::from(c)),
    }
}
