//! One pass over an export: decode, order, execute, compare, sum; then the end of the file (RP-1 to RP-6).

use alloc::{collections::BTreeMap, format, string::ToString};
use core::fmt::Display;
use eqm_log::{
    VerifierKey,
    export::{ByteSource, Export, ExportedEntry, Header, Place, Reader},
};
use protocol::{
    Action, EntryBody, Event, Outcome,
    command::{Content, Store},
    entry::ENTRY_FORMAT,
    event::EpochClosed,
    json::{Value, object},
    node::NodeNumber,
};
use storage_engine::{
    execute_committed,
    layout::Geometry,
    state::{Changes, MemoryStore, Seen, State},
};

use crate::{
    Divergence, Report, Verdict,
    compare::first_difference,
    derive,
    framing::unreadable,
    keys,
    report::{EpochSummary, NodeSummary, StateRoot},
    tap::Tap,
    totals::Totals,
};

/// How far an audit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Entries verified.
    pub entries: u64,
    /// Entries that the header declares.
    pub declared: u64,
}

/// Audits an export file. `pinned` are keys that the auditor has from elsewhere; without any the verdict
/// rests on the keys that the log names for itself. `progress` is called after every entry.
///
/// Nothing of the file is taken on trust, and nothing in it can make this panic. What the source reports
/// as its own fault becomes a divergence with the code `SE_ERR_INTERNAL`.
pub fn audit<S>(source: S, pinned: &[VerifierKey], progress: &mut dyn FnMut(Progress)) -> Report
where
    S: ByteSource,
    S::Error: Display,
{
    let mut tap = Tap::new(source);
    let mut auditor = match Auditor::new(pinned) {
        Ok(auditor) => auditor,
        Err(divergence) => return failed_before_reading(divergence, tap),
    };
    let outcome = auditor.run(|buf: &mut [u8]| tap.read(buf), progress);
    let mut report = auditor.into_report();
    report.log_hash = tap.finish();
    report.divergence = outcome.err();
    report
}

fn failed_before_reading<S: ByteSource>(divergence: Divergence, tap: Tap<S>) -> Report {
    Report {
        log_hash: tap.finish(),
        divergence: Some(divergence),
        ..Report::empty(Verdict::Unpinned)
    }
}

struct Auditor<'a> {
    pinned: &'a [VerifierKey],
    state: State<MemoryStore>,
    totals: Totals,
    report: Report,
}

impl<'a> Auditor<'a> {
    fn new(pinned: &'a [VerifierKey]) -> Result<Self, Divergence> {
        let state = State::open(MemoryStore::default())
            .map_err(|error| Divergence::new(Place::Header, "state", "an empty state", error))?;
        let verdict = if pinned.is_empty() { Verdict::Unpinned } else { Verdict::Pinned };
        Ok(Self { pinned, state, totals: Totals::default(), report: Report::empty(verdict) })
    }

    fn run<S>(&mut self, source: S, progress: &mut dyn FnMut(Progress)) -> Result<(), Divergence>
    where
        S: ByteSource,
        S::Error: Display,
    {
        let mut reader = Reader::open(source).map_err(|error| unreadable(error, Place::Header))?;
        let header = reader.header().clone();
        self.report.origin = Some(header.origin.clone());
        self.report.declared = header.count;
        loop {
            let seq = reader.head().size();
            let next =
                reader.next_entry().map_err(|error| unreadable(error, Place::Frame { seq }))?;
            let Some(entry) = next else { break };
            self.entry(&header, &entry)?;
            progress(Progress { entries: self.report.entries, declared: header.count });
        }
        self.report.tree_root = Some(reader.head().root());
        let export = reader.finish().map_err(|error| unreadable(error, Place::Trailer))?;
        self.end(&export)
    }

    fn entry(&mut self, header: &Header, entry: &ExportedEntry<'_>) -> Result<(), Divergence> {
        let seq = entry.seq;
        let body = EntryBody::from_bytes(entry.body)
            .map_err(|error| Divergence::in_entry(seq, "body", "canonical bytes", error))?;
        self.check_order(seq, &body)?;
        let executed = execute_committed(&mut self.state, body.tick, body.command.clone())
            .map_err(|error| {
                Divergence::in_entry(seq, "execution", "an entry that can be executed", error)
            })?;
        if executed.bytes != entry.body {
            return Err(differing(seq, &executed.body, &body)
                .because(executed.refusal.map_or_else(Default::default, |r| r.detail)));
        }
        self.state.link(entry.entry_hash);
        if seq == 0 {
            self.check_first(header, &body)?;
            self.report.first_entry_hash = Some(entry.entry_hash);
        }
        self.tally(&body)?;
        self.report.last_entry_hash = Some(entry.entry_hash);
        self.report.entries = seq.saturating_add(1);
        Ok(())
    }

