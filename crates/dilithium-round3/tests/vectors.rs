//! Round-3 Dilithium against its known answers, and against what looks like it.

use base64::{Engine, prelude::BASE64_STANDARD};
use dilithium_round3::{Error, Scheme, verify};
use protocol::signature::{PublicKey, SeedSigner, SignatureError, Signer, Suite};

const VECTORS: &str = include_str!("../../../tests/vectors/dilithium-round3/vectors.json");
const MESSAGE: &[u8] = b"message";
/// Each scheme with the suite of FIPS 204 that followed it.
const PAIRS: [(Scheme, Suite); 3] = [
    (Scheme::Dilithium2, Suite::MlDsa44),
    (Scheme::Dilithium3, Suite::MlDsa65),
    (Scheme::Dilithium5, Suite::MlDsa87),
];

struct Case {
    scheme: Scheme,
    key: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

fn cases() -> Vec<Case> {
    let tests: Vec<serde_json::Value> = serde_json::from_str(VECTORS).expect("JSON");
    let case = |test: &serde_json::Value| {
        let text = |field: &str| test[field].as_str().expect("text");
        let bytes = |field| BASE64_STANDARD.decode(text(field)).expect("base64");
        Case {
            scheme: Scheme::from_name(text("scheme")).expect("a scheme"),
            key: bytes("key"),
            message: bytes("message"),
            signature: bytes("signature"),
        }
    };
    tests.iter().map(case).collect()
}

fn check(case: &Case) -> Result<(), Error> {
    verify(case.scheme, &case.key, &case.message, &case.signature)
}

#[test]
fn published_and_made_signatures_hold() {
    let cases = cases();
    for scheme in Scheme::ALL {
        assert_eq!(cases.iter().filter(|case| case.scheme == scheme).count(), 5, "{scheme}");
    }
    for case in &cases {
        assert_eq!(check(case), Ok(()), "{}", case.scheme);
    }
}

/// Every part of a signature counts: the challenge, z, the hints and the counters at its end; so does every byte of
/// the key, and the message.
#[test]
fn nothing_changed_holds() {
    for mut case in cases() {
        for at in (0..case.signature.len()).step_by(61).chain([case.signature.len() - 1]) {
            case.signature[at] ^= 1;
            assert_eq!(check(&case), Err(Error::Mismatch), "{}, byte {at}", case.scheme);
            case.signature[at] ^= 1;
        }
        for at in (0..case.key.len()).step_by(97) {
            case.key[at] ^= 0x80;
            assert_eq!(check(&case), Err(Error::Mismatch), "{}, key byte {at}", case.scheme);
            case.key[at] ^= 0x80;
        }
        case.message.push(0);
        assert_eq!(check(&case), Err(Error::Mismatch));
    }
}

#[test]
fn lengths_are_checked_first() {
    for case in cases() {
        let Case { scheme, key, message, signature } = &case;
        for signature in [&signature[1..], &[&signature[..], &[0]].concat(), &[]] {
            let found = signature.len();
            let error = Error::SignatureLength { scheme: *scheme, found };
            assert_eq!(verify(*scheme, key, message, signature), Err(error));
            let error = Error::PublicKeyLength { scheme: *scheme, found: key.len() - 1 };
            assert_eq!(verify(*scheme, &key[1..], message, signature), Err(error));
        }
        for other in Scheme::ALL.into_iter().filter(|other| other != scheme) {
            assert!(matches!(
                verify(other, key, message, signature),
                Err(Error::PublicKeyLength { .. })
            ));
        }
    }
}

/// Keys of both standards have the same lengths, and the signatures of the smallest set as well.
#[test]
fn signatures_of_fips_204_are_refused() {
    for (scheme, suite) in PAIRS {
        let signer = SeedSigner::from_seed(suite, [7; 32]);
        let (key, signature) = (signer.public_key(), signer.sign(MESSAGE));
        assert_eq!(key.verify(MESSAGE, &signature), Ok(()));
        let found = signature.len();
        let error = match scheme {
            Scheme::Dilithium2 => Error::Mismatch,
            _ => Error::SignatureLength { scheme, found },
        };
        assert_eq!(verify(scheme, &key.bytes, MESSAGE, &signature), Err(error));
    }
}

#[test]
fn the_ledger_refuses_signatures_of_round_3() {
    for case in cases() {
        let (_, suite) = PAIRS.into_iter().find(|(scheme, _)| *scheme == case.scheme).unwrap();
        let key = PublicKey::new(suite, &case.key).unwrap();
        let error = match suite {
            Suite::MlDsa44 => SignatureError::Mismatch,
            _ => SignatureError::SignatureLength { suite, found: case.signature.len() },
        };
        assert_eq!(key.verify(&case.message, &case.signature), Err(error));
    }
}
