//! One history: the stages of a ledger, driven in any order that threads could bring about, beside the model.
//!
//! Execution, writing, syncing, keeping the state and signing are steps of their own, as in [`journal::Committer`],
//! so that execution runs ahead of the log. What must be durable is judged by [`durable_entries`], which cuts the power
//! of a copy of the disk, and never by what the journal says of itself.

use super::{
    DIR, LOG_DIR,
    client::{self, Parties},
    flaw::{Flaw, FlawedDisk},
    model::{Model, Want},
    plan::{Act, Ask, Step},
    store::{FAULT, SimStore, durable_entries},
};
use crate::{Ending, Faults, Random, SimDisk, log_history};
use eqm_log::{Checkpoint, LogHead, tree};
use journal::{
    Appender, Disk, Executor, JournalError, Sequencer, Solo, Submitted,
    appender::Mark,
    checkpoint::CheckpointFile,
    engine::{Answer, Group, Limits},
    executor::Sizes,
};
use protocol::{
    Action, Authorization, Command, CommandId, Event, Hash32, ObjectId, Outcome, Receipt,
    command::Content, error::ErrorCode,
};
use std::{collections::VecDeque, path::Path};
use storage_engine::{
    Admitted, admit_all, execute_committed,
    state::{MemoryStore, State},
};

/// Small enough that groups end, files turn and the state is kept within a few commands.
pub const SIZES: Sizes = Sizes {
    segments: log_history::SIZES,
    engine: Limits { group_entries: 4, pending_records: 60, unflushed_entries: 6 },
};

/// Openings that may be interrupted one after the other; then nothing interrupts any more.
const INTERRUPTED: u32 = 6;

/// What happened in histories that violated nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Steps that did something.
    pub steps: u64,
    /// Write points of the disk.
    pub points: u64,
    /// Entries at the end.
    pub entries: u64,
    /// Entries that recoveries executed again.
    pub re_executed: u64,
    /// Ends of the process alone.
    pub kills: u64,
    /// Losses of power.
    pub power_losses: u64,
    /// Of both, those within an operation.
    pub stops: u64,
    /// Syncs that failed.
    pub failed_syncs: u64,
    /// Operations of the state store that failed.
    pub failed_reads: u64,
    /// Writes that found no room.
    pub full: u64,
    /// Changes of bytes behind the journal's back.
    pub corruptions: u64,
    /// Histories that ended with the discovery of one.
    pub detected: u64,
    /// Unfinished ends that were cut off.
    pub cuts: u64,
    /// Entries that were executed or written, had no receipt, and were lost.
    pub lost: u64,
    /// Receipts that were given and compared, for what was accepted,
    pub accepted: u64,
    /// for what was refused in the log,
    pub rejected: u64,
    /// and for what was sent again.
    pub repeated: u64,
    /// Commands that were refused without an entry.
    pub refused: u64,
    /// Epochs that ended.
    pub epochs: u64,
    /// Shards that were proved in audits.
    pub proofs: u64,
    /// NOD that was earned, in whole units.
    pub rewards: u64,
    /// Commits of the state.
    pub commits: u64,
    /// Checkpoints that were signed.
    pub checkpoints: u64,
}

macro_rules! add_fields {
    ($sum:expr, $one:expr, $($field:ident)*) => { $($sum.$field += $one.$field;)* };
}

impl std::ops::AddAssign for Summary {
    fn add_assign(&mut self, one: Self) {
        add_fields!(self, one, steps points entries re_executed kills power_losses stops failed_syncs failed_reads full
            corruptions detected cuts lost accepted rejected repeated refused epochs proofs rewards
            commits checkpoints);
    }
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Number of the step.
    pub step: u64,
    /// What is wrong.
    pub what: String,
}

/// A history that violated nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What happened in it.
    pub summary: Summary,
    /// Hash of everything that was done to the disk and answered.
    pub trace: Hash32,
}