    /// What execution takes as given: format, order, and that a command is executed once.
    fn check_order(&self, seq: u64, body: &EntryBody) -> Result<(), Divergence> {
        let cursor = self.state.cursor();
        if body.format != ENTRY_FORMAT {
            return Err(Divergence::in_entry(seq, "format", ENTRY_FORMAT, body.format));
        }
        if body.seq != seq {
            return Err(Divergence::in_entry(seq, "seq", seq, body.seq));
        }
        if body.tick < cursor.tick {
            let expected = format!("at least {}", cursor.tick);
            return Err(Divergence::in_entry(seq, "tick", expected, body.tick)
                .because("the tick went back"));
        }
        let seen = self
            .state
            .seen(&body.command)
            .map_err(|error| Divergence::in_entry(seq, "command.id", "a readable state", error))?;
        match seen {
            Seen::Never => Ok(()),
            Seen::Executed { seq: first } => Err(Divergence::in_entry(
                seq,
                "command.id",
                "an id that was not used in this epoch or the one before",
                format!("{}, used by entry {first}", body.command.id),
            )),
            Seen::Conflict => Err(Divergence::in_entry(
                seq,
                "command.id",
                "an id that was not used in this epoch or the one before",
                format!("{}, used by another command", body.command.id),
            )),
        }
    }

    /// The first entry opens the ledger and says whose signatures count.
    fn check_first(&mut self, header: &Header, body: &EntryBody) -> Result<(), Divergence> {
        let Some(genesis) = self.state.genesis() else {
            let got = crate::names::outcome_name(&body.outcome);
            return Err(Divergence::in_entry(0, "outcome", "accepted GENESIS", got)
                .because("the first entry does not open the ledger"));
        };
        self.report.genesis = Some(genesis.clone());
        keys::check(genesis, header, self.pinned)
    }

    fn tally(&mut self, body: &EntryBody) -> Result<(), Divergence> {
        if let Some(root) = body.state_root {
            self.report.state_roots.push(StateRoot { seq: body.seq, epoch: body.epoch, root });
        }
        let event = match &body.outcome {
            Outcome::Accepted(event) => event,
            Outcome::Rejected(code) => {
                count(&mut self.report.refusals, code.name());
                return Ok(());
            }
        };
        count(&mut self.report.events, crate::event_type(event));
        let audits = &mut self.report.audits;
        match (&body.command.action, event) {
            (Action::Store(store), Event::Stored { .. }) => self.stored(body, store, event),
            (Action::RecordAudit(record), Event::AuditRecorded { counted, failed }) => {
                self.totals.prove(record.node, *counted);
                audits.recorded = audits.recorded.saturating_add(1);
                audits.counted = audits.counted.saturating_add(u64::from(*counted));
                audits.failed = audits.failed.saturating_add(u64::from(*failed));
                Ok(())
            }
            (_, Event::AuditOpened) => {
                audits.opened = audits.opened.saturating_add(1);
                Ok(())
            }
            (_, Event::EpochClosed(closed)) => self.closed(body.seq, closed),
            _ => Ok(()),
        }
    }

    /// Derives shard ids, placement and fee of a store again, and adds its row.
    fn stored(&mut self, body: &EntryBody, store: &Store, event: &Event) -> Result<(), Divergence> {
        let (Content::Single(layout), Event::Stored { fee, assignment, .. }, Some(ledger)) =
            (&store.content, event, self.state.ledger())
        else {
            return Ok(());
        };
        let seq = body.seq;
        let ids = derive::shard_ids(&store.object.0, store.version, layout.profile.columns());
        let eligible = derive::eligible(self.state.nodes());
        let placed = derive::assignment(&ids, layout.profile, &eligible);
        if placed.as_ref() != Some(assignment) {
            let placed = placed.map_or("no placement".into(), |placed| format!("{placed:?}"));
            let got = format!("{assignment:?}");
            return Err(Divergence::in_entry(seq, "derived.assignment", placed, got));
        }
        let charged = derive::fee(layout.size, &store.metadata, &ledger.parameters);
        if charged != Some(*fee) {
            let charged = charged.map_or("no fee".into(), |fee| fee.to_string());
            return Err(Divergence::in_entry(seq, "derived.fee", charged, fee));
        }
        let done = &mut self.report.derivations;
        done.stores = done.stores.saturating_add(1);
        done.fees = done.fees.saturating_add(1);
        done.shard_ids = done.shard_ids.saturating_add(len(&ids));
        done.copies = done.copies.saturating_add(len(assignment));
        let shards = ids.iter().zip(assignment.chunks(usize::from(layout.profile.replicas)));
        let row = object([
            ("seq", Value::uint(seq)),
            ("epoch", Value::uint(body.epoch)),
            ("object_id", Value::from(store.object.0.as_str())),
            ("version", Value::uint(store.version)),
            ("hash_commit", Value::from(store.hash_commit.to_hex())),
            ("fee", Value::from(fee.to_string())),
            ("replica_sets", object(shards.map(|(id, nodes)| (id.to_hex(), self.node_ids(nodes))))),
        ]);
        self.report.store_rows.push(&row);
        self.totals
            .charge(*fee)
            .map_err(|found| Divergence::in_entry(seq, found.field, found.expected, found.got))
    }

