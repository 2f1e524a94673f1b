//! Frozen bytes. Entries that were written once must decode, re-execute and hash alike for ever.
//!
//! If a test here fails, a format or a rule has changed. Formats are frozen: do not adapt the expected bytes,
//! add a new variant or a new format version beside the old one.

mod common;

use common::{Accepted, By::*, Ledger, make};
use proptest::prelude::*;
use protocol::{
    AccountId, Action, Amount, Authorization, Command, CommandId, EntryBody, ErrorCode, Event,
    Hash32, Outcome, Profile, canonical,
    event::{EpochClosed, NodeAccount, Settlement},
    governance::{Change, Electorate, Speaker},
    hash::{hex_decode, hex_encode},
    node::{NodeStatus, Standing},
    parameters::{Parameter, Value},
    rules::{DomainKind, Quarantine, Rule},
};
use std::sync::LazyLock;

const FROZEN: &str = "formats are frozen: add a variant or a format version, never change one";

fn body(seq: u64, action: Action, outcome: Outcome, state_root: Option<Hash32>) -> EntryBody {
    EntryBody {
        format: 1,
        seq,
        tick: seq + 0x10,
        epoch: 1,
        command: Command {
            id: CommandId([0xc1; 16]),
            valid_until_epoch: 2,
            payer: Operator.account(),
            action,
            authorization: Authorization::Operator,
        },
        outcome,
        state_root,
    }
}

fn genesis() -> EntryBody {
    let genesis = make::genesis(3);
    let ledger_id = genesis.ledger_id();
    let opened = Outcome::Accepted(Event::LedgerOpened { ledger_id });
    body(0, Action::Genesis(Box::new(genesis)), opened, None)
}

fn stored() -> EntryBody {
    let outcome = Outcome::Accepted(Event::Stored {
        fee: Amount::from_raw(100_000_000_000_000_000_000),
        assignment: vec![0, 1, 2, 1, 2, 0, 2, 0, 1, 0, 1, 2],
        update: false,
    });
    body(1, make::put("obj", 1), outcome, None)
}

fn rejected() -> EntryBody {
    let refused = Outcome::Rejected(ErrorCode::InvalidVersion);
    body(2, make::delete("obj", 1), refused, None)
}

fn signed() -> EntryBody {
    let mut body = body(3, make::purge("obj", 1), Outcome::Accepted(Event::Purged), None);
    body.command.payer = Alice.account();
    body.command = body.command.sign(&Hash32::of(b"ledger"), &Alice.signer());
    body
}

fn closed() -> EntryBody {
    let account = |proofs| NodeAccount {
        status: NodeStatus::Verified,
        bytes_stored: 4,
        uptime_bucket: 10,
        proofs,
        reward: Amount::from_raw(7),
        standing: Standing::Active,
        eligible: true,
    };
    let outcome = Outcome::Accepted(Event::EpochClosed(EpochClosed {
        epoch: 1,
        settlement: Settlement {
            fees: Amount::from_raw(1_000),
            pool: Amount::from_raw(100),
            rewards: Amount::from_raw(14),
            treasury: Amount::from_raw(900),
            reserve: Amount::from_raw(86),
        },
        nodes: vec![account(1), account(2)],
        changes: vec![3],
    }));
    body(4, make::advance(1, &[0, 1]), outcome, Some(Hash32::of(b"state")))
}

fn exited() -> EntryBody {
    body(5, Action::Exit { node: 2 }, Outcome::Accepted(Event::Exiting), None)
}

fn proposed() -> EntryBody {
    let outcome = Outcome::Accepted(Event::Proposed {
        proposal: 3,
        electorate: Electorate::Nodes,
        weight: Amount::from_raw(400),
        needed: Amount::from_raw(264),
        opens: 2,
        closes: 3,
    });
    let regions = Rule::AllowedRegions(vec!["eu".into(), "uk".into()]);
    body(6, make::propose(Speaker::Council(1), Change::Rule(regions), false), outcome, None)
}

fn voted() -> EntryBody {
    let outcome = Outcome::Accepted(Event::Voted { weight: Amount::from_raw(100) });
    body(7, make::vote(3, Speaker::Node(4), true), outcome, None)
}

fn activated() -> EntryBody {
    let outcome = Outcome::Accepted(Event::Activated { effective: 5 });
    body(8, make::activate(3, Speaker::Operator), outcome, None)
}

fn credited() -> EntryBody {
    let outcome = Outcome::Accepted(Event::Credited { settled: Amount::from_raw(9) });
    body(9, make::credit(Bob, 5), outcome, None)
}

fn scored() -> EntryBody {
    body(10, make::score("obj", 1, 1_000_000), Outcome::Accepted(Event::Scored), None)
}

