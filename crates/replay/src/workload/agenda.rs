//! What is put to the vote in a generated log, and when: the council first, the holders of NOD later.

use alloc::vec::Vec;
use protocol::{
    AccountId, Amount, Profile,
    governance::{Change, Speaker},
    parameters::{Parameter, Value},
    rules::{DomainKind, Quarantine, Rule},
};

const ATR: u128 = 1_000_000_000_000_000_000;

/// What becomes of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its voters accept it, and it is activated.
    Passes,
    /// Too few votes are for it.
    Fails,
    /// It is accepted, and activated too late.
    Lapses,
}

/// A proposal that somebody is going to make.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) speaker: Speaker,
    pub(super) change: Change,
    pub(super) emergency: bool,
    pub(super) fate: Fate,
}

/// Who and what there is to make proposals about.
pub(super) struct Subjects {
    pub(super) nodes: u32,
    pub(super) profile: Profile,
    /// An account that may record scores, and one that is credited.
    pub(super) scorer: AccountId,
    pub(super) credited: AccountId,
    /// A node that is quarantined, if one is.
    pub(super) quarantined: Option<u32>,
}

/// After this epoch little is proposed: a fee goes up and down.
const LAST_BUSY_EPOCH: u64 = 40;

/// Epochs between proposals after that.
const QUIET_INTERVAL: u64 = 25;

/// What is proposed in an epoch.
pub(super) fn of_epoch(epoch: u64, subjects: &Subjects) -> Vec<Item> {
    let node = |number: u32| number.checked_rem(subjects.nodes).unwrap_or(0);
    let by_node = |number: u32| Speaker::Node(node(number));
    let council = Speaker::Council;
    let amount = |thousandths: u128| {
        Value::Amount(Amount::from_raw(thousandths.saturating_mul(ATR / 1_000)))
    };
    let passes = |speaker, change| Item { speaker, change, emergency: false, fate: Fate::Passes };
    let emergency = |speaker, change| Item { emergency: true, ..passes(speaker, change) };
    let set =
        |parameter: Parameter, value| Change::Parameter { parameter: parameter.number(), value };
    let credit = |atr: u128| Change::Credit {
        account: subjects.credited,
        amount: Amount::from_raw(atr.saturating_mul(ATR)),
    };
    let share = |thousandths: u128| Amount::from_raw(thousandths.saturating_mul(ATR / 1_000));
    let quarantine = |failures| Change::Rule(Rule::Quarantine(Quarantine { failures, epochs: 4 }));
    let spread = subjects.profile.parity > 0;
    let (apart, other) = if spread {
        (DomainKind::Asn, subjects.profile)
    } else {
        (DomainKind::Operator, Profile { data: 4, parity: 2, replicas: 1 })
    };
    // Columns of an object must all be on different nodes: no region is to spare then.
    let mut allowed = Vec::from(["region-0", "region-1", "region-2", "region-3"].map(Into::into));
    allowed.truncate(if spread { 4 } else { 2 });
    let denied = if spread { "region-9" } else { "region-3" };
    match epoch {
        1 => Vec::from([
            passes(Speaker::Operator, Change::Rule(Rule::Scorers(Vec::from([subjects.scorer])))),
            passes(council(0), set(Parameter::fee_per_kib, amount(120_000))),
            passes(council(1), quarantine(3)),
            Item { fate: Fate::Fails, ..passes(council(2), Change::CodeVersion(2)) },
            passes(Speaker::Operator, credit(40_000_000)),
            passes(council(0), set(Parameter::prepaid, Value::Flag(true))),
            Item {
                fate: Fate::Lapses,
                ..passes(council(2), set(Parameter::pool_share, amount(200)))
            },
        ]),
        2 => Vec::from([emergency(council(0), Change::Quarantine(node(3)))]),
        3 => Vec::from([
            passes(council(0), Change::Rule(Rule::MinUptime(share(910)))),
            emergency(council(2), Change::Reinstate(node(3))),
        ]),
        8 => Vec::from([
            passes(by_node(0), set(Parameter::prepaid, Value::Flag(false))),
            passes(by_node(1), Change::Rule(Rule::FailureDomain(apart))),
        ]),
        9 => Vec::from([
            emergency(by_node(1), Change::Expel(node(5))),
            passes(by_node(4), set(Parameter::profile, Value::Profile(other))),
        ]),
        12 => Vec::from([
            passes(
                Speaker::Operator,
                Change::Rule(Rule::DeniedRegions(Vec::from([denied.into()]))),
            ),
            Item {
                fate: Fate::Fails,
                ..passes(by_node(6), set(Parameter::min_verified_nodes, Value::Integer(400)))
            },
        ]),
        16 => Vec::from([
            passes(by_node(0), Change::Rule(Rule::FailureDomain(DomainKind::None))),
            passes(by_node(2), credit(7_000)),
        ]),
        18 => Vec::from([passes(
            by_node(4),
            set(Parameter::profile, Value::Profile(subjects.profile)),
        )]),
        21 => Vec::from([
            passes(by_node(1), Change::Rule(Rule::DeniedRegions(Vec::new()))),
            passes(by_node(1), Change::Rule(Rule::MinHealth(share(760)))),
        ]),
        25 | 32 => {
            let regions = if epoch == 25 { allowed } else { Vec::new() };
            Vec::from([passes(by_node(0), Change::Rule(Rule::AllowedRegions(regions)))])
        }
        26 => Vec::from([passes(by_node(2), quarantine(0))]),
        10..=LAST_BUSY_EPOCH if epoch.is_multiple_of(7) => {
            let reinstated = subjects.quarantined.map(Change::Reinstate);
            reinstated.map(|change| passes(Speaker::Operator, change)).into_iter().collect()
        }
        _ if epoch > LAST_BUSY_EPOCH && epoch.is_multiple_of(QUIET_INTERVAL) => {
            let odd = epoch.checked_div(QUIET_INTERVAL).is_some_and(|n| !n.is_multiple_of(2));
            let fee = if odd { 110_000 } else { 100_000 };
            Vec::from([passes(by_node(0), set(Parameter::fee_per_kib, amount(fee)))])
        }
        _ => Vec::new(),
    }
}