    fn node_ids(&self, numbers: &[NodeNumber]) -> Value {
        numbers
            .iter()
            .filter_map(|number| self.state.node(*number))
            .map(|node| node.node_id.0.as_str())
            .collect()
    }

    fn closed(&mut self, seq: u64, closed: &EpochClosed) -> Result<(), Divergence> {
        let Some(ledger) = self.state.ledger() else {
            return Ok(());
        };
        let nodes = self.state.nodes();
        self.totals
            .close(closed, &ledger.parameters, &ledger.treasury, nodes)
            .map_err(|found| Divergence::in_entry(seq, found.field, found.expected, found.got))?;
        for (node, account) in nodes.iter().zip(&closed.nodes) {
            let row = object([
                ("epoch", Value::uint(closed.epoch)),
                ("node_id", Value::from(node.node_id.0.as_str())),
                ("status", Value::from(account.status.name())),
                ("bytes_stored", Value::uint(account.bytes_stored)),
                ("uptime_bucket", Value::from(u32::from(account.uptime_bucket))),
                ("successful_proofs", Value::uint(account.proofs)),
                ("nod_reward", Value::from(account.reward.to_string())),
            ]);
            self.report.account_rows.push(&row);
        }
        let done = &mut self.report.derivations;
        done.accounts = done.accounts.saturating_add(len(&closed.nodes));
        let verified =
            closed.nodes.iter().filter(|node| node.status == protocol::node::NodeStatus::Verified);
        self.report.epochs.push(EpochSummary {
            epoch: closed.epoch,
            seq,
            settlement: closed.settlement,
            nodes: u32::try_from(closed.nodes.len()).unwrap_or(u32::MAX),
            verified: u32::try_from(verified.count()).unwrap_or(u32::MAX),
            proofs: closed.nodes.iter().fold(0, |sum, node| sum.saturating_add(node.proofs)),
            nod_supply: ledger.treasury.burnt,
        });
        // The root was just computed; this keeps what is not yet in the store small.
        self.state
            .flush(Changes::new())
            .map_err(|error| Divergence::in_entry(seq, "execution", "a state", error))
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
        self.report.signatures = keys::verify(genesis, export, self.pinned)?;
        self.report.checkpoint = Some(export.note().into());
        self.check_bytes_stored()?;
        let root = self
            .state
            .root()
            .map_err(|error| Divergence::new(Place::Trailer, "state_root", "a root", error))?;
        self.report.final_state_root = Some(root);
        Ok(())
    }

    /// Counts the bytes of every node from the versions that exist, and compares them with the running sums.
    fn check_bytes_stored(&self) -> Result<(), Divergence> {
        let mut bytes: BTreeMap<NodeNumber, u64> = BTreeMap::new();
        self.state
            .visit_versions("", &mut |_, _, version| {
                let stored = version.stored.as_ref();
                if let Some(stored) = stored
                    && let Content::Single(layout) = &stored.content
                    && let Ok(geometry) = Geometry::of(layout)
                {
                    let replicas = usize::from(layout.profile.replicas);
                    for (column, nodes) in (0..).zip(stored.assignment.chunks(replicas)) {
                        for node in nodes {
                            let sum = bytes.entry(*node).or_default();
                            *sum = sum.saturating_add(geometry.shard_len(column));
                        }
                    }
                }
                true
            })
            .map_err(|error| {
                Divergence::new(Place::Trailer, "state", "readable versions", error)
            })?;
        for (number, node) in (0..).zip(self.state.nodes()) {
            let counted = bytes.get(&number).copied().unwrap_or(0);
            if counted != node.bytes_stored {
                let field = format!("derived.nodes[{number}].bytes_stored");
                return Err(Divergence::new(Place::Trailer, field, counted, node.bytes_stored));
            }
        }
        Ok(())
    }

    fn into_report(self) -> Report {
        let summary =
            |(number, node): (NodeNumber, &storage_engine::state::records::NodeRecord)| {
                NodeSummary {
                    node_id: node.node_id.clone(),
                    status: node.status,
                    bytes_stored: node.bytes_stored,
                    proofs: self.totals.proofs_of(number),
                    nod: node.nod,
                }
            };
        let nodes = (0..).zip(self.state.nodes()).map(summary).collect();
        let treasury = self.state.ledger().map(|ledger| ledger.treasury);
        Report { nodes, treasury: treasury.unwrap_or_default(), ..self.report }
    }
}

fn count(counts: &mut BTreeMap<&'static str, u64>, name: &'static str) {
    let number = counts.entry(name).or_default();
    *number = number.saturating_add(1);
}

fn len<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

/// Bodies whose bytes differ have a field that differs, because both are canonical.
fn differing(seq: u64, expected: &EntryBody, got: &EntryBody) -> Divergence {
    match first_difference(expected, got) {
        Some(found) => Divergence::in_entry(seq, found.field, found.expected, found.got),
        None => Divergence::in_entry(seq, "body", "the bytes of re-execution", "other bytes"),
    }
}