/// Runs a history.
///
/// # Errors
/// The first promise that was broken.
pub fn run(parties: &Parties, steps: &[Step], flaw: Option<Flaw>) -> Result<Done, Violation> {
    let mut history = History::new(parties, flaw);
    let mut number = 0;
    let result = (|| {
        history.recover()?;
        for step in steps {
            number = step.number;
            history.step(step)?;
            if history.over {
                return Ok(());
            }
        }
        history.end()
    })();
    result.map_err(|what| Violation { step: number, what })?;
    history.summary.points = history.disk.points();
    history.summary.commits = history.store.count();
    let lines = [history.disk.trace(), history.answers].concat().join("\n");
    Ok(Done { summary: history.summary, trace: Hash32::of(lines.as_bytes()) })
}

type Stack = Executor<FlawedDisk, SimStore>;
type Checked = Result<(), String>;

/// A command in the line.
struct Waiting {
    admitted: Admitted,
}

struct History<'a> {
    parties: &'a Parties,
    flaw: Option<Flaw>,
    disk: SimDisk,
    store: SimStore,
    checkpoint: CheckpointFile<FlawedDisk>,
    stack: Option<Stack>,
    model: Model,
    /// Everything ever sent, to be sent again.
    sent: Vec<Command>,
    line: VecDeque<Waiting>,
    /// Groups that are executed and not written, each with its answers as they must be.
    executed: VecDeque<(Group, Vec<Want>)>,
    /// Answers of what is written and not synced.
    written: Vec<Want>,
    /// Whether execution waits for the last group.
    barrier: bool,
    /// Entries that the next opening must find.
    least: u64,
    random: Random,
    /// Faults that are under way, so that a failure has a cause.
    failing: bool,
    filled: bool,
    unreadable: bool,
    /// Bytes were changed behind the journal's back: it may refuse, but not lie.
    corrupt: bool,
    /// That was found.
    over: bool,
    answers: Vec<String>,
    summary: Summary,
}

impl<'a> History<'a> {
    fn new(parties: &'a Parties, flaw: Option<Flaw>) -> Self {
        let disk = SimDisk::new(0);
        let flawed = FlawedDisk::new(disk.clone(), flaw);
        Self {
            parties,
            flaw,
            store: SimStore::new(disk.clone(), flaw),
            checkpoint: CheckpointFile::in_dir(flawed, Path::new(DIR)),
            disk,
            stack: None,
            model: Model::new(parties.account(0)),
            sent: Vec::new(),
            line: VecDeque::new(),
            executed: VecDeque::new(),
            written: Vec::new(),
            barrier: false,
            least: 0,
            random: Random::new(0),
            failing: false,
            filled: false,
            unreadable: false,
            corrupt: false,
            over: false,
            answers: Vec::new(),
            summary: Summary::default(),
        }
    }

    fn step(&mut self, step: &Step) -> Checked {
        self.random = Random::new(step.seed);
        self.disk.reseed(!step.seed);
        self.summary.steps += 1;
        match step.act {
            Act::Ask(client, ask) => self.ask(step.number, client, ask),
            Act::Execute(count) => self.execute(count),
            Act::Append => self.append(),
            Act::Sync => self.sync(),
            Act::Pass => self.pass(),
            Act::Submit(count) => self.submit(count),
            Act::Flush => self.flush(),
            Act::Checkpoint => self.sign(),
            Act::Settle => {
                self.store.settle();
                Ok(())
            }
            Act::Look if !self.unreadable => self.look(),
            Act::Look => Ok(()),
            Act::End(ending, again) => self.restart(ending, again.map(u64::from)),
            Act::StopAt(points) => {
                self.stop_at(u64::from(points));
                Ok(())
            }
            Act::FailSync => {
                self.failing = true;
                self.arm();
                Ok(())
            }
            Act::FailStore(operations) => {
                self.unreadable = true;
                self.store.fail_in(operations.into());
                Ok(())
            }
            Act::Fill(room) => {
                self.filled = true;
                self.disk.set_faults(Faults { room: Some(room.into()), ..self.disk.faults() });
                Ok(())
            }
            Act::Clear => {
                self.filled = false;
                self.disk.set_faults(Faults { room: None, ..self.disk.faults() });
                Ok(())
            }
            Act::Rot => self.rot(),
            Act::Misdirect => self.misdirect(),
        }?;
        self.store.ahead().map_or(Ok(()), Err)
    }

