//! One sequence of bytes for each value: rule PR-1.

use borsh::{BorshDeserialize, BorshSerialize, io::Read};
use protocol::{
    Amount, CommandId, Hash32, NodeId, Outcome, Profile,
    canonical::{DecodeError, decode, encode},
    command::{Authorization, Content, Custody, OpenAudit},
    error::ErrorCode,
    keys::KeyHolder,
    node::{NodeStatus, RegistryFact},
    signature::{PublicKey, SeedSigner, Signer, Suite},
};

fn refused<T: BorshSerialize + BorshDeserialize>(bytes: &[u8]) -> bool {
    decode::<T>(bytes).is_err()
}

/// The notation of PR-1, little-endian, as the specification prints it.
#[test]
fn pr_1_notation() {
    let rows = [
        (encode(&0x0102_u16), "0201"),
        (encode(&0x0102_0304_u32), "04030201"),
        (encode(&1_u64), "0100000000000000"),
        (encode(&Amount::from_raw(258)), "02010000000000000000000000000000"),
        (encode(&true), "01"),
        (encode(&NodeId("n1".into())), "020000006e31"),
        (encode(&vec![1_u8, 2]), "020000000102"),
        (encode(&None::<u32>), "00"),
        (encode(&Some(7_u32)), "0107000000"),
        (encode(&Profile::EC_16_6), "100601"),
        (encode(&OpenAudit::Sample(64)), "0140000000"),
        (encode(&Outcome::Rejected(ErrorCode::Busy)), "010f00"),
        (encode(&Custody::Claimed), "00"),
        (encode(&CommandId([0xc1; 16])), &"c1".repeat(16)),
        (encode(&Hash32([0xaa; 32])), &"aa".repeat(32)),
    ];
    for (bytes, hex) in rows {
        assert_eq!(protocol::hash::hex_encode(&bytes), hex);
    }
}

#[test]
fn pr_1_what_no_encoder_writes_is_refused() {
    let fact = RegistryFact {
        node: 1,
        key: None,
        scheme: "x".into(),
        revoked: false,
        reason: String::new(),
    };
    let good = encode(&fact);
    assert_eq!(decode(&good), Ok(fact));
    let at = |index: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[index] = byte;
        bytes
    };
    let rows = [
        ("a truth value of 2", at(10, 2)),
        ("an option of 2", at(4, 2)),
        ("text that is not UTF-8", at(9, 0xff)),
        ("a length beyond the end", at(5, 200)),
        ("a byte too few", good[..good.len() - 1].to_vec()),
        ("a byte too many", [&good[..], &[0]].concat()),
        ("nothing", Vec::new()),
    ];
    for (what, bytes) in rows {
        assert_eq!(decode::<RegistryFact>(&bytes), Err(DecodeError::Malformed), "{what}");
    }
}

/// Tags are appended to: the first that is free is refused, and so is the last byte.
#[test]
fn pr_1_unknown_tags_are_refused() {
    for tag in [9, u8::MAX] {
        assert!(refused::<NodeStatus>(&[tag]));
    }
    for tag in [2, u8::MAX] {
        assert!(refused::<Authorization>(&[tag]), "authorization {tag}");
        assert!(refused::<Content>(&[&[tag][..], &[0; 64]].concat()), "content {tag}");
        assert!(refused::<Custody>(&[&[tag][..], &[0; 32]].concat()), "custody {tag}");
        assert!(refused::<OpenAudit>(&[tag, 0, 0, 0, 0]), "scope {tag}");
        assert!(refused::<Outcome>(&[tag, 1, 0]), "outcome {tag}");
    }
    for number in [0, 5, u8::MAX] {
        assert!(refused::<Suite>(&[number]), "suite {number}");
    }
    assert!(decode::<NodeStatus>(&[8]) == Ok(NodeStatus::TelemetryHashConflict));
}

/// A value whose decoder is lax, as that of a future type could be by mistake.
#[derive(Debug, PartialEq, BorshSerialize)]
struct Lax(u8);

impl BorshDeserialize for Lax {
    fn deserialize_reader<R: Read>(reader: &mut R) -> borsh::io::Result<Self> {
        u8::deserialize_reader(reader).map(|byte| Self(byte & 0x0f))
    }
}

/// PR-1: the second spelling is refused even where the decoder would take it.
#[test]
fn pr_1_a_second_spelling_is_not_canonical() {
    assert_eq!(decode::<Lax>(&[0x07]), Ok(Lax(7)));
    assert_eq!(decode::<Lax>(&[0x17]), Err(DecodeError::NotCanonical));
}

/// KY-10: a suite that is none of ours is told apart from bytes that mean nothing.
#[test]
fn ky_10_unknown_suites_are_named() {
    let key = SeedSigner::from_seed(Suite::Ed25519, [1; 32]).public_key();
    let holder = (KeyHolder::Operator, vec![key]);
    let bytes = encode(&holder);
    let at = 5;
    assert_eq!(bytes[at], Suite::Ed25519.number());
    for number in [0, 5, 9, 255] {
        let mut bytes = bytes.clone();
        bytes[at] = number;
        let error = decode::<(KeyHolder, Vec<PublicKey>)>(&bytes).unwrap_err();
        assert_eq!(error, DecodeError::UnknownSuite);
        assert!(error.to_string().contains("signature suite"), "{error}");
    }
    let mut bytes = bytes;
    bytes[at] = Suite::MlDsa44.number();
    assert_eq!(
        decode::<(KeyHolder, Vec<PublicKey>)>(&bytes),
        Err(DecodeError::Malformed),
        "another suite's length"
    );
}
