//! A ledger in memory that keeps its log, and holds the laws after every command.

use crate::{draw::Draw, laws::Books};
use eqm_log::LogHead;
use protocol::{
    AccountId, Action, Authorization, Command, CommandId, EntryBody, ErrorCode, Genesis, Hash32,
    NodeId, Outcome, Parameters, Profile, Rules,
    genesis::GenesisNode,
    node::FailureDomain,
    rules::{DomainKind, Quarantine},
    signature::{SeedSigner, Signer, Suite},
};
use replay::workload::{self, keys};
use std::{collections::BTreeMap, fmt};
use storage_engine::{
    execute_committed,
    state::{MemoryStore, State},
};

pub const CLIENTS: [&str; 3] = ["alice", "bob", "carol"];
pub const COUNCIL: u32 = 3;
/// Nodes that a history has at most.
pub const NODES: u32 = 10;
pub const REGIONS: [&str; 3] = ["EU", "US", ""];
pub const BLOCK: u32 = 4_096;

/// What happened in histories.
#[derive(Default)]
pub struct Tally {
    pub commands: u64,
    pub accepted: BTreeMap<&'static str, u64>,
    pub refused: BTreeMap<ErrorCode, u64>,
    pub epochs: u64,
    pub rewarded: u64,
    pub nod_electorates: u64,
    pub in_force: u64,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.commands += other.commands;
        self.epochs += other.epochs;
        self.rewarded += other.rewarded;
        self.nod_electorates += other.nod_electorates;
        self.in_force += other.in_force;
        for (name, count) in &other.accepted {
            *self.accepted.entry(name).or_default() += count;
        }
        for (code, count) in &other.refused {
            *self.refused.entry(*code).or_default() += count;
        }
    }

    /// Histories that never do a thing say nothing about it.
    pub fn assert_varied(&self) {
        assert_eq!(self.accepted.len(), 17, "every kind of event: {self}");
        for code in [
            ErrorCode::NotFound,
            ErrorCode::InvalidVersion,
            ErrorCode::InvalidInput,
            ErrorCode::NoEligibleNodes,
            ErrorCode::Unauthorized,
            ErrorCode::EpochChanged,
            ErrorCode::Limit,
            ErrorCode::InsufficientFunds,
            ErrorCode::Conflict,
            ErrorCode::TooEarly,
            ErrorCode::TooLate,
            ErrorCode::NoQuorum,
        ] {
            assert!(self.refused.contains_key(&code), "never {code}: {self}");
        }
        assert!(self.rewarded > 0 && self.nod_electorates > 0 && self.in_force > 0, "{self}");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} commands, {} epochs closed, {} with rewards, {} proposals to holders of NOD, {} in force; accepted {:?}; refused {:?}",
            self.commands,
            self.epochs,
            self.rewarded,
            self.nod_electorates,
            self.in_force,
            self.accepted,
            self.refused
        )
    }
}

pub struct Ledger<'a> {
    pub draw: Draw,
    pub state: State<MemoryStore>,
    pub keys: &'a mut Keys,
    pub tally: Tally,
    pub bodies: Vec<Vec<u8>>,
    books: Books,
    head: LogHead,
    seed: u64,
}

/// Keys by name, for many histories; those of nodes are ML-DSA-44, which takes a while to make.
#[derive(Default)]
pub struct Keys(BTreeMap<String, SeedSigner>);

impl Keys {
    fn of(&mut self, name: &str, suite: Suite) -> &SeedSigner {
        self.0.entry(name.into()).or_insert_with(|| keys::signer(name, suite))
    }

    pub fn node(&mut self, number: u32) -> &SeedSigner {
        self.of(&format!("node-{number}"), Suite::MlDsa44)
    }

    pub fn person(&mut self, name: &str) -> &SeedSigner {
        self.of(name, Suite::Ed25519)
    }
}

impl<'a> Ledger<'a> {
    /// A ledger with rules and parameters that its seed chooses.
    pub fn open(seed: u64, keys: &'a mut Keys) -> Self {
        let mut ledger = Self {
            draw: Draw::new(seed),
            state: State::open(MemoryStore::default()).unwrap(),
            keys,
            tally: Tally::default(),
            bodies: Vec::new(),
            books: Books::default(),
            head: LogHead::new(),
            seed,
        };
        let genesis = ledger.genesis();
        let operator = AccountId::of(&genesis.operator);
        let opened = ledger.command(operator, Action::Genesis(Box::new(genesis)));
        ledger.submit(opened);
        ledger
    }

