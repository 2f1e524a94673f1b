//! Random histories: what no sequence of commands may break.
//!
//! The harness checks at every command that a refusal changes nothing, and that a replica that flushes after
//! every entry gives the same bytes and roots. Here come the sums, the listing, and restarts at random points.

mod common;

use common::{By, Expect, Ledger, entry_hash, make};
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use protocol::{
    Action, Amount, EntryBody, Event, Hash32, Outcome, Profile,
    command::{AuditAnswer, Content, OpenAudit},
    node::Standing,
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    io::{Read, Write},
    sync::LazyLock,
};
use storage_engine::{
    execute_committed,
    layout::Geometry,
    state::{
        Changes, MemoryStore, State,
        snapshot::{self, Reader},
    },
};
use token_state::Account;

const NAMES: [&str; 5] = ["a", "a/b", "ab", "b", "ü"];
const SIZES: [usize; 5] = [0, 1, 4_096, 4_097, 40_000];
const NODES: u32 = 6;
const HISTORIES: u32 = 220;

static SAMPLES: LazyLock<[make::Sample; 5]> =
    LazyLock::new(|| SIZES.map(|size| make::sample(size, Profile::QFS_V13)));

/// What to do next; the numbers choose among what the ledger has.
#[derive(Clone, Copy, Debug)]
enum Step {
    Store {
        by: By,
        name: u8,
        ahead: u8,
        size: u8,
        epochs_ago: u8,
    },
    Delete {
        by: By,
        name: u8,
        ahead: u8,
    },
    Purge {
        by: By,
        name: u8,
        version: u8,
    },
    Advance {
        late: bool,
        verified: u8,
    },
    Register {
        node: u8,
    },
    Exit {
        by: By,
        node: u8,
    },
    /// Of a copy that its node may lose, to the node that takes it over, or of any copy to any node.
    Reassign {
        copy: u16,
        to: Option<u8>,
    },
    OpenAudit {
        sample: u8,
    },
    Answer {
        copy: u16,
        how: u8,
        times: u8,
    },
    Credit {
        by: By,
        atr: u16,
    },
    Score {
        by: By,
        name: u8,
        version: u8,
    },
}

fn steps() -> impl Strategy<Value = Step> {
    let by = || prop_oneof![6 => Just(By::Unsigned), 1 => Just(By::Alice), 1 => Just(By::Bob)];
    let ahead = || prop_oneof![1 => Just(0u8), 5 => Just(1u8), 1 => 2..4u8];
    prop_oneof![
        8 => (by(), any::<u8>(), ahead(), any::<u8>(), 0..3u8).prop_map(
            |(by, name, ahead, size, epochs_ago)| Step::Store { by, name, ahead, size, epochs_ago }
        ),
        2 => (by(), any::<u8>(), ahead()).prop_map(|(by, name, ahead)| Step::Delete { by, name, ahead }),
        3 => (by(), any::<u8>(), any::<u8>()).prop_map(|(by, name, version)| Step::Purge { by, name, version }),
        2 => (prop::bool::weighted(0.1), any::<u8>()).prop_map(|(late, verified)| Step::Advance { late, verified }),
        1 => (0..9u8).prop_map(|node| Step::Register { node }),
        1 => (by(), 3..NODES as u8).prop_map(|(by, node)| Step::Exit { by, node }),
        4 => (any::<u16>(), prop::option::weighted(0.3, any::<u8>())).prop_map(|(copy, to)| Step::Reassign { copy, to }),
        2 => (by(), any::<u16>()).prop_map(|(by, atr)| Step::Credit { by, atr }),
        2 => (by(), any::<u8>(), any::<u8>()).prop_map(|(by, name, version)| Step::Score { by, name, version }),
        2 => (0..6u8).prop_map(|sample| Step::OpenAudit { sample }),
        8 => (any::<u16>(), 0..8u8, 1..3u8).prop_map(|(copy, how, times)| Step::Answer { copy, how, times }),
    ]
}

/// A copy of a shard: object, version, column, copy, node, index of its content in [`SAMPLES`].
#[derive(Clone, Debug)]
struct Copy {
    name: String,
    version: u64,
    place: (u32, u32),
    node: u32,
    sample: usize,
}

/// The ledger, and what its events alone say that it must be.
struct History {
    ledger: Ledger,
    versions: BTreeSet<(String, u64)>,
    fees: u128,
    credits: u128,
    seen: BTreeMap<&'static str, u32>,
}

