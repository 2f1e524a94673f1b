//! The command line of the auditor, for `qfs-replay` and `qfs replay`.
//!
//! The one part of this crate that does I/O and knows threads, behind the feature `cli`.

mod checks;
mod files;
mod fork;
mod meter;
mod page;
mod pins;
#[cfg(feature = "round3")]
mod round3;
pub mod scratch;
pub mod threads;

pub use checks::{Check, Keys};
pub use page::PageArgs;
pub use pins::{read as read_keys, read_policy};

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use eqm_log::policy::Cosigner;
use pins::Trust;
use protocol::json::{Value, object};

use self::{
    meter::Meter,
    scratch::{Bounds, Scratch},
    threads::{Spread, Task},
};
use crate::Report;

/// Exit status when the arguments make no sense.
const USAGE: u8 = 2;

/// What `replay` is asked to do.
#[derive(Debug, clap::Args)]
#[command(
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  qfs-replay ledger.qfslog
  qfs-replay ledger.qfslog --key @operator.vkeys --evidence evidence/storage
  qfs-replay ledger.qfslog --key @operator.vkeys --report audit.html
  qfs-replay - --json < ledger.qfslog
  qfs-replay ledger.qfslog --scratch /var/tmp/audit --progress
  qfs-replay ledger.qfslog --until 100000
  qfs-replay ledger.qfslog --against theirs.qfslog --misbehaviour two.proof
  qfs-replay misbehaviour two.proof --key @operator.vkeys
  qfs-replay proof entry.tlog-proof --key @operator.vkeys
  qfs-replay proof entry.tlog-proof --policy trust.policy
  qfs-replay consistency old.checkpoint growth.proof --key @operator.vkeys
  qfs-replay tiles /srv/www/log --key @operator.vkeys

Exit status:
  0  every entry (with --until: every one up to it), the checkpoint and both
     signatures are right
  1  something is not, or the file or the scratch could not be used
  2  the arguments make no sense

Without --key the verdict says `unpinned`: the log is sound, but only its own
word says whose it is."
)]
pub struct ReplayArgs {
    /// Check something smaller than a log. A log file of such a name is given as `./proof`.
    #[command(subcommand)]
    pub check: Option<Check>,
    /// Export file of a log, `-` for standard input.
    #[arg(required = true)]
    pub file: Option<PathBuf>,
    /// Key that the log must be signed by: a verifier key, or a file of them, one a line (`@FILE` or a
    /// path). Give both keys of the log; may be repeated.
    #[arg(long = "key", value_name = "VKEY|@FILE")]
    pub keys: Vec<String>,
    /// Policy (C2SP tlog-policy): keys of logs, and which witnesses must have cosigned the checkpoint.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Directory to write the three evidence files to; made if missing.
    #[arg(long, value_name = "DIR")]
    pub evidence: Option<PathBuf>,
    /// Directory for what grows with the log: memory then does not, and an audit that ended early goes on where it
    /// stood, as does that of a longer export of the same log. Made if missing.
    #[arg(long, value_name = "DIR", conflicts_with = "against")]
    pub scratch: Option<PathBuf>,
    /// Execute nothing after this entry. The whole file is still read, and its checkpoint verified.
    #[arg(long, value_name = "SEQ", conflicts_with_all = ["evidence", "against"])]
    pub until: Option<u64>,
    /// Say how far the audit is on standard error every ten seconds, also where that is no terminal.
    #[arg(long)]
    pub progress: bool,
    /// The report for people.
    #[command(flatten)]
    pub page: PageArgs,
    /// Compare with another export of the log, and find where the two part; nothing is executed.
    #[arg(long, value_name = "OTHER", conflicts_with = "evidence")]
    pub against: Option<PathBuf>,
    /// File for the proof that the log's keys signed two histories, if they part.
    #[arg(long, value_name = "FILE", requires = "against")]
    pub misbehaviour: Option<PathBuf>,
}