    fn genesis(&mut self) -> Genesis {
        let profiles =
            [Profile::QFS_V13, Profile::QFS_V13, Profile { data: 2, parity: 1, replicas: 1 }];
        let mut parameters = Parameters::v13(self.draw.pick(&profiles));
        parameters.block_size = BLOCK;
        parameters.prepaid = self.draw.chance(30);
        parameters.voting_epochs = 1 + self.draw.number(2);
        parameters.cooldown_epochs = self.draw.number(3);
        parameters.probation_epochs = self.draw.number(3);
        parameters.min_verified_nodes = 1 + self.draw.number(3);
        let mut rules = Rules::v13();
        rules.scorers = vec![self.account("carol")];
        rules.quarantine = Quarantine { failures: self.draw.number(4), epochs: 2 };
        if self.draw.chance(25) {
            rules.failure_domain = self.draw.pick(&DomainKind::ALL);
        }
        let nodes = 4 + self.draw.number(4);
        let public = |signer: &SeedSigner| signer.public_key();
        Genesis {
            name: workload::LEDGER_NAME.into(),
            log_keys: vec![public(&keys::log_ed25519()), public(&keys::log_ml_dsa())],
            operator: public(self.keys.person("operator")),
            council: (0..COUNCIL)
                .map(|n| public(self.keys.person(&format!("council-{n}"))))
                .collect(),
            parameters,
            rules,
            nodes: (0..nodes).map(|number| self.genesis_node(number)).collect(),
        }
    }

    fn genesis_node(&mut self, number: u32) -> GenesisNode {
        GenesisNode {
            node_id: node_id(number),
            scheme: "ML-DSA-44".into(),
            key_hash: Hash32::of(&self.keys.node(number).public_key().bytes),
            domain: self.domain(),
        }
    }

    pub fn domain(&mut self) -> FailureDomain {
        FailureDomain {
            region: self.draw.pick(&REGIONS).into(),
            operator: self.draw.pick(&["x", "y", "z", "w", ""]).into(),
            asn: self.draw.number(4),
        }
    }

    pub fn account(&mut self, name: &str) -> AccountId {
        AccountId::of(&self.keys.person(name).public_key())
    }

    fn command(&self, payer: AccountId, action: Action) -> Command {
        let position = [self.seed.to_be_bytes(), (self.bodies.len() as u64).to_be_bytes()].concat();
        Command {
            id: CommandId(*Hash32::of(&position).0.first_chunk().unwrap()),
            valid_until_epoch: self.state.epoch().max(1),
            payer,
            action,
            authorization: Authorization::Operator,
        }
    }

    /// Gives a command, signed by the person of this name.
    pub fn person(&mut self, name: &str, action: Action) -> Outcome {
        let account = self.account(name);
        let command = self.command(account, action);
        let ledger_id = self.state.ledger_id().unwrap();
        let command = command.sign(&ledger_id, self.keys.person(name));
        self.submit(command)
    }

    pub fn operator(&mut self, action: Action) -> Outcome {
        self.person("operator", action)
    }

    /// Gives a command, signed by the node's key.
    pub fn node(&mut self, number: u32, action: Action) -> Outcome {
        let account = AccountId::of(&self.keys.node(number).public_key());
        let command = self.command(account, action);
        let ledger_id = self.state.ledger_id().unwrap();
        let command = command.sign(&ledger_id, self.keys.node(number));
        self.submit(command)
    }

    fn submit(&mut self, command: Command) -> Outcome {
        let tick = self.state.cursor().tick + self.draw.below(3);
        let executed = execute_committed(&mut self.state, tick, command).unwrap();
        let hash = self.head.append(&executed.bytes, |_, _, _| ());
        self.state.link(hash);
        self.bodies.push(executed.bytes);
        self.books.check(&executed.body, &self.state, &mut self.tally);
        let EntryBody { outcome, .. } = executed.body;
        outcome
    }

    /// The auditor, who has the exported file alone, must come to the same.
    pub fn finish(self) -> Tally {
        let Self { mut state, bodies, tally, seed, .. } = self;
        let file = workload::Log { bodies }.export().unwrap();
        let report = replay::audit(&file[..], &keys::verifier_keys().unwrap(), &mut |_| ());
        assert!(report.passed(), "history {seed}: {:?}", report.divergence);
        assert_eq!(report.final_state_root, Some(state.root().unwrap()), "history {seed}");
        tally
    }
}

pub fn node_id(number: u32) -> NodeId {
    // Names whose order is not that of the numbers.
    NodeId(format!("n{}-{number}", number * 7 % 10))
}