impl History {
    fn new() -> Self {
        Self {
            ledger: Ledger::with_nodes(NODES),
            versions: BTreeSet::new(),
            fees: 0,
            credits: 0,
            seen: BTreeMap::new(),
        }
    }

    fn copies(&self) -> Vec<Copy> {
        let mut copies = Vec::new();
        let mut visit =
            |name: &str, version, record: storage_engine::state::records::VersionRecord| {
                let Some(stored) = record.stored else {
                    return true;
                };
                let Content::Single(layout) = &stored.content else {
                    return true;
                };
                let sample = SIZES.iter().position(|size| *size as u64 == layout.size).unwrap();
                for (at, node) in (0..).zip(stored.assignment) {
                    let name = name.to_owned();
                    copies.push(Copy { name, version, place: (at / 3, at % 3), node, sample });
                }
                true
            };
        self.ledger.state.visit_versions("", &mut visit).unwrap();
        copies
    }

    /// The action of a step; `None` when the ledger has nothing that it could be about.
    fn action(&self, step: Step) -> Option<(By, Action)> {
        let state = &self.ledger.state;
        let name = |choice: u8| NAMES[usize::from(choice) % NAMES.len()];
        let latest = |name| state.object(&make::object(name)).unwrap().map_or(0, |o| o.latest);
        let version = |choice, ahead: u8| (latest(name(choice)) + u64::from(ahead)).max(1);
        Some(match step {
            Step::Store { by, name: choice, ahead, size, epochs_ago } => {
                let sample = &SAMPLES[usize::from(size) % SAMPLES.len()];
                let epoch = state.epoch().saturating_sub(u64::from(epochs_ago)).max(1);
                let store = make::store(name(choice), version(choice, ahead), epoch, sample);
                (by, Action::Store(store))
            }
            Step::Delete { by, name: choice, ahead } => {
                (by, make::delete(name(choice), version(choice, ahead)))
            }
            Step::Purge { by, name: choice, version } => {
                let newest = latest(name(choice)).max(1);
                (by, make::purge(name(choice), 1 + u64::from(version) % newest))
            }
            Step::Advance { late, verified } => {
                let known = state.nodes().len() as u32;
                // Most nodes most of the time, so that placement stays possible.
                let nodes: Vec<u32> =
                    (0..known).filter(|n| verified >> (n % 8) & 1 == 0 || *n < 3).collect();
                (By::Operator, make::advance(state.epoch() - u64::from(late), &nodes))
            }
            Step::Register { node } => {
                (By::Operator, Action::RegisterNode(make::register(node.into())))
            }
            Step::Exit { by: By::Unsigned, node } => {
                (By::Operator, Action::Exit { node: node.into() })
            }
            Step::Exit { by, node } => (by, Action::Exit { node: node.into() }),
            Step::Reassign { copy, to } => {
                let mut copies = self.copies();
                if to.is_none() {
                    copies.retain(|copy| self.may_lose(copy.node));
                }
                let Copy { name, version, place, node, .. } =
                    copies.get(usize::from(copy) % copies.len().max(1))?;
                let to = match to {
                    Some(to) => u32::from(to) % state.nodes().len() as u32,
                    None => make::replacement_in(state, name, *version, *place)?,
                };
                (By::Operator, make::reassign(name, *version, *place, *node, to))
            }
            Step::Credit { by, atr } => (By::Operator, make::credit(by, atr.into())),
            Step::Score { by, name: choice, version } => {
                let by = if by == By::Unsigned { By::Alice } else { by };
                let newest = latest(name(choice)).max(1);
                (by, make::score(name(choice), 1 + u64::from(version) % newest, version.into()))
            }
            Step::OpenAudit { sample: 0..3 } => (By::Operator, make::ALL),
            Step::OpenAudit { sample } => {
                (By::Operator, Action::OpenAudit(OpenAudit::Sample(sample.into())))
            }
            Step::Answer { copy, how, times } => {
                let audit = state.ledger()?.audit?.seq;
                let mut copies = self.copies();
                copies.retain(|copy| SIZES[copy.sample] > copy.place.0 as usize * 4_096);
                let copy = copies.get(usize::from(copy) % copies.len().max(1))?;
                let answers = vec![self.answer(copy, how); times.into()];
                (By::Operator, make::record(audit, copy.node, answers))
            }
        })
    }

