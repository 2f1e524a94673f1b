//! Fees at the ends of their range, and credits. No accepted history may keep an epoch from closing.

use crate::common::{
    Accepted, By,
    By::*,
    Ledger, NotAdmitted, Refused,
    make::{self, advance, credit, parameters},
};
use protocol::{
    Action, Amount,
    ErrorCode::*,
    Event, Parameters, Profile,
    command::{Content, Store},
    governance::Change,
    layout::MAX_OBJECT_SIZE,
    parameters::{Parameter, Value},
};
use token_state::Account;

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

/// Credits so many units of 10^-18.
fn units(by: By, amount: u128) -> Action {
    Action::Credit { account: by.account(), amount: Amount::from_raw(amount) }
}

fn account(ledger: &Ledger, by: By) -> Account {
    let account = ledger.state.account(&by.account()).unwrap();
    assert!(account.is_balanced(), "EC-8: {account:?}");
    account
}

/// EC-8: what the operator credits in one epoch stays at or below its cap; a refused credit uses up nothing of it.
#[test]
fn ec_8_the_cap_of_the_operator() {
    let operator_credit_cap = Amount::from_raw(1_000 * ONE);
    let capped = Parameters { operator_credit_cap, ..parameters(Profile::QFS_V13) };
    let mut ledger = Ledger::open(make::genesis_with(3, capped));
    ledger.play([
        (Operator, units(Alice, 0), NotAdmitted(InvalidInput)),
        (Alice, credit(Alice, 1), Refused(Unauthorized)),
        (Unsigned, credit(Alice, 1), Refused(Unauthorized)),
        (Operator, units(Alice, 1_000 * ONE + 1), Refused(Limit)),
        (Operator, units(Alice, u128::MAX), Refused(Limit)),
        (Operator, credit(Alice, 600), Accepted),
        (Operator, units(Bob, 400 * ONE + 1), Refused(Limit)),
        (Operator, units(Bob, 400 * ONE), Accepted),
        (Operator, units(Bob, 1), Refused(Limit)),
        (Operator, units(Bob, u128::MAX), Refused(Limit)),
        (Operator, advance(1, &[0, 1, 2]), Accepted),
        (Operator, credit(Operator, 1_000), Accepted),
        (Operator, units(Alice, 1), Refused(Limit)),
    ]);
    assert_eq!(account(&ledger, Alice).balance.raw(), 600 * ONE);
    assert_eq!(ledger.state.ledger().unwrap().treasury.credited.raw(), 2_000 * ONE);
}

/// EC-8: a proposal credits without the operator's cap, and not before its epoch.
#[test]
fn ec_8_credits_by_proposal() {
    let operator_credit_cap = Amount::ZERO;
    let capped = Parameters { operator_credit_cap, ..parameters(Profile::QFS_V13) };
    let mut ledger = Ledger::open(make::genesis_with(3, capped));
    ledger
        .play([(Operator, units(Alice, 1), Refused(Limit)), (Alice, make::put("a", 1), Accepted)]);
    let amount = Amount::from_raw(150 * ONE);
    ledger.enact(Change::Credit { account: Alice.account(), amount });
    let record = ledger.state.ledger().unwrap();
    assert_eq!((record.pending_credits, record.treasury.credited), (amount, Amount::ZERO));
    assert_eq!(account(&ledger, Alice).debt.raw(), 100 * ONE);
    ledger.play([(Operator, advance(1, &[0, 1, 2]), Accepted)]);
    let record = ledger.state.ledger().unwrap();
    assert_eq!((record.pending_credits, record.treasury.credited), (Amount::ZERO, amount));
    assert_eq!(record.credited_by_operator, Amount::ZERO);
    let alice = account(&ledger, Alice);
    assert_eq!((alice.debt.raw(), alice.balance.raw()), (0, 50 * ONE));
}

/// EC-6, EC-8: a credit pays debt first; a fee is paid from the balance first.
#[test]
fn ec_8_debt_first() {
    let mut ledger = Ledger::with_nodes(3);
    let settled = |ledger: &mut Ledger, atr: u128| match ledger.event(Operator, credit(Alice, atr))
    {
        Event::Credited { settled } => settled.raw() / ONE,
        other => panic!("{other:?}"),
    };
    let atr = |ledger: &Ledger| {
        let account = account(ledger, Alice);
        [account.balance, account.debt, account.fees, account.credits].map(|sum| sum.raw() / ONE)
    };
    assert_eq!((settled(&mut ledger, 30), atr(&ledger)), (0, [30, 0, 0, 30]));
    ledger.play([(Alice, make::put("a", 1), Accepted)]);
    assert_eq!(atr(&ledger), [0, 70, 100, 30]);
    assert_eq!((settled(&mut ledger, 60), atr(&ledger)), (60, [0, 10, 100, 90]));
    assert_eq!((settled(&mut ledger, 60), atr(&ledger)), (10, [50, 0, 100, 150]));
    ledger.play([(Alice, make::put("a", 2), Accepted)]);
    assert_eq!(atr(&ledger), [0, 50, 200, 150]);
    assert_eq!(account(&ledger, Bob), Account::default());
}

/// EC-6, EC-8: with `prepaid` a credit that covers the fee lets the store through; one that does not, does not.
#[test]
fn ec_6_prepaid_after_a_credit() {
    let prepaid = Parameters { prepaid: true, ..parameters(Profile::QFS_V13) };
    let mut ledger = Ledger::open(make::genesis_with(3, prepaid));
    ledger.play([
        (Alice, make::put("a", 1), Refused(InsufficientFunds)),
        (Operator, units(Alice, 100 * ONE - 1), Accepted),
        (Alice, make::put("a", 1), Refused(InsufficientFunds)),
        (Operator, units(Alice, 1), Accepted),
        (Bob, make::put("a", 1), Refused(InsufficientFunds)),
        (Alice, make::put("a", 1), Accepted),
        (Alice, make::put("a", 2), Refused(InsufficientFunds)),
    ]);
    let alice = account(&ledger, Alice);
    assert_eq!((alice.balance.raw(), alice.debt.raw()), (0, 0));
}

/// GV-10: a fee is that of the open epoch, and an epoch is settled under its own parameters.
#[test]
fn gv_10_parameters_come_into_force() {
    let mut ledger = Ledger::with_nodes(3);
    let dearer = Value::Amount(Amount::from_raw(200 * ONE));
    ledger.enact(make::set(Parameter::fee_per_kib, dearer));
    ledger.enact(make::set(Parameter::pool_share, Value::Amount(make::ratio(50))));
    let mut epoch = |epoch: u64, name: &str| {
        let stored = ledger.event(Alice, make::put_at(name, 1, epoch));
        let Event::Stored { fee, .. } = stored else { panic!("{stored:?}") };
        let closed = ledger.event(Operator, advance(epoch, &[0, 1, 2]));
        let Event::EpochClosed(closed) = closed else { panic!("{closed:?}") };
        (fee.raw() / ONE, closed.settlement.pool.raw() / ONE, closed.changes)
    };
    assert_eq!(epoch(1, "a"), (100, 10, vec![1, 2]));
    assert_eq!(epoch(2, "b"), (200, 100, vec![]));
}
