//! The log's side of a ledger: chain, tree, segment files. What comes out of [`Appender::sync`] is durable.
//!
//! A group is hashed and written by [`Appender::append`]; its answers are kept back until a sync covers them, so
//! that no receipt can leave before its entry is safe.

use crate::{
    JournalError, Log, NodeFile, Submitted,
    disk::{Disk, RealDisk},
    engine::{Answer, Group},
};
use eqm_log::{LogHead, NodeReader, TreeHash};
use protocol::{EntryBody, Receipt};

/// How the log stands after a durable entry, with the nodes of its tree.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Chain and tree.
    pub head: LogHead,
}

/// The log, its tree, and the answers that wait for a sync.
#[derive(Debug)]
pub struct Appender<D: Disk = RealDisk> {
    log: Log<D>,
    head: LogHead,
    nodes: NodeFile<D>,
    written: Vec<Submitted>,
    /// Set while a group is appended; a failure on the way leaves it set.
    interrupted: bool,
}

impl<D: Disk> Appender<D> {
    /// A log whose tree is known up to `head`, which may be behind it: [`Appender::catch_up`] brings it forward.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] when the log is shorter than that; a failed read or write.
    pub fn new(log: Log<D>, mut nodes: NodeFile<D>, head: LogHead) -> Result<Self, JournalError> {
        if head.size() > log.len() {
            return Err(JournalError::Damaged(format!(
                "the log has {} entries, but the state has seen {}: entries are lost; restore the log from a copy",
                log.len(),
                head.size()
            )));
        }
        nodes.truncate_to(head.size())?;
        Ok(Self { log, head, nodes, written: Vec::new(), interrupted: false })
    }

    /// Takes bodies that the log has already into chain and tree.
    ///
    /// # Errors
    /// When the tree's file cannot be written.
    pub fn catch_up(&mut self, bodies: &[&[u8]]) -> Result<(), JournalError> {
        self.extend(bodies).map(drop)
    }

    fn extend(&mut self, bodies: &[&[u8]]) -> Result<Vec<protocol::Hash32>, JournalError> {
        let nodes = &mut self.nodes;
        let hashes = self.head.append_all(bodies, |_, _, hash| nodes.append(hash));
        self.nodes.flush()?;
        Ok(hashes)
    }

    /// Hashes a group and writes it; its answers come out of a later [`Appender::sync`].
    ///
    /// # Errors
    /// A failed write, or an earlier entry that cannot be read for its receipt; after either nothing is appended any
    /// more.
    pub fn append(&mut self, group: Group) -> Result<(), JournalError> {
        self.check_whole()?;
        // After a failure chain and tree may be ahead of the log, and some of the group's answers kept and others not:
        // whoever took them next would take them for others' receipts.
        self.interrupted = true;
        self.append_whole(group)?;
        self.interrupted = false;
        Ok(())
    }

    fn append_whole(&mut self, group: Group) -> Result<(), JournalError> {
        let first_seq = self.head.size();
        let bodies: Vec<&[u8]> = group.bodies.iter().map(Vec::as_slice).collect();
        let hashes = self.extend(&bodies)?;
        if !bodies.is_empty() {
            self.log.write(&group.cursor, &group.bodies, self.head.entry_hash())?;
        }
        let mut executed = (first_seq..).zip(hashes);
        for answer in group.answers {
            let submitted = match answer {
                Answer::Refused(refusal) => Submitted::Refused(refusal),
                Answer::Repeated { seq } => Submitted::Repeated(self.receipt(seq)?),
                Answer::Executed { outcome, refusal } => {
                    let (seq, entry_hash) = executed.next().ok_or_else(|| {
                        JournalError::Halted("a group has more answers than entries".into())
                    })?;
                    Submitted::Logged { receipt: Receipt { seq, entry_hash, outcome }, refusal }
                }
            };
            self.written.push(submitted);
        }
        Ok(())
    }

    /// [`Appender::append`], and the mark that the engine waits for where the group ends with a barrier.
    ///
    /// # Errors
    /// As [`Appender::append`] and [`Appender::mark`].
    pub fn append_to_mark(&mut self, group: Group) -> Result<Option<Mark>, JournalError> {
        let barrier = group.barrier;
        self.append(group)?;
        if barrier { self.mark().map(Some) } else { Ok(None) }
    }

    /// Makes everything written durable and hands out the answers since the last call, in order. With `durably`
    /// false someone else holds the commands already, and nothing is waited for.
    ///
    /// # Errors
    /// A failed sync, after which nothing is appended any more, and nobody gets these answers.
    pub fn sync(&mut self, durably: bool) -> Result<Vec<Submitted>, JournalError> {
        self.check_whole()?;
        if durably {
            self.log.sync()?;
        }
        Ok(std::mem::take(&mut self.written))
    }

    /// How the log stands, once log and tree are durable up to there.
    ///
    /// # Errors
    /// A failed sync.
    pub fn mark(&mut self) -> Result<Mark, JournalError> {
        self.log.sync()?;
        // While the log is executed again the head is behind it; ahead of it only after a write that failed.
        if self.head.size() > self.log.durable_len() {
            return Err(JournalError::Poisoned);
        }
        self.nodes.sync()?;
        Ok(Mark { head: self.head.clone() })
    }

    /// After a write that failed, chain and tree are ahead of the log, and after a sync that failed both are ahead
    /// of what is known to be on the disk. Nothing of them may be kept or signed, and no answer given.
    ///
    /// # Errors
    /// [`JournalError::Poisoned`] in that case.
    pub fn check_whole(&self) -> Result<(), JournalError> {
        let in_step = self.head.size() == self.log.len();
        let whole = in_step && !self.interrupted && !self.log.is_poisoned();
        if whole { Ok(()) } else { Err(JournalError::Poisoned) }
    }

    /// Chain and tree after the last entry, for a statement to others about them.
    ///
    /// # Errors
    /// [`JournalError::Poisoned`] when an entry under it could still be lost, because its write or sync failed or has
    /// not been asked for: a checkpoint over that would sign a history that may never be.
    pub fn durable_head(&self) -> Result<&LogHead, JournalError> {
        if self.head.size() == self.log.durable_len() {
            Ok(&self.head)
        } else {
            Err(JournalError::Poisoned)
        }
    }

    /// The receipt of an entry in the log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn receipt(&self, seq: u64) -> Result<Receipt, JournalError> {
        let missing = || JournalError::Damaged(format!("entry {seq} is not in the log"));
        let entry = self.log.entry(seq)?.ok_or_else(missing)?;
        let body = EntryBody::from_bytes(&entry.body)
            .map_err(|error| JournalError::Damaged(format!("entry {seq}: {error}")))?;
        Ok(Receipt { seq, entry_hash: entry.entry_hash(), outcome: body.outcome })
    }

    /// The log.
    pub const fn log(&self) -> &Log<D> {
        &self.log
    }

    /// Chain and tree after the last entry.
    pub const fn head(&self) -> &LogHead {
        &self.head
    }
}

impl<D: Disk> NodeReader for Appender<D> {
    type Error = JournalError;

    fn node(&self, level: u8, index: u64) -> Result<TreeHash, JournalError> {
        self.nodes.node(level, index)
    }
}
