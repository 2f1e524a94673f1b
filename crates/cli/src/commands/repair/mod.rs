//! `repair`: copies that their nodes may not keep, or have lost, are made anew at the nodes that follow from the state; or,
//! in place, at the nodes that keep them.
//!
//! Bytes first, ledger second. A crash until the entries are durable leaves shards that no entry names, a crash after
//! that leaves the old ones; both are noted before they can appear, and collected like any other (JO-7).

mod version;

use crate::{
    app::App,
    error::{CliError, Result, accepted},
    speaker,
};
use node::LocalFleet;
use protocol::{
    Action, ObjectId, Refusal,
    command::Reassign,
    node::{NodeNumber, Standing},
};
use shard_store::fleet::{Origin, sync_all};
use std::collections::BTreeSet;
use storage_engine::state::{State, StateStore, records::NodeRecord};
use version::{Copy, Version};

/// Versions that are read at a time, so that memory stays bounded however many there are.
const PAGE: usize = 256;
/// Moves that share one sync of the nodes and one of the log.
const MOVES_PER_SUBMIT: usize = 128;
/// Bytes of shards after which a group is closed early.
const BYTES_PER_SUBMIT: u64 = 128 << 20;

pub fn run(app: &mut App, only: Option<&str>, in_place: bool) -> Result<()> {
    let state = app.state()?;
    let only = only.map(|name| speaker::node_number(state, name)).transpose()?;
    let duties = Duties::of(state, only, in_place);
    let mut repair = Repair { duties, group: Vec::new(), bytes: 0, done: 0, failed: 0 };
    if repair.duties.is_any() {
        repair.every_version(app)?;
    } else {
        app.out.note(if in_place {
            "no node that was asked about keeps its copies; `qfs repair` moves them"
        } else {
            "every node that was asked about is eligible and in good standing: it keeps its copies"
        });
    }
    let Repair { done, failed, .. } = repair;
    let what = if in_place { "made anew in place" } else { "moved" };
    app.out.say(&format!("{done} copies {what}, {failed} not"))?;
    if failed > 0 { Err(CliError::Reported) } else { Ok(()) }
}

/// Copies that wait for `qfs repair`: those at nodes that may keep none. What a degraded node has lost shows when it
/// is looked for. Reads every version only where there is such a node with bytes.
pub fn waiting<S: StateStore>(state: &State<S>) -> Result<u64> {
    let duties = Duties::of(state, None, false);
    let losing = |(node, duty): (&NodeRecord, &Duty)| node.bytes_stored > 0 && *duty == Duty::Move;
    if !state.nodes().iter().zip(&duties.0).any(losing) {
        return Ok(0);
    }
    let mut count = 0;
    state.visit_versions("", &mut |_, _, record| {
        let nodes = record.stored.iter().flat_map(|stored| &stored.assignment);
        count += nodes.filter(|node| duties.at(**node) == Duty::Move).count() as u64;
        true
    })?;
    Ok(count)
}

/// What becomes of the copies at a node (PL-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    /// They stay.
    Keep,
    /// Those that it does not have any more move.
    Check,
    /// Those that it does not have any more are made anew where they were.
    Restore,
    /// All move.
    Move,
}

/// By node number.
struct Duties(Vec<Duty>);

impl Duties {
    /// Of all nodes, or of one only: what moves, or `in_place` what those that keep their copies have lost.
    fn of<S: StateStore>(state: &State<S>, only: Option<NodeNumber>, in_place: bool) -> Self {
        let listed: BTreeSet<NodeNumber> = state.eligible().iter().copied().collect();
        let duty = |(number, node): (NodeNumber, &NodeRecord)| {
            let leaves = !listed.contains(&number) || node.standing == Standing::Draining;
            match node.standing {
                _ if only.is_some_and(|only| only != number) => Duty::Keep,
                _ if in_place => {
                    if leaves {
                        Duty::Keep
                    } else {
                        Duty::Restore
                    }
                }
                _ if leaves => Duty::Move,
                Standing::Degraded => Duty::Check,
                _ => Duty::Keep,
            }
        };
        Self((0..).zip(state.nodes()).map(duty).collect())
    }

    fn at(&self, node: NodeNumber) -> Duty {
        self.0.get(node as usize).copied().unwrap_or(Duty::Keep)
    }

    fn is_any(&self) -> bool {
        self.concerns((0..).take(self.0.len()))
    }

    fn concerns(&self, nodes: impl IntoIterator<Item = NodeNumber>) -> bool {
        nodes.into_iter().any(|node| self.at(node) != Duty::Keep)
    }
}

struct Repair {
    duties: Duties,
    /// Copies that are at their new nodes, not yet durable there and not yet in the ledger.
    group: Vec<(Copy, Origin)>,
    bytes: u64,
    done: u64,
    failed: u64,
}

/// The next versions to look at, and the last one that was read; `None` at the end.
type Page = (Vec<Version>, Option<(ObjectId, u64)>);

