//! Listing what is stored: always sorted by object id and version (the storage specification's `list_objects`).

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use protocol::{
    ObjectId,
    command::Content,
    json::{self, Value},
};

use crate::state::{
    State, StateError, StateResult, StateStore,
    records::{StoredRecord, VersionRecord},
};

/// Which objects a listing shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectFilter {
    /// Beginning of the names.
    pub prefix: String,
    /// Every version and delete marker; otherwise the current version of each object that is not deleted.
    pub versions: bool,
    /// This object alone.
    pub object: Option<ObjectId>,
    /// Pairs that the metadata must have: a text, the JSON of another value, or a member of a list.
    pub metadata: Vec<(String, String)>,
}

/// One row of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSummary<'a> {
    /// The object.
    pub object_id: &'a str,
    /// The version.
    pub version: u64,
    /// Tick of the entry that made it.
    pub created_at_tick: u64,
    /// Its content; `None` for a delete marker.
    pub stored: Option<&'a StoredRecord>,
    /// Its metadata; an empty object for a delete marker.
    pub metadata: Value,
}

impl ObjectSummary<'_> {
    /// Bytes of the content.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self.stored.map(|stored| &stored.content) {
            Some(Content::Single(layout)) => layout.size,
            Some(Content::Manifest { size, .. }) => *size,
            None => 0,
        }
    }
}

/// Visits the objects that `filter` lets through, in order, until `visit` returns false.
///
/// # Errors
/// A fault of the store, or a damaged record.
pub fn list_objects<S: StateStore>(
    state: &State<S>,
    filter: &ObjectFilter,
    visit: &mut dyn FnMut(&ObjectSummary<'_>) -> bool,
) -> StateResult<(), S> {
    list_objects_after(state, filter, None, visit)
}

/// [`list_objects`] from the row after this one on, so that a long list can be taken a page at a time.
///
/// # Errors
/// As [`list_objects`].
pub fn list_objects_after<S: StateStore>(
    state: &State<S>,
    filter: &ObjectFilter,
    after: Option<(&ObjectId, u64)>,
    visit: &mut dyn FnMut(&ObjectSummary<'_>) -> bool,
) -> StateResult<(), S> {
    let mut damaged = false;
    // Without `versions` a version is shown once the next name is seen: until then a later one may follow.
    let mut held: Option<(String, u64, VersionRecord)> = None;
    let mut show =
        |name: &str, version, record: &VersionRecord| match summary(name, version, record) {
            Some(summary) => !filter.lets_through(&summary) || visit(&summary),
            None => {
                damaged = true;
                false
            }
        };
    let mut going = true;
    // One row an object: its later versions are no rows of their own.
    let after = after.map(|(id, version)| (id, if filter.versions { version } else { u64::MAX }));
    let within = (filter.prefix.as_str(), filter.object.as_ref());
    state.visit_versions_within(within, after, &mut |name, version, record| {
        going = if filter.versions {
            show(name, version, &record)
        } else {
            match held.replace((name.to_string(), version, record)) {
                Some((earlier, version, record)) if earlier != name => {
                    show(&earlier, version, &record)
                }
                _ => true,
            }
        };
        going
    })?;
    if let Some((name, version, record)) = held.filter(|_| going) {
        show(&name, version, &record);
    }
    if damaged { Err(StateError::Broken("an object's metadata cannot be read")) } else { Ok(()) }
}

fn summary<'a>(
    object_id: &'a str,
    version: u64,
    record: &'a VersionRecord,
) -> Option<ObjectSummary<'a>> {
    let stored = record.stored.as_ref();
    let metadata = match stored {
        Some(stored) => json::parse(&stored.metadata).ok()?,
        None => Value::Object(json::Map::new()),
    };
    let created_at_tick = record.created_at_tick;
    Some(ObjectSummary { object_id, version, created_at_tick, stored, metadata })
}

impl ObjectFilter {
    fn lets_through(&self, summary: &ObjectSummary<'_>) -> bool {
        let wanted = |(key, value): &(String, String)| has(&summary.metadata, key, value);
        (self.versions || summary.stored.is_some()) && self.metadata.iter().all(wanted)
    }
}

fn has(metadata: &Value, key: &str, wanted: &str) -> bool {
    let is = |value: &Value| match value.as_str() {
        Some(text) => text == wanted,
        None => value.to_canonical() == wanted,
    };
    let member = |value: &Value| value.as_array().is_some_and(|list| list.iter().any(is));
    metadata.get(key).is_some_and(|value| is(value) || member(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Amount, Hash32, command::Custody};

    /// Metadata that no command could have brought here is damage, and shown to nobody as an empty object.
    #[test]
    fn unreadable_metadata_has_no_summary() {
        let stored = |metadata: &[u8]| StoredRecord {
            hash_commit: Hash32::ZERO,
            metadata: metadata.to_vec(),
            content: Content::Manifest { root: Hash32::ZERO, count: 1, size: 1 },
            custody: Custody::Claimed,
            fee: Amount::ZERO,
            assignment: Vec::new(),
        };
        let record = |stored| VersionRecord { seq: 1, created_at_tick: 2, stored };
        assert_eq!(summary("a", 1, &record(Some(stored(b"{")))), None);
        let good = record(Some(stored(b"{}")));
        assert!(summary("a", 1, &good).is_some_and(|row| row.size() == 1));
        assert!(summary("a", 1, &record(None)).is_some_and(|row| row.size() == 0));
    }

    #[test]
    fn filters_match_texts_numbers_and_members() {
        let metadata = json::parse(br#"{"a":"x","n":7,"tags":["p","q"],"t":true}"#).unwrap();
        for (key, value) in [("a", "x"), ("n", "7"), ("tags", "q"), ("t", "true")] {
            assert!(has(&metadata, key, value), "{key}={value}");
        }
        for (key, value) in [("a", "y"), ("b", "x"), ("tags", "r"), ("n", "70")] {
            assert!(!has(&metadata, key, value), "{key}={value}");
        }
    }
}
