//! `repair`: copies that their nodes may not keep, or have lost, are made anew at the nodes that follow from the state.
//!
//! Bytes first, ledger second. A crash until the entries are durable leaves shards that no entry names, a crash after
//! that leaves the old ones; both are noted before they can appear, and collected like any other (JO-7).

use crate::{
    app::App,
    collect::Uploads,
    error::{CliError, Result, accepted},
    fleet::LocalFleet,
    speaker,
};
use protocol::{
    Action, ErrorCode, Hash32, Layout, ObjectId, Refusal,
    command::{Content, Reassign},
    node::{NodeNumber, Standing},
};
use serde_json::{Value, json};
use shard_store::{
    ShardKey,
    fleet::{Fleet, ObjectCopy, Origin, restore, sync_all},
};
use std::collections::BTreeSet;
use storage_engine::{
    content::shard_id,
    decide::replacement,
    layout::Geometry,
    state::{
        State, StateStore,
        records::{StoredRecord, VersionRecord},
    },
};

/// Versions that are read at a time, so that memory stays bounded however many there are.
const PAGE: usize = 256;
/// Moves that share one sync of the nodes and one of the log.
const MOVES_PER_SUBMIT: usize = 128;
/// Bytes of shards after which a group is closed early.
const BYTES_PER_SUBMIT: u64 = 128 << 20;

pub fn run(app: &mut App, only: Option<&str>) -> Result<()> {
    let state = app.state()?;
    let only = only.map(|name| speaker::node_number(state, name)).transpose()?;
    let duties = Duties::of(state, only);
    let mut repair = Repair { duties, group: Vec::new(), bytes: 0, moved: 0, failed: 0 };
    if repair.duties.is_any() {
        repair.every_version(app)?;
    }
    let Repair { moved, failed, .. } = repair;
    app.out.say(&format!("{moved} copies moved, {failed} not"))?;
    if failed > 0 { Err(CliError::Reported) } else { Ok(()) }
}

/// Copies that wait for `qfs repair`: those at nodes that may keep none. What a degraded node has lost shows when it
/// is looked for.
pub fn waiting<S: StateStore>(state: &State<S>) -> Result<u64> {
    let duties = Duties::of(state, None);
    let losing = |(node, duty): (&_, &_)| node_holds(node) && *duty == Duty::Move;
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

const fn node_holds(node: &storage_engine::state::records::NodeRecord) -> bool {
    node.bytes_stored > 0
}

/// What becomes of the copies at a node (PL-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    /// They stay.
    Keep,
    /// Those that it cannot show move.
    Check,
    /// All move.
    Move,
}

/// By node number.
struct Duties(Vec<Duty>);

impl Duties {
    /// Of all nodes, or of one only.
    fn of<S: StateStore>(state: &State<S>, only: Option<NodeNumber>) -> Self {
        let listed: BTreeSet<NodeNumber> = state.eligible().iter().copied().collect();
        let duty =
            |(number, node): (NodeNumber, &storage_engine::state::records::NodeRecord)| match node
                .standing
            {
                _ if only.is_some_and(|only| only != number) => Duty::Keep,
                _ if !listed.contains(&number) => Duty::Move,
                Standing::Draining => Duty::Move,
                Standing::Degraded => Duty::Check,
                _ => Duty::Keep,
            };
        Self((0..).zip(state.nodes()).map(duty).collect())
    }

    fn at(&self, node: NodeNumber) -> Duty {
        self.0.get(node as usize).copied().unwrap_or(Duty::Keep)
    }

    fn is_any(&self) -> bool {
        self.0.iter().any(|duty| *duty != Duty::Keep)
    }
}

/// One copy of one shard that has to move.
#[derive(Clone, Debug)]
struct Copy {
    reassign: Reassign,
    /// Where it stands in the assignment.
    at: usize,
    key: ShardKey,
    len: u64,
}

struct Repair {
    duties: Duties,
    /// Copies that are at their new nodes, not yet durable there and not yet in the ledger.
    group: Vec<(Copy, Origin)>,
    bytes: u64,
    moved: u64,
    failed: u64,
}

impl Repair {
    fn every_version(&mut self, app: &mut App) -> Result<()> {
        let mut after = None;
        loop {
            let (page, next) = self.page(app.state()?, after.as_ref())?;
            for (object, version, stored) in page {
                self.version(app, &object, version, stored)?;
            }
            match next {
                Some(next) => after = Some(next),
                None => return self.settle(app),
            }
        }
    }

    /// The next versions with a copy to look at, and where the page ended; `None` at the end.
    #[allow(clippy::type_complexity, reason = "a page and its end, used once")]
    fn page<S: StateStore>(
        &self,
        state: &State<S>,
        after: Option<&(ObjectId, u64)>,
    ) -> Result<(Vec<(ObjectId, u64, StoredRecord)>, Option<(ObjectId, u64)>)> {
        let (mut page, mut seen, mut last) = (Vec::new(), 0, None);
        let after = after.map(|(id, version)| (id, *version));
        state.visit_versions_after(after, &mut |name, version, record: VersionRecord| {
            let id = ObjectId(name.to_owned());
            if let Some(stored) = record.stored
                && stored.assignment.iter().any(|node| self.duties.at(*node) != Duty::Keep)
            {
                page.push((id.clone(), version, stored));
            }
            seen += 1;
            last = Some((id, version));
            seen < PAGE
        })?;
        Ok((page, last.filter(|_| seen == PAGE)))
    }

