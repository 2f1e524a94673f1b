//! Why the copies of a shard are where they are: its start, its walk, and every move since (RP-13).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use protocol::{
    Action, Event, Hash32, Profile,
    command::{Content, Reassign, Store},
    node::{NodeNumber, Standing},
    rules::DomainKind,
};

use super::{
    EntryRef, ExplainError, Explanation, Step, not_found,
    rerun::{Next, Rerun, as_integer, named},
};
use crate::{
    books::{Books, difference},
    derive::{self, Copy, Shard, Told},
};

/// What is asked, and what is known so far.
pub(super) struct Placement {
    object: String,
    version: u64,
    shard_id: Hash32,
    found: Option<Found>,
    /// The entry that ended the version.
    ended: Option<EntryRef>,
}

/// The version that the shard is of.
struct Found {
    entry: EntryRef,
    profile: Profile,
    shards: Vec<Shard>,
    column: u32,
    told: Told,
    /// Nodes of all copies now.
    assignment: Vec<NodeNumber>,
    steps: Vec<Step>,
}

impl Placement {
    pub(super) fn new(object: &str, version: u64, shard_id: Hash32) -> Self {
        Self { object: object.into(), version, shard_id, found: None, ended: None }
    }

    /// Looks at an entry before it is executed: the books are still those that it is decided by.
    pub(super) fn before(&mut self, next: &Next, rerun: &Rerun) -> Result<(), ExplainError> {
        let (Some(books), Some(event)) = (&rerun.books, next.event()) else { return Ok(()) };
        match (&next.body.command.action, event) {
            (Action::Store(store), Event::Stored { assignment, .. }) if self.is_of(store) => {
                self.stored(next.entry, store, assignment, rerun, books)
            }
            (Action::Reassign(reassign), Event::Reassigned)
                if reassign.object.0 == self.object && reassign.version == self.version =>
            {
                self.moved(next.entry, reassign, rerun, books)
            }
            (Action::Purge { object, version }, Event::Purged)
                if object.0 == self.object && *version == self.version =>
            {
                self.ended = Some(next.entry);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn is_of(&self, store: &Store) -> bool {
        store.object.0 == self.object && store.version == self.version
    }

    fn stored(
        &mut self,
        entry: EntryRef,
        store: &Store,
        assignment: &[NodeNumber],
        rerun: &Rerun,
        books: &Books,
    ) -> Result<(), ExplainError> {
        let Content::Single(layout) = &store.content else { return Ok(()) };
        let profile = layout.profile;
        let named = (self.object.as_str(), self.version, profile.columns());
        let shards = derive::shards([named].into_iter());
        let column = (0u32..).zip(&shards).find(|(_, shard)| shard.id == self.shard_id);
        let Some((column, _)) = column else {
            return Err(not_found(format!(
                "version {} of {} has no shard {}",
                self.version, self.object, self.shard_id
            )));
        };
        let told = derive::told(&store.metadata).unwrap_or_default();
        let mut found = Found {
            entry,
            profile,
            shards,
            column,
            told,
            assignment: assignment.to_vec(),
            steps: Vec::new(),
        };
        found.name(&self.object, self.version);
        let list = found.list(rerun, books);
        found.place(&list, rerun, books)?;
        self.found = Some(found);
        Ok(())
    }

    fn moved(
        &mut self,
        entry: EntryRef,
        reassign: &Reassign,
        rerun: &Rerun,
        books: &Books,
    ) -> Result<(), ExplainError> {
        match &mut self.found {
            Some(found) => found.replace(entry, reassign, rerun, books),
            None => Ok(()),
        }
    }

    pub(super) fn finish(self, rerun: &Rerun) -> Result<Explanation, ExplainError> {
        let Self { object, version, shard_id, found, ended } = self;
        let Some(mut found) = found else {
            return Err(not_found(format!("the log stores no version {version} of {object}")));
        };
        if let Some(ended) = ended {
            let step = Step::new("The version has ended", "ST-8", "a purge ends one version");
            found.steps.push(step.at(ended).result("no copy is assigned any more"));
        }
        let nodes = if ended.is_some() { Vec::new() } else { found.of_shard() };
        Ok(Explanation {
            explains: "placement",
            subject: Vec::from([
                ("object", object),
                ("version", version.to_string()),
                ("shard", shard_id.to_hex()),
            ]),
            steps: found.steps,
            result: nodes.into_iter().map(|node| rerun.name(node)).collect(),
        })
    }
}

impl Found {
    fn is_spread(&self) -> bool {
        self.profile.parity > 0
    }

    /// The shard whose hash the walk starts from.
    fn first(&self) -> Option<&Shard> {
        let column = if self.is_spread() { 0 } else { usize::try_from(self.column).ok()? };
        self.shards.get(column)
    }

    /// Nodes of the shard's copies now.
    fn of_shard(&self) -> Vec<NodeNumber> {
        let replicas = usize::from(self.profile.replicas);
        let first = usize::try_from(self.column).unwrap_or(usize::MAX).saturating_mul(replicas);
        self.assignment.iter().skip(first).take(replicas).copied().collect()
    }

    /// The shard's name, its id, and the hash of that.
    fn name(&mut self, object: &str, version: u64) {
        let Self { entry, profile, column, .. } = *self;
        let (id, first) =
            (self.shards.get(usize::try_from(column).unwrap_or(usize::MAX)), self.first());
        let (Some(id), Some(first)) = (id.copied(), first.copied()) else { return };
        let which = if self.is_spread() { 0 } else { column };
        let spread = if self.is_spread() { "start(0)" } else { "start(column)" };
        self.steps.push(
            Step::new("Shard id", "LA-6", "H(\"object:version:column\")")
                .input("name", format!("{object}:{version}:{column}"))
                .parameter("profile", profile)
                .at(entry)
                .result(id.id),
        );
        self.steps.push(
            Step::new("Start hash", "PL-2", "H(hexadecimal digits of the shard id)")
                .input("walk begins at", format!("{spread}, column {which}"))
                .input("shard id", first.id)
                .result(first.draw),
        );
    }

    /// The list of the open epoch, and what a fence leaves of it.
    fn list(&mut self, rerun: &Rerun, books: &Books) -> Vec<NodeNumber> {
        let list = books.roll.fenced(&self.told.regions);
        self.steps.push(list_step(rerun, books));
        if !self.told.regions.is_empty() {
            self.steps.push(fence_step(&self.told, &list, rerun));
        }
        list
    }

    /// Start index, walk and copies; they must be what the entry says.
    fn place(
        &mut self,
        list: &[NodeNumber],
        rerun: &Rerun,
        books: &Books,
    ) -> Result<(), ExplainError> {
        let Some(draw) = self.first().map(|shard| shard.draw) else { return Ok(()) };
        self.steps.push(start_step(&draw, list));
        let wanted = if self.is_spread() {
            usize::try_from(self.column).unwrap_or(usize::MAX).saturating_add(1)
        } else {
            usize::from(self.profile.replicas)
        };
        let (mut rows, mut taken) = (Vec::new(), Vec::new());
        for node in derive::walk(&draw, list).into_iter().flatten() {
            if taken.len() >= wanted {
                break;
            }
            let kind = books.rules.failure_domain;
            match taken.iter().find(|other| books.roll.alike(kind, **other, node)) {
                Some(other) => rows.push(skipped(
                    rerun,
                    node,
                    &format!("skipped: shares its {kind} with {}", rerun.name(*other)),
                )),
                None => {
                    rows.push(format!("{}: taken", shown(rerun, books, node)));
                    taken.push(node);
                }
            }
        }
        let copies =
            if self.is_spread() { taken.split_off(taken.len().saturating_sub(1)) } else { taken };
        let (rule, formula) = if self.is_spread() {
            ("PL-4", "column i on the i-th node that the walk takes")
        } else {
            ("PL-3", "as many nodes as replicas, one after the other from the start, wrapping")
        };
        self.steps.push(
            Step::new("Walk", rule, formula)
                .rows(rows)
                .parameter("failure_domain", books.rules.failure_domain)
                .at(self.entry)
                .result(names(rerun, &copies)),
        );
        if copies == self.of_shard() {
            return Ok(());
        }
        let found = difference("assignment", names(rerun, &copies), names(rerun, &self.of_shard()));
        Err(named(self.entry.seq, found).into())
    }

    /// A move of one copy of the version; shown when it is one of this shard's.
    fn replace(
        &mut self,
        entry: EntryRef,
        reassign: &Reassign,
        rerun: &Rerun,
        books: &Books,
    ) -> Result<(), ExplainError> {
        let Reassign { column, copy, from, to, .. } = *reassign;
        let moving = Copy {
            shards: &self.shards,
            profile: self.profile,
            assignment: &self.assignment,
            column,
            copy,
        };
        let derived = books.replacement(&moving, &self.told);
        if derived != Some(to) || moving.holder() != Some(from) {
            let derived = derived.map_or("no node".into(), |node| rerun.name(node));
            return Err(named(entry.seq, difference("to", derived, rerun.name(to))).into());
        }
        if column == self.column {
            self.steps.extend(move_steps(entry, &moving, &self.told, rerun, books));
        }
        self.assignment = moving.held_by(to);
        Ok(())
    }
}

/// The start of the walk in the list of the move's epoch, and the walk to the first node that may take the copy.
fn move_steps(
    entry: EntryRef,
    moving: &Copy<'_>,
    told: &Told,
    rerun: &Rerun,
    books: &Books,
) -> Vec<Step> {
    let (Some(from), Some(shard)) = (moving.holder(), moving.shard()) else { return Vec::new() };
    let list = books.roll.fenced(&told.regions);
    let siblings = moving.siblings();
    let kind = books.rules.failure_domain;
    let mut rows = Vec::new();
    for node in derive::walk(&shard.draw, &list).into_iter().flatten() {
        let why = if node == from {
            "skipped: it has the copy".to_string()
        } else if books.roll.standing(node) == Some(Standing::Draining) {
            "skipped: DRAINING".to_string()
        } else if siblings.contains(&node) {
            "skipped: it holds a sibling".to_string()
        } else if let Some(other) = siblings.iter().find(|s| books.roll.alike(kind, **s, node)) {
            format!("skipped: shares its {kind} with {}", rerun.name(*other))
        } else {
            rows.push(format!("{}: takes it over", shown(rerun, books, node)));
            break;
        };
        rows.push(skipped(rerun, node, &why));
    }
    let standing = books.roll.standing(from).map_or("unknown", Standing::name);
    let listed = if books.roll.list().contains(&from) { "listed" } else { "not listed" };
    let to = books.replacement(moving, told);
    let start = Step { title: "Start of a replacement", ..start_step(&shard.draw, &list) };
    let start = Step { entry: rerun.opened, ..start };
    Vec::from([
        start.input("epoch", books.epoch).input("list", names(rerun, &list)),
        Step::new("Replacement", "PL-11", "the first node of the walk that may take the copy")
            .input("copy", moving.copy)
            .input("from", format!("{}: {standing}, {listed}", rerun.name(from)))
            .input("siblings", names(rerun, &siblings))
            .rows(rows)
            .parameter("failure_domain", kind)
            .at(entry)
            .result(to.map_or("no node".into(), |node| rerun.name(node))),
    ])
}

fn list_step(rerun: &Rerun, books: &Books) -> Step {
    let step = Step::new(
        "Eligible nodes",
        "RG-7",
        "verified, of a standing and a region that the rules allow; by the bytes of their ids",
    )
    .input("epoch", books.epoch)
    .input("list", names(rerun, books.roll.list()))
    .result(format!("N = {}", books.roll.list().len()));
    Step { entry: rerun.opened, ..step }
}

fn fence_step(told: &Told, list: &[NodeNumber], rerun: &Rerun) -> Step {
    Step::new(
        "Region fence",
        "PL-9",
        "nodes of the regions that the metadata names, before N is taken",
    )
    .input("placement.region", told.regions.join(", "))
    .input("list", names(rerun, list))
    .result(format!("N = {}", list.len()))
}

fn start_step(draw: &Hash32, list: &[NodeNumber]) -> Step {
    let start = derive::start(draw, list.len());
    Step::new("Start index", "PL-2", "start hash as a 256-bit big-endian integer, mod N")
        .input("start hash", as_integer(draw))
        .input("N", list.len())
        .result(start.map_or("none".into(), |start| start.to_string()))
}

fn shown(rerun: &Rerun, books: &Books, node: NodeNumber) -> String {
    let name = rerun.name(node);
    match (books.rules.failure_domain, books.roll.member(node)) {
        (DomainKind::Operator, Some(member)) => format!("{name} ({})", member.domain.operator),
        (DomainKind::Asn, Some(member)) => format!("{name} (AS{})", member.domain.asn),
        (DomainKind::Region, Some(member)) => format!("{name} ({})", member.domain.region),
        _ => name,
    }
}

fn skipped(rerun: &Rerun, node: NodeNumber, why: &str) -> String {
    format!("{}: {why}", rerun.name(node))
}

fn names(rerun: &Rerun, nodes: &[NodeNumber]) -> String {
    let names: Vec<String> = nodes.iter().map(|node| rerun.name(*node)).collect();
    names.join(" ")
}
