//! A ledger for tests: executes commands one by one, and holds every one of them to the laws that no
//! table should have to repeat.
#![allow(dead_code, reason = "each test program uses its own part of this module")]

pub mod make;

use protocol::{
    AccountId, Action, Authorization, Command, CommandId, EntryBody, ErrorCode, Event, Genesis,
    Hash32, Outcome,
    governance::{Change, Speaker},
    node::NodeNumber,
    signature::{SeedSigner, Signer, Suite},
};
use storage_engine::{
    Executed, admit, execute_committed,
    state::{Changes, MemoryStore, State},
};

pub use Expect::{Accepted, NotAdmitted, Refused};

/// Who gives a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The operator, signed.
    Operator,
    /// The operator's account, without a signature.
    Unsigned,
    /// A client.
    Alice,
    /// Another client.
    Bob,
    /// A storage node, with the key that it registers.
    Node(u8),
    /// The Ed25519 key of this seed.
    Seeded(u8),
    /// The same key where it is the operator's now: it pays from the operator's account.
    Successor(u8),
}

impl By {
    /// The signer; the operator's for unsigned commands, whose account pays them.
    pub fn signer(self) -> SeedSigner {
        let seed = match self {
            Self::Operator | Self::Unsigned => 1,
            Self::Alice => 2,
            Self::Bob => 3,
            Self::Seeded(seed) | Self::Successor(seed) => seed,
            Self::Node(number) => return SeedSigner::from_seed(Suite::MlDsa44, [number; 32]),
        };
        SeedSigner::from_seed(Suite::Ed25519, [seed; 32])
    }

    pub fn account(self) -> AccountId {
        match self {
            Self::Successor(_) => Self::Operator.account(),
            _ => AccountId::of(&self.signer().public_key()),
        }
    }
}

/// What becomes of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    Accepted,
    /// Refused by the state of the ledger, and logged.
    Refused(ErrorCode),
    /// Refused by its own shape or signature; logged only if it was committed all the same.
    NotAdmitted(ErrorCode),
}

/// One line of a table.
pub type Line = (By, Action, Expect);

/// A ledger and a second replica that re-executes its log.
pub struct Ledger {
    pub state: State<MemoryStore>,
    pub log: Vec<Vec<u8>>,
    /// Hash of the last entry.
    pub head: Hash32,
    replica: State<MemoryStore>,
    ids: u128,
}

impl Ledger {
    /// A ledger without genesis.
    pub fn empty() -> Self {
        let open = || State::open(MemoryStore::default()).unwrap();
        Self { state: open(), log: Vec::new(), head: Hash32::ZERO, replica: open(), ids: 0 }
    }

    pub fn open(genesis: Genesis) -> Self {
        let mut ledger = Self::empty();
        ledger.play([(By::Unsigned, Action::Genesis(Box::new(genesis)), Accepted)]);
        ledger
    }

    /// A v13 ledger with small blocks and this many nodes.
    pub fn with_nodes(nodes: u32) -> Self {
        Self::open(make::genesis(nodes))
    }

    /// The command, valid in the open epoch, under an id of its own.
    pub fn command(&mut self, by: By, action: Action) -> Command {
        self.ids += 1;
        let unsigned = Command {
            id: CommandId(self.ids.to_be_bytes()),
            valid_until_epoch: self.state.epoch(),
            payer: by.account(),
            action,
            authorization: Authorization::Operator,
        };
        self.sign(by, unsigned)
    }

    pub fn sign(&self, by: By, command: Command) -> Command {
        let opened = match &command.action {
            Action::Genesis(genesis) => genesis.ledger_id(),
            _ => Hash32::ZERO,
        };
        let ledger_id = self.state.ledger_id().unwrap_or(opened);
        match by {
            By::Unsigned => command,
            signed => command.sign(&ledger_id, &signed.signer()),
        }
    }

    /// Plays a table: each line's command must meet the line's expectation.
    pub fn play<const N: usize>(&mut self, table: [Line; N]) {
        for (number, (by, action, expect)) in table.into_iter().enumerate() {
            let command = self.command(by, action);
            let line = format!("line {number}, {by:?}: {}", make::brief(&command.action));
            assert_eq!(self.submit(command).1, expect, "{line}");
        }
    }

    /// The event of a command that must be accepted.
    pub fn event(&mut self, by: By, action: Action) -> Event {
        let command = self.command(by, action);
        match self.submit(command).0.body.outcome {
            Outcome::Accepted(event) => event,
            Outcome::Rejected(code) => panic!("refused with {code}"),
        }
    }

    /// Puts a change into force with the next epoch: an emergency, which the one key of the council accepts.
    pub fn enact(&mut self, change: Change) {
        let proposal = self.state.ledger().unwrap().proposals + 1;
        self.play([
            (By::Operator, make::propose(Speaker::Operator, change, true), Accepted),
            (By::Alice, make::vote(proposal, Speaker::Council(0), true), Accepted),
            (By::Operator, make::activate(proposal, Speaker::Operator), Accepted),
        ]);
    }

    /// Nodes of the copies of version 1 of an object: copy r of column c at index c × replicas + r.
    pub fn assignment(&self, name: &str) -> Vec<NodeNumber> {
        let version = self.state.version(&make::object(name), 1).unwrap();
        version.unwrap().stored.unwrap().assignment
    }

    /// Executes a command as a log would have it, and checks what holds for every command.
    pub fn submit(&mut self, command: Command) -> (Executed, Expect) {
        let admission = admit(self.state.ledger_id().as_ref(), command.clone());
        let before = (self.state.root().unwrap(), self.state.ledger().cloned());
        let tick = self.state.cursor().tick + 1;
        let executed = execute_committed(&mut self.state, tick, command).unwrap();
        self.head = entry_hash(&self.head, &executed.bytes);
        self.state.link(self.head);
        let expect = match (&executed.body.outcome, admission) {
            (Outcome::Accepted(_), Ok(_)) => Accepted,
            (Outcome::Rejected(code), Ok(_)) => Refused(*code),
            (Outcome::Rejected(code), Err(refused)) => {
                assert_eq!(*code, refused.refusal().code, "admission and execution agree");
                NotAdmitted(*code)
            }
            (Outcome::Accepted(_), Err(refused)) => panic!("not admitted: {}", refused.refusal()),
        };
        if expect != Accepted {
            let after = (self.state.root().unwrap(), self.state.ledger().cloned());
            assert_eq!(before, after, "a refused command changes nothing");
        }
        assert_eq!(executed.refusal.is_some(), expect != Accepted);
        self.re_execute(&executed.bytes);
        self.log.push(executed.bytes.clone());
        (executed, expect)
    }

    /// The replica has only the bytes, and flushes after every entry.
    fn re_execute(&mut self, bytes: &[u8]) {
        let body = EntryBody::from_bytes(bytes).unwrap();
        let again = execute_committed(&mut self.replica, body.tick, body.command).unwrap();
        assert_eq!(again.bytes, bytes, "re-execution gives the same bytes");
        self.replica.link(self.head);
        self.replica.flush(Changes::new()).unwrap();
        assert_eq!(self.replica.root().unwrap(), self.state.root().unwrap());
    }
}

/// The hash of an entry, as the chain has it: `H(previous ‖ H(body))`.
pub fn entry_hash(previous: &Hash32, body: &[u8]) -> Hash32 {
    Hash32::of_parts(&[previous.as_ref(), Hash32::of(body).as_ref()])
}
