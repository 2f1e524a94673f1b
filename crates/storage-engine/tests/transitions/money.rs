//! Fees at the ends of their range. No accepted history may keep an epoch from closing.

use crate::common::{
    Accepted,
    By::*,
    Ledger, Refused,
    make::{self, advance, parameters},
};
use protocol::{
    Action, Amount,
    ErrorCode::*,
    Event, Parameters, Profile,
    command::{Content, Store},
    layout::MAX_OBJECT_SIZE,
};

const ONE: u128 = 1_000_000_000_000_000_000;
const PROFILE: Profile = Profile { data: 1, parity: 0, replicas: 1 };

/// A ledger with the highest fees that a genesis may set.
fn dear(prepaid: bool) -> Ledger {
    let parameters = Parameters {
        fee_per_kib: Amount::from_raw(10_000 * ONE),
        fee_per_metadata_key: Amount::from_raw(ONE),
        fee_metadata_keys: 1_000,
        prepaid,
        ..parameters(PROFILE)
    };
    Ledger::open(make::genesis_with(3, parameters))
}

/// Stores the largest object there may be, with this many metadata keys.
fn largest(name: &str, epoch: u64, keys: u32) -> Action {
    let members: Vec<String> = (0..keys).map(|key| format!("\"k{key:04}\":0")).collect();
    let mut store: Store = make::store(name, 1, epoch, &make::sample(1, PROFILE));
    store.metadata = format!("{{{}}}", members.join(",")).into_bytes();
    if let Content::Single(layout) = &mut store.content {
        layout.size = MAX_OBJECT_SIZE;
    }
    Action::Store(store)
}

/// 2^46 KiB at 10,000 each.
const LARGEST_FEE: u128 = (1 << 46) * 10_000 * ONE;

/// EC-1: a fee of more than 128 bits is refused.
#[test]
fn ec_1_a_fee_that_no_amount_holds() {
    let fits = u32::try_from(u128::MAX / LARGEST_FEE - 1).unwrap();
    assert_eq!(fits, 482, "keys, each of which costs the fee once more");
    let mut ledger = dear(false);
    ledger.play([
        (Alice, largest("a", 1, fits + 1), Refused(Limit)),
        (Alice, largest("a", 1, fits), Refused(Limit)),
        (Alice, largest("a", 1, 0), Accepted),
    ]);
    let account = ledger.state.account(&Alice.account()).unwrap();
    assert_eq!((account.fees.raw(), account.debt.raw()), (LARGEST_FEE, LARGEST_FEE));
}

/// EC-7: all fees ever charged stay at or below a quarter of the range, over any number of epochs, and
/// each of these epochs closes with its fees accounted for.
#[test]
fn ec_7_fees_stop_before_a_closing_could_fail() {
    let most = u128::MAX / 4;
    let factor = most / LARGEST_FEE;
    let keys = u32::try_from(factor).unwrap() - 1;
    let mut ledger = dear(false);
    ledger.play([
        (Alice, largest("a", 1, keys + 1), Refused(Limit)),
        (Alice, largest("a", 1, keys), Accepted),
        (Bob, largest("b", 1, 0), Refused(Limit)),
        (Bob, put("b", 1), Accepted),
    ]);
    let charged = LARGEST_FEE * factor + 10_000 * ONE;
    let event = ledger.event(Operator, advance(1, &[0, 1, 2]));
    let Event::EpochClosed(closed) = event else { panic!("{event:?}") };
    assert_eq!(closed.settlement.fees.raw(), charged);
    let shares = [closed.settlement.rewards, closed.settlement.treasury, closed.settlement.reserve];
    assert_eq!(shares.map(Amount::raw).iter().sum::<u128>(), charged);
    ledger.play([
        (Bob, largest("c", 2, 0), Refused(Limit)),
        (Bob, put("c", 2), Accepted),
        (Operator, advance(2, &[0, 1, 2]), Accepted),
    ]);
    let total = ledger.state.ledger().unwrap().treasury.total().unwrap();
    assert_eq!(total.raw(), charged + 10_000 * ONE);
    assert!(total.raw() <= most);
}

/// ST-7: the ledger's own bound on fees comes before the payer's balance.
#[test]
fn st_7_fees_before_funds() {
    let beyond = u32::try_from(u128::MAX / 4 / LARGEST_FEE).unwrap();
    dear(true).play([
        (Alice, largest("a", 1, beyond), Refused(Limit)),
        (Alice, largest("a", 1, beyond - 1), Refused(InsufficientFunds)),
    ]);
}

/// One byte, under this ledger's profile.
fn put(name: &str, epoch: u64) -> Action {
    Action::Store(make::store(name, 1, epoch, &make::sample(1, PROFILE)))
}
