//! Histories: commands of every kind in any order, through execution, replay, snapshot and audit.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use protocol::{
    AccountId, Action, Authorization, Command, CommandId, EntryBody, Hash32, Profile,
    canonical::{decode, encode},
    command::Reassign,
    signature::{SeedSigner, Signer, Suite},
};
use replay::workload::{Log, Spec, keys};
use storage_engine::{
    decide::replacement,
    execute_committed,
    state::{MemoryStore, Seen, State},
};

use super::snapshot::{restored, written};
use crate::{
    base::{exported, replayed},
    edit::edit,
};

/// Most commands of a history.
const LONGEST: usize = 24;

/// What commands are taken from: a log with every kind of them.
const SPEC: Spec = Spec {
    seed: 7,
    nodes: 6,
    epochs: 6,
    objects_per_epoch: 2,
    profile: Profile::QFS_V13,
    sample: 2,
    council_epochs: 3,
    governed: true,
};

struct Pool {
    opening: Vec<u8>,
    actions: Vec<Action>,
    people: Vec<SeedSigner>,
}

static POOL: LazyLock<Pool> = LazyLock::new(|| {
    let log = Log::generate(&SPEC).expect("the workload is sound");
    let action =
        |body: &Vec<u8>| EntryBody::from_bytes(body).expect("an honest entry").command.action;
    let names = ["operator", "client-ed25519", "client-ed25519-2", "council-0", "council-1"];
    Pool {
        opening: log.bodies[0].clone(),
        actions: log.bodies[1..].iter().map(action).collect(),
        people: names.map(|name| keys::signer(name, Suite::Ed25519)).into(),
    }
});

/// Commands of a generated log in another order, fitted to the state that they meet or changed in their bytes, each signed by somebody.
/// Whatever they are, replaying their entries gives the same bytes and state, a snapshot of the state gives it back, and the
/// auditor finds nothing.
pub fn history(data: &[u8]) {
    let mut ledger = Ledger::open();
    let _used_up = ledger.play(&mut Unstructured::new(data));
    let Ledger { mut state, bodies, .. } = ledger;
    let root = state.root().expect("memory");
    let mut replica = replayed(&bodies).expect("execution is a function");
    assert_eq!(replica.root().expect("memory"), root);
    let snapshot = written(&mut state, Hash32::ZERO);
    let mut copy = restored(&snapshot).expect("it was just written");
    assert_eq!(written(&mut copy, Hash32::ZERO), snapshot);
    let report = replay::audit(&exported(bodies)[..], &[], &mut |_| ());
    assert!(report.passed(), "{:?}", report.divergence);
}

struct Ledger {
    state: State<MemoryStore>,
    bodies: Vec<Vec<u8>>,
    head: eqm_log::Chain,
}

impl Ledger {
    fn open() -> Self {
        let state = State::open(MemoryStore::default()).expect("memory");
        let mut ledger = Self { state, bodies: Vec::new(), head: eqm_log::Chain::new() };
        let opening = EntryBody::from_bytes(&POOL.opening).expect("an honest entry");
        ledger.execute(opening.tick, opening.command);
        ledger
    }

    fn play(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        while !input.is_empty() && self.bodies.len() <= LONGEST {
            let (tick, command) = self.next(input)?;
            let before = self.state.root().expect("memory");
            let (id, hash) = (command.id, command.hash());
            if self.state.seen_as(&id, &hash).expect("memory") != Seen::Never {
                let again = execute_committed(&mut self.state, tick, command);
                assert!(again.is_err(), "a command id is used once");
                assert_eq!(self.state.root().expect("memory"), before);
                continue;
            }
            let refused = self.execute(tick, command);
            assert!(
                !refused || self.state.root().expect("memory") == before,
                "a refusal changes nothing"
            );
        }
        Ok(())
    }

    fn next(&self, input: &mut Unstructured<'_>) -> Result<(u64, Command)> {
        let mut action = input.choose(&POOL.actions)?.clone();
        match input.int_in_range(0..=3_u8)? {
            0 => {
                let mut bytes = encode(&action);
                edit(&mut bytes, input)?;
                action = decode(&bytes).unwrap_or(action);
            }
            1 => {}
            _ => self.fit(&mut action),
        }
        let signer = &POOL.people[input.choose_index(POOL.people.len())?];
        let number = self.bodies.len() as u128 - u128::from(input.ratio(1, 16)?);
        let command = Command {
            id: CommandId(number.to_be_bytes()),
            valid_until_epoch: self.state.epoch() + u64::from(input.int_in_range(0..=1_u8)?),
            payer: AccountId::of(&signer.public_key()),
            action,
            authorization: Authorization::Operator,
        };
        let ledger_id = self.state.ledger_id().expect("genesis");
        let tick = self.state.cursor().tick + u64::from(input.arbitrary::<u8>()?);
        Ok((tick, if input.ratio(1, 16)? { command } else { command.sign(&ledger_id, signer) }))
    }

    /// Makes the action one that the state may well accept.
    fn fit(&self, action: &mut Action) {
        let epoch = self.state.epoch();
        let latest = |id| self.state.object(id).expect("memory").map_or(0, |object| object.latest);
        match action {
            Action::AdvanceEpoch(advance) => advance.closes = epoch,
            Action::Store(store) => {
                store.epoch = epoch;
                store.version = latest(&store.object).saturating_add(1);
            }
            Action::DeleteMarker { object, version } => *version = latest(object).saturating_add(1),
            Action::Purge { object, version } => *version = latest(object),
            Action::RecordScore(record) => record.version = latest(&record.object),
            Action::Reassign(moved) => self.fit_move(moved),
            Action::RecordAudit(record) => {
                let audit = self.state.ledger().and_then(|ledger| ledger.audit);
                record.audit = audit.map_or(record.audit, |audit| audit.seq);
            }
            Action::Vote(vote) => vote.proposal = 1,
            Action::Activate { proposal, .. } => *proposal = 1,
            _ => {}
        }
    }

    fn fit_move(&self, moved: &mut Reassign) {
        let version = self.state.version(&moved.object, moved.version).expect("memory");
        if let Some(stored) = version.and_then(|version| version.stored)
            && let Some(to) = replacement(&self.state, moved, &stored).expect("memory")
        {
            moved.to = to;
        }
    }

    /// Executes a command and says whether it was refused.
    fn execute(&mut self, tick: u64, command: Command) -> bool {
        let executed = execute_committed(&mut self.state, tick, command).expect("it fits an entry");
        self.state.link(self.head.append(&executed.bytes));
        assert_eq!(executed.body.to_bytes(), executed.bytes);
        assert_eq!(EntryBody::from_bytes(&executed.bytes).as_ref(), Ok(&executed.body));
        self.bodies.push(executed.bytes);
        executed.refusal.is_some()
    }
}
