//! JSON values, and how programs build and read them.

use super::MAX_INTEGER;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;

/// A JSON value.
///
/// `Display` and [`Value::to_canonical`] write the canonical text. That text parses again as long
/// as every integer is within ±[`MAX_INTEGER`] and no nesting exceeds [`MAX_DEPTH`](super::MAX_DEPTH); the parser
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
        Self(members.into_iter().map(|(key, value)| (Key(key.into()), value.into())).collect())
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
        i64::try_from(value).ok().filter(|n| *n <= MAX_INTEGER).map(Self::Int).ok_or(value)
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
