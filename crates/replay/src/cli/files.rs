//! Evidence as files.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    process,
};

use crate::{Report, evidence};

/// Temporary names that are tried before giving up.
const ATTEMPTS: u32 = 16;

/// Writes the three documents into `folder`, which is made if missing, and returns their paths. Each file
/// appears whole or not at all.
pub(super) fn write(folder: &Path, report: &Report) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    evidence::documents(report)
        .iter()
        .map(|document| replace(folder, document.name, document.to_text().as_bytes()))
        .collect()
}

/// A crash before the rename leaves a temporary file and the former document; after it, the new document.
pub(super) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let target = folder.join(name);
    let (temporary, mut file) = temporary(folder, name)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, &target));
    if let Err(error) = written {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    Ok(target)
}

/// A new file: an existing name, a symbolic link for instance, is never opened.
fn temporary(folder: &Path, name: &str) -> io::Result<(PathBuf, fs::File)> {
    let mut last = io::Error::from(ErrorKind::AlreadyExists);
    for attempt in 0..ATTEMPTS {
        let path = folder.join(format!(".{name}.{}-{attempt}", writer()));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => last = error,
            Err(error) => return Err(error),
        }
    }
    Err(last)
}

/// Tells processes apart that write at the same time; WebAssembly has none.
fn writer() -> u32 {
    if cfg!(target_family = "wasm") { 0 } else { process::id() }
}
