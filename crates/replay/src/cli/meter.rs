//! How far an audit is, for whoever waits for it.
#![allow(clippy::disallowed_types, reason = "people wait by the clock")]

use std::{
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use crate::Progress;

/// Entries between two looks at the clock.
const LOOK: u64 = 1_024;

/// Time between two lines on a terminal, where each replaces the last.
const ON_TERMINAL: Duration = Duration::from_millis(200);

/// Time between two lines elsewhere.
const ELSEWHERE: Duration = Duration::from_secs(10);

/// A line of progress: on a terminal, or wherever it is asked for.
pub(super) struct Meter {
    terminal: bool,
    interval: Option<Duration>,
    began: Instant,
    shown: Option<Instant>,
    /// Where this audit began, which need not be at the first entry.
    first: Option<u64>,
}

impl Meter {
    pub(super) fn new(asked: bool) -> Self {
        let terminal = io::stderr().is_terminal();
        let interval = if terminal { Some(ON_TERMINAL) } else { asked.then_some(ELSEWHERE) };
        Self { terminal, interval, began: Instant::now(), shown: None, first: None }
    }

    pub(super) fn show(&mut self, progress: Progress) {
        let Some(interval) = self.interval else { return };
        let first = *self.first.get_or_insert(progress.entries);
        if !progress.entries.is_multiple_of(LOOK) {
            return;
        }
        let now = Instant::now();
        if now.duration_since(self.shown.unwrap_or(self.began)) < interval {
            return;
        }
        self.shown = Some(now);
        let line = line(progress, first, now.duration_since(self.began));
        let mut out = io::stderr().lock();
        // Nobody may listen; that is no fault of the audit.
        let _ = if self.terminal { write!(out, "\r\x1b[K{line}") } else { writeln!(out, "{line}") };
    }

    pub(super) fn clear(&self) {
        if self.terminal && self.shown.is_some() {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// `1200000 of 5000000 entries (24 %), 110000 entries/s, 0:35 left`
fn line(progress: Progress, first: u64, passed: Duration) -> String {
    let Progress { entries, declared } = progress;
    let percent = u128::from(entries).saturating_mul(100).checked_div(u128::from(declared));
    let done = u128::from(entries.saturating_sub(first));
    let rate = done.saturating_mul(1_000).checked_div(passed.as_millis()).unwrap_or(0);
    let left = u128::from(declared.saturating_sub(entries)).checked_div(rate);
    let mut line =
        format!("{entries} of {declared} entries ({} %), {rate} entries/s", percent.unwrap_or(0));
    if let Some(left) = left {
        let (minutes, seconds) = (left / 60, left % 60);
        line.push_str(&format!(", {minutes}:{seconds:02} left"));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_fast_and_how_long() {
        let progress = Progress { entries: 1_200_000, declared: 5_000_000 };
        let shown = line(progress, 100_000, Duration::from_secs(10));
        assert_eq!(shown, "1200000 of 5000000 entries (24 %), 110000 entries/s, 0:34 left");
        let nothing = line(Progress { entries: 0, declared: 0 }, 0, Duration::ZERO);
        assert_eq!(nothing, "0 of 0 entries (0 %), 0 entries/s");
    }
}
