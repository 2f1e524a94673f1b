//! The stages of a ledger, each a step of its own: execution, writing, syncing, keeping the state, signing.

use super::{Checked, History};
use crate::stack::{
    flaw::{Flaw, FlawedDisk},
    model::{Model, Want},
    store::durable_entries,
};
use eqm_log::{Checkpoint, LogHead};
use journal::{
    Appender, JournalError, Sequencer, Solo,
    appender::Mark,
    engine::{Answer, Group},
};
use protocol::Command;
use storage_engine::Admitted;

impl History<'_> {
    // --- stages ---

    pub(super) fn execute(&mut self, count: u8) -> Checked {
        if self.barrier {
            return Ok(());
        }
        let mut left = usize::from(count);
        while left > 0 && !self.barrier && !self.line.is_empty() {
            left -= self.execute_batch(left)?;
        }
        Ok(())
    }

    /// One batch, as the sequencer orders it. What a barrier keeps back stays in the line.
    pub(super) fn execute_batch(&mut self, count: usize) -> Result<usize, String> {
        let Some(stack) = &mut self.stack else { return Ok(count) };
        let (engine, _) = stack.sides();
        let batch: Vec<Admitted> = self.line.iter().take(count).cloned().collect();
        let mut taken = 0;
        for batch in Solo.order(engine.tick(), batch) {
            let ticks: Vec<(u64, Command)> =
                batch.commands.iter().map(|(tick, c)| (*tick, c.command().clone())).collect();
            let mut ticks = ticks.into_iter();
            let mut commands = batch.commands.into_iter().peekable();
            while commands.peek().is_some() && !self.barrier {
                let group = match engine.execute(&batch.cursor, &mut commands) {
                    Ok(group) => group,
                    Err(error) => {
                        self.failed(&error)?;
                        return Ok(count);
                    }
                };
                taken += group.answers.len();
                let commands = ticks.by_ref().take(group.answers.len());
                let wants = check_group(&mut self.model, &group, commands)?;
                self.barrier = group.barrier;
                self.executed.push_back((group, wants));
            }
        }
        self.line.drain(..taken);
        Ok(taken.max(1))
    }

    pub(super) fn append(&mut self) -> Checked {
        let Some((group, wants)) = self.executed.pop_front() else { return Ok(()) };
        let Some(stack) = &mut self.stack else { return Ok(()) };
        let entries = wants.iter().filter(|want| matches!(want, Want::Entry(_))).count() as u64;
        self.model.attempted += entries;
        let appended = stack.sides().1.append(group);
        if appended.is_ok() {
            self.model.appended += entries;
            self.written.extend(wants);
        }
        self.after(appended)
    }

    pub(super) fn sync(&mut self) -> Checked {
        let Some(stack) = &mut self.stack else { return Ok(()) };
        let answers = stack.sides().1.sync(self.flaw != Some(Flaw::EarlyReceipt));
        match answers {
            Ok(mut answers) => {
                if self.flaw == Some(Flaw::SwappedAnswers) && answers.len() > 1 {
                    answers.swap(0, 1);
                }
                let wants = std::mem::take(&mut self.written);
                self.check_answers(answers, wants)?;
                self.check_durable()
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Every entry with a receipt is durable.
    pub(super) fn check_durable(&mut self) -> Checked {
        if self.corrupt {
            return Ok(());
        }
        let (durable, acknowledged) = (durable_entries(&self.disk), self.model.acknowledged);
        if durable < acknowledged {
            return Err(format!("{acknowledged} entries have receipts, and {durable} are durable"));
        }
        Ok(())
    }

    pub(super) fn pass(&mut self) -> Checked {
        if !self.barrier || self.stack.is_none() {
            return Ok(());
        }
        while !self.executed.is_empty() {
            self.append()?;
            if !self.barrier || self.over {
                return Ok(());
            }
        }
        let Some(stack) = &mut self.stack else { return Ok(()) };
        let (engine, appender) = stack.sides();
        let passed = mark(self.flaw, appender).and_then(|mut mark| {
            if self.flaw == Some(Flaw::StaleLink) {
                let before = self.model.hash(mark.head.size().saturating_sub(2));
                mark.head =
                    LogHead::resume(before.unwrap_or_default(), mark.head.frontier().clone());
            }
            engine.appended(&mark)
        });
        self.barrier = passed.is_err();
        self.after(passed)
    }

    pub(super) fn submit(&mut self, count: u8) -> Checked {
        let busy = self.barrier || !self.executed.is_empty() || !self.written.is_empty();
        let Some(stack) = self.stack.as_mut().filter(|_| !busy && !self.line.is_empty()) else {
            return Ok(());
        };
        let count = self.line.len().min(count.into());
        let commands: Vec<Command> =
            self.line.drain(..count).map(|admitted| admitted.command().clone()).collect();
        let first = self.model.size();
        let mut wants = Vec::new();
        for (tick, command) in (stack.sides().0.tick() + 1..).zip(&commands) {
            wants.push(self.model.execute(tick, command.clone()));
            self.model.end_group();
        }
        self.model.attempted = self.model.size();
        match stack.submit(commands) {
            Ok(answers) => {
                self.model.appended = self.model.size();
                self.see_written(first)?;
                if self.over {
                    return Ok(());
                }
                self.check_answers(answers, wants)?;
                self.check_durable()
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Looks at the entries from `first` on, which [`journal::Executor::submit`] made on its own.
    fn see_written(&mut self, first: u64) -> Checked {
        let Some(stack) = &self.stack else { return Ok(()) };
        let (model, mut wrong) = (&mut self.model, None);
        let read = stack.appender().log().read::<JournalError>(first, |entry| {
            wrong = model.see(entry.seq, &entry.body).err();
            Ok(wrong.is_none())
        });
        match (wrong, read) {
            (Some(wrong), _) => Err(wrong),
            (None, Err(error)) => self.check_cause(&error),
            (None, Ok(())) => Ok(()),
        }
    }

    pub(super) fn flush(&mut self) -> Checked {
        let idle = self.executed.is_empty() && !self.barrier;
        let Some(stack) = self.stack.as_mut().filter(|_| idle) else { return Ok(()) };
        let flushed = if self.flaw == Some(Flaw::StateAhead) {
            let (engine, appender) = stack.sides();
            mark(self.flaw, appender).and_then(|mark| engine.flush(&mark))
        } else {
            stack.flush()
        };
        self.after(flushed)
    }

    pub(super) fn sign(&mut self) -> Checked {
        let Some(stack) = &self.stack else { return Ok(()) };
        let appender = stack.appender();
        let head = match appender.durable_head() {
            _ if self.flaw == Some(Flaw::EarlyCheckpoint) => appender.head(),
            Ok(head) => head,
            // Right so while something is on its way.
            Err(_) if appender.log().durable_len() < self.model.attempted => return Ok(()),
            Err(error) => return Err(format!("no checkpoint of a durable log: {error}")),
        };
        if head.size() == 0 {
            return Ok(());
        }
        let (size, root) = (head.size(), head.root());
        match self.checkpoint.sign(self.parties.origin(), head, &self.parties.log) {
            Ok(note) => {
                self.summary.checkpoints += 1;
                self.check_note(&note, size)?;
                self.model.signed.push((size, root));
                Ok(())
            }
            // The log goes on without it.
            Err(error) => {
                self.check_cause(&error)?;
                if self.over { Ok(()) } else { self.stop() }
            }
        }
    }

    pub(super) fn check_note(&mut self, note: &str, size: u64) -> Checked {
        let verified = Checkpoint::verify(note, &self.parties.verifiers);
        let verified = match verified {
            Ok(verified) => verified,
            // A client would refuse it.
            Err(_) if self.corrupt => return Ok(()),
            Err(error) => return Err(format!("the checkpoint does not verify: {error}")),
        };
        if (verified.size(), verified.root()) != (size, self.model.root(size)) {
            return Err(format!("the checkpoint of {size} entries states something else"));
        }
        let durable = if self.corrupt { size } else { durable_entries(&self.disk) };
        if durable < size {
            return Err(format!("a checkpoint of {size} entries is signed, {durable} are durable"));
        }
        Ok(())
    }
}

/// How the log stands, durably unless that is the mistake.
fn mark(flaw: Option<Flaw>, appender: &mut Appender<FlawedDisk>) -> Result<Mark, JournalError> {
    match flaw {
        Some(Flaw::StateAhead) => Ok(Mark { head: appender.head().clone() }),
        _ => appender.mark(),
    }
}

/// A group's answers and bytes are those of the model; gives what its commands must be answered in the end.
fn check_group(
    model: &mut Model,
    group: &Group,
    commands: impl Iterator<Item = (u64, Command)>,
) -> Result<Vec<Want>, String> {
    let mut bodies = group.bodies.iter();
    let mut wants = Vec::new();
    for ((tick, command), answer) in commands.zip(&group.answers) {
        let want = model.execute(tick, command);
        let right = match (answer, &want) {
            (Answer::Executed { outcome, .. }, Want::Entry(seq)) => {
                let body = bodies.next().ok_or("a group has more answers than entries")?;
                model.see(*seq, body)?;
                outcome == model.outcome(*seq)?
            }
            (Answer::Repeated { seq }, Want::Repeated(wanted)) => seq == wanted,
            (Answer::Refused(refusal), Want::Refused(code)) => refusal.code == *code,
            _ => false,
        };
        if !right {
            return Err(format!("execution says {answer:?}, and must say {want:?}"));
        }
        wants.push(want);
    }
    if bodies.next().is_some() {
        return Err("a group has more entries than answers".into());
    }
    model.end_group();
    Ok(wants)
}
