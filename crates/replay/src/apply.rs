//! The last stage of an audit: execute, compare, sum; then the end of the file (RP-3 to RP-6).

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use core::{fmt::Display, mem};
use eqm_log::{
    VerifierKey,
    export::{Export, ExportedEntry, Header, Place},
};
use protocol::{
    Action, Command, EntryBody, Event, Hash32, Outcome,
    command::{AdvanceEpoch, Content, Reassign, Store},
    entry::ENTRY_FORMAT,
    error::ErrorCode,
    event::{EpochClosed, NodeAccount},
    node::{NodeNumber, NodeStatus},
};
use storage_engine::{
    execute_admission, identity,
    state::{Changes, Seen, State},
};

use crate::{
    Divergence, Progress, Report, Verdict,
    books::{Books, Placed, difference},
    compare::{Difference, first_difference},
    decode::{Next, Piece, Span},
    holdings::Holdings,
    keep::Keep,
    keys,
    prepare::{Chunk, Prepared, PreparedStore, Shards},
    report::{EpochSummary, NodeSummary, StateRoot},
    rows::{NodeNames, account_row},
    saved::Saved,
};

/// A state that grows by the entries of a log, and what was found on the way.
pub(crate) struct Auditor<'a, K: Keep> {
    pinned: &'a [VerifierKey],
    header: Header,
    keep: K,
    state: State<K::Store>,
    /// The map for the accounts of the books, until they are opened.
    accounts: Option<K::Store>,
    /// The auditor's own, from the first entry on.
    books: Option<Books<K::Store>>,
    /// Shard copies of every node, once the end of the log is reached.
    copies: Option<BTreeMap<NodeNumber, u64>>,
    report: Report,
    /// Entries that were executed by an audit before this one.
    resumed: u64,
    /// The first entry that is not to be executed.
    end: u64,
    /// Bytes of the entries that were executed since the last spill.
    waiting: usize,
    /// Spills since the last save.
    spills: u32,
}

impl<'a, K: Keep> Auditor<'a, K> {
    /// An audit that begins before the first entry; what `keep` has is empty.
    pub(crate) fn open(pinned: &'a [VerifierKey], mut keep: K) -> Result<Self, Divergence> {
        let (state, accounts) = keep.stores();
        let state = State::open(state).map_err(unusable)?;
        let verdict = if pinned.is_empty() { Verdict::Unpinned } else { Verdict::Pinned };
        Ok(Self {
            pinned,
            header: Header { origin: String::new(), count: 0, keys: Vec::new() },
            keep,
            state,
            accounts: Some(accounts),
            books: None,
            copies: None,
            report: Report::empty(verdict),
            resumed: 0,
            end: u64::MAX,
            waiting: 0,
            spills: 0,
        })
    }

    /// An audit that goes on where another one stood when it saved this, if `keep` has what it had then.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only a scratch is gone on with"))]
    pub(crate) fn resume(
        pinned: &'a [VerifierKey],
        keep: K,
        saved: Saved,
    ) -> Result<Self, Divergence> {
        let mut auditor = Self::open(pinned, keep)?;
        auditor.report = saved.restore(auditor.report);
        auditor.report.genesis = auditor.state.genesis().cloned();
        auditor.resumed = saved.entries;
        let root = auditor.state.root().map_err(unusable)?;
        let position = (auditor.state.cursor().next_seq, root);
        if position != (saved.entries, saved.state_root) {
            return Err(unusable("a state at another entry"));
        }
        let accounts = auditor.accounts.take().ok_or_else(|| unusable("no accounts"))?;
        let books = Books::resume(saved.books, accounts);
        let totals = books.accounts.totals().map_err(|found| unusable(found.got))?;
        let treasury = auditor.state.ledger().map(|ledger| ledger.treasury).unwrap_or_default();
        if totals.credits != books.accounts.credited() || treasury.total() != Ok(totals.fees) {
            return Err(unusable("accounts that do not add up"));
        }
        auditor.books = Some(books);
        Ok(auditor)
    }

    /// Executes nothing after this entry.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only a scratch is gone on with"))]
    pub(crate) fn until(self, seq: u64) -> Result<Self, Divergence> {
        let end = seq.saturating_add(1);
        if end < self.resumed {
            let place = Place::Frame { seq };
            let stands = format!("one that stands after entry {}", self.resumed.saturating_sub(1));
            return Err(conflict(place, "a scratch at an earlier entry", stands));
        }
        Ok(Self { end, ..self })
    }