    /// PL-8: whether copies may be taken from a node.
    fn may_lose(&self, node: u32) -> bool {
        let standing = self.ledger.state.node(node).unwrap().standing;
        !self.ledger.state.eligible().contains(&node)
            || matches!(standing, Standing::Draining | Standing::Degraded)
    }

    fn answer(&self, copy: &Copy, how: u8) -> AuditAnswer {
        let shard = (copy.name.as_str(), copy.version, copy.place.0);
        let sample = &SAMPLES[copy.sample];
        let mut answer = make::answer(&self.ledger.state, sample, shard, copy.node);
        match how {
            0 => answer.proof = None,
            1 => answer.leaf = answer.leaf.wrapping_add(1),
            2 => answer.proof.as_mut().unwrap().path.push(sample.commit),
            _ => {}
        }
        answer
    }

    fn step(&mut self, step: Step) {
        let Some((by, action)) = self.action(step) else {
            return;
        };
        let command = self.ledger.command(by, action.clone());
        let (executed, expect) = self.ledger.submit(command);
        assert!(!matches!(expect, Expect::NotAdmitted(_)), "{}", make::brief(&action));
        let kind = self.account_for(&action, &executed.body.outcome);
        *self.seen.entry(kind).or_default() += 1;
        self.check();
    }

    /// What the event says that must have changed.
    fn account_for(&mut self, action: &Action, outcome: &Outcome) -> &'static str {
        let key = |object: &protocol::ObjectId, version: &u64| (object.0.clone(), *version);
        match (action, outcome) {
            (_, Outcome::Rejected(_)) => "refused",
            (Action::Store(store), Outcome::Accepted(Event::Stored { fee, .. })) => {
                self.fees += fee.raw();
                self.versions.insert(key(&store.object, &store.version));
                "stored"
            }
            (Action::DeleteMarker { object, version }, _) => {
                self.versions.insert(key(object, version));
                "marked"
            }
            (Action::Purge { object, version }, _) => {
                self.versions.remove(&key(object, version));
                "purged"
            }
            (_, Outcome::Accepted(Event::EpochClosed(closed))) => {
                let s = closed.settlement;
                assert_eq!(s.fees.raw(), s.rewards.raw() + s.treasury.raw() + s.reserve.raw());
                let paid: u128 = closed.nodes.iter().map(|node| node.reward.raw()).sum();
                assert_eq!(paid, s.rewards.raw());
                if paid > 0 { "rewarded" } else { "closed" }
            }
            (_, Outcome::Accepted(Event::AuditRecorded { counted: 0, .. })) => "answered",
            (_, Outcome::Accepted(Event::AuditRecorded { .. })) => "proved",
            (_, Outcome::Accepted(Event::Reassigned)) => "moved",
            (_, Outcome::Accepted(Event::Exiting)) => "exited",
            (_, Outcome::Accepted(Event::Scored)) => "scored",
            (Action::Credit { amount, .. }, _) => {
                self.credits += amount.raw();
                "credited"
            }
            _ => "other",
        }
    }

    fn check(&self) {
        let ledger = self.ledger.state.ledger().unwrap();
        assert_eq!(ledger.treasury.total().unwrap(), Amount::from_raw(self.fees));
        let accounts = [By::Unsigned, By::Alice, By::Bob].map(By::account);
        let accounts = accounts.map(|id| self.ledger.state.account(&id).unwrap());
        assert_eq!(accounts.iter().map(|account| account.fees.raw()).sum::<u128>(), self.fees);
        assert_eq!(
            accounts.iter().map(|account| account.credits.raw()).sum::<u128>(),
            self.credits
        );
        assert_eq!(ledger.treasury.credited.raw(), self.credits);
        assert!(accounts.iter().all(Account::is_balanced), "EC-8: {accounts:?}");
        let nod: u128 = self.ledger.state.nodes().iter().map(|node| node.nod.raw()).sum();
        assert_eq!(nod, ledger.treasury.burnt.raw());
        assert_eq!(listed(&self.ledger.state), self.versions.iter().cloned().collect::<Vec<_>>());
        let mut held = vec![0u64; self.ledger.state.nodes().len()];
        for copy in self.copies() {
            let layout = &SAMPLES[copy.sample].layout;
            held[copy.node as usize] += Geometry::of(layout).unwrap().shard_len(copy.place.0);
        }
        let counted: Vec<u64> = self.ledger.state.nodes().iter().map(|n| n.bytes_stored).collect();
        assert_eq!(counted, held, "bytes of the copies that version records assign");
        assert_eq!(ledger.bytes_stored, held.iter().sum::<u64>());
    }
}