/// The smaller bodies in full, the genesis by its hash: it holds a key of 1,312 bytes.
static GOLDEN: LazyLock<[(&str, EntryBody, &str); 10]> = LazyLock::new(|| {
    [
        ("stored", stored(), include_str!("golden/stored.hex").trim_end()),
        ("rejected", rejected(), include_str!("golden/rejected.hex").trim_end()),
        ("signed", signed(), include_str!("golden/signed.hex").trim_end()),
        ("closed", closed(), include_str!("golden/closed.hex").trim_end()),
        ("exited", exited(), include_str!("golden/exited.hex").trim_end()),
        ("proposed", proposed(), include_str!("golden/proposed.hex").trim_end()),
        ("voted", voted(), include_str!("golden/voted.hex").trim_end()),
        ("activated", activated(), include_str!("golden/activated.hex").trim_end()),
        ("credited", credited(), include_str!("golden/credited.hex").trim_end()),
        ("scored", scored(), include_str!("golden/scored.hex").trim_end()),
    ]
});
const GENESIS_LEN: usize = 2_066;
const GENESIS_HASH: &str = "a967c4ed686116cc0da718c43ada2332b4c962a7bd8b798529b3c1bca0ebb42b";

/// PR-1: entry bodies, byte for byte.
#[test]
fn pr_1_bodies_are_frozen() {
    for (name, body, hex) in &*GOLDEN {
        assert_eq!(hex_encode(&body.to_bytes()), *hex, "{name}: {FROZEN}");
        let bytes = hex_decode(hex).unwrap();
        assert_eq!(EntryBody::from_bytes(&bytes).as_ref(), Ok(body), "{name}: {FROZEN}");
    }
    let genesis = genesis().to_bytes();
    assert_eq!(genesis.len(), GENESIS_LEN, "genesis: {FROZEN}");
    assert_eq!(Hash32::of(&genesis).to_hex(), GENESIS_HASH, "genesis: {FROZEN}");
}

/// PR-3: every change that can be proposed, byte for byte.
#[test]
fn pr_3_changes_are_frozen() {
    let amount = Amount::from_raw(0x0102);
    let account = AccountId(Hash32([0xaa; 32]));
    let raw = "02010000000000000000000000000000";
    let list = |text: &str| vec![String::from(text)];
    let scorers = format!("010601000000{}", "aa".repeat(32));
    let credit = format!("06{}{raw}", "aa".repeat(32));
    let changes = [
        (
            make::set(Parameter::block_size, Value::Integer(8_192)),
            "000100000020000000000000".into(),
        ),
        (make::set(Parameter::fee_per_kib, Value::Amount(amount)), format!("00040001{raw}")),
        (make::set(Parameter::prepaid, Value::Flag(true)), "0007000201".into()),
        (make::set(Parameter::profile, Value::Profile(Profile::EC_16_6)), "00000003100601".into()),
        (Change::Rule(Rule::MinUptime(amount)), format!("0100{raw}")),
        (Change::Rule(Rule::MinHealth(amount)), format!("0101{raw}")),
        (Change::Rule(Rule::AllowedRegions(list("eu"))), "010201000000020000006575".into()),
        (Change::Rule(Rule::DeniedRegions(list("eu"))), "010301000000020000006575".into()),
        (Change::Rule(Rule::FailureDomain(DomainKind::Region)), "010403".into()),
        (
            Change::Rule(Rule::Quarantine(Quarantine { failures: 3, epochs: 16 })),
            "01050300000010000000".into(),
        ),
        (Change::Rule(Rule::Scorers(vec![account])), scorers),
        (Change::Expel(7), "0207000000".into()),
        (Change::Quarantine(7), "0307000000".into()),
        (Change::Reinstate(7), "0407000000".into()),
        (Change::CodeVersion(2), "0502000000".into()),
        (Change::Credit { account, amount }, credit),
    ];
    for (change, hex) in changes {
        assert_eq!(hex_encode(&canonical::encode(&change)), hex, "{change:?}: {FROZEN}");
    }
}

/// PR-3, PR-4: what a signature covers, byte for byte.
#[test]
fn pr_4_signed_bytes_are_frozen() {
    let command = rejected().command;
    let ledger_id = Hash32([0x11; 32]);
    let expected = [
        b"qfs/v1/command".to_vec(),
        vec![0x11; 32],
        vec![0xc1; 16],
        vec![2, 0, 0, 0, 0, 0, 0, 0],
        Operator.account().0.0.to_vec(),
        vec![4, 3, 0, 0, 0, b'o', b'b', b'j', 1, 0, 0, 0, 0, 0, 0, 0],
    ];
    assert_eq!(command.signed_bytes(&ledger_id), expected.concat(), "{FROZEN}");
}

