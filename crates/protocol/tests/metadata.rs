//! Metadata of an object: rule PR-6.

use protocol::{error::ErrorCode, metadata::Metadata};

const LIMIT: u32 = 16_384;

fn verdict(text: &str) -> Result<(), ErrorCode> {
    Metadata::from_canonical(text.as_bytes(), LIMIT).map(drop).map_err(|refusal| refusal.code)
}

/// `{"key":value}`
fn pair(key: &str, value: &str) -> String {
    format!("{{\"{key}\":{value}}}")
}

fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
}

/// PR-6: each typed key, inside its bounds and just outside.
#[test]
fn pr_6_types_and_their_bounds() {
    let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
    let numbers = |count: i64| list((0..count).map(|number| number.to_string()));
    let good = [
        ("author_node_id", text(1)),
        ("author_node_id", text(64)),
        ("created_at_tick", "0".into()),
        ("created_at_tick", "9007199254740991".into()),
        ("openagi_score", "0".into()),
        ("openagi_score", "1000000".into()),
        ("tags", "[]".into()),
        ("tags", list([text(64)])),
        ("tags", r#"["a","a b","b","ü"]"#.into()),
        ("atr_fee_events", "[]".into()),
        ("atr_fee_events", r#"["e1",-7,"e1"]"#.into()),
        ("atr_fee_events", numbers(64)),
        ("aegis_telemetry_stub", "{}".into()),
        (
            "aegis_telemetry_stub",
            r#"{"at_epoch":0,"latency_band":null,"node_id":"n","proof_result":true}"#.into(),
        ),
        ("anything_else", "[[{}]]".into()),
    ];
    for (key, value) in good {
        assert_eq!(verdict(&pair(key, &value)), Ok(()), "{key}: {value}");
    }
    let bad = [
        ("author_node_id", text(0)),
        ("author_node_id", text(65)),
        ("author_node_id", "null".into()),
        ("created_at_tick", "-1".into()),
        ("created_at_tick", "\"1\"".into()),
        ("openagi_score", "-1".into()),
        ("openagi_score", "1000001".into()),
        ("openagi_score", "true".into()),
        ("tags", "{}".into()),
        ("tags", list([text(0)])),
        ("tags", list([text(65)])),
        ("tags", "[7]".into()),
        ("tags", r#"["b","a"]"#.into()),
        ("tags", r#"["a","a"]"#.into()),
        ("tags", r#"[" a"]"#.into()),
        ("tags", "[\"a\u{a0}\"]".into()),
        ("atr_fee_events", "{}".into()),
        ("atr_fee_events", numbers(65)),
        ("atr_fee_events", "[\"\"]".into()),
        ("atr_fee_events", "[true]".into()),
        ("atr_fee_events", list([text(65)])),
        ("aegis_telemetry_stub", "[]".into()),
        ("aegis_telemetry_stub", r#"{"other":1}"#.into()),
        ("aegis_telemetry_stub", r#"{"at_epoch":-1}"#.into()),
        ("aegis_telemetry_stub", r#"{"at_epoch":"1"}"#.into()),
        ("aegis_telemetry_stub", r#"{"node_id":[]}"#.into()),
        ("aegis_telemetry_stub", r#"{"latency_band":{}}"#.into()),
    ];
    for (key, value) in bad {
        let text = pair(key, &value);
        assert_eq!(verdict(&text), Err(ErrorCode::InvalidInput), "{key}: {value}");
        let refusal = Metadata::from_canonical(text.as_bytes(), LIMIT).unwrap_err();
        assert!(refusal.detail.contains(&format!("{key:?}")), "the key is named: {refusal}");
    }
}

/// PR-6: the limit is on canonical bytes, and comes before what they say.
#[test]
fn pr_6_the_limit() {
    let text = pair("k", "\"0123456789\"");
    let bytes = u32::try_from(text.len()).unwrap();
    assert!(Metadata::from_canonical(text.as_bytes(), bytes).is_ok());
    let refusal = Metadata::from_canonical(text.as_bytes(), bytes - 1).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Limit);
    assert_eq!(refusal.detail, "metadata has 18 bytes, the limit is 17");
    let spaced = text.replace(':', " :  ");
    assert!(Metadata::normalise(spaced.as_bytes(), bytes).is_ok(), "spaces do not count");
    let refusal = Metadata::from_canonical(b"[0,1,2]", 6).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::Limit);
    assert_eq!(verdict("[0,1,2]"), Err(ErrorCode::InvalidInput));
}

/// PR-6: clients may write tags as they like; what they send is one form, which the ledger takes.
#[test]
fn pr_6_tags_are_normalised() {
    for (written, canonical) in [
        (r#"{"tags":[" b ","a","b"],"a":1}"#, r#"{"a":1,"tags":["a","b"]}"#),
        (r#"{"tags":[]}"#, r#"{"tags":[]}"#),
        ("{\"tags\":[\"\u{3000}ü\\n\",\"z\"]}", r#"{"tags":["z","ü"]}"#),
        (r#"{ "no" : "tags" }"#, r#"{"no":"tags"}"#),
    ] {
        let metadata = Metadata::normalise(written.as_bytes(), LIMIT).unwrap();
        assert_eq!(metadata.canonical(), canonical);
        let taken = Metadata::from_canonical(canonical.as_bytes(), LIMIT).unwrap();
        assert_eq!(taken, metadata);
        assert_eq!(taken.value().to_canonical(), canonical);
    }
    for left in [r#"{"tags":["a",7]}"#, r#"{"tags":[" "]}"#, r#"{"tags":"a"}"#] {
        let refusal = Metadata::normalise(left.as_bytes(), LIMIT).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::InvalidInput, "{left}");
    }
}

/// EC-1 counts the keys at the top and nothing below them.
#[test]
fn ec_1_keys_are_counted_at_the_top() {
    for (text, keys) in [("{}", 0), (r#"{"a":{"b":1,"c":2}}"#, 1), (r#"{"a":1,"b":[],"c":{}}"#, 3)]
    {
        let metadata = Metadata::from_canonical(text.as_bytes(), LIMIT).unwrap();
        assert_eq!(metadata.keys(), keys, "{text}");
    }
}