impl Repair {
    fn every_version(&mut self, app: &mut App) -> Result<()> {
        let mut after = None;
        loop {
            let (page, next) = self.page(app.state()?, after.as_ref())?;
            for version in page {
                self.version(app, version)?;
            }
            match next {
                Some(next) => after = Some(next),
                None => return self.settle(app),
            }
        }
    }

    fn page<S: StateStore>(
        &self,
        state: &State<S>,
        after: Option<&(ObjectId, u64)>,
    ) -> Result<Page> {
        let (mut page, mut seen, mut last) = (Vec::new(), 0, None);
        let after = after.map(|(id, version)| (id, *version));
        state.visit_versions_after(after, &mut |name, number, record| {
            let id = ObjectId(name.to_owned());
            let version = record.stored.and_then(|stored| Version::new(id.clone(), number, stored));
            page.extend(
                version.filter(|version| self.duties.concerns(version.nodes().iter().copied())),
            );
            seen += 1;
            last = Some((id, number));
            seen < PAGE
        })?;
        Ok((page, last.filter(|_| seen == PAGE)))
    }

    /// Moves the copies of one version. Each replacement is computed as the ledger will: with those before it moved.
    fn version(&mut self, app: &mut App, mut version: Version) -> Result<()> {
        let copies: Vec<Copy> = version.copies().collect();
        for mut copy in copies {
            if !self.is_due(app.fleet()?, &copy) {
                continue;
            }
            let made = match self.duties.at(copy.reassign.from) {
                Duty::Restore => version.restore(app, &copy),
                _ => version.place(app, &mut copy),
            };
            match made {
                Ok(origin) => {
                    self.bytes += copy.len;
                    self.group.push((copy, origin));
                }
                Err(CliError::Failed(refusal)) => self.fail(app, &copy, &refusal)?,
                Err(other) => return Err(other),
            }
            if self.group.len() >= MOVES_PER_SUBMIT || self.bytes >= BYTES_PER_SUBMIT {
                self.settle(app)?;
            }
        }
        Ok(())
    }

    fn is_due(&self, fleet: &LocalFleet, copy: &Copy) -> bool {
        match self.duties.at(copy.reassign.from) {
            Duty::Keep => false,
            Duty::Move => true,
            Duty::Check | Duty::Restore => !copy.is_sound(fleet),
        }
    }

    /// Makes a group durable at its nodes, asks the ledger, and drops the old bytes of what it accepted.
    fn settle(&mut self, app: &mut App) -> Result<()> {
        self.bytes = 0;
        let group = std::mem::take(&mut self.group);
        if group.is_empty() {
            return Ok(());
        }
        let written = group.iter().filter(|(copy, _)| copy.len > 0);
        sync_all(app.fleet()?, written.map(|(copy, _)| copy.reassign.to))?;
        let (restored, group): (Vec<_>, Vec<_>) =
            group.into_iter().partition(|(copy, _)| copy.reassign.from == copy.reassign.to);
        for (copy, origin) in restored {
            self.done += 1;
            show(app, &copy, origin, None)?;
        }
        let moves = group.iter().map(|(copy, _)| Action::Reassign(copy.reassign.clone()));
        let commands = moves.map(|action| app.signed(action)).collect::<Result<_>>()?;
        for (result, (copy, origin)) in app.submit(commands)?.into_iter().zip(group) {
            match accepted(result) {
                Ok(receipt) => {
                    self.done += 1;
                    if copy.is_left(app.state()?)? {
                        copy.drop_old(app.fleet()?);
                    }
                    show(app, &copy, origin, Some(receipt.seq))?;
                }
                Err(CliError::Failed(refusal)) => self.fail(app, &copy, &refusal)?,
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    fn fail(&mut self, app: &mut App, copy: &Copy, refusal: &Refusal) -> Result<()> {
        self.failed += 1;
        let mut row = copy.document(app.state()?);
        row["ok"] = false.into();
        row["error_code"] = refusal.code.name().into();
        row["error_detail"] = refusal.detail.as_ref().into();
        app.out.row(&row, || format!("{}  NOT MOVED: {refusal}", line(copy)))
    }
}

/// `seq` is the entry of a move; what was made anew in place has none.
fn show(app: &mut App, copy: &Copy, origin: Origin, seq: Option<u64>) -> Result<()> {
    let mut row = copy.document(app.state()?);
    if seq.is_none() {
        row["to"] = row["from"].clone();
    }
    row["source"] = origin.name().into();
    row["seq"] = seq.into();
    app.out.row(&row, || {
        let name = |key: &str| row[key].as_str().unwrap_or("").to_owned();
        match seq {
            Some(seq) => {
                format!(
                    "{}  {} to {} ({origin})  entry {seq}",
                    line(copy),
                    name("from"),
                    name("to")
                )
            }
            None => format!("{}  {} ({origin})", line(copy), name("to")),
        }
    })
}

fn line(copy: &Copy) -> String {
    let Reassign { object, version, column, .. } = &copy.reassign;
    format!("{object}  version {version}  column {column}")
}
