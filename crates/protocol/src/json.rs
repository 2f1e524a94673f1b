//! Canonical JSON: RFC 8785 (JCS) with integers only.
//!
//! One value has one text. The parser takes any RFC 8259 text whose numbers are integers within
//! ±(2^53 − 1) and refuses the rest with a position and a reason; the writer gives the canonical
//! text. The rules CJ-1 to CJ-13 are written down in `spec/canonical-json.md`.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

/// 2^53 − 1, the greatest integer that every JSON implementation keeps exact (RFC 7493, section
/// 2.2).
pub const MAX_INTEGER: i64 = 9_007_199_254_740_991;

/// How many arrays and objects may stand inside each other.
pub const MAX_DEPTH: usize = 64;

/// A JSON value.
///
/// `Display` and [`Value::to_canonical`] write the canonical text. That text parses again as long
/// as every integer is within ±[`MAX_INTEGER`] and no nesting exceeds [`MAX_DEPTH`]; the parser
/// guarantees both, a builder must see to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number within ±[`MAX_INTEGER`].
    Int(i64),
    /// A string of Unicode scalar values.
    Str(String),
    /// An ordered list.
    Array(Vec<Value>),
    /// Members with distinct names.
    Object(Map),
}

/// The members of an object, in canonical order: by the UTF-16 code units of their names (RFC 8785,
/// section 3.2.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map(BTreeMap<Key, Value>);

/// A member name that orders by UTF-16 code units. That differs from the order of `str` for
/// characters beyond U+FFFF.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key(String);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.encode_utf16().cmp(other.0.encode_utf16())
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Map {
    /// An object without members.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Sets a member and returns the value it had before.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.insert(Key(key.into()), value.into())
    }

    /// The value of the member `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(&Key(key.into()))
    }

    /// Takes the member `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.0.remove(&Key(key.into()))
    }

    /// The members in canonical order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.0.as_str(), value))
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A later member replaces an earlier one of the same name.
impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(members: I) -> Self {
        Self(
            members
                .into_iter()
                .map(|(key, value)| (Key(key.into()), value.into()))
                .collect(),
        )
    }
}

/// Builds an object: `object([("ok", Value::from(true)), ("seq", Value::uint(seq))])`.
pub fn object<K: Into<String>, V: Into<Value>>(members: impl IntoIterator<Item = (K, V)>) -> Value {
    Value::Object(members.into_iter().collect())
}

impl Value {
    /// An integer where it fits ±[`MAX_INTEGER`], otherwise its decimal digits as a string (RFC
    /// 7493, section 2.2).
    #[must_use]
    pub fn uint(value: u64) -> Self {
        Self::try_from(value).unwrap_or_else(|_| Self::Str(value.to_string()))
    }

    /// What [`Value::uint`] was given; `None` for any other value, also for a string whose number
    /// would have fitted.
    #[must_use]
    pub fn as_uint(&self) -> Option<u64> {
        let value = match self {
            Self::Int(value) => u64::try_from(*value).ok()?,
            Self::Str(digits) => digits.parse().ok()?,
            _ => return None,
        };
        (Self::uint(value) == *self).then_some(value)
    }

