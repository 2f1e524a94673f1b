//! Rows on standard output: JSON documents for programs, lines for people.

use crate::error::{CliError, Result};
use indicatif::{ProgressBar, ProgressStyle};
use protocol::{ErrorCode, Refusal};
use serde_json::{Value, json};
use std::{
    cell::Cell,
    io::{self, IsTerminal, Write},
    rc::Rc,
};

/// Where rows go, and in which form. Clones share one count.
#[derive(Clone, Debug)]
pub struct Output {
    json: bool,
    quiet: bool,
    swallowed: Rc<Cell<u64>>,
}

impl Output {
    /// JSON documents, or lines for people.
    pub fn new(json: bool) -> Self {
        Self { json, quiet: false, swallowed: Rc::default() }
    }

    /// Whether rows are JSON documents.
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Rows are swallowed, and counted, until further notice; errors are not.
    pub const fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// Number of rows swallowed since the last time.
    pub fn take_count(&self) -> u64 {
        self.swallowed.replace(0)
    }

    /// One row: `document` as JSON, or `line` for people.
    pub fn row(&self, document: &Value, line: impl FnOnce() -> String) -> Result<()> {
        if self.quiet {
            self.swallowed.set(self.swallowed.get() + 1);
            return Ok(());
        }
        let text = if self.json { document.to_string() } else { line() };
        self.bytes(format!("{text}\n").as_bytes())
    }

    /// A heading or summary for people; nothing with `--json`.
    pub fn say(&self, line: &str) -> Result<()> {
        if self.json || self.quiet { Ok(()) } else { self.bytes(format!("{line}\n").as_bytes()) }
    }

    /// Bytes as they are.
    pub fn bytes(&self, bytes: &[u8]) -> Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| {
            CliError::failed(
                ErrorCode::Internal,
                format!("cannot write to standard output: {error}"),
            )
        })
    }

    /// A failure: a document for programs, a sentence on standard error for people.
    pub fn failure(&self, refusal: &Refusal) {
        if self.json {
            let document = json!({
                "ok": false,
                "error_code": refusal.code.name(),
                "error_detail": refusal.detail,
            });
            if self.bytes(format!("{document}\n").as_bytes()).is_ok() {
                return;
            }
        }
        self.note(&format!("error: {refusal}"));
    }

    /// A remark on standard error. Nobody may be listening there; that is no failure.
    pub fn note(&self, line: &str) {
        let _ = writeln!(io::stderr(), "{line}");
    }

    /// A progress bar over `total` bytes or items, on a terminal only.
    pub fn progress(&self, total: u64, what: &'static str, bytes: bool) -> ProgressBar {
        if self.quiet || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let template = if bytes {
            "{msg} {wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}"
        } else {
            "{msg} {wide_bar} {pos}/{len} {per_sec} {eta}"
        };
        let style =
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        ProgressBar::new(total).with_style(style).with_message(what)
    }
}
