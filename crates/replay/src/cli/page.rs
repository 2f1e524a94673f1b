//! `--report FILE`: the report for people, written beside everything else that an audit leaves (RP-20).

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::files;
use crate::{Report, html};

/// Where the report goes.
#[derive(Debug, Default, clap::Args)]
pub struct PageArgs {
    /// File for a report that people can read: one HTML page that stands by itself, whether the audit passes or not.
    #[arg(long, value_name = "FILE", conflicts_with = "against")]
    report: Option<PathBuf>,
}

impl PageArgs {
    /// Whether the option was given.
    pub(super) const fn is_asked(&self) -> bool {
        self.report.is_some()
    }

    /// Nothing that makes no sense: the log itself would be replaced by its report, a folder cannot be.
    pub(super) fn check(&self, log: &Path) -> Result<(), String> {
        let Some(page) = &self.report else { return Ok(()) };
        if page.file_name().is_none() || page.is_dir() {
            return Err(format!("--report {}: not the name of a file", page.display()));
        }
        match (fs::canonicalize(page), fs::canonicalize(log)) {
            (Ok(page), Ok(log)) if page == log => {
                Err(format!("--report {}: that is the log", log.display()))
            }
            _ => Ok(()),
        }
    }

    /// Writes the page, whole or not at all, and returns its path.
    pub(super) fn write(&self, report: &Report) -> Result<Option<PathBuf>, String> {
        let Some(page) = &self.report else { return Ok(None) };
        let written = write(page, &html::render(report));
        written.map(Some).map_err(|error| format!("report in {}: {error}", page.display()))
    }
}

fn write(page: &Path, text: &str) -> io::Result<PathBuf> {
    let name = page.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let folder = match page.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    files::replace(folder, name, text.as_bytes())?;
    Ok(page.to_path_buf())
}