    /// Moves the copies of one version. Each replacement is computed as the ledger will: with those before it moved.
    fn version(
        &mut self,
        app: &mut App,
        object: &ObjectId,
        version: u64,
        mut stored: StoredRecord,
    ) -> Result<()> {
        let Content::Single(layout) = stored.content.clone() else { return Ok(()) };
        let Ok(geometry) = Geometry::of(&layout) else { return Ok(()) };
        let replicas = usize::from(layout.profile.replicas);
        let mut noted = false;
        for at in 0..stored.assignment.len() {
            let from = stored.assignment[at];
            let (column, copy) = ((at / replicas) as u32, (at % replicas) as u32);
            let len = geometry.shard_len(column);
            let root = layout.roots[column as usize];
            let key = ShardKey { shard_id: shard_id(&object.0, version, column), root };
            let object = object.clone();
            let reassign = Reassign { object, version, column, copy, from, to: from };
            let mut copy = Copy { reassign, at, key, len };
            if !self.must_move(app.fleet()?, &copy) {
                continue;
            }
            let before = (!noted).then(|| stored.assignment.clone());
            match place(app, &mut copy, &stored, &layout, before) {
                Ok(origin) => {
                    stored.assignment[at] = copy.reassign.to;
                    noted = true;
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

    fn must_move(&self, fleet: &LocalFleet, copy: &Copy) -> bool {
        match self.duties.at(copy.reassign.from) {
            Duty::Keep => false,
            Duty::Move => true,
            Duty::Check => !is_sound(fleet, copy),
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
        let commands =
            group.iter().map(|(copy, _)| app.signed(Action::Reassign(copy.reassign.clone())));
        let commands = commands.collect::<Result<_>>()?;
        for (result, (copy, origin)) in app.submit(commands)?.into_iter().zip(group) {
            match accepted(result) {
                Ok(receipt) => {
                    self.moved += 1;
                    drop_old(app.fleet()?, &copy);
                    show(app, &copy, origin, receipt.seq)?;
                }
                Err(CliError::Failed(refusal)) => self.fail(app, &copy, &refusal)?,
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }

    fn fail(&mut self, app: &mut App, copy: &Copy, refusal: &Refusal) -> Result<()> {
        self.failed += 1;
        let mut row = document(app.state()?, copy);
        row["ok"] = false.into();
        row["error_code"] = refusal.code.name().into();
        row["error_detail"] = refusal.detail.as_ref().into();
        app.out.row(&row, || {
            let Reassign { object, version, column, .. } = &copy.reassign;
            format!(
                "{object}  version {version}  column {column} stays at {}: {refusal}",
                row["from"]
            )
        })
    }
}

/// Whether the node still has every byte of the copy.
fn is_sound(fleet: &LocalFleet, copy: &Copy) -> bool {
    let verified =
        |store: &dyn shard_store::ShardStore| store.open(&copy.key, copy.len)?.verify_all();
    copy.len == 0 || fleet.store(copy.reassign.from).is_some_and(|store| verified(store).is_ok())
}

/// Finds the copy's new node and writes its bytes there. `before` is the assignment to note, once for each version.
fn place(
    app: &mut App,
    copy: &mut Copy,
    stored: &StoredRecord,
    layout: &Layout,
    before: Option<Vec<NodeNumber>>,
) -> Result<Origin> {
    let data_dir = app.data_dir().to_path_buf();
    let (state, fleet) = app.parts()?;
    let Reassign { object, version, column, from, .. } = copy.reassign.clone();
    let to = replacement(state, &copy.reassign, stored)?.ok_or_else(|| {
        let name = speaker::node_name(state, from);
        let detail = format!("no eligible node may take the copy that is at {name}");
        CliError::failed(ErrorCode::NoEligibleNodes, detail)
    })?;
    copy.reassign.to = to;
    if copy.len == 0 {
        return Ok(Origin::Copy);
    }
    let uploads = Uploads::of(&data_dir, state.epoch());
    let source = ObjectCopy {
        object_id: object.0.clone(),
        version,
        layout: layout.clone(),
        assignment: stored.assignment.clone(),
    };
    let mut after = stored.assignment.clone();
    after[copy.at] = to;
    for nodes in before.into_iter().chain([after]) {
        uploads.note(&object, version, &layout.roots, &nodes)?;
    }
    fleet.prepare([to])?;
    let target = fleet.store(to).ok_or_else(|| {
        let name = speaker::node_name(state, to);
        CliError::failed(ErrorCode::ContentUnavailable, format!("node {name} is out of reach"))
    })?;
    Ok(restore(fleet, &source, column, target, &mut |_| ())?)
}

/// The old bytes are not the node's any more. If it is out of reach, they are collected once it is back.
fn drop_old(fleet: &LocalFleet, copy: &Copy) {
    if let Some(store) = fleet.store(copy.reassign.from) {
        let _ = store.remove(&copy.key);
    }
}

fn show(app: &mut App, copy: &Copy, origin: Origin, seq: u64) -> Result<()> {
    let mut row = document(app.state()?, copy);
    row["source"] = origin.name().into();
    row["seq"] = seq.into();
    app.out.row(&row, || {
        let Reassign { object, version, column, .. } = &copy.reassign;
        let name = |key: &str| row[key].as_str().unwrap_or("").to_owned();
        format!(
            "{object}  version {version}  column {column}: {} to {} ({origin})  entry {seq}",
            name("from"),
            name("to")
        )
    })
}

fn document<S: StateStore>(state: &State<S>, copy: &Copy) -> Value {
    let Reassign { object, version, column, copy: replica, from, to } = &copy.reassign;
    json!({
        "object_id": object.0,
        "version": version,
        "shard_id": Hash32::to_hex(&copy.key.shard_id),
        "column": column,
        "copy": replica,
        "from": speaker::node_name(state, *from),
        "to": (from != to).then(|| speaker::node_name(state, *to)),
    })
}
