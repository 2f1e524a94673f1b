//! Credits and the balance of accounts: rules EC-6 and EC-8 over arbitrary histories.

use certified_math::MathError;
use proptest::prelude::*;
use protocol::{Amount, limits::MAX_CREDITED};
use token_state::{Account, AccountSums, Treasury};

const ACCOUNTS: usize = 3;

fn raw(amount: u128) -> Amount {
    Amount::from_raw(amount)
}

/// What happens to an account.
#[derive(Clone, Copy, Debug)]
enum Step {
    Charge { amount: u128, prepaid: bool },
    Credit { amount: u128 },
}

/// Amounts from single units to the bounds of EC-7 and EC-8, so that all paths and refusals come up.
fn amount() -> impl Strategy<Value = u128> {
    (any::<u128>(), prop_oneof![0u32..=8, 60u32..=127]).prop_map(|(bits, shift)| bits >> shift)
}

fn step() -> impl Strategy<Value = (usize, Step)> {
    let charge =
        (amount(), any::<bool>()).prop_map(|(amount, prepaid)| Step::Charge { amount, prepaid });
    let credit = amount().prop_map(|amount| Step::Credit { amount });
    (0..ACCOUNTS, prop_oneof![charge, credit])
}

/// The ledger's part: an account and the totals change together, or neither does.
fn stepped(
    account: Account,
    treasury: Treasury,
    step: Step,
) -> Result<(Account, Treasury), MathError> {
    match step {
        Step::Charge { amount, prepaid } => {
            Ok((account.charged(raw(amount), prepaid)?, treasury.charged(raw(amount))?))
        }
        Step::Credit { amount } => {
            let treasury = treasury.credited(raw(amount))?;
            Ok((account.credited(raw(amount))?.0, treasury))
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// EC-8: at every point of any history, of each account and in sum, credits + debt = balance + fees; nothing within
    /// the totals' bounds fails, and the sums are those of the totals.
    #[test]
    fn ec_8_accounts_balance_at_every_point(steps in prop::collection::vec(step(), 1..30)) {
        let (mut accounts, mut treasury) = ([Account::default(); ACCOUNTS], Treasury::default());
        for (at, step) in steps {
            match stepped(accounts[at], treasury, step) {
                Ok((account, totals)) => (accounts[at], treasury) = (account, totals),
                Err(error) => {
                    let within = match step {
                        Step::Charge { amount, .. } => treasury.charged(raw(amount)).is_ok(),
                        Step::Credit { amount } => treasury.credited(raw(amount)).is_ok(),
                    };
                    prop_assert!(!within || error == MathError::Underflow, "{:?}", step);
                }
            }
            let mut sums = AccountSums::default();
            for account in &accounts {
                prop_assert!(account.is_balanced(), "{:?}", account);
                prop_assert!(account.balance.raw() == 0 || account.debt.raw() == 0);
                sums.add(account).unwrap();
            }
            prop_assert_eq!(sums.credits, treasury.credited);
            prop_assert_eq!(Ok(sums.fees), treasury.total());
            prop_assert_eq!(
                sums.credits.raw() + sums.debts.raw(),
                sums.balances.raw() + sums.fees.raw()
            );
        }
    }

    /// EC-8: what settles debt and what is added to the balance make the credit.
    #[test]
    fn ec_8_settled_and_added_make_the_credit(balance in any::<u64>(), debt in any::<u64>(), amount in any::<u64>()) {
        let account = Account {
            balance: raw(balance.into()), debt: raw(debt.into()), ..Account::default()
        };
        let (after, settled) = account.credited(raw(amount.into())).unwrap();
        prop_assert_eq!(settled.raw(), u128::from(debt.min(amount)));
        prop_assert_eq!(account.debt.raw() - after.debt.raw(), settled.raw());
        let added = after.balance.raw() - account.balance.raw();
        prop_assert_eq!(added + settled.raw(), u128::from(amount));
        prop_assert_eq!((after.credits, after.fees), (raw(amount.into()), account.fees));
    }

    /// EC-8: an account that lost or found a unit does not balance.
    #[test]
    fn ec_8_a_unit_more_or_less_shows(
        balance in any::<u128>(), fees in any::<u128>(), part in any::<u128>(), which in 0..4,
    ) {
        // Any split of balance + fees into credits and debt.
        let (less, more) = (balance.min(fees), balance.max(fees));
        let shift = part % (less.min(u128::MAX - more) + 1);
        let account = Account {
            balance: raw(balance), fees: raw(fees), credits: raw(more + shift), debt: raw(less - shift),
        };
        prop_assert!(account.is_balanced());
        let bump = |amount: Amount| raw(amount.raw().wrapping_add(1));
        let other = match which {
            0 => Account { balance: bump(account.balance), ..account },
            1 => Account { debt: bump(account.debt), ..account },
            2 => Account { fees: bump(account.fees), ..account },
            _ => Account { credits: bump(account.credits), ..account },
        };
        prop_assert!(!other.is_balanced());
    }
}

/// EC-8: the ends of an account, where nothing wraps.
#[test]
fn ec_8_ends_of_an_account() {
    let full = Account { balance: raw(u128::MAX - 4), ..Account::default() };
    assert_eq!(full.credited(raw(4)).map(|(after, _)| after.balance), Ok(raw(u128::MAX)));
    assert_eq!(full.credited(raw(5)), Err(MathError::Overflow));
    let old = Account { credits: raw(u128::MAX - 4), debt: raw(9), ..Account::default() };
    assert_eq!(old.credited(raw(4)).map(|(after, _)| after.credits), Ok(raw(u128::MAX)));
    assert_eq!(old.credited(raw(5)), Err(MathError::Overflow));
    let owing = Account { debt: raw(u128::MAX), ..Account::default() };
    let (after, settled) = owing.credited(raw(MAX_CREDITED)).unwrap();
    assert_eq!((after.balance, settled), (Amount::ZERO, raw(MAX_CREDITED)));
    assert_eq!(Account::default().credited(Amount::ZERO), Ok((Account::default(), Amount::ZERO)));
}

/// EC-8: sums beyond 128 bits are compared as they are, not as they wrap.
#[test]
fn ec_8_a_carry_counts() {
    let wrapped = Account { credits: raw(u128::MAX), debt: raw(1), balance: raw(0), fees: raw(0) };
    assert!(!wrapped.is_balanced(), "2^128 is not 0");
    assert!(Account { balance: raw(u128::MAX), fees: raw(1), ..wrapped }.is_balanced());
}

/// EC-8: both identities at the bounds of all fees and all credits at once.
#[test]
fn ec_8_the_fullest_ledger() {
    let (fees, credits) = (raw(u128::MAX / 4), raw(MAX_CREDITED));
    let (account, settled) =
        Account::default().charged(fees, false).unwrap().credited(credits).unwrap();
    assert_eq!((settled, account.balance, account.debt), (credits, Amount::ZERO, Amount::ZERO));
    assert!(account.is_balanced());
    let treasury = Treasury::default().charged(fees).unwrap().credited(credits).unwrap();
    assert_eq!((treasury.total(), treasury.credited), (Ok(fees), credits));
}

/// What is stored of an account and of the totals: amounts of 16 bytes, what was added last at the end.
#[test]
fn golden_bytes_of_accounts_and_totals() {
    let account = Account { balance: raw(1), debt: raw(2), fees: raw(3), credits: raw(4) };
    let treasury = Treasury {
        open_fees: raw(1),
        treasury: raw(2),
        reserve: raw(3),
        burnt: raw(4),
        credited: raw(5),
    };
    let bytes = |fields: u128| (1..=fields).flat_map(u128::to_le_bytes).collect::<Vec<u8>>();
    assert_eq!(borsh::to_vec(&account).unwrap(), bytes(4));
    assert_eq!(borsh::to_vec(&treasury).unwrap(), bytes(5));
}