    /// The entries that are to be executed.
    pub(crate) fn span(&self) -> Span {
        Span {
            from: self.resumed,
            end: self.end,
            ledger_id: self.state.ledger_id(),
            names: NodeNames::of(self.state.nodes().iter().map(|node| &node.node_id)),
        }
    }

    /// Takes pieces until there are none or something is wrong. The report lacks the hash of the log.
    pub(crate) fn audit(
        mut self,
        next: impl FnMut() -> Next<Chunk>,
        progress: &mut dyn FnMut(Progress),
    ) -> Report {
        let outcome = self.run(next, progress);
        Report { divergence: outcome.err(), ..self.into_report() }
    }

    fn run(
        &mut self,
        mut next: impl FnMut() -> Next<Chunk>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Divergence> {
        while let Some(piece) = next()? {
            match piece {
                Piece::Header(header) => self.header(header)?,
                Piece::Entries(chunk) => self.entries(chunk, progress)?,
                Piece::Passed(size, entry_hash) => {
                    self.passed(size, entry_hash)?;
                    progress(Progress { entries: size, declared: self.header.count });
                }
                Piece::Tree(root) => {
                    self.report.tree_root = Some(root);
                    self.save(true)?;
                }
                Piece::End(export) => self.end(&export)?,
            }
        }
        Ok(())
    }

    fn header(&mut self, header: Header) -> Result<(), Divergence> {
        self.report.origin = Some(header.origin.clone());
        self.report.declared = header.count;
        self.header = header;
        if self.header.count < self.resumed {
            let got = format!("one that stands after entry {}", self.resumed.saturating_sub(1));
            let expected = format!("a scratch of a log of at most {} entries", self.header.count);
            return Err(conflict(Place::Header, expected, got));
        }
        Ok(())
    }

    /// Where an earlier audit stood, this log must have the entry that it had.
    fn passed(&mut self, size: u64, entry_hash: Hash32) -> Result<(), Divergence> {
        if size != self.resumed {
            return Ok(());
        }
        let known = self.report.last_entry_hash.unwrap_or(Hash32::ZERO);
        if entry_hash != known {
            let place = Place::Frame { seq: size.saturating_sub(1) };
            let got = format!("one of a log with {known} there");
            return Err(conflict(place, format!("a scratch of a log with {entry_hash}"), got));
        }
        match self.state.genesis() {
            Some(genesis) => keys::check_origin(genesis, &self.header),
            None => Err(unusable("no genesis")),
        }
    }

    /// Hands on what waits in memory when there is too much of it, and keeps it now and then.
    fn relieve(&mut self, added: usize) -> Result<(), Divergence> {
        self.waiting = self.waiting.saturating_add(added);
        let Some((_, times)) = self.keep.bounds().filter(|(most, _)| self.waiting >= *most) else {
            return Ok(());
        };
        (self.waiting, self.spills) = (0, self.spills.saturating_add(1));
        if self.spills >= times {
            return self.save(false);
        }
        self.settle()?;
        self.state.spill().map_err(unusable)
    }

    /// Keeps what was reached, so that another audit can go on from here.
    fn save(&mut self, last: bool) -> Result<(), Divergence> {
        if self.keep.bounds().is_none() {
            return Ok(());
        }
        (self.waiting, self.spills) = (0, 0);
        self.state.flush(Changes::new()).map_err(unusable)?;
        self.settle()?;
        let Some(books) = &self.books else { return Ok(()) };
        let root = self.state.root().map_err(unusable)?;
        match Saved::of(&self.report, root, books.page()) {
            Some(saved) => self.keep.save(saved.to_bytes(), last).map_err(unusable),
            None => Ok(()),
        }
    }

    /// Holds the accounts that moved against the ledger's.
    fn settle(&mut self) -> Result<(), Divergence> {
        let Some(books) = &mut self.books else { return Ok(()) };
        let last = self.report.entries.saturating_sub(1);
        books.settle(&self.state).map_err(|found| named(last, found))
    }

    fn entries(
        &mut self,
        mut chunk: Chunk,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Divergence> {
        let declared = self.header.count;
        let (entries, shards) = chunk.take();
        for (entry, prepared) in entries {
            self.entry(&entry, prepared, shards)?;
            self.relieve(entry.body.len())?;
            progress(Progress { entries: self.report.entries, declared });
        }
        Ok(())
    }

    fn entry(
        &mut self,
        entry: &ExportedEntry<'_>,
        prepared: Prepared,
        shards: Shards<'_>,
    ) -> Result<(), Divergence> {
        let seq = entry.seq;
        self.check_order(seq, &prepared)?;
        let Prepared { tick, command, store, .. } = prepared;
        let executed = execute_admission(&mut self.state, tick, command).map_err(|error| {
            Divergence::in_entry(seq, "execution", "an entry that can be executed", error)
        })?;
        if executed.bytes != entry.body {
            let stored = stored_body(entry)?;
            return Err(differing(seq, &executed.body, &stored)
                .because(executed.refusal.map_or_else(Default::default, |r| r.detail)));
        }
        self.state.link(entry.entry_hash);
        if seq == 0 {
            self.check_first(&executed.body)?;
            self.report.first_entry_hash = Some(entry.entry_hash);
        }
        self.tally(&executed.body, store.as_ref(), shards)?;
        self.report.last_entry_hash = Some(entry.entry_hash);
        self.report.entries = seq.saturating_add(1);
        Ok(())
    }

    /// What execution takes as given: format, order, and that a command is executed once.
    fn check_order(&self, seq: u64, entry: &Prepared) -> Result<(), Divergence> {
        let cursor = self.state.cursor();
        if entry.format != ENTRY_FORMAT {
            return Err(Divergence::in_entry(seq, "format", ENTRY_FORMAT, entry.format));
        }
        if entry.seq != seq {
            return Err(Divergence::in_entry(seq, "seq", seq, entry.seq));
        }
        if entry.tick < cursor.tick {
            let expected = format!("at least {}", cursor.tick);
            return Err(Divergence::in_entry(seq, "tick", expected, entry.tick)
                .because("the tick went back"));
        }
        let (id, hash) = identity(&entry.command);
        let seen = self
            .state
            .seen_as(&id, &hash)
            .map_err(|error| Divergence::in_entry(seq, "command.id", "a readable state", error))?;
        let used = match seen {
            Seen::Never => return Ok(()),
            Seen::Executed { seq: first } => format!("{id}, used by entry {first}"),
            Seen::Conflict => format!("{id}, used by another command"),
        };
        let expected = "an id that was not used in this epoch or the one before";
        Err(Divergence::in_entry(seq, "command.id", expected, used))
    }

    /// The first entry opens the ledger and says whose signatures count.
    fn check_first(&mut self, body: &EntryBody) -> Result<(), Divergence> {
        let Some(genesis) = self.state.genesis() else {
            let got = crate::names::outcome_name(&body.outcome);
            return Err(Divergence::in_entry(0, "outcome", "accepted GENESIS", got)
                .because("the first entry does not open the ledger"));
        };
        self.report.genesis = Some(genesis.clone());
        self.books = self.accounts.take().map(|accounts| Books::open_with(genesis, accounts));
        keys::check_origin(genesis, &self.header)
    }

    fn tally(
        &mut self,
        body: &EntryBody,
        prepared: Option<&PreparedStore>,
        shards: Shards<'_>,
    ) -> Result<(), Divergence> {
        if let Some(root) = body.state_root {
            self.report.state_roots.push(StateRoot { seq: body.seq, epoch: body.epoch, root });
        }
        self.report.open_epoch.count(&body.outcome);
        let event = match &body.outcome {
            Outcome::Accepted(event) => event,
            Outcome::Rejected(code) => {
                count(&mut self.report.refusals, code.name());
                return self.entered(body).map_err(|found| named(body.seq, found));
            }
        };
        count(&mut self.report.events, crate::event_type(event));
        self.count_audits(event);
        let found = match (&body.command.action, event) {
            (Action::Store(store), Event::Stored { .. }) => {
                self.stored(&body.command, store, event, prepared, shards)
            }
            (Action::Reassign(reassign), Event::Reassigned) => self.reassigned(reassign),
            (Action::AdvanceEpoch(advance), Event::EpochClosed(closed)) => {
                self.closed(body.seq, advance, closed)
            }
            _ => self.entered(body),
        };
        found.map_err(|found| named(body.seq, found))
    }

    fn count_audits(&mut self, event: &Event) {
        let audits = &mut self.report.audits;
        match event {
            Event::AuditOpened => audits.opened = audits.opened.saturating_add(1),
            Event::AuditRecorded { counted, failed } => {
                audits.recorded = audits.recorded.saturating_add(1);
                audits.counted = audits.counted.saturating_add(u64::from(*counted));
                audits.failed = audits.failed.saturating_add(u64::from(*failed));
            }
            _ => {}
        }
    }

    fn entered(&mut self, body: &EntryBody) -> Result<(), Difference> {
        let Some(books) = &mut self.books else { return Ok(()) };
        books.enter(body)?;
        let done = &mut self.report.derivations;
        let counter = match &body.outcome {
            Outcome::Accepted(
                Event::Proposed { .. } | Event::Voted { .. } | Event::Activated { .. },
            ) => &mut done.governance,
            Outcome::Accepted(Event::Credited { .. }) => &mut done.credits,
            Outcome::Accepted(Event::KeysRotated | Event::KeysRevoked) => &mut done.keys,
            _ => return Ok(()),
        };
        *counter = counter.saturating_add(1);
        Ok(())
    }

    /// Holds placement and fee of a store to the second derivation, and adds its row.
    fn stored(
        &mut self,
        command: &Command,
        store: &Store,
        event: &Event,
        prepared: Option<&PreparedStore>,
        shards: Shards<'_>,
    ) -> Result<(), Difference> {
        let (Content::Single(layout), Event::Stored { fee, assignment, .. }, Some(books)) =
            (&store.content, event, &mut self.books)
        else {
            return Ok(());
        };
        let shards = prepared.map_or(&[][..], |store| shards.of(store));
        let told = prepared.and_then(|store| store.told.as_ref());
        let told = told.ok_or_else(|| difference("metadata", "a JSON object", "something else"))?;
        let placed = Placed { shards, profile: layout.profile, told };
        books.store(command.payer, layout.size, placed, *fee, assignment)?;
        let done = &mut self.report.derivations;
        done.stores = done.stores.saturating_add(1);
        done.fees = done.fees.saturating_add(1);
        done.shard_ids = done.shard_ids.saturating_add(len(shards));
        done.copies = done.copies.saturating_add(len(assignment));
        let stores = self.report.profiles.entry(layout.profile).or_default();
        *stores = stores.saturating_add(1);
        if let Some(store) = prepared {
            self.report.store_rows.push_leaf(store.row);
        }
        Ok(())
    }

    /// Holds a move to the second derivation.
    fn reassigned(&mut self, reassign: &Reassign) -> Result<(), Difference> {
        let Some(books) = &self.books else { return Ok(()) };
        books.reassigned(reassign, &self.state)?;
        let done = &mut self.report.derivations;
        done.moves = done.moves.saturating_add(1);
        Ok(())
    }

    fn closed(
        &mut self,
        seq: u64,
        advance: &AdvanceEpoch,
        closed: &EpochClosed,
    ) -> Result<(), Difference> {
        let (Some(ledger), Some(books)) = (self.state.ledger(), &mut self.books) else {
            return Ok(());
        };
        books.close(seq, advance, closed, &self.state)?;
        for (node, account) in self.state.nodes().iter().zip(&closed.nodes) {
            self.report.account_rows.push(&account_row(closed.epoch, &node.node_id, account));
        }
        let done = &mut self.report.derivations;
        done.accounts = done.accounts.saturating_add(len(&closed.nodes));
        self.report.epochs.push(EpochSummary {
            epoch: closed.epoch,
            seq,
            settlement: closed.settlement,
            nodes: number_of(&closed.nodes, |_| true),
            verified: number_of(&closed.nodes, |node| node.status == NodeStatus::Verified),
            eligible: number_of(&closed.nodes, |node| node.eligible),
            proofs: closed.nodes.iter().fold(0, |sum, node| sum.saturating_add(node.proofs)),
            nod_supply: ledger.treasury.burnt,
            credited: books.accounts.credited(),
            changes: books.changes(&closed.changes),
            activity: mem::take(&mut self.report.open_epoch),
        });
        if self.keep.bounds().is_some() {
            return Ok(());
        }
        // The root was just computed; this keeps what is not yet in the store small.
        self.state
            .flush(Changes::new())
            .map_err(|error| difference("state", "a state that can be written", error))
    }

    /// The end of the file: whole, signed, and with a state that adds up.
    fn end(&mut self, export: &Export) -> Result<(), Divergence> {
        let Some(genesis) = self.state.genesis() else {
            return Err(Divergence::new(
                Place::Header,
                "header.count",
                "at least one entry, which opens the ledger",
                0,
            ));
        };
        let generations = self.books.as_ref().map_or(&[][..], |books| books.keys.log());
        self.report.log_keys = keys::history(&genesis.name, generations)?;
        let part = !self.report.is_whole();
        self.report.signatures =
            keys::verify(&self.report.log_keys, part, &self.header, export, self.pinned)?;
        self.report.checkpoint = Some(export.note().into());
        self.check_books()?;
        self.check_bytes_stored()?;
        let root = self
            .state
            .root()
            .map_err(|error| Divergence::new(Place::Trailer, "state_root", "a root", error))?;
        self.report.final_state_root = Some(root);
        Ok(())
    }

    /// What has happened since the last closing.
    fn check_books(&mut self) -> Result<(), Divergence> {
        let Some(books) = &mut self.books else { return Ok(()) };
        let totals = books.check_state(&self.state).and_then(|()| books.accounts.totals());
        let totals = totals.map_err(|found| {
            Divergence::new(Place::Trailer, found.field, found.expected, found.got)
        })?;
        self.report.accounts = Some(totals);
        Ok(())
    }

    /// Counts the bytes of every node from the versions that exist, and compares them with the running sums.
    fn check_bytes_stored(&mut self) -> Result<(), Divergence> {
        let mut all = Holdings::default();
        let counted = self.state.count_versions(Holdings::add, |part| all.add_all(&part));
        counted.map_err(|error| {
            Divergence::new(Place::Trailer, "state", "readable versions", error)
        })?;
        let Holdings { bytes, copies } = all;
        for (number, node) in (0..).zip(self.state.nodes()) {
            let counted = bytes.get(&number).copied().unwrap_or(0);
            if counted != node.bytes_stored {
                let field = format!("derived.nodes[{number}].bytes_stored");
                return Err(Divergence::new(Place::Trailer, field, counted, node.bytes_stored));
            }
        }
        self.copies = Some(copies);
        Ok(())
    }

    fn into_report(self) -> Report {
        let summary =
            |(number, node): (NodeNumber, &storage_engine::state::records::NodeRecord)| {
                NodeSummary {
                    node_id: node.node_id.clone(),
                    domain: node.domain.clone(),
                    status: node.status,
                    standing: node.standing,
                    eligible: self.state.eligible().contains(&number),
                    bytes_stored: node.bytes_stored,
                    copies: self.copies.as_ref().map(|of| of.get(&number).copied().unwrap_or(0)),
                    proofs: self.books.as_ref().map_or(0, |books| books.totals.proofs_of(number)),
                    nod: node.nod,
                }
            };
        let nodes = (0..).zip(self.state.nodes()).map(summary).collect();
        let treasury = self.state.ledger().map(|ledger| ledger.treasury);
        let in_force = self.books.map(|books| (books.parameters, books.rules));
        let (parameters, rules) = in_force.unzip();
        let treasury = treasury.unwrap_or_default();
        Report { nodes, treasury, parameters, rules, ..self.report }
    }
}

/// The machine has failed, or what was kept on it is damaged: no word about the log.
pub(crate) fn unusable(found: impl Display) -> Divergence {
    let code = ErrorCode::Internal;
    let expected = "a scratch as an audit left it";
    Divergence { code, ..Divergence::new(Place::Header, "scratch", expected, found) }
        .because("give another directory, or remove this one")
}

/// What was kept is of another log, or of more of it than is asked for.
fn conflict(place: Place, expected: impl Display, got: impl Display) -> Divergence {
    let code = ErrorCode::Conflict;
    Divergence { code, ..Divergence::new(place, "scratch", expected, got) }
        .because("give another directory, or remove this one")
}

fn named(seq: u64, found: Difference) -> Divergence {
    Divergence::in_entry(seq, found.field, found.expected, found.got)
}

fn number_of(nodes: &[NodeAccount], is: impl Fn(&NodeAccount) -> bool) -> u32 {
    u32::try_from(nodes.iter().filter(|node| is(node)).count()).unwrap_or(u32::MAX)
}

fn count(counts: &mut BTreeMap<&'static str, u64>, name: &'static str) {
    let number = counts.entry(name).or_default();
    *number = number.saturating_add(1);
}

fn len<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

/// The body as it stands in the file; it was decoded once already.
fn stored_body(entry: &ExportedEntry<'_>) -> Result<EntryBody, Divergence> {
    EntryBody::from_bytes(entry.body)
        .map_err(|error| Divergence::in_entry(entry.seq, "body", "canonical bytes", error))
}

/// Bodies whose bytes differ have a field that differs, because both are canonical.
fn differing(seq: u64, expected: &EntryBody, got: &EntryBody) -> Divergence {
    match first_difference(expected, got) {
        Some(found) => Divergence::in_entry(seq, found.field, found.expected, found.got),
        None => Divergence::in_entry(seq, "body", "the bytes of re-execution", "other bytes"),
    }
}