fn listed(state: &State<MemoryStore>) -> Vec<(String, u64)> {
    let mut listed = Vec::new();
    let mut visit = |name: &str, version, _| {
        listed.push((name.to_owned(), version));
        true
    };
    state.visit_versions("", &mut visit).unwrap();
    listed
}

/// What a replica does after an entry.
#[derive(Clone, Copy, Debug)]
enum Upkeep {
    Nothing,
    Root,
    Flush,
    Spill,
    Restart,
    /// Goes on from a snapshot of itself.
    Restore,
}

fn upkeep() -> impl Strategy<Value = Upkeep> {
    prop_oneof![
        6 => Just(Upkeep::Nothing),
        1 => Just(Upkeep::Root),
        2 => Just(Upkeep::Flush),
        2 => Just(Upkeep::Spill),
        1 => Just(Upkeep::Restart),
        1 => Just(Upkeep::Restore),
    ]
}

/// The state that a snapshot of `state` restores (ST-13).
fn through_snapshot(state: &mut State<MemoryStore>, head: Hash32) -> State<MemoryStore> {
    let mut file = Vec::new();
    let sink = |bytes: &[u8]| file.write_all(bytes);
    snapshot::write(state, head, sink).unwrap();
    let mut rest = &file[..];
    let reader = Reader::open::<Infallible>(|buf: &mut [u8]| rest.read(buf)).unwrap();
    snapshot::restore(reader, MemoryStore::default()).unwrap().0
}

/// Executes a log over a fresh state, with flushes, roots, restarts and snapshots wherever `upkeep` says.
fn re_execute(log: &[Vec<u8>], upkeep: &[Upkeep]) -> State<MemoryStore> {
    let mut state = State::open(MemoryStore::default()).unwrap();
    let mut head = Hash32::ZERO;
    for (bytes, upkeep) in log.iter().zip(upkeep.iter().cycle()) {
        let body = EntryBody::from_bytes(bytes).unwrap();
        let again = execute_committed(&mut state, body.tick, body.command).unwrap();
        assert_eq!(&again.bytes, bytes, "after {upkeep:?}");
        head = entry_hash(&head, bytes);
        state.link(head);
        match upkeep {
            Upkeep::Nothing => {}
            Upkeep::Root => drop(state.root().unwrap()),
            Upkeep::Flush => state.flush(Changes::new()).unwrap(),
            Upkeep::Spill => state.spill().unwrap(),
            Upkeep::Restart => {
                state.flush(Changes::new()).unwrap();
                state = State::open(state.store().clone()).unwrap();
            }
            Upkeep::Restore => {
                let restored = through_snapshot(&mut state, head);
                for bytes in log {
                    let command = EntryBody::from_bytes(bytes).unwrap().command;
                    assert_eq!(restored.seen(&command).unwrap(), state.seen(&command).unwrap());
                }
                state = restored;
            }
        }
    }
    state
}

#[test]
fn random_histories() {
    let config =
        ProptestConfig { cases: HISTORIES, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let seen: RefCell<BTreeMap<&str, u32>> = RefCell::default();
    let histories =
        (prop::collection::vec(steps(), 75..100), prop::collection::vec(upkeep(), 1..40));
    TestRunner::new_with_rng(config, rng)
        .run(&histories, |(steps, upkeep)| {
            let mut history = History::new();
            steps.into_iter().for_each(|step| history.step(step));
            let mut replica = re_execute(&history.ledger.log, &upkeep);
            let state = &mut history.ledger.state;
            assert_eq!(replica.cursor(), state.cursor());
            assert_eq!(replica.root().unwrap(), state.root().unwrap());
            assert_eq!(listed(&replica), listed(state));
            for (kind, count) in history.seen {
                *seen.borrow_mut().entry(kind).or_default() += count;
            }
            Ok(())
        })
        .unwrap();
    // Guard against a generator that has stopped reaching the interesting cases.
    let seen = seen.into_inner();
    let kinds = [
        "stored", "marked", "purged", "closed", "rewarded", "moved", "exited", "proved",
        "answered", "credited", "scored", "refused",
    ];
    for kind in kinds {
        let count = seen.get(kind).copied().unwrap_or(0);
        assert!(count >= HISTORIES / 2, "{kind}: {count} in {seen:?}");
    }
    assert!(seen.values().sum::<u32>() >= HISTORIES * 60, "{seen:?}");
}
