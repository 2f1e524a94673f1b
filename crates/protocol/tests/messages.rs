//! The sentences and names that users see. A refusal is of use only if it says what to change.

use protocol::{
    AccountId, Amount, CommandId, Hash32, NodeId, ObjectId, Refusal,
    canonical::DecodeError,
    error::ErrorCode,
    json::{ErrorKind, JsonError},
    layout::{LayoutError, ProfileError},
    node::NodeStatus,
    signature::{PublicKey, SignatureError, Suite},
};
use std::fmt::Display;

fn check(rows: &[(&dyn Display, &str)]) {
    for (value, text) in rows {
        assert_eq!(value.to_string(), *text);
    }
}

#[test]
fn names_print_as_they_are() {
    let hash = Hash32([0x0f; 32]);
    let hex = "0f".repeat(32);
    let id = CommandId([0xa0; 16]);
    check(&[
        (&ObjectId("a/ü".into()), "a/ü"),
        (&NodeId("node-000".into()), "node-000"),
        (&hash, &hex),
        (&AccountId(hash), &hex),
        (&id, &"a0".repeat(16)),
        (&Amount::from_raw(1), "0.000000000000000001"),
        (&Suite::Ed25519, "Ed25519"),
        (&Suite::MlDsa44, "ML-DSA-44"),
        (&Suite::MlDsa65, "ML-DSA-65"),
        (&Suite::MlDsa87, "ML-DSA-87"),
        (&NodeStatus::LowUptime, "UNVERIFIED_LOW_UPTIME"),
        (&ErrorCode::Limit, "SE_ERR_LIMIT"),
    ]);
    assert_eq!(format!("{hash:?} {id:?}"), format!("{hash} {id}"));
    let key = PublicKey { suite: Suite::Ed25519, bytes: vec![7; 32] };
    assert_eq!(format!("{key:?}"), format!("PublicKey(Ed25519, {})", key.fingerprint()));
}

#[test]
fn command_ids_are_32_lowercase_digits() {
    let text = "00112233445566778899aabbccddeeff";
    assert_eq!(CommandId::from_hex(text).map(|id| id.to_string()), Some(text.into()));
    for bad in ["", &text[2..], &text[1..], &format!("{text}00"), &text.to_uppercase()] {
        assert_eq!(CommandId::from_hex(bad), None, "{bad:?}");
    }
}

#[test]
fn refusals_say_code_and_reason() {
    let fixed = Refusal::new(ErrorCode::NotFound, "there is no such object");
    check(&[
        (&fixed, "SE_ERR_NOT_FOUND: there is no such object"),
        (&Refusal::with(ErrorCode::Busy, format!("{} holds it", 7)), "SE_ERR_BUSY: 7 holds it"),
    ]);
}

/// PR-7: a number that is not assigned is not a code.
#[test]
fn pr_7_unknown_codes() {
    for number in [0, 19, u16::MAX] {
        assert_eq!(ErrorCode::from_number(number), None, "{number}");
        assert!(borsh::from_slice::<ErrorCode>(&number.to_le_bytes()).is_err());
    }
    assert_eq!(borsh::to_vec(&ErrorCode::Busy).unwrap(), [15, 0]);
}

/// A refused layout or profile is the caller's mistake, with the same sentence.
#[test]
fn layouts() {
    let rows = [
        (LayoutError::Size, "an object has at most 2^56 bytes"),
        (LayoutError::BlockSize, "a block size is a multiple of 4096 bytes, from 4096 to 16777216"),
        (LayoutError::Roots, "a layout has one root for each column"),
        (
            LayoutError::Profile(ProfileError::Syntax),
            "a profile is written k,m,r in plain decimal, as in (4,0,3)",
        ),
        (LayoutError::Profile(ProfileError::NoData), "a profile needs at least one data column"),
        (LayoutError::Profile(ProfileError::TooManyColumns), "a profile has at most 64 columns"),
        (LayoutError::Profile(ProfileError::Replicas), "a profile has 1 to 4 replicas"),
        (
            LayoutError::Profile(ProfileError::ParityWithReplicas),
            "a profile with parity has exactly one replica",
        ),
    ];
    for (error, text) in rows {
        assert_eq!(error.to_string(), text);
        assert_eq!(Refusal::from(error), Refusal::with(ErrorCode::InvalidInput, text.into()));
        if let LayoutError::Profile(profile) = error {
            assert_eq!(Refusal::from(profile), Refusal::from(error));
        }
    }
}

#[test]
fn signatures_and_bytes() {
    let (suite, found) = (Suite::MlDsa44, 5);
    check(&[
        (
            &SignatureError::PublicKeyLength { suite, found },
            "a public key of ML-DSA-44 has 1312 bytes, not 5",
        ),
        (
            &SignatureError::SignatureLength { suite, found },
            "a signature of ML-DSA-44 has 2420 bytes, not 5",
        ),
        (&SignatureError::PublicKeyInvalid, "the public key is not a point of its curve"),
        (&SignatureError::Mismatch, "the signature does not match the key and the message"),
        (&DecodeError::Malformed, "the bytes are not an encoding of the expected value"),
        (&DecodeError::NotCanonical, "the bytes are not the canonical encoding of their value"),
    ]);
}

/// CJ-13: every reason, and the place.
#[test]
fn cj_13_json() {
    for (kind, text) in [
        (ErrorKind::InvalidUtf8, "the bytes are not UTF-8"),
        (ErrorKind::ByteOrderMark, "a byte order mark is not allowed"),
        (ErrorKind::UnexpectedEnd, "the JSON text ends too early"),
        (ErrorKind::UnexpectedCharacter, "this character is not allowed here"),
        (ErrorKind::TrailingBytes, "there is something after the JSON value"),
        (ErrorKind::ControlCharacter, "control characters in a string must be escaped"),
        (ErrorKind::InvalidEscape, "this is no JSON escape sequence"),
        (ErrorKind::LoneSurrogate, "a surrogate escape lacks its other half"),
        (ErrorKind::NotAnInteger, "only integers are allowed, without fraction or exponent"),
        (ErrorKind::LeadingZero, "a number must not start with a superfluous zero"),
        (ErrorKind::OutOfRange, "the number is beyond 9007199254740991 on either side of zero"),
        (ErrorKind::DuplicateKey, "the object has this member name twice"),
        (ErrorKind::TooDeep, "arrays and objects are nested more than 64 deep"),
        (ErrorKind::NotCanonical, "the JSON text is not in canonical form"),
    ] {
        assert_eq!(JsonError { offset: 12, kind }.to_string(), format!("{text} (byte 12)"));
    }
}
