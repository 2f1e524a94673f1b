//! The state in RocksDB: a cache of the log, written without a log of its own.
//!
//! One [`StateStore::commit`] is one write batch, so the database always stands between two flushes of the
//! state. A crash may put it back to an earlier one; re-executing the log brings it forward again.

use crate::JournalError;
use rocksdb::{
    DB, DBCompressionType, IteratorMode, Options, ReadOptions, WriteBatch, WriteOptions,
};
use std::path::Path;
use storage_engine::state::{Changes, StateStore};

/// The ordered map in a RocksDB directory.
pub struct RocksStore {
    db: DB,
}

impl RocksStore {
    /// Opens the database in `dir`, made if need be.
    ///
    /// # Errors
    /// [`JournalError::Halted`] with what RocksDB says.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_write_buffer_size(64 << 20);
        options.set_max_open_files(256);
        options.set_keep_log_file_num(2);
        options.set_log_level(rocksdb::LogLevel::Warn);
        options.increase_parallelism(2);
        let db = DB::open(&options, dir).map_err(|error| {
            JournalError::Halted(format!(
                "state in {}: {error}; removing that directory is safe: it is rebuilt from the log",
                dir.display()
            ))
        })?;
        Ok(Self { db })
    }
}

impl std::fmt::Debug for RocksStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RocksStore").field("path", &self.db.path()).finish()
    }
}

impl StateStore for RocksStore {
    type Fault = rocksdb::Error;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Self::Fault> {
        self.db.get(key)
    }

    fn scan(
        &self,
        from: &[u8],
        end: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Self::Fault> {
        if from >= end {
            return Ok(());
        }
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(from);
        options.set_iterate_upper_bound(end);
        for pair in self.db.iterator_opt(IteratorMode::Start, options) {
            let (key, value) = pair?;
            if !visit(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&mut self, changes: Changes) -> Result<(), Self::Fault> {
        let mut batch = WriteBatch::default();
        for (key, value) in changes {
            match value {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            }
        }
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        self.db.write_opt(batch, &options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rocksdb_conforms() {
        let dir = tempfile::tempdir().unwrap();
        storage_engine::state::store::conformance(RocksStore::open(dir.path()).unwrap());
    }
}
