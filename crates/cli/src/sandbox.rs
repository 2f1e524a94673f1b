//! Writing what was asked for, where it was asked for, and nowhere else.

use crate::error::{CliError, Result};
use protocol::ErrorCode;
use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, openat, renameat, unlinkat};
use std::{
    fs::File,
    io::{self, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

/// A file that appears under its name only when it is complete. Dropped before, it leaves nothing.
pub struct NewFile {
    dir: OwnedFd,
    name: String,
    staged: String,
    file: Option<File>,
    shown: PathBuf,
}

impl NewFile {
    /// Begins `path`, or `path/object_id` when `path` is a directory.
    ///
    /// # Errors
    /// `SE_ERR_INVALID_INPUT` when the object's name would lead outside the directory; what the operating
    /// system says.
    pub fn create(path: &Path, object_id: &str) -> Result<Self> {
        if path.is_dir() {
            return Self::below(path, object_id);
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
            CliError::failed(
                ErrorCode::InvalidInput,
                format!("{} is not a file name", path.display()),
            )
        })?;
        let dir = open_dir(rustix::fs::CWD, parent.unwrap_or(Path::new(".")), OFlags::empty());
        Self::stage(
            dir.map_err(|error| CliError::io("cannot write below", path, &error))?,
            name,
            path,
        )
    }

    /// Walks down from `root`, making directories, never through a link, never up.
    fn below(root: &Path, object_id: &str) -> Result<Self> {
        let parts: Vec<&str> = object_id.split('/').collect();
        if parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
            return Err(CliError::failed(
                ErrorCode::InvalidInput,
                format!(
                    "the object {object_id:?} has no place below a directory; name a file with -o"
                ),
            ));
        }
        let shown = root.join(object_id);
        let failed = |error: io::Error| CliError::io("cannot write", &shown, &error);
        let mut dir = open_dir(rustix::fs::CWD, root, OFlags::empty()).map_err(failed)?;
        let Some((name, folders)) = parts.split_last() else {
            return Err(CliError::Reported);
        };
        for folder in folders {
            match mkdirat(&dir, *folder, Mode::from_raw_mode(0o777)) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(failed(error.into())),
            }
            dir = open_dir(&dir, Path::new(folder), OFlags::NOFOLLOW).map_err(failed)?;
        }
        Self::stage(dir, name, &shown)
    }

    fn stage(dir: OwnedFd, name: &str, shown: &Path) -> Result<Self> {
        // Beside its final name, so that the rename replaces it in one step.
        let staged =
            format!(".{}.{}.part", &name[..name.floor_char_boundary(200)], std::process::id());
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&dir, &staged, flags, Mode::from_raw_mode(0o666))
            .map_err(|error| CliError::io("cannot write", shown, &error.into()))?;
        let (name, file) = (name.to_owned(), Some(File::from(file)));
        Ok(Self { dir, name, staged, file, shown: shown.to_path_buf() })
    }

    /// Makes the file appear under its name.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn finish(mut self) -> Result<()> {
        let failed = |error: io::Error| CliError::io("cannot write", &self.shown, &error);
        if let Some(file) = &self.file {
            file.sync_all().map_err(failed)?;
        }
        renameat(&self.dir, &self.staged, &self.dir, &self.name).map_err(|e| failed(e.into()))?;
        self.file = None;
        // Who is told that the file is there finds it after a power failure, too.
        rustix::fs::fsync(&self.dir).map_err(|error| failed(error.into()))
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.file.is_some() {
            let _ = unlinkat(&self.dir, &self.staged, AtFlags::empty());
        }
    }
}

fn open_dir(at: impl std::os::fd::AsFd, path: &Path, extra: OFlags) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | extra;
    Ok(openat(at, path, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn write(path: &Path, id: &str) -> Result<()> {
        let mut file = NewFile::create(path, id)?;
        file.write_all(b"new").unwrap();
        file.finish()
    }

    #[test]
    fn nothing_is_written_outside_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let (root, outside) = (dir.path().join("root"), dir.path().join("outside"));
        fs::create_dir(&root).unwrap();
        fs::create_dir(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
        for id in ["/etc/x", "../x", "a/../../x", "a//b", "./a", "link/x", ""] {
            assert!(write(&root, id).is_err(), "{id:?}");
        }
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        write(&root, "a/b/c").unwrap();
        assert_eq!(fs::read(root.join("a/b/c")).unwrap(), b"new");
    }

    #[test]
    fn an_unfinished_file_leaves_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "old").unwrap();
        let mut file = NewFile::create(&path, "id").unwrap();
        file.write_all(b"ne").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        write(&path, "id").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }
}