    /// The member `key` of an object; `None` also if this is no object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_object()?.get(key)
    }

    /// The object with the member `key` set; anything but an object comes back as it was.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Self>) -> Self {
        if let Self::Object(members) = &mut self {
            members.insert(key, value);
        }
        self
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        let Self::Str(text) = self else { return None };
        Some(text)
    }

    /// The value of an integer.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        let Self::Int(value) = self else { return None };
        Some(*value)
    }

    /// The value of a truth value.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        let Self::Bool(value) = self else { return None };
        Some(*value)
    }

    /// The elements of an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        let Self::Array(elements) = self else {
            return None;
        };
        Some(elements)
    }

    /// The members of an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Map> {
        let Self::Object(members) = self else {
            return None;
        };
        Some(members)
    }

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
fn needs_escape(c: char) -> bool {
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

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

/// The caller keeps within ±[`MAX_INTEGER`]; the parser refuses what is beyond.
impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

/// Refused beyond [`MAX_INTEGER`], with the number itself as the error; see also [`Value::uint`].
impl TryFrom<u64> for Value {
    type Error = u64;

    fn try_from(value: u64) -> Result<Self, u64> {
        i64::try_from(value)
            .ok()
            .filter(|n| *n <= MAX_INTEGER)
            .map(Self::Int)
            .ok_or(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text)
    }
}

impl From<Vec<Value>> for Value {
    fn from(elements: Vec<Value>) -> Self {
        Self::Array(elements)
    }
}

impl From<Map> for Value {
    fn from(members: Map) -> Self {
        Self::Object(members)
    }
}

/// An array of the collected elements.
impl<V: Into<Value>> FromIterator<V> for Value {
    fn from_iter<I: IntoIterator<Item = V>>(elements: I) -> Self {
        Self::Array(elements.into_iter().map(Into::into).collect())
    }
}

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
    /// A number beyond ±[`MAX_INTEGER`].
    OutOfRange,
    /// A member name that the object already has.
    DuplicateKey,
    /// An array or object inside [`MAX_DEPTH`] others.
    TooDeep,
    /// Valid, but not the canonical text of its value; see [`parse_canonical`].
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

/// Parses one JSON value, with whitespace around it or without.
///
/// # Errors
/// The first thing that RFC 8259, RFC 7493 or the limits of this module forbid.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let text = core::str::from_utf8(bytes).map_err(|error| JsonError {
        offset: error.valid_up_to(),
        kind: ErrorKind::InvalidUtf8,
    })?;
    let mut parser = Parser {
        length: text.len(),
        rest: text,
    };
    if text.starts_with('\u{feff}') {
        return Err(parser.error(ErrorKind::ByteOrderMark));
    }
    let value = parser.value(MAX_DEPTH)?;
    parser.skip_whitespace();
    if parser.rest.is_empty() {
        Ok(value)
    } else {
        Err(parser.error(ErrorKind::TrailingBytes))
    }
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
    let offset = bytes
        .iter()
        .zip(canonical.as_bytes())
        .take_while(|(a, b)| a == b)
        .count();
    Err(JsonError {
        offset,
        kind: ErrorKind::NotCanonical,
    })
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
        JsonError {
            offset: self.offset(),
            kind,
        }
    }

    fn unexpected(&self) -> JsonError {
        let ended = self.rest.is_empty();
        self.error(if ended {
            ErrorKind::UnexpectedEnd
        } else {
            ErrorKind::UnexpectedCharacter
        })
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
        if self.eat(token) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// Takes everything before the first character that `stops`, or all of the rest.
    fn take_until(&mut self, stops: impl Fn(char) -> bool) -> &'a str {
        let (taken, rest) = self
            .rest
            .split_at(self.rest.find(stops).unwrap_or(self.rest.len()));
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
        levels
            .checked_sub(1)
            .ok_or_else(|| self.error(ErrorKind::TooDeep))
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
        if members.insert(key, value).is_some() {
            Err(duplicate)
        } else {
            Ok(())
        }
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
            return Err(JsonError {
                kind: ErrorKind::LeadingZero,
                ..start
            });
        }
        if self.rest.starts_with(['.', 'e', 'E']) {
            return Err(JsonError {
                kind: ErrorKind::NotAnInteger,
                ..start
            });
        }
        let literal = text.strip_suffix(self.rest).unwrap_or(text);
        let value = literal
            .parse()
            .ok()
            .filter(|n| (-MAX_INTEGER..=MAX_INTEGER).contains(n));
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
        let lone = JsonError {
            kind: ErrorKind::LoneSurrogate,
            ..start
        };
        if !self.eat("\\u") {
            return Err(lone);
        }
        let pair = [unit, self.code_unit(start)?];
        char::decode_utf16(pair)
            .next()
            .and_then(Result::ok)
            .ok_or(lone)
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

#[cfg(test)]
mod tests {
    use super::ErrorKind::*;
    use super::*;
    use alloc::format;
    use alloc::vec;

    fn canonical(text: &str) -> String {
        parse(text.as_bytes())
            .unwrap_or_else(|error| panic!("{text}: {error}"))
            .to_canonical()
    }

    fn refusal(bytes: &[u8]) -> (usize, ErrorKind) {
        let error = parse(bytes).expect_err(&format!("{}", bytes.escape_ascii()));
        (error.offset, error.kind)
    }

