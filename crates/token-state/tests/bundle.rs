//! The TokenStateBundle as JSON: rule EC-10, and the storage specification, section 6.3.

use certified_math::MathError;
use protocol::{
    Amount, Hash32, NodeId,
    json::{self, Value},
};
use token_state::{Account, AccountSums, TokenStateBundle, Treasury, bundle::NodeMetrics};

const CHECKPOINT: &str = "origin\n1000\nroot\n\n— origin signature\n";

fn bundle(nodes: impl IntoIterator<Item = (&'static str, NodeMetrics)>) -> TokenStateBundle {
    TokenStateBundle {
        ledger_id: Hash32([0xab; 32]),
        epoch: 7,
        entries: 1_000,
        treasury: Treasury {
            open_fees: Amount::from_raw(1),
            treasury: Amount::from_raw(20_000_000_000_000_000_000),
            reserve: Amount::from_raw(u128::MAX),
            burnt: Amount::from_raw(5),
            credited: Amount::from_raw(99),
        },
        accounts: AccountSums {
            balances: Amount::from_raw(11),
            debts: Amount::from_raw(12),
            fees: Amount::from_raw(13),
            credits: Amount::from_raw(14),
        },
        nodes: nodes.into_iter().map(|(id, metrics)| (NodeId(id.into()), metrics)).collect(),
        voting_weights: [(NodeId("b".into()), Amount::from_raw(3))].into(),
    }
}

/// Every field, byte for byte: what programs read is a format.
#[test]
fn ec_10_golden_bundle() {
    let first = NodeMetrics {
        nod: Amount::from_raw(2),
        bytes_stored: u64::MAX,
        uptime_bucket: 10,
        proofs_verified: 64,
    };
    let second = NodeMetrics { nod: Amount::from_raw(3), ..NodeMetrics::default() };
    let bundle = bundle([("b", second), ("a", first)]);
    let text = bundle.to_json().to_canonical();
    let ledger_id = "ab".repeat(32);
    let expected = [
        r#"{"atr":{"balances":"0.000000000000000011","burnt":"0.000000000000000005","#,
        r#""credited":"0.000000000000000014","debts":"0.000000000000000012","#,
        r#""fees":"0.000000000000000013","open_fees":"0.000000000000000001","#,
        r#""treasury":"20.000000000000000000"},"#,
        r#""chr":{"balances":{},"supply":"0.000000000000000000"},"entries":1000,"epoch":7,"#,
        r#""flx":{"balances":{},"supply":"0.000000000000000000"},"#,
        r#""ledger_id":""#,
        &ledger_id,
        r#"","nod":{"balances":{"a":"0.000000000000000002","b":"0.000000000000000003"},"#,
        r#""supply":"0.000000000000000005","voting_weights":{"b":"0.000000000000000003"}},"#,
        r#""psi_sync":{"balances":{},"supply":"0.000000000000000000"},"#,
        r#""res":{"reserve":"340282366920938463463.374607431768211455"},"#,
        r#""schema_version":"v1.0","#,
        r#""storage_bytes_stored":{"a":"18446744073709551615.000000000000000000","#,
        r#""b":"0.000000000000000000"},"#,
        r#""storage_proofs_verified":{"a":64,"b":0},"#,
        r#""storage_uptime_bucket":{"a":10,"b":0}}"#,
    ]
    .concat();
    assert_eq!(text, expected);
    assert_eq!(bundle.hash(), Hash32::of(expected.as_bytes()));
}

/// EC-10: the document is the bundle with its hash and the note, and whoever takes both away has what was hashed.
#[test]
fn ec_10_the_document_can_be_checked() {
    let bundle = bundle([("a", NodeMetrics::default())]);
    let text = bundle.document(CHECKPOINT).to_canonical();
    let document = json::parse(text.as_bytes()).unwrap();
    assert_eq!(document.get("checkpoint").and_then(Value::as_str), Some(CHECKPOINT));
    let hash = document.get("bundle_hash").and_then(Value::as_str).map(String::from);
    assert_eq!(hash, Some(bundle.hash().to_hex()));
    let mut members = document.as_object().unwrap().clone();
    assert!(members.remove("bundle_hash").is_some() && members.remove("checkpoint").is_some());
    assert_eq!(Value::Object(members), bundle.to_json());
    assert_eq!(bundle.hash(), Hash32::of(bundle.to_json().to_canonical().as_bytes()));
}

/// EC-10: another number anywhere is another hash.
#[test]
fn ec_10_the_hash_covers_every_field() {
    let one = Amount::from_raw(1);
    let changes: [fn(&mut TokenStateBundle); 16] = [
        |b| b.ledger_id = Hash32::ZERO,
        |b| b.epoch += 1,
        |b| b.entries += 1,
        |b| b.treasury.open_fees = Amount::ZERO,
        |b| b.treasury.treasury = Amount::ZERO,
        |b| b.treasury.reserve = Amount::ZERO,
        |b| b.treasury.burnt = Amount::ZERO,
        |b| b.accounts.balances = Amount::ZERO,
        |b| b.accounts.debts = Amount::ZERO,
        |b| b.accounts.fees = Amount::ZERO,
        |b| b.accounts.credits = Amount::ZERO,
        |b| b.voting_weights.clear(),
        |b| node(b).nod = Amount::from_raw(1),
        |b| node(b).bytes_stored = 1,
        |b| node(b).uptime_bucket = 1,
        |b| node(b).proofs_verified = 1,
    ];
    fn node(bundle: &mut TokenStateBundle) -> &mut NodeMetrics {
        bundle.nodes.values_mut().next().unwrap()
    }
    let mut hashes = vec![bundle([("a", NodeMetrics::default())]).hash()];
    for change in changes {
        let mut changed = bundle([("a", NodeMetrics::default())]);
        change(&mut changed);
        hashes.push(changed.hash());
    }
    // The promise of credits is no money yet: it is not in the bundle.
    let mut promised = bundle([("a", NodeMetrics::default())]);
    promised.treasury.credited = one;
    assert_eq!(promised.hash(), hashes[0]);
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

/// EC-10: sums over accounts, field by field; one that does not fit leaves all of them as they were.
#[test]
fn ec_10_sums_of_accounts() {
    let raw = Amount::from_raw;
    let account = |balance, debt, fees, credits| Account {
        balance: raw(balance),
        debt: raw(debt),
        fees: raw(fees),
        credits: raw(credits),
    };
    let mut sums = AccountSums::default();
    sums.add(&account(1, 20, 300, 4_000)).unwrap();
    sums.add(&account(5, 60, 700, 8_000)).unwrap();
    let expected =
        AccountSums { balances: raw(6), debts: raw(80), fees: raw(1_000), credits: raw(12_000) };
    assert_eq!(sums, expected);
    let most = u128::MAX;
    for beyond in [
        account(most, 0, 0, 0),
        account(0, most, 0, 0),
        account(0, 0, most, 0),
        account(1, 1, 1, most),
    ] {
        assert_eq!(sums.add(&beyond), Err(MathError::Overflow));
        assert_eq!(sums, expected);
    }
}

#[test]
fn a_ledger_without_nodes_has_a_bundle() {
    let json = bundle([]).to_json();
    for field in ["storage_bytes_stored", "storage_uptime_bucket", "storage_proofs_verified"] {
        let value = json.get(field).map(|value| value.to_canonical());
        assert_eq!(value.as_deref(), Some("{}"), "{field}");
    }
}
