//! Ed25519, strict: one spelling of each point and scalar, no point of small order, no cofactor.

use protocol::signature::{PublicKey, SignatureError, Suite};

use crate::cases::{Case, Tally, read};

fn verify(key: &[u8], case: &Case) -> Result<(), SignatureError> {
    let key = PublicKey::new(Suite::Ed25519, key)?;
    key.verify(&case.bytes("message"), &case.bytes("signature"))
}

#[test]
fn pr_1_wycheproof() {
    let mut tally = Tally::default();
    for group in read("ed25519/wycheproof.json") {
        for case in &group.tests {
            let found = verify(&group.key(), case);
            assert_eq!(found.is_ok(), case.valid(), "{case}: {found:?}");
            let wrong_length = case.bytes("signature").len() != Suite::Ed25519.signature_len();
            let length_named = matches!(found, Err(SignatureError::SignatureLength { .. }));
            assert_eq!(length_named, wrong_length, "{case}: {found:?}");
            tally.count(case);
        }
    }
    tally.assert_is(&[
        ("CompressedSignature", 0, 4),
        ("InvalidEncoding", 0, 22),
        ("InvalidKtv", 0, 1),
        ("InvalidSignature", 0, 20),
        ("Ktv", 38, 0),
        ("SignatureMalleability", 0, 8),
        ("SignatureWithGarbage", 0, 5),
        ("TinkOverflow", 32, 0),
        ("TruncatedSignature", 0, 3),
        ("Valid", 18, 0),
    ]);
}

/// Points of small order, points with such a part, second spellings, scalars beyond the order: each satisfies the
/// equation of some verifier, and two satisfy ours.
#[test]
fn pr_1_edges() {
    let mut tally = Tally::default();
    for case in read("ed25519/edges.json").iter().flat_map(|group| &group.tests) {
        let found = verify(&case.bytes("key"), case);
        assert_eq!(found.is_ok(), case.valid(), "{case}: {found:?}");
        tally.count(case);
    }
    let beyond: Vec<String> = (1..16).map(|n| format!("s plus {n} times the order")).collect();
    let mut table = vec![
        ("R of small order", 0, 8),
        ("R of small order, another spelling", 0, 6),
        ("an ordinary signature", 1, 0),
        ("key of small order", 0, 8),
        ("key of small order, another spelling", 0, 6),
        ("mixed R, holds with cofactor only", 0, 1),
        ("mixed key, holds with cofactor only", 0, 1),
        ("mixed key, holds without cofactor", 1, 0),
    ];
    table.extend(beyond.iter().map(|comment| (comment.as_str(), 0, 1)));
    table.sort_unstable();
    tally.assert_is(&table);
}
