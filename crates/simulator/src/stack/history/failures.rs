//! What fails, why it may, and how a ledger is opened after it.

use super::{Checked, DIR, History, INTERRUPTED, LOG_DIR, SIZES, Stack};
use crate::{
    Ending, Faults,
    stack::{flaw::FlawedDisk, store::FAULT},
};
use journal::{Disk, Executor, JournalError};
use protocol::{Action, CommandId, ObjectId};
use std::path::Path;
use storage_engine::admit_all;

impl History<'_> {
    // --- failures and restarts ---

    pub(super) fn stop_at(&self, points: u64) {
        let crash_at = Some(self.disk.points() + points);
        self.disk.set_faults(Faults { crash_at, ..self.disk.faults() });
    }

    pub(super) fn arm(&self) {
        let failing_sync = u64::from(self.failing);
        self.disk.set_faults(Faults { failing_sync, ..self.disk.faults() });
    }

    pub(super) fn after(&mut self, result: Result<(), JournalError>) -> Checked {
        match result {
            Ok(()) => {
                self.misdirected();
                Ok(())
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Something failed. That needs a cause; and then nothing more is taken until a restart.
    pub(super) fn failed(&mut self, error: &JournalError) -> Checked {
        self.answers.push(error.to_string());
        self.check_cause(error)?;
        if self.over {
            return Ok(());
        }
        self.check_refuses()?;
        self.stop()
    }

    pub(super) fn stop(&mut self) -> Checked {
        let killed = !self.disk.crashed() && self.random.one_in(2);
        self.summary.stops += u64::from(self.disk.crashed());
        self.restart(if killed { Ending::ProcessKilled } else { Ending::PowerLost }, None)
    }

    pub(super) fn check_cause(&mut self, error: &JournalError) -> Checked {
        if self.disk.crashed() {
            return Ok(());
        }
        if self.corrupt && matches!(error, JournalError::Damaged(_) | JournalError::Halted(_)) {
            self.over = true;
            self.summary.detected += 1;
            return Ok(());
        }
        let text = format!("{error:?}");
        if self.failing && text.contains("did not take it") {
            self.summary.failed_syncs += 1;
            return Ok(());
        }
        if self.unreadable && text.contains(FAULT) {
            self.summary.failed_reads += 1;
            return Ok(());
        }
        if self.filled && text.contains("StorageFull") {
            self.summary.full += 1;
            return Ok(());
        }
        Err(format!("it failed without a cause: {error}"))
    }

    /// After a failure there is no receipt, no checkpoint and no state any more.
    pub(super) fn check_refuses(&mut self) -> Checked {
        let committed = self.store.count();
        let Some(stack) = &mut self.stack else { return Ok(()) };
        self.disk.set_faults(Faults::default());
        let poisoned = stack.appender().log().is_poisoned();
        if poisoned && stack.sides().1.sync(true).is_ok() {
            return Err("a sync succeeds after a failure".into());
        }
        if poisoned && stack.appender().durable_head().is_ok() {
            return Err("a checkpoint could be signed after a failure".into());
        }
        let action = Action::DeleteMarker { object: ObjectId("late".into()), version: 1 };
        let late = self.parties.command(CommandId([0xee; 16]), 1, 0, action);
        if let Ok(answers) = stack.submit(vec![late]) {
            return Err(format!("after a failure there are answers: {answers:?}"));
        }
        if self.store.count() > committed {
            return Err("the state is kept after a failure".into());
        }
        Ok(())
    }

    pub(super) fn restart(&mut self, ending: Ending, stop_at: Option<u64>) -> Checked {
        match ending {
            Ending::ProcessKilled => self.summary.kills += 1,
            Ending::PowerLost => self.summary.power_losses += 1,
        }
        self.stack = None;
        self.line.clear();
        self.executed.clear();
        self.written.clear();
        self.barrier = false;
        self.disk.restart(ending);
        self.store.crash(&mut self.random);
        (self.failing, self.filled, self.unreadable) = (false, false, false);
        self.disk.set_faults(Faults::default());
        if let Some(points) = stop_at {
            self.stop_at(points);
        }
        // What a killed process wrote is in the system's memory.
        self.least = match ending {
            Ending::ProcessKilled => self.model.appended,
            Ending::PowerLost => self.model.acknowledged,
        };
        self.recover()
    }

    /// Opens as [`journal::Ledger::open`] does, however often that is interrupted.
    pub(super) fn recover(&mut self) -> Checked {
        for _ in 0..INTERRUPTED {
            match self.open() {
                Ok(stack) => return self.check_opened(stack),
                Err(error) => {
                    self.check_cause(&error)?;
                    if self.over {
                        return Ok(());
                    }
                }
            }
            self.summary.stops += 1;
            if self.random.one_in(2) {
                self.disk.restart(Ending::ProcessKilled);
            } else {
                self.disk.restart(Ending::PowerLost);
                self.least = self.model.acknowledged;
            }
            self.store.crash(&mut self.random);
            let again =
                self.random.one_in(2).then(|| self.disk.points() + 1 + self.random.below(9));
            self.disk.set_faults(Faults { crash_at: again, ..Faults::default() });
        }
        self.disk.set_faults(Faults::default());
        match self.open() {
            Ok(stack) => self.check_opened(stack),
            Err(error) => self.check_cause(&error),
        }
    }

    pub(super) fn open(&mut self) -> Result<Stack, JournalError> {
        let flawed = FlawedDisk::new(self.disk.clone(), self.flaw);
        self.checkpoint.read()?;
        let seen = self.store.seen();
        let opened = Executor::open_sized(flawed, Path::new(DIR), self.store.clone(), &SIZES);
        let (stack, recovery) = opened?;
        self.checkpoint.check(stack.appender().head(), stack.appender())?;
        if recovery.re_executed != recovery.entries - seen {
            return Err(JournalError::Halted(
                "recovery did not begin where the state stands".into(),
            ));
        }
        self.summary.re_executed += recovery.re_executed;
        self.summary.cuts += u64::from(recovery.tail.cut.is_some());
        Ok(stack)
    }

    pub(super) fn check_opened(&mut self, stack: Stack) -> Checked {
        let len = stack.appender().log().len();
        let signed = self.model.signed.iter().map(|(size, _)| *size).max().unwrap_or(0);
        // Of what nothing vouched for, corruption may take receipts (JO-5); checkpoint and state are the guard (JO-6).
        let least = if self.corrupt { self.store.seen() } else { self.least }.max(signed);
        if len < least {
            return Err(format!("{least} entries were acknowledged or signed, {len} are left"));
        }
        if len > self.model.attempted {
            let attempted = self.model.attempted;
            return Err(format!("{len} entries are there, {attempted} were ever written"));
        }
        self.summary.lost += self.model.size() - len;
        self.stack = Some(stack);
        self.check_log(len)?;
        if self.over {
            return Ok(());
        }
        self.model.cut(len)?;
        if self.corrupt {
            self.model.signed.retain(|(size, _)| *size <= len);
        }
        self.look()?;
        if len == 0 {
            // As `journal::Ledger::create` does: nothing comes before the genesis.
            let ledger_id = self.parties.ledger_id();
            let command = self.parties.open();
            for admitted in admit_all(Some(&ledger_id), vec![command]).into_iter().flatten() {
                self.line.push_back(admitted);
            }
        }
        Ok(())
    }

    // --- corruption ---

    pub(super) fn rot(&mut self) -> Checked {
        let mut paths = vec![Path::new(DIR).join("tree"), Path::new(DIR).join("checkpoint")];
        let segments = self.disk.list(Path::new(LOG_DIR)).unwrap_or_default();
        // Mostly the log, which is all that matters.
        paths.extend(segments.iter().map(|name| Path::new(LOG_DIR).join(name)));
        paths.extend(segments.iter().map(|name| Path::new(LOG_DIR).join(name)));
        let path = &paths[self.random.below(paths.len() as u64) as usize];
        if self.disk.rot(path).is_ok() {
            self.corrupted();
        }
        Ok(())
    }

    pub(super) fn misdirect(&mut self) -> Checked {
        self.disk.set_faults(Faults { misdirected: 1, ..self.disk.faults() });
        self.corrupted();
        Ok(())
    }

    pub(super) fn corrupted(&mut self) {
        self.corrupt = true;
        self.summary.corruptions += 1;
        self.store.trust();
    }

    pub(super) fn misdirected(&self) {
        let faults = self.disk.faults();
        if faults.misdirected > 0 {
            self.disk.set_faults(Faults { misdirected: 0, ..faults });
        }
    }
}