    // --- clients ---

    fn ask(&mut self, number: u64, client: u8, ask: Ask) -> Checked {
        let Some((command, refused)) = self.command(number, client, ask) else {
            return Ok(());
        };
        self.sent.push(command.clone());
        let ledger_id = self.parties.ledger_id();
        let admitted = admit_all(Some(&ledger_id), vec![command]).pop();
        match (admitted, refused) {
            (Some(Ok(admitted)), None) => self.line.push_back(Waiting { admitted }),
            (Some(Err(found)), Some(code)) if found.refusal().code == code => {}
            (found, wanted) => {
                return Err(format!("admission says {found:?}, and must refuse with {wanted:?}"));
            }
        }
        Ok(())
    }

    /// The command, and how admission must refuse it if it must.
    fn command(&self, number: u64, client: u8, ask: Ask) -> Option<(Command, Option<ErrorCode>)> {
        let rules = self.model.now();
        let epoch = rules.epoch.max(1);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let id = CommandId(id);
        let name = |object: u8| ObjectId(format!("object-{object}"));
        let latest =
            |object: u8| rules.objects.get(&name(object).0).map_or(0, |object| object.latest);
        let back = |count: u8| {
            self.sent.len().checked_sub(1 + usize::from(count)).and_then(|at| self.sent.get(at))
        };
        let make = |action| self.parties.command(id, epoch, client, action);
        let command = match ask {
            Ask::Store { object, gap, size, keys, behind } => {
                let version = (latest(object) + u64::from(gap)).max(1);
                let placed = epoch.saturating_sub(behind.into());
                make(client::store(name(object), version, placed, size.into(), keys))
            }
            Ask::Delete(object) => {
                make(Action::DeleteMarker { object: name(object), version: latest(object) + 1 })
            }
            Ask::Purge(object, before) => {
                let version = latest(object).saturating_sub(before.into()).max(1);
                make(Action::Purge { object: name(object), version })
            }
            Ask::Advance(faults, wrong) => make(client::advance(epoch + u64::from(wrong), faults)),
            Ask::OpenAudit => make(client::open_audit()),
            Ask::Answer(object, node, shown) => {
                make(self.audit_answer(&name(object), u32::from(node), shown)?)
            }
            Ask::Again(count) => {
                let command = back(count)?.clone();
                let refused = admit_all(Some(&self.parties.ledger_id()), vec![command.clone()]);
                let code = refused.first()?.as_ref().err().map(|found| found.refusal().code);
                return Some((command, code));
            }
            Ask::Conflict(count) => {
                let earlier = back(count)?;
                let action = Action::DeleteMarker { object: name(9), version: number + 1 };
                self.parties.command(earlier.id, epoch, client, action)
            }
            Ask::Inadmissible(kind) => return Some(self.inadmissible(id, epoch, kind)),
            Ask::Lifetime(early) => {
                let valid_until = if early { epoch + 2 } else { epoch - 1 };
                let action = Action::DeleteMarker { object: name(0), version: latest(0) + 1 };
                self.parties.command(id, valid_until, client, action)
            }
        };
        Some((command, None))
    }

