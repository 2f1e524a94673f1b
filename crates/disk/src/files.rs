//! Small files kept as a whole (`spec/journal.md`, JO-9).

use crate::{Disk, DiskFile};
use std::{io, path::Path};

/// The directory of a file.
#[must_use]
pub fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// All of a file of at most `limit` bytes; `None` when there is no such file.
///
/// # Errors
/// What the operating system says, and [`io::ErrorKind::FileTooLarge`] above the limit.
pub fn read<D: Disk>(disk: &D, path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let len = file.len()?;
    if len > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut bytes = vec![0; len as usize];
    file.read_at(0, &mut bytes)?;
    Ok(Some(bytes))
}

/// Replaces `path` with `bytes`: a crash leaves the old file or the new one, and perhaps a staged file beside it
/// (extension `new`), which the next call removes.
///
/// # Errors
/// What the operating system says.
pub fn replace<D: Disk>(disk: &D, path: &Path, bytes: &[u8]) -> io::Result<()> {
    place(disk, path, bytes)?;
    disk.sync_dir(parent(path))
}

/// As [`replace`], but the new name lasts only once the directory is synced: for many files at a time.
///
/// # Errors
/// What the operating system says.
pub fn place<D: Disk>(disk: &D, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let staged = path.with_extension("new");
    match disk.remove(&staged) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = disk.create(&staged)?;
    file.write_at(0, bytes)?;
    // Durable before it has its name, so that the name never stands for missing bytes.
    file.sync_data()?;
    disk.rename(&staged, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RealDisk;

    #[test]
    fn files_are_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert_eq!(read(&RealDisk, &path, 9).unwrap(), None);
        // What a crash may have left beside it.
        std::fs::write(dir.path().join("file.new"), b"something longer").unwrap();
        for bytes in [&b"first"[..], b"then"] {
            replace(&RealDisk, &path, bytes).unwrap();
            assert_eq!(read(&RealDisk, &path, 9).unwrap().as_deref(), Some(bytes));
        }
        assert_eq!(RealDisk.list(dir.path()).unwrap(), ["file"]);
        let error = read(&RealDisk, &path, 3).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