/// One command of each kind, through the engine: the last entry's hash and the state root fix every rule of
/// a transition that reaches the log or the state.
#[test]
fn a_history_is_frozen() {
    let mut ledger = Ledger::with_nodes(5);
    let content = make::sample(20_000, Profile::QFS_V13);
    ledger.play([
        (Operator, Action::RegisterNode(make::register(0)), Accepted),
        (Operator, Action::RegisterNode(make::register(7)), Accepted),
        (Alice, make::put_sized("a", 1, 20_000, Profile::QFS_V13), Accepted),
        (Bob, make::put("b", 3), Accepted),
        (Bob, make::delete("b", 4), Accepted),
        (Bob, make::put("b", 5), Accepted),
        (Bob, make::purge("b", 3), Accepted),
        (Alice, make::put("b", 9), common::Refused(ErrorCode::Unauthorized)),
        (Operator, make::ALL, Accepted),
    ]);
    let version = ledger.state.version(&make::object("a"), 1).unwrap();
    let assignment = version.unwrap().stored.unwrap().assignment;
    for (column, node) in
        (0..).zip(assignment.chunks(3)).map(|(column, copies)| (column, copies[2]))
    {
        let answer = make::answer(&ledger.state, &content, ("a", 1, column), node);
        ledger.play([(Operator, make::record(9, node, vec![answer]), Accepted)]);
    }
    ledger.play([(Operator, Action::Exit { node: assignment[0] }, Accepted)]);
    let free = make::replacement(&ledger.state, "a", (0, 0)).unwrap();
    ledger.play([
        (Operator, make::reassign("a", 1, (0, 0), assignment[0], free), Accepted),
        (Operator, make::credit(Alice, 1_000), Accepted),
        (Operator, make::propose(Speaker::Operator, make::quorum(70), false), Accepted),
        (Operator, make::propose(Speaker::Operator, Change::Quarantine(1), true), Accepted),
        (Alice, make::vote(2, Speaker::Council(0), true), Accepted),
        (Operator, make::activate(2, Speaker::Operator), Accepted),
        (Alice, make::score("a", 1, 7), Accepted),
        (Operator, make::advance(1, &[0, 1, 2, 4, 5]), Accepted),
        (Alice, make::put_at("c", 1, 2), Accepted),
    ]);
    let (head, root) = (ledger.head, ledger.state.root().unwrap());
    assert_eq!(head.to_hex(), HISTORY_HEAD, "{FROZEN}");
    assert_eq!(root.to_hex(), HISTORY_ROOT, "{FROZEN}");
}
const HISTORY_HEAD: &str = "ab30fa3332f2635160d48ca10b7031687a50808beec76c132f94798e06368548";
const HISTORY_ROOT: &str = "cc6a05d4609dbef7e089c98f3a397c289d59553683deb1b3f48e650bedfa3443";

fn golden_bytes() -> Vec<Vec<u8>> {
    let bodies = GOLDEN.iter().map(|(_, body, _)| body.to_bytes());
    bodies.chain([genesis().to_bytes()]).collect()
}

/// PR-1: nothing shorter and nothing longer is taken for an entry.
#[test]
fn pr_1_truncations_and_trailing_bytes_are_refused() {
    for bytes in golden_bytes() {
        for len in 0..bytes.len() {
            assert!(EntryBody::from_bytes(&bytes[..len]).is_err(), "cut at {len}");
        }
        for more in 0..=u8::MAX {
            let longer = [&bytes[..], &[more]].concat();
            assert!(EntryBody::from_bytes(&longer).is_err(), "with {more}");
        }
    }
}

/// PR-1: whatever decodes, encodes to the same bytes; so no two spellings of one entry exist.
fn one_spelling(bytes: &[u8]) {
    if let Ok(body) = EntryBody::from_bytes(bytes) {
        assert_eq!(body.to_bytes(), bytes);
    }
    if let Ok(command) = canonical::decode::<Command>(bytes) {
        assert_eq!(canonical::encode(&command), bytes);
    }
}

#[test]
fn pr_1_every_flipped_bit_is_another_entry_or_none() {
    for (_, _, hex) in &*GOLDEN {
        let bytes = hex_decode(hex).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            one_spelling(&flipped);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    /// PR-1: no input makes a decoder panic or gives a second spelling.
    #[test]
    fn pr_1_arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        one_spelling(&bytes);
    }

    /// The same for bytes that begin well.
    #[test]
    fn pr_1_damaged_entries(which in 0..11usize, at in any::<u16>(), junk in prop::collection::vec(any::<u8>(), 0..12)) {
        let mut bytes = golden_bytes().swap_remove(which);
        let at = usize::from(at) % bytes.len();
        let end = (at + junk.len()).min(bytes.len());
        bytes.splice(at..end, junk);
        one_spelling(&bytes);
    }
}
