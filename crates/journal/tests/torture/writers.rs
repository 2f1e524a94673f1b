//! The process that is killed: opens the ledger and writes until told to stop, or until it may not any more.

use crate::{ledger::note_file, witness::Intent, workload::Workload};
use journal::{Committer, JournalError, Ledger, Submitted};
use protocol::Outcome;
use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

/// Exit status after a failure of the ledger, which is told on standard error.
pub const FAILED: u8 = 1;
/// Told when a ledger that failed could still be closed, which signs a checkpoint over all of it.
pub const SIGNED_ALL_THE_SAME: &str = "a checkpoint was signed after a failure";
/// Exit status when the ledger took a command after it had failed.
pub const WENT_ON: u8 = 3;

/// One thread.
struct Writer<'a> {
    number: u64,
    notes: File,
    /// What the process before this one may or may not have done.
    unanswered: Option<Intent>,
    next: u64,
    workload: &'a Workload,
    epoch: &'a AtomicU64,
    committer: &'a Committer,
}

/// Each thread ends after `each` commands.
pub fn run(dir: &Path, notes: &Path, threads: u64, each: u64) -> ExitCode {
    let (ledger, recovery) = match Ledger::open(dir) {
        Ok(opened) => opened,
        Err(error) => return failed(&error),
    };
    let cause = recovery.tail.cut.as_ref().map(|cut| cut.cause);
    println!("opened {} {} {cause:?}", recovery.entries, recovery.re_executed);
    let workload = Workload::new(&ledger);
    let epoch = AtomicU64::new(ledger.state().epoch());
    let shared = ledger.share(|committer| {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..threads)
                .map(|number| {
                    let mut writer = Writer::resume(notes, number, &workload, &epoch, committer);
                    scope.spawn(move || writer.write(each))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).max().unwrap_or_default()
        })
    });
    let (ledger, statuses) = match shared {
        Ok(shared) => shared,
        Err(error) => return failed(&error),
    };
    if statuses != 0 {
        if ledger.close().is_ok() {
            eprintln!("{SIGNED_ALL_THE_SAME}");
        }
        return ExitCode::from(statuses);
    }
    ledger.close().map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
}

fn failed(error: &JournalError) -> ExitCode {
    eprintln!("{} {error}", error.code());
    ExitCode::from(FAILED)
}

impl<'a> Writer<'a> {
    fn resume(
        notes: &Path,
        number: u64,
        workload: &'a Workload,
        epoch: &'a AtomicU64,
        committer: &'a Committer,
    ) -> Self {
        let path = note_file(notes, number);
        let (next, unanswered) = Intent::last_in(&path);
        let notes = OpenOptions::new().append(true).create(true).open(path).unwrap();
        Self { number, notes, unanswered, next, workload, epoch, committer }
    }

    /// Exit status for this thread.
    fn write(&mut self, each: u64) -> u8 {
        let end = self.next + each;
        let mut asked = self.unanswered.take();
        while let Some(intent) = asked.take().or_else(|| self.intend(end)) {
            if let Err(error) = self.ask(intent) {
                eprintln!("{} {error}", error.code());
                // It may have been executed in memory: asked again, it must not get a receipt for that.
                return if self.ask(intent).is_ok() { WENT_ON } else { FAILED };
            }
        }
        0
    }

    /// Notes what is asked for next, before it is asked for.
    fn intend(&mut self, end: u64) -> Option<Intent> {
        let intent = Intent { number: self.next, epoch: self.epoch.load(Ordering::Relaxed) };
        (self.next < end).then(|| {
            self.next += 1;
            writeln!(self.notes, "{intent}").unwrap();
            intent
        })
    }

    fn ask(&mut self, intent: Intent) -> Result<(), JournalError> {
        let Intent { number, epoch } = intent;
        let command = self.workload.command(self.number, number, epoch);
        let submitted = self.committer.submit(vec![command])?.remove(0);
        let (word, receipt) = match submitted {
            Submitted::Logged { receipt, .. } => ("logged", receipt),
            Submitted::Repeated(receipt) => ("repeated", receipt),
            Submitted::Refused(refusal) => {
                writeln!(self.notes, "refused {number} {}", refusal.code).unwrap();
                return Ok(());
            }
        };
        // One write for the line: a kill leaves it whole or not there.
        let line = format!("{word} {number} {} {}\n", receipt.seq, receipt.entry_hash.to_hex());
        self.notes.write_all(line.as_bytes()).unwrap();
        if Workload::closes(self.number, number) && matches!(receipt.outcome, Outcome::Accepted(_))
        {
            self.epoch.fetch_max(epoch + 1, Ordering::Relaxed);
        }
        Ok(())
    }
}