    fn inadmissible(&self, id: CommandId, epoch: u64, kind: u8) -> (Command, Option<ErrorCode>) {
        let object = |name: &str| ObjectId(name.into());
        let make = |client, action| self.parties.command(id, epoch, client, action);
        let (command, code) = match kind {
            0 => {
                let action = Action::DeleteMarker { object: object("x"), version: 0 };
                (make(0, action), ErrorCode::InvalidVersion)
            }
            1 => {
                let action = Action::Purge { object: object(""), version: 1 };
                (make(0, action), ErrorCode::InvalidInput)
            }
            2 => {
                let mut action = client::store(object("x"), 1, epoch, 1, 0);
                if let Action::Store(store) = &mut action {
                    store.content = Content::Manifest { root: Hash32::ZERO, count: 1, size: 1 };
                }
                (make(0, action), ErrorCode::InvalidInput)
            }
            _ => {
                let action = Action::Purge { object: object("x"), version: 1 };
                let mut command = make(1, action);
                if let Authorization::Signature { signature, .. } = &mut command.authorization {
                    signature[0] ^= 1;
                }
                (command, ErrorCode::Unauthorized)
            }
        };
        (command, Some(code))
    }

    /// What a node shows to the last audit whose opening has a receipt.
    fn audit_answer(&self, object: &ObjectId, node: u32, shown: bool) -> Option<Action> {
        let (audit, beacon) =
            self.model.now().audit().filter(|(s, _)| *s < self.model.acknowledged)?;
        let versions = &self.model.now().objects.get(&object.0)?.versions;
        let (version, stored) = versions
            .iter()
            .filter_map(|(version, record)| Some((*version, record.stored.as_ref()?)))
            .next_back()?;
        Some(client::record_audit(
            audit,
            &beacon?,
            node,
            object.clone(),
            version,
            stored.size,
            shown,
        ))
    }

    // --- stages ---

