//! The parser (rules CJ-1 to CJ-6, CJ-11, CJ-13).

use super::{ErrorKind, JsonError, MAX_DEPTH, MAX_INTEGER, Map, Value, write::needs_escape};
use alloc::string::String;
use alloc::vec::Vec;

/// Parses one JSON value, with whitespace around it or without.
///
/// # Errors
/// The first thing that RFC 8259, RFC 7493 or the limits of this module forbid.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let text = core::str::from_utf8(bytes)
        .map_err(|error| JsonError { offset: error.valid_up_to(), kind: ErrorKind::InvalidUtf8 })?;
    let mut parser = Parser { length: text.len(), rest: text };
    if text.starts_with('\u{feff}') {
        return Err(parser.error(ErrorKind::ByteOrderMark));
    }
    let value = parser.value(MAX_DEPTH)?;
    parser.skip_whitespace();
    if parser.rest.is_empty() { Ok(value) } else { Err(parser.error(ErrorKind::TrailingBytes)) }
}

/// Parses bytes that must be the canonical text of their value: what is stored, signed or hashed.
///
/// # Errors
/// As [`parse`]; [`ErrorKind::NotCanonical`] at the first byte that differs from the canonical
/// text.
pub fn parse_canonical(bytes: &[u8]) -> Result<Value, JsonError> {
    let value = parse(bytes)?;
    let canonical = value.to_canonical();
    if canonical.as_bytes() == bytes {
        return Ok(value);
    }
    let offset = bytes.iter().zip(canonical.as_bytes()).take_while(|(a, b)| a == b).count();
    Err(JsonError { offset, kind: ErrorKind::NotCanonical })
}

/// Reads a text from front to back; `rest` is what remains of its `length` bytes.
struct Parser<'a> {
    length: usize,
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn offset(&self) -> usize {
        self.length.saturating_sub(self.rest.len())
    }

    fn error(&self, kind: ErrorKind) -> JsonError {
        JsonError { offset: self.offset(), kind }
    }

    fn unexpected(&self) -> JsonError {
        let ended = self.rest.is_empty();
        self.error(if ended { ErrorKind::UnexpectedEnd } else { ErrorKind::UnexpectedCharacter })
    }

    fn skip_whitespace(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => self.rest = rest,
            None => return false,
        }
        true
    }

    fn expect(&mut self, token: &str) -> Result<(), JsonError> {
        if self.eat(token) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Takes everything before the first character that `stops`, or all of the rest.
    fn take_until(&mut self, stops: impl Fn(char) -> bool) -> &'a str {
        let (taken, rest) = self.rest.split_at(self.rest.find(stops).unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// A value that may open `levels` more arrays and objects inside each other.
    fn value(&mut self, levels: usize) -> Result<Value, JsonError> {
        self.skip_whitespace();
        match self.rest.as_bytes().first() {
            Some(b'{') => self.object(levels),
            Some(b'[') => self.array(levels),
            Some(b'"') => self.string().map(Value::Str),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'n') => self.expect("null").map(|()| Value::Null),
            Some(b't') => self.expect("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.expect("false").map(|()| Value::Bool(false)),
            _ => Err(self.unexpected()),
        }
    }

    fn deeper(&self, levels: usize) -> Result<usize, JsonError> {
        levels.checked_sub(1).ok_or_else(|| self.error(ErrorKind::TooDeep))
    }

    fn array(&mut self, levels: usize) -> Result<Value, JsonError> {
        let levels = self.deeper(levels)?;
        let mut elements = Vec::new();
        self.expect("[")?;
        self.skip_whitespace();
        if self.eat("]") {
            return Ok(Value::Array(elements));
        }
        loop {
            elements.push(self.value(levels)?);
            self.skip_whitespace();
            if self.eat("]") {
                return Ok(Value::Array(elements));
            }
            self.expect(",")?;
        }
    }

    fn object(&mut self, levels: usize) -> Result<Value, JsonError> {
        let levels = self.deeper(levels)?;
        let mut members = Map::new();
        self.expect("{")?;
        self.skip_whitespace();
        if self.eat("}") {
            return Ok(Value::Object(members));
        }
        loop {
            self.member(&mut members, levels)?;
            self.skip_whitespace();
            if self.eat("}") {
                return Ok(Value::Object(members));
            }
            self.expect(",")?;
        }
    }

    fn member(&mut self, members: &mut Map, levels: usize) -> Result<(), JsonError> {
        self.skip_whitespace();
        let duplicate = self.error(ErrorKind::DuplicateKey);
        let key = self.string()?;
        self.skip_whitespace();
        self.expect(":")?;
        let value = self.value(levels)?;
        if members.insert(key, value).is_some() { Err(duplicate) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Value, JsonError> {
        let start = self.error(ErrorKind::OutOfRange);
        let text = self.rest;
        self.eat("-");
        let digits = self.take_until(|c| !c.is_ascii_digit());
        if digits.is_empty() {
            return Err(self.unexpected());
        }
        if digits.len() > 1 && digits.starts_with('0') {
            return Err(JsonError { kind: ErrorKind::LeadingZero, ..start });
        }
        if self.rest.starts_with(['.', 'e', 'E']) {
            return Err(JsonError { kind: ErrorKind::NotAnInteger, ..start });
        }
        let literal = text.strip_suffix(self.rest).unwrap_or(text);
        let value = literal.parse().ok().filter(|n| (-MAX_INTEGER..=MAX_INTEGER).contains(n));
        value.map(Value::Int).ok_or(start)
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.expect("\"")?;
        let mut text = String::new();
        loop {
            text.push_str(self.take_until(needs_escape));
            match self.rest.as_bytes().first() {
                Some(b'\\') => text.push(self.escape()?),
                Some(b'"') | None => return self.expect("\"").map(|()| text),
                Some(_) => return Err(self.error(ErrorKind::ControlCharacter)),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let start = self.error(ErrorKind::InvalidEscape);
        let mut chars = self.rest.chars();
        let escaped = chars.nth(1);
        self.rest = chars.as_str();
        Ok(match escaped {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => return self.unicode_escape(start),
            Some(_) => return Err(start),
            None => return Err(self.unexpected()),
        })
    }

    /// The character of `\uXXXX`, or of two of them that form a surrogate pair; `start` is where
    /// the first one is.
    fn unicode_escape(&mut self, start: JsonError) -> Result<char, JsonError> {
        let unit = self.code_unit(start)?;
        if let Some(c) = char::from_u32(unit.into()) {
            return Ok(c);
        }
        let lone = JsonError { kind: ErrorKind::LoneSurrogate, ..start };
        if !self.eat("\\u") {
            return Err(lone);
        }
        let pair = [unit, self.code_unit(start)?];
        char::decode_utf16(pair).next().and_then(Result::ok).ok_or(lone)
    }

    fn code_unit(&mut self, start: JsonError) -> Result<u16, JsonError> {
        let (digits, rest) = self.rest.split_at_checked(4).ok_or(start)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(start);
        }
        self.rest = rest;
        u16::from_str_radix(digits, 16).map_err(|_| start)
    }
}