/// Audits and says what was found: on standard output, as text or with `json` as one document; errors on
/// standard error. The exit status is 0 for a sound log, 1 for another one, 2 for a usage error.
#[must_use]
pub fn run(args: &ReplayArgs, json: bool) -> ExitCode {
    match (&args.check, &args.file) {
        (Some(check), None)
            if args.keys.is_empty()
                && args.policy.is_none()
                && args.evidence.is_none()
                && args.against.is_none()
                && args.scratch.is_none()
                && args.until.is_none()
                && !args.page.is_asked() =>
        {
            checks::run(check, json)
        }
        (None, Some(file)) => match &args.against {
            Some(other) => against(args, file, other, json),
            None => audit(args, file, json),
        },
        _ => {
            complain("give one log or one check, and its options after it");
            ExitCode::from(USAGE)
        }
    }
}

fn against(args: &ReplayArgs, file: &Path, other: &Path, json: bool) -> ExitCode {
    match Trust::read(&args.keys, args.policy.as_deref()) {
        Ok(trust) => {
            let out = args.misbehaviour.as_deref();
            checks::end(fork::find([file, other], out, &trust.pins()), json)
        }
        Err(message) => {
            complain(&message);
            ExitCode::from(USAGE)
        }
    }
}

fn audit(args: &ReplayArgs, file: &Path, json: bool) -> ExitCode {
    let trust =
        args.page.check(file).and_then(|()| Trust::read(&args.keys, args.policy.as_deref()));
    let trust = match trust {
        Ok(trust) => trust,
        Err(message) => {
            complain(&message);
            return ExitCode::from(USAGE);
        }
    };
    let mut meter = Meter::new(args.progress);
    let mut source = open(file);
    let pinned = trust.pins();
    let task = Task { pinned: &pinned, until: args.until, spread: Spread::default() };
    let scratch = args.scratch.as_deref().map(|folder| Scratch::open(folder, Bounds::default()));
    let report = match scratch.transpose() {
        Ok(scratch) => {
            let read = |buf: &mut [u8]| read(&mut source, buf);
            threads::audit_task(read, task, scratch, &mut |progress| meter.show(progress))
        }
        Err(fault) => Report::failed(crate::apply::unusable(fault)),
    };
    meter.clear();
    let written = args.evidence.as_deref().map(|folder| {
        files::write(folder, &report)
            .map_err(|error| format!("evidence in {}: {error}", folder.display()))
    });
    let page = args.page.write(&report);
    // The log's own word, verified, is what the policy's witnesses must have cosigned.
    let witnessed = trust.witnessed(report.checkpoint.as_deref().unwrap_or_default());
    let failure = match (&report.divergence, &witnessed, &written, &page) {
        (Some(divergence), ..) => Some((divergence.code.name(), divergence.to_string())),
        (None, Err(error), ..) => Some(("SE_ERR_INTEGRITY_MISMATCH", error.to_string())),
        (None, Ok(_), Some(Err(error)), _) | (None, Ok(_), _, Err(error)) => {
            Some(("SE_ERR_INTERNAL", error.clone()))
        }
        _ => None,
    };
    if let (Some(_), Err(error)) = (&report.divergence, &page) {
        complain(error);
    }
    let missing = source.is_err_and(|error| error.kind() == ErrorKind::NotFound);
    let failure = failure.map(|(code, detail)| {
        let code = if missing { "SE_ERR_NOT_FOUND" } else { code };
        (code, detail)
    });
    let written = Written {
        evidence: written.and_then(Result::ok).unwrap_or_default(),
        report: page.ok().flatten(),
        cosigners: witnessed.unwrap_or_default(),
    };
    match failure {
        Some((code, detail)) => fail(code, &detail, json),
        None => succeed(&report, &written, json),
    }
}

/// Files that an audit has left, and who has cosigned what it is about.
struct Written {
    evidence: Vec<PathBuf>,
    report: Option<PathBuf>,
    cosigners: Vec<Cosigner>,
}

type Source = Result<Box<dyn Read + Send>, io::Error>;

