//! What the database does not have, known without asking it.
//!
//! A new database has nothing, so everything is known of it. Of another one everything is known once it was gone
//! through, which a thread does in the background when it turns out to be worth it.

use super::{key_filter::KeyFilters, lock};
use rocksdb::{DB, IteratorMode, ReadOptions};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{Builder, JoinHandle},
};
use storage_engine::state::keys;

/// Questions answered with no after which the database is gone through.
const SURVEY_AFTER: u64 = 10_000;
/// Keys that are added at once.
const ADDED_TOGETHER: usize = 256;

/// The filters, and the survey that completes them.
pub(super) struct Absence {
    filters: Mutex<KeyFilters>,
    survey: Mutex<Survey>,
    ended: AtomicBool,
}

enum Survey {
    /// So many questions were answered with no.
    Due(u64),
    Begun(JoinHandle<()>),
    /// Nothing to do any more.
    Over,
}

impl Absence {
    pub(super) fn of(db: &DB) -> Self {
        let mut filters = KeyFilters::default();
        let is_new = db.iterator(IteratorMode::Start).next().is_none();
        if is_new {
            filters.complete();
        }
        let survey = if is_new { Survey::Over } else { Survey::Due(0) };
        Self {
            filters: Mutex::new(filters),
            survey: Mutex::new(survey),
            ended: AtomicBool::new(false),
        }
    }

    /// Whether the database cannot have `key`.
    pub(super) fn is_certain(&self, key: &[u8]) -> bool {
        KeyFilters::covers(key) && !lock(&self.filters).may_have(key)
    }

    /// The database is about to get these keys.
    pub(super) fn ends_for<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) {
        let mut keys = keys.filter(|key| KeyFilters::covers(key)).peekable();
        while keys.peek().is_some() {
            let mut filters = lock(&self.filters);
            keys.by_ref().take(ADDED_TOGETHER).for_each(|key| filters.add(key));
        }
    }

    /// The database was asked for `key` in vain.
    pub(super) fn learned(this: &Arc<Self>, db: &Arc<DB>, key: &[u8]) {
        let mut survey = lock(&this.survey);
        let Survey::Due(answers) = &mut *survey else { return };
        *answers += u64::from(KeyFilters::covers(key));
        if *answers < SURVEY_AFTER {
            return;
        }
        let (absence, db) = (Arc::clone(this), Arc::clone(db));
        let begun =
            Builder::new().name("state-survey".into()).spawn(move || absence.go_through(&db));
        // Without it, answers take longer.
        *survey = begun.map_or(Survey::Over, Survey::Begun);
    }

    /// Adds every key of the kinds that are remembered. What is committed meanwhile is added as well, by its writer.
    fn go_through(&self, db: &DB) {
        for kind in [keys::COMMAND, keys::OBJECT] {
            let mut options = ReadOptions::default();
            options.set_iterate_lower_bound([kind]);
            options.set_iterate_upper_bound([kind + 1]);
            options.fill_cache(false);
            for pair in db.iterator_opt(IteratorMode::Start, options) {
                let Ok((key, _)) = pair else { return };
                if self.ended.load(Ordering::Relaxed) {
                    return;
                }
                lock(&self.filters).add(&key);
            }
        }
        lock(&self.filters).complete();
    }

    /// Ends the survey, wherever it is.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Survey::Begun(thread) = std::mem::replace(&mut *lock(&self.survey), Survey::Over) {
            let _ = thread.join();
        }
    }
}
