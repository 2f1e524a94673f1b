//! The seam to durable storage, small enough that a disk which crashes, tears writes and runs full can stand
//! behind it.
//!
//! Two rules carry everything above it. What was written to a file may be lost, in any order and in part, until
//! [`DiskFile::sync_data`] returns. A name that was made, changed or removed may still be as it was before, until
//! [`Disk::sync_dir`] of its directory returns.
//!
//! [`RealDisk`] is the file system of the machine. With the feature `sim` there is [`sim::SimDisk`], which keeps these two
//! promises and not a byte more; with `conformance`, the suite that every implementation passes.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod files;
mod lock;
mod real;
#[cfg(any(test, feature = "sim"))]
pub mod sim;

pub use lock::DirLock;
pub use real::{PublicDisk, RealDisk};

use std::{fmt, io, path::Path};

/// A file system, as far as a ledger's durable files need one.
pub trait Disk: Clone + fmt::Debug + Send + Sync + 'static {
    /// An open file. It stays the same file when its name changes.
    type File: DiskFile;

    /// Makes a directory and the parents that it lacks, durably, for the owner only. One that exists is left alone.
    ///
    /// # Errors
    /// What the operating system says.
    fn make_dir(&self, path: &Path) -> io::Result<()>;

    /// Names of the files in a directory, sorted.
    ///
    /// # Errors
    /// What the operating system says.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none; whatever else the operating system says.
    fn open(&self, path: &Path) -> io::Result<Self::File>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// As [`Disk::open`].
    fn modify(&self, path: &Path) -> io::Result<Self::File>;

    /// Makes an empty file, for the owner only, and opens it for reading and writing.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] when there is one; whatever else the operating system says.
    fn create(&self, path: &Path) -> io::Result<Self::File>;

    /// Gives a file another name in the same directory, in place of a file that had it.
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none; whatever else the operating system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable as they are now.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// One open file of a [`Disk`].
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// Fills `buf` from the bytes at `at`.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the file ends before; whatever else the operating system says.
    fn read_at(&self, at: u64, buf: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `at`; a gap between the file's end and `at` is zeros. After an error any part of
    /// it may have been written.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] when there is no room; whatever else the operating system says.
    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Length in bytes.
    ///
    /// # Errors
    /// What the operating system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether there is no byte.
    ///
    /// # Errors
    /// As [`DiskFile::len`].
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Cuts the file, or lengthens it with zeros.
    ///
    /// # Errors
    /// What the operating system says.
    fn set_len(&mut self, len: u64) -> io::Result<()>;

    /// Makes content and length durable. After an error nothing is known about what was written since the last
    /// success, and calling it again proves nothing: the system may have dropped the bytes and forgotten it.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_data(&mut self) -> io::Result<()>;
}
