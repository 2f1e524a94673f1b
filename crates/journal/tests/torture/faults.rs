//! A disk that fails: the n-th write, sync, cut, rename or read of one kind of file returns an error, once.
//!
//! `tests/acceptance/failing-disk.c` stands between the process and the system. Whatever fails, the process must stop
//! rather than guess: it says what failed, gives no receipt for what is not durable, does not touch the failed log
//! again, and the next process finds everything that was acknowledged (JO-3).

use crate::{
    ledger::Target,
    witness::Witness,
    workload::WRITERS,
    writers::{FAILED, SIGNED_ALL_THE_SAME, WENT_ON},
};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

const EIO: i32 = 5;
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/acceptance/failing-disk.c");
/// Commands of each writer: enough to close epochs, so that the state is kept on the way.
const EACH: u64 = 310;
/// Enough to fill a segment, which is then cut to its length.
const SEGMENT_EACH: u64 = 450;

/// A file and a call on it.
struct Fault {
    call: &'static str,
    /// A part of the path.
    file: &'static str,
    /// Whether the process must end, and leave such files alone. It may go on without a cache, which is rebuilt.
    fatal: bool,
    threads: u64,
    /// The first call that fails.
    from: u64,
}

const fn fatal(call: &'static str, file: &'static str) -> Fault {
    Fault { call, file, fatal: true, threads: WRITERS, from: 1 }
}

/// Nobody comes after the one who fails: nothing else stops what must not be done.
const fn lone(call: &'static str, file: &'static str) -> Fault {
    Fault { threads: 1, from: 20, ..fatal(call, file) }
}

const fn cache(call: &'static str, file: &'static str) -> Fault {
    Fault { fatal: false, ..fatal(call, file) }
}

impl Fault {
    /// Whether it is unknown afterwards which entries are on the disk, so that none may be signed for.
    fn is_of_the_log(&self) -> bool {
        [".seg", "/log"].contains(&self.file)
    }
}

const FAULTS: [Fault; 14] = [
    fatal("write", ".seg"),
    fatal("sync", ".seg"),
    fatal("truncate", ".seg"),
    fatal("read", ".seg"),
    fatal("sync", "/log"),
    fatal("write", "/tree"),
    fatal("sync", "/tree"),
    fatal("write", "/checkpoint.new"),
    fatal("sync", "/checkpoint.new"),
    fatal("rename", "/checkpoint"),
    // A cache: what is lost of it is executed again. RocksDB itself stops writing.
    cache("write", "/state/"),
    cache("sync", "/state/"),
    lone("write", ".seg"),
    lone("sync", ".seg"),
];

/// What happened, for people.
#[derive(Default)]
pub struct Figures {
    failed: u64,
    stopped: u64,
    acknowledged: u64,
    skipped: Option<String>,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.skipped {
            return write!(f, "SKIPPED, nothing was tested: {why}");
        }
        let Self { failed, stopped, acknowledged, .. } = self;
        write!(
            f,
            "{failed} calls failed, {stopped} of them ended the process, each with its reason; {acknowledged} entries were acknowledged, all are there"
        )
    }
}

/// Up to `depth` calls of each kind, from the first on and then at growing distances.
pub fn run(depth: u64) -> Figures {
    let scratch = tempfile::tempdir().unwrap();
    let library = match build(scratch.path()) {
        Ok(library) => library,
        Err(why) => return Figures { skipped: Some(why), ..Figures::default() },
    };
    let mut figures = Figures::default();
    for fault in &FAULTS {
        let before = figures.failed;
        let mut nth = fault.from;
        for round in 0..depth {
            if !one(fault, nth, &library, &mut figures) {
                break;
            }
            nth += 1 + nth * round / 3;
        }
        assert!(figures.failed > before, "no {} of {} was met", fault.call, fault.file);
    }
    figures
}

fn build(dir: &Path) -> Result<PathBuf, String> {
    let library = dir.join("failing-disk.so");
    let mut gcc = Command::new("cc");
    gcc.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).args([SOURCE, "-ldl"]);
    let output = gcc.output().map_err(|error| format!("there is no C compiler: {error}"))?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(library)
}

/// A ledger, and how it fared with one call that failed. False when there were fewer calls.
fn one(fault: &Fault, nth: u64, library: &Path, figures: &mut Figures) -> bool {
    let scratch = tempfile::tempdir().unwrap();
    let target = Target::create(&scratch.path().join("ledger"), &scratch.path().join("notes"));
    let report = scratch.path().join("report");
    let output = target
        .writers(fault.threads, if fault.call == "truncate" { SEGMENT_EACH } else { EACH })
        .env("LD_PRELOAD", library)
        .env("QFS_FAULT", format!("{}:{}:{nth}:{EIO}", fault.call, fault.file))
        .env("QFS_FAULT_REPORT", &report)
        .output()
        .unwrap();
    let report = fs::read_to_string(report).unwrap();
    let what = format!("{} {} of {}", fault.call, nth, fault.file);
    let happened = report.contains("failed ");
    if happened {
        figures.failed += 1;
        judge(fault, &what, &output, &report, figures);
    } else {
        assert_eq!(output.status.code(), Some(0), "{what}: {output:?}");
    }
    recovers(&target, scratch, &what, figures);
    happened
}

fn judge(fault: &Fault, what: &str, output: &Output, report: &str, figures: &mut Figures) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(WENT_ON.into()), "{what}: a receipt after it: {said}");
    if fault.fatal {
        assert_eq!(output.status.code(), Some(FAILED.into()), "{what}: {said}");
        // What was attempted, on which file, and why it failed.
        let clear = |line: &str| {
            line.contains("cannot ")
                && line.contains("/ledger/")
                && line.contains("Input/output error")
        };
        assert!(said.lines().any(clear), "{what}: it only says {said}");
        let later: Vec<_> =
            report.lines().skip_while(|line| !line.starts_with("failed")).skip(1).collect();
        assert!(later.is_empty(), "{what}: it went on with {later:?}");
    }
    if fault.is_of_the_log() {
        assert!(!said.contains(SIGNED_ALL_THE_SAME), "{what}: {said}");
    }
    figures.stopped += u64::from(output.status.code() == Some(FAILED.into()));
}

/// The disk works again.
fn recovers(target: &Target, scratch: TempDir, what: &str, figures: &mut Figures) {
    let mut witness = Witness::default();
    witness.read(target);
    drop(witness.check(target));
    let output = target.writers(WRITERS, 3).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "after {what}: {output:?}");
    witness.read(target);
    drop(witness.check_whole(target));
    figures.acknowledged += witness.len();
    drop(scratch);
}
