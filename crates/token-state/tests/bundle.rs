//! The TokenStateBundle as JSON: the storage specification, section 6.3.

use protocol::{Amount, Hash32, NodeId};
use token_state::{TokenStateBundle, Treasury, bundle::NodeMetrics};

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
        },
        nodes: nodes.into_iter().map(|(id, metrics)| (NodeId(id.into()), metrics)).collect(),
    }
}

/// Every field, byte for byte: what programs read is a format.
#[test]
fn golden_bundle() {
    let first = NodeMetrics {
        nod: Amount::from_raw(2),
        bytes_stored: u64::MAX,
        uptime_bucket: 10,
        proofs_verified: 64,
    };
    let second = NodeMetrics { nod: Amount::from_raw(3), ..NodeMetrics::default() };
    let text = bundle([("b", second), ("a", first)]).to_json().to_canonical();
    let ledger_id = "ab".repeat(32);
    let expected = [
        r#"{"atr":{"burnt":"0.000000000000000005","open_fees":"0.000000000000000001","#,
        r#""treasury":"20.000000000000000000"},"entries":1000,"epoch":7,"#,
        r#""ledger_id":""#,
        &ledger_id,
        r#"","nod":{"balances":{"a":"0.000000000000000002","b":"0.000000000000000003"},"#,
        r#""supply":"0.000000000000000005"},"#,
        r#""res":{"reserve":"340282366920938463463.374607431768211455"},"#,
        r#""schema_version":"v1.0","#,
        r#""storage_bytes_stored":{"a":"18446744073709551615.000000000000000000","#,
        r#""b":"0.000000000000000000"},"#,
        r#""storage_proofs_verified":{"a":64,"b":0},"#,
        r#""storage_uptime_bucket":{"a":10,"b":0}}"#,
    ]
    .concat();
    assert_eq!(text, expected);
}

#[test]
fn a_ledger_without_nodes_has_a_bundle() {
    let json = bundle([]).to_json();
    for field in ["storage_bytes_stored", "storage_uptime_bucket", "storage_proofs_verified"] {
        let value = json.get(field).map(|value| value.to_canonical());
        assert_eq!(value.as_deref(), Some("{}"), "{field}");
    }
}
