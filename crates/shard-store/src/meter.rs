//! Counts the bytes that a store holds, staged ones included, against its quota.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::StoreError;

pub(crate) struct Meter {
    used: AtomicU64,
    quota: u64,
}

impl Meter {
    pub(crate) fn new(used: u64, quota: Option<u64>) -> Self {
        Self { used: AtomicU64::new(used), quota: quota.unwrap_or(u64::MAX) }
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }

    pub(crate) fn take(&self, wanted: u64) -> Result<(), StoreError> {
        let within = |used: u64| used.checked_add(wanted).filter(|sum| *sum <= self.quota);
        match self.used.fetch_update(Relaxed, Relaxed, within) {
            Ok(_) => Ok(()),
            Err(used) => Err(StoreError::QuotaExceeded { quota: self.quota, used, wanted }),
        }
    }

    /// Saturates: a file that another process removed must not turn into an enormous usage.
    pub(crate) fn give_back(&self, bytes: u64) {
        let less = |used: u64| Some(used.saturating_sub(bytes));
        let _ = self.used.fetch_update(Relaxed, Relaxed, less);
    }
}