    #[test]
    fn cj4_integers_within_53_bits() {
        let rows = [("0", 0), ("-0", 0), ("-7", -7), ("10", 10)];
        let ends = [
            ("9007199254740991", MAX_INTEGER),
            ("-9007199254740991", -MAX_INTEGER),
        ];
        for (text, value) in rows.into_iter().chain(ends) {
            assert_eq!(parse(text.as_bytes()), Ok(Value::Int(value)), "{text}");
        }
    }

    #[test]
    fn cj1_to_cj6_and_cj13_refusals() {
        let rows: &[(&str, usize, ErrorKind)] = &[
            ("", 0, UnexpectedEnd),
            (" \n", 2, UnexpectedEnd),
            ("[", 1, UnexpectedEnd),
            ("[1", 2, UnexpectedEnd),
            ("{\"a\"", 4, UnexpectedEnd),
            ("{\"a\":", 5, UnexpectedEnd),
            ("\"abc", 4, UnexpectedEnd),
            ("\"\\", 2, UnexpectedEnd),
            ("-", 1, UnexpectedEnd),
            ("nul", 0, UnexpectedCharacter),
            ("True", 0, UnexpectedCharacter),
            ("NaN", 0, UnexpectedCharacter),
            ("-Infinity", 1, UnexpectedCharacter),
            ("+1", 0, UnexpectedCharacter),
            (".5", 0, UnexpectedCharacter),
            ("'a'", 0, UnexpectedCharacter),
            ("[1,]", 3, UnexpectedCharacter),
            ("[,1]", 1, UnexpectedCharacter),
            ("[1 2]", 3, UnexpectedCharacter),
            ("[1}", 2, UnexpectedCharacter),
            ("{\"a\":1,}", 7, UnexpectedCharacter),
            ("{a:1}", 1, UnexpectedCharacter),
            ("{1:1}", 1, UnexpectedCharacter),
            ("{\"a\" 1}", 5, UnexpectedCharacter),
            ("// x\n1", 0, UnexpectedCharacter),
            ("\u{a0}1", 0, UnexpectedCharacter),
            ("\u{b}1", 0, UnexpectedCharacter),
            ("1 2", 2, TrailingBytes),
            ("nullx", 4, TrailingBytes),
            ("{}\0", 2, TrailingBytes),
            ("1\u{feff}", 1, TrailingBytes),
            ("\u{feff}1", 0, ByteOrderMark),
            ("\"a\nb\"", 2, ControlCharacter),
            ("\"\0\"", 1, ControlCharacter),
            ("\"\u{1f}\"", 1, ControlCharacter),
            (r#""\x41""#, 1, InvalidEscape),
            (r#""a\'""#, 2, InvalidEscape),
            (r#""\u12""#, 1, InvalidEscape),
            (r#""\u+123""#, 1, InvalidEscape),
            (r#""\u12g4""#, 1, InvalidEscape),
            (r#""\u00é""#, 1, InvalidEscape),
            (r#""\U0041""#, 1, InvalidEscape),
            (r#""a\ud800""#, 2, LoneSurrogate),
            (r#""\udc00""#, 1, LoneSurrogate),
            (r#""\ud800\u0041""#, 1, LoneSurrogate),
            (r#""\udc00\ud800""#, 1, LoneSurrogate),
            (r#""\ud800\ud800""#, 1, LoneSurrogate),
            (r#""\ud800\n""#, 1, LoneSurrogate),
            ("1.0", 0, NotAnInteger),
            ("[1.5]", 1, NotAnInteger),
            ("1e0", 0, NotAnInteger),
            ("-1E5", 0, NotAnInteger),
            ("01", 0, LeadingZero),
            ("-00", 0, LeadingZero),
            ("9007199254740992", 0, OutOfRange),
            ("[-9007199254740992]", 1, OutOfRange),
            ("99999999999999999999999999", 0, OutOfRange),
            (r#"{"a":1,"a":1}"#, 7, DuplicateKey),
            (r#"{"a":1, "\u0061":2}"#, 8, DuplicateKey),
            (r#"[{"":{"b":0,"b":0}}]"#, 12, DuplicateKey),
        ];
        for (text, offset, kind) in rows {
            assert_eq!(refusal(text.as_bytes()), (*offset, *kind), "{text:?}");
        }
        let not_utf8: [&[u8]; 4] = [
            b"\"\xff\"",
            b"\"\xc0\x80\"",
            b"\"\xed\xa0\x80\"",
            b"\"\xe2\x82",
        ];
        for bytes in not_utf8 {
            assert_eq!(refusal(bytes), (1, InvalidUtf8));
        }
    }

    #[test]
    fn cj6_nesting_ends_at_64_without_deep_recursion() {
        let nested = |open: &str, close: &str, n| format!("{}{}", open.repeat(n), close.repeat(n));
        let list = nested("[", "]", MAX_DEPTH);
        assert_eq!(canonical(&list), list);
        assert_eq!(
            refusal(nested("[", "]", MAX_DEPTH + 1).as_bytes()),
            (64, TooDeep)
        );
        assert_eq!(refusal("[".repeat(1 << 20).as_bytes()), (64, TooDeep));
        assert_eq!(
            refusal("{\"a\":".repeat(1 << 20).as_bytes()),
            (64 * 5, TooDeep)
        );
        let wide = format!("[{}[]]", "[],".repeat(1000));
        assert_eq!(canonical(&wide), wide);
    }

    /// RFC 8785, section 3.2.3: its names, numbered in the order that the example lists them.
    #[test]
    fn cj8_names_sort_by_utf16_code_units() {
        let text = r#"{"\u20ac":1,"\r":2,"\ufb33":3,"1":4,"\ud83d\ude00":5,"\u0080":6,"\u00f6":7}"#;
        let sorted = "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\u{fb33}\":3}";
        assert_eq!(canonical(text), sorted);
        assert_eq!(
            canonical(r#"{"b":0,"aa":0,"a":0,"":0,"B":0}"#),
            r#"{"":0,"B":0,"a":0,"aa":0,"b":0}"#
        );
    }

    #[test]
    fn cj9_strings_escape_only_what_they_must() {
        let text = r#""\u0000\b\t\n\u000b\f\r\u001F\"\\\/\u007f\u00e9\u2028\ud83d\ude00\uffff ""#;
        let expected =
            "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\u{7f}é\u{2028}😀\u{ffff} \"";
        assert_eq!(canonical(text), expected);
    }

    #[test]
    fn cj7_whitespace_goes_and_order_of_elements_stays() {
        let text = " { \"b\" : [ 3 ,\t1,\r\n2 , [ ] ] , \"a\" : { } , \"c\":[null,true,false]}\n";
        assert_eq!(
            canonical(text),
            r#"{"a":{},"b":[3,1,2,[]],"c":[null,true,false]}"#
        );
    }

    #[test]
    fn cj11_only_canonical_bytes_are_taken_as_canonical() {
        for text in ["{}", "0", r#"{"a":[1,"é"],"b":null}"#] {
            assert_eq!(
                parse_canonical(text.as_bytes()),
                parse(text.as_bytes()),
                "{text}"
            );
        }
        let rows = [
            ("{} ", 2),
            (" 1", 0),
            ("-0", 0),
            (r#"{"b":1,"a":2}"#, 2),
            (r#"["a\/"]"#, 3),
            (r#"["\u00e9"]"#, 2),
            (r#"["\u001F"]"#, 7),
        ];
        for (text, offset) in rows {
            let expected = Err(JsonError {
                offset,
                kind: NotCanonical,
            });
            assert_eq!(parse_canonical(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(parse_canonical(b"1.0").unwrap_err().kind, NotAnInteger);
    }

    #[test]
    fn cj12_large_numbers_become_digits() {
        let limit = MAX_INTEGER.unsigned_abs();
        for (number, text) in [
            (0, "0"),
            (limit, "9007199254740991"),
            (limit + 1, "\"9007199254740992\""),
            (u64::MAX, "\"18446744073709551615\""),
        ] {
            let value = Value::uint(number);
            assert_eq!(value.to_canonical(), text);
            assert_eq!(value.as_uint(), Some(number));
        }
        assert_eq!(Value::try_from(limit + 1), Err(limit + 1));
        for other in [
            "5",
            "09007199254740992",
            "+9007199254740992",
            "18446744073709551616",
            "",
        ] {
            assert_eq!(Value::from(other).as_uint(), None, "{other:?}");
        }
        assert_eq!(Value::from(-1).as_uint(), None);
    }

    #[test]
    fn builders_and_accessors() {
        let value = object([("ok", Value::from(false)), ("code", "SE_ERR_LIMIT".into())])
            .with("rows", (1..=2).collect::<Value>())
            .with("detail", object([("seq", 7_i64)]));
        let text = r#"{"code":"SE_ERR_LIMIT","detail":{"seq":7},"ok":false,"rows":[1,2]}"#;
        assert_eq!(value.to_canonical(), text);
        assert_eq!(parse_canonical(text.as_bytes()), Ok(value.clone()));
        assert_eq!(value.get("ok").and_then(Value::as_bool), Some(false));
        assert_eq!(
            value.get("code").and_then(Value::as_str),
            Some("SE_ERR_LIMIT")
        );
        assert_eq!(
            value.get("rows").and_then(Value::as_array).map(<[_]>::len),
            Some(2)
        );
        assert_eq!(
            value.get("detail").and_then(|d| d.get("seq")?.as_int()),
            Some(7)
        );
        assert_eq!((value.get("none"), Value::Null.get("ok")), (None, None));
        assert_eq!(Value::Null.with("a", 1), Value::Null);
        let mut members = value.as_object().cloned().unwrap();
        assert_eq!((members.len(), members.is_empty()), (4, false));
        assert_eq!(members.insert("ok", true), Some(Value::Bool(false)));
        assert_eq!(members.remove("ok"), Some(Value::Bool(true)));
        assert_eq!(
            members.iter().next(),
            Some(("code", &Value::from("SE_ERR_LIMIT")))
        );
    }

    #[test]
    fn errors_say_what_and_where() {
        let error = parse(b"[1.5]").unwrap_err();
        let sentence = "only integers are allowed, without fraction or exponent (byte 1)";
        assert_eq!(error.to_string(), sentence);
    }

    /// The generator SplitMix64: arbitrary values, the same in every run.
    struct Source(u64);

    impl Source {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }

        fn below(&mut self, bound: u64) -> u64 {
            self.next() % bound
        }

        fn text(&mut self) -> String {
            let bounds = [0x24, 0x80, 0x3000, 0x1_0000, 0x11_0000];
            let length = self.below(6);
            (0..length)
                .filter_map(|_| {
                    let bound = bounds[self.below(5) as usize];
                    char::from_u32(self.below(bound) as u32)
                })
                .collect()
        }

        fn value(&mut self, depth: u32) -> Value {
            match self.below(if depth == 0 { 4 } else { 6 }) {
                0 => Value::Null,
                1 => Value::Bool(self.below(2) == 0),
                2 => Value::Int(
                    (self.next() >> (11 + self.below(53))) as i64 - (MAX_INTEGER >> self.below(53)),
                ),
                3 => Value::Str(self.text()),
                4 => (0..self.below(5)).map(|_| self.value(depth - 1)).collect(),
                _ => Value::Object(
                    (0..self.below(5))
                        .map(|_| (self.text(), self.value(depth - 1)))
                        .collect(),
                ),
            }
        }
    }

    #[test]
    fn cj10_canonical_text_goes_there_and_back() {
        let mut source = Source(8785);
        for _ in 0..5000 {
            let value = source.value(5);
            let text = value.to_canonical();
            assert_eq!(parse_canonical(text.as_bytes()), Ok(value), "{text}");
        }
    }

    /// Texts broken at one byte: never a panic, and what still parses has one canonical text.
    #[test]
    fn cj1_broken_texts_are_refused_or_mean_one_value() {
        let mut source = Source(8259);
        for _ in 0..5000 {
            let mut bytes = source.value(3).to_canonical().into_bytes();
            let place = source.below(bytes.len() as u64) as usize;
            bytes[place] = vec![
                source.below(256) as u8,
                b"\"\\{}[],:-0e.u"[source.below(13) as usize],
            ][source.below(2) as usize];
            match parse(&bytes) {
                Ok(value) => {
                    assert_eq!(parse_canonical(value.to_canonical().as_bytes()), Ok(value))
                }
                Err(error) => assert!(error.offset <= bytes.len()),
            }
        }
    }
}