    fn execute(&mut self, count: u8) -> Checked {
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
    fn execute_batch(&mut self, count: usize) -> Result<usize, String> {
        let Some(stack) = &mut self.stack else { return Ok(count) };
        let (engine, _) = stack.sides();
        let batch: Vec<Admitted> =
            self.line.iter().take(count).map(|w| w.admitted.clone()).collect();
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

    fn append(&mut self) -> Checked {
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

    fn sync(&mut self) -> Checked {
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
    fn check_durable(&mut self) -> Checked {
        if self.corrupt {
            return Ok(());
        }
        let (durable, acknowledged) = (durable_entries(&self.disk), self.model.acknowledged);
        if durable < acknowledged {
            return Err(format!("{acknowledged} entries have receipts, and {durable} are durable"));
        }
        Ok(())
    }

    fn pass(&mut self) -> Checked {
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

    fn submit(&mut self, count: u8) -> Checked {
        let busy = self.barrier || !self.executed.is_empty() || !self.written.is_empty();
        let Some(stack) = self.stack.as_mut().filter(|_| !busy && !self.line.is_empty()) else {
            return Ok(());
        };
        let count = self.line.len().min(count.into());
        let commands: Vec<Command> =
            self.line.drain(..count).map(|w| w.admitted.command().clone()).collect();
        let first = self.model.len();
        let mut wants = Vec::new();
        for (tick, command) in (stack.sides().0.tick() + 1..).zip(&commands) {
            wants.push(self.model.execute(tick, command.clone()));
            self.model.end_group();
        }
        self.model.attempted = self.model.len();
        match stack.submit(commands) {
            Ok(answers) => {
                self.model.appended = self.model.len();
                let model = &mut self.model;
                let read = stack.appender().log().read::<JournalError>(first, |entry| {
                    Ok(model.see(entry.seq, &entry.body).is_ok())
                });
                read.map_err(|error| format!("what was just written cannot be read: {error}"))?;
                self.check_answers(answers, wants)?;
                self.check_durable()
            }
            Err(error) => self.failed(&error),
        }
    }

    fn flush(&mut self) -> Checked {
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

    fn sign(&mut self) -> Checked {
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

    fn check_note(&mut self, note: &str, size: u64) -> Checked {
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

    fn check_answers(&mut self, answers: Vec<Submitted>, wants: Vec<Want>) -> Checked {
        if answers.len() != wants.len() {
            return Err(format!("{} answers to {} commands", answers.len(), wants.len()));
        }
        for (answer, want) in answers.into_iter().zip(wants) {
            self.answers.push(format!("{answer:?}"));
            match (&answer, &want) {
                (Submitted::Logged { receipt, .. }, Want::Entry(seq)) => {
                    self.check_receipt(receipt, *seq)?;
                    self.count(&receipt.outcome);
                    self.model.acknowledged = self.model.acknowledged.max(seq + 1);
                }
                (Submitted::Repeated(receipt), Want::Repeated(seq)) => {
                    self.check_receipt(receipt, *seq)?;
                    self.summary.repeated += 1;
                    self.model.acknowledged = self.model.acknowledged.max(seq + 1);
                }
                (Submitted::Refused(refusal), Want::Refused(code)) if refusal.code == *code => {
                    self.summary.refused += 1;
                }
                _ => return Err(format!("the answer is {answer:?}, and must be {want:?}")),
            }
        }
        Ok(())
    }

    fn count(&mut self, outcome: &Outcome) {
        let sum = &mut self.summary;
        match outcome {
            Outcome::Rejected(_) => sum.rejected += 1,
            Outcome::Accepted(event) => {
                sum.accepted += 1;
                match event {
                    Event::EpochClosed(closed) => {
                        sum.epochs += 1;
                        sum.rewards += (closed.settlement.rewards.raw() / client::ATR) as u64;
                    }
                    Event::AuditRecorded { counted, .. } => sum.proofs += u64::from(*counted),
                    _ => {}
                }
            }
        }
    }

    fn check_receipt(&self, receipt: &Receipt, seq: u64) -> Checked {
        let outcome = self.model.outcome(seq)?.clone();
        let Some(entry_hash) = self.model.hash(seq) else {
            return Err(format!("entry {seq} has a receipt and no bytes"));
        };
        let wanted = Receipt { seq, entry_hash, outcome };
        if *receipt == wanted {
            return Ok(());
        }
        Err(format!("the receipt is {receipt:?}, and must be {wanted:?}"))
    }

    // --- failures and restarts ---

    fn stop_at(&self, points: u64) {
        let crash_at = Some(self.disk.points() + points);
        self.disk.set_faults(Faults { crash_at, ..self.disk.faults() });
    }

    fn arm(&self) {
        let failing_sync = u64::from(self.failing);
        self.disk.set_faults(Faults { failing_sync, ..self.disk.faults() });
    }

    fn after(&mut self, result: Result<(), JournalError>) -> Checked {
        match result {
            Ok(()) => {
                self.misdirected();
                Ok(())
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Something failed. That needs a cause; and then nothing more is taken until a restart.
    fn failed(&mut self, error: &JournalError) -> Checked {
        self.answers.push(error.to_string());
        self.check_cause(error)?;
        if self.over {
            return Ok(());
        }
        self.check_refuses()?;
        self.stop()
    }

    fn stop(&mut self) -> Checked {
        let killed = !self.disk.crashed() && self.random.one_in(2);
        self.summary.stops += u64::from(self.disk.crashed());
        self.restart(if killed { Ending::ProcessKilled } else { Ending::PowerLost }, None)
    }

    fn check_cause(&mut self, error: &JournalError) -> Checked {
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
    fn check_refuses(&mut self) -> Checked {
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

    fn restart(&mut self, ending: Ending, stop_at: Option<u64>) -> Checked {
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
    fn recover(&mut self) -> Checked {
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

    fn open(&mut self) -> Result<Stack, JournalError> {
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

    fn check_opened(&mut self, stack: Stack) -> Checked {
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
        self.summary.lost += self.model.len() - len;
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
                self.line.push_back(Waiting { admitted });
            }
        }
        Ok(())
    }

    // --- corruption ---

    fn rot(&mut self) -> Checked {
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

    fn misdirect(&mut self) -> Checked {
        self.disk.set_faults(Faults { misdirected: 1, ..self.disk.faults() });
        self.corrupted();
        Ok(())
    }

    fn corrupted(&mut self) {
        self.corrupt = true;
        self.summary.corruptions += 1;
        self.store.trust();
    }

    fn misdirected(&self) {
        let faults = self.disk.faults();
        if faults.misdirected > 0 {
            self.disk.set_faults(Faults { misdirected: 0, ..faults });
        }
    }

    // --- comparing ---

    fn look(&mut self) -> Checked {
        let Some(stack) = &mut self.stack else { return Ok(()) };
        super::compare::state(stack.state(), &self.model)?;
        let len = stack.appender().log().len();
        if self.model.attempted == len {
            self.check_log(len)?;
        }
        self.check_tree()
    }

    /// The log's entries are those of the model.
    fn check_log(&mut self, len: u64) -> Checked {
        let Some(stack) = &self.stack else { return Ok(()) };
        let (mut next, mut wrong) = (0, None);
        let model = &mut self.model;
        let read = stack.appender().log().read::<JournalError>(0, |entry| {
            let seen =
                if entry.seq == next { model.see(next, &entry.body) } else { Err("a gap".into()) };
            wrong = seen.err();
            next += 1;
            Ok(wrong.is_none())
        });
        match (read, wrong) {
            (_, Some(wrong)) => Err(format!("reading: {wrong}")),
            (Ok(()), None) if next == len => Ok(()),
            (Ok(()), None) => Err(format!("{next} entries are read, {len} are there")),
            (Err(error), None) => self.check_cause(&error),
        }
    }

    /// The tree's file gives the roots that were signed, and that of now.
    fn check_tree(&mut self) -> Checked {
        let Some(stack) = self.stack.as_ref().filter(|_| !self.corrupt) else { return Ok(()) };
        let appender = stack.appender();
        let now = (appender.head().size(), appender.head().root());
        for (size, root) in self.model.signed.iter().chain([&now]) {
            let found = tree::root_at(appender, *size);
            let found = found.map_err(|error| format!("the tree at {size}: {error:?}"))?;
            if found != *root || self.model.root(*size) != *root {
                return Err(format!("the root of the first {size} entries is not what it was"));
            }
        }
        Ok(())
    }

    /// Everything on its way is finished; the power goes; everything acknowledged is there, and executing it again from
    /// nothing gives the same bytes.
    fn end(&mut self) -> Checked {
        self.disk.set_faults(Faults::default());
        (self.failing, self.filled, self.unreadable) = (false, false, false);
        self.store.heal();
        while !self.over && !(self.line.is_empty() && self.executed.is_empty() && !self.barrier) {
            self.execute(u8::MAX)?;
            if !self.over {
                self.append()?;
            }
            if !self.over && self.executed.is_empty() {
                self.pass()?;
            }
        }
        if !self.over {
            self.sync()?;
        }
        if self.over {
            return Ok(());
        }
        self.restart(Ending::PowerLost, None)?;
        self.disk.set_faults(Faults::default());
        self.summary.entries = self.model.len();
        if self.over {
            return Ok(());
        }
        let mut state = State::open(MemoryStore::default()).map_err(|error| error.to_string())?;
        for (seq, body) in self.model.bodies().enumerate() {
            let entry = protocol::EntryBody::from_bytes(body).map_err(|error| error.to_string())?;
            let again = execute_committed(&mut state, entry.tick, entry.command);
            let again = again.map_err(|error| format!("entry {seq} again: {error}"))?;
            if again.bytes != body {
                return Err(format!("entry {seq} comes out otherwise from nothing"));
            }
            if let Some(hash) = self.model.hash(seq as u64) {
                state.link(hash);
            }
        }
        let Some(stack) = &mut self.stack else { return Ok(()) };
        let root = stack.root().map_err(|error| error.to_string())?;
        if state.root().map_err(|error| error.to_string())? != root {
            return Err("the state's root is not that of executing everything from nothing".into());
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