/// A file that cannot be opened is a source whose first read fails, so that evidence of an earlier run never
/// outlives it.
fn open(path: &Path) -> Source {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).map_err(|error| named(path, &error))?;
    Ok(Box::new(file))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn read(source: &mut Source, buf: &mut [u8]) -> io::Result<usize> {
    let reader =
        source.as_mut().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
    loop {
        match reader.read(buf) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn fail(code: &str, detail: &str, json: bool) -> ExitCode {
    complain(detail);
    if json {
        say(&object([
            ("ok", Value::from(false)),
            ("error_code", Value::from(code)),
            ("error_detail", Value::from(detail)),
        ])
        .to_string());
    } else {
        say("verdict      FAILED");
    }
    ExitCode::FAILURE
}

fn succeed(report: &Report, written: &Written, json: bool) -> ExitCode {
    if json {
        say(&document(report, written).to_string());
    } else {
        say(&plain(&summary(report, written)));
    }
    ExitCode::SUCCESS
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn document(report: &Report, written: &Written) -> Value {
    let hex = |hash: Option<protocol::Hash32>| hash.map_or(Value::Null, |h| h.to_hex().into());
    let text = |text: Option<String>| text.map_or(Value::Null, Value::from);
    object([
        ("ok", Value::from(true)),
        ("passed", Value::from(report.passed())),
        ("verdict", Value::from(report.verdict.name())),
        ("origin", text(report.origin.clone())),
        ("ledger_id", hex(report.genesis.as_ref().map(protocol::Genesis::ledger_id))),
        ("entries", Value::uint(report.entries)),
        ("declared_entries", Value::uint(report.declared)),
        ("verified_until", report.verified_until().map_or(Value::Null, Value::uint)),
        ("epochs", Value::uint(epochs(report))),
        ("log_hash", hex(Some(report.log_hash))),
        ("last_entry_hash", hex(report.last_entry_hash)),
        ("tree_root", text(report.tree_root.map(|root| root.to_string()))),
        ("state_root", hex(report.final_state_root)),
        ("checkpoint", text(report.checkpoint.clone())),
        ("cosigners", pins::cosigners(&written.cosigners)),
        ("evidence", written.evidence.iter().map(|path| shown(path)).collect()),
        ("report", text(written.report.as_deref().map(shown))),
    ])
}

fn summary(report: &Report, written: &Written) -> String {
    let mut lines = String::new();
    let mut row = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "{name:<12} {value}");
    };
    match report.verified_until().filter(|_| !report.is_whole()) {
        Some(seq) => {
            row("verdict", &format!("passed up to entry {seq}, {}", report.verdict.name()));
        }
        None => row("verdict", &format!("passed, {}", report.verdict.name())),
    }
    row("log", &report.origin.as_deref().unwrap_or("-"));
    row(
        "entries",
        &format!(
            "{}{} ({} accepted, {} refused)",
            report.entries,
            if report.is_whole() { String::new() } else { format!(" of {}", report.declared) },
            report.accepted(),
            report.rejected()
        ),
    );
    row("epochs", &format!("{} closed", epochs(report)));
    if let Some(root) = &report.tree_root {
        row("checkpoint", &format!("size {}, root {root}", report.declared));
    }
    for signature in &report.signatures {
        let key = format!("{} {:08x}", signature.suite, signature.key_id);
        row("signed by", &format!("{} {key}", signature.key_name));
    }
    for Cosigner { witness, key_id, time } in &written.cosigners {
        row("cosigned by", &format!("{witness} {key_id:08x} at {time}"));
    }
    row("log hash", &report.log_hash);
    if let Some(root) = &report.final_state_root {
        row("state root", root);
    }
    for path in &written.evidence {
        row("evidence", &path.display());
    }
    if let Some(path) = &written.report {
        row("report", &path.display());
    }
    lines.truncate(lines.trim_end().len());
    lines
}

fn epochs(report: &Report) -> u64 {
    u64::try_from(report.epochs.len()).unwrap_or(u64::MAX)
}

/// A reader that has gone away is no fault of the audit: its verdict is the exit status.
fn say(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "error: {}", plain(text));
}

/// Text without control characters, which a terminal would obey: names in a file are anybody's.
fn plain(text: &str) -> String {
    let harmless = |c: char| c == '\n' || !c.is_control();
    text.replace(|c| !harmless(c), "\u{fffd}")
}
