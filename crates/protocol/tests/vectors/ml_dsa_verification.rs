//! ML-DSA verification: every published signature, whole or broken.
//!
//! The ledger signs under the empty context only. A vector with a context is therefore used twice: the ledger must
//! refuse it, and the library below must say what the vector says.

use ml_dsa::{
    EncodedVerifyingKey, MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Signature, VerifyingKey,
};
use protocol::signature::{PublicKey, SignatureError, Suite};

use crate::cases::{Case, Tally, read};

/// Kinds of vectors with their valid and invalid tests.
type Table<'a> = &'a [(&'a str, u32, u32)];

fn verify(suite: Suite, key: &[u8], case: &Case) -> Result<(), SignatureError> {
    PublicKey::new(suite, key)?.verify(&case.bytes("message"), &case.bytes("signature"))
}

/// What is checked before a word of the signature is read has an error of its own.
fn assert_named(case: &Case, found: Result<(), SignatureError>) {
    let (key, signature) = (
        matches!(found, Err(SignatureError::PublicKeyLength { .. })),
        matches!(found, Err(SignatureError::SignatureLength { .. })),
    );
    assert_eq!(key, case.is("IncorrectPublicKeyLength"), "{case}: {found:?}");
    assert_eq!(signature, case.is("IncorrectSignatureLength"), "{case}: {found:?}");
}

/// ML-DSA.Verify of FIPS 204, with any context.
fn verify_with_context<P: MlDsaParams>(key: &[u8], case: &Case, context: &[u8]) -> bool {
    let key = EncodedVerifyingKey::<P>::try_from(key).expect("a key's length");
    let signature = case.bytes("signature");
    Signature::<P>::try_from(&signature[..]).is_ok_and(|signature| {
        VerifyingKey::<P>::decode(&key).verify_with_context(
            &case.bytes("message"),
            context,
            &signature,
        )
    })
}

fn wycheproof<P: MlDsaParams>(suite: Suite, file: &str, table: Table) {
    let mut tally = Tally::default();
    for group in read(file) {
        let key = group.key();
        for case in &group.tests {
            let found = verify(suite, &key, case);
            if let Some(context) = case.maybe_bytes("context") {
                assert_eq!(found, Err(SignatureError::Mismatch), "{case}");
                assert_eq!(verify_with_context::<P>(&key, case, &context), case.valid(), "{case}");
            } else {
                assert_eq!(found.is_ok(), case.valid(), "{case}: {found:?}");
                assert_named(case, found);
            }
            tally.count(case);
        }
    }
    tally.assert_is(table);
}

#[test]
fn pr_1_wycheproof_44() {
    wycheproof::<MlDsa44>(
        Suite::MlDsa44,
        "ml-dsa/wycheproof-verify-44.json",
        &[
            ("BoundaryCondition", 13, 0),
            ("IncorrectPublicKeyLength", 0, 4),
            ("IncorrectSignatureLength", 0, 3),
            ("InfinityNormViolation", 0, 40),
            ("InfinityNormViolation BoundaryCondition", 0, 2),
            ("InvalidContext", 0, 5),
            ("InvalidHintsEncoding", 0, 8),
            ("InvalidSignature BoundaryCondition ZeroPublicKey", 0, 33),
            ("ModifiedSignature", 0, 7),
            ("ValidSignature", 4, 0),
            ("ValidSignature BoundaryCondition", 12, 0),
            ("ValidSignature BoundaryCondition ZeroPublicKey", 1, 0),
            ("ValidSignature InvalidPrivateKey", 2, 0),
            ("ValidSignature ManySteps", 44, 0),
            ("ValidSignature ZeroPublicKey", 1, 0),
            ("challenge hash starts with null byte, catches strcmp-based comparison", 0, 1),
        ],
    );
}

#[test]
fn pr_1_wycheproof_65() {
    wycheproof::<MlDsa65>(
        Suite::MlDsa65,
        "ml-dsa/wycheproof-verify-65.json",
        &[
            ("BoundaryCondition", 13, 0),
            ("IncorrectPublicKeyLength", 0, 4),
            ("IncorrectSignatureLength", 0, 3),
            ("InfinityNormViolation", 0, 50),
            ("InfinityNormViolation BoundaryCondition", 0, 2),
            ("InvalidContext", 0, 5),
            ("InvalidHintsEncoding", 0, 9),
            ("InvalidSignature BoundaryCondition ZeroPublicKey", 0, 49),
            ("ModifiedSignature", 0, 8),
            ("ValidSignature", 4, 0),
            ("ValidSignature BoundaryCondition", 10, 0),
            ("ValidSignature BoundaryCondition ZeroPublicKey", 1, 0),
            ("ValidSignature InvalidPrivateKey", 2, 0),
            ("ValidSignature ManySteps", 48, 0),
            ("ValidSignature ZeroPublicKey", 1, 0),
            ("challenge hash starts with null byte, catches strcmp-based comparison", 0, 1),
        ],
    );
}

#[test]
fn pr_1_wycheproof_87() {
    wycheproof::<MlDsa87>(
        Suite::MlDsa87,
        "ml-dsa/wycheproof-verify-87.json",
        &[
            ("BoundaryCondition", 13, 0),
            ("IncorrectPublicKeyLength", 0, 4),
            ("IncorrectSignatureLength", 0, 3),
            ("InfinityNormViolation", 0, 70),
            ("InfinityNormViolation BoundaryCondition", 0, 2),
            ("InvalidContext", 0, 5),
            ("InvalidHintsEncoding", 0, 9),
            ("InvalidSignature BoundaryCondition ZeroPublicKey", 0, 65),
            ("MissingReduction", 1, 1),
            ("ModifiedSignature", 0, 10),
            ("ValidSignature", 4, 0),
            ("ValidSignature BoundaryCondition", 10, 0),
            ("ValidSignature BoundaryCondition ZeroPublicKey", 1, 0),
            ("ValidSignature InvalidPrivateKey", 2, 0),
            ("ValidSignature ManySteps", 39, 0),
            ("ValidSignature ZeroPublicKey", 1, 0),
            ("challenge hash starts with null byte, catches strcmp-based comparison", 0, 1),
        ],
    );
}

/// ML-DSA.Verify_internal: the message comes with its domain and context already before it.
fn verify_internal<P: MlDsaParams>(case: &Case) -> bool {
    let key = EncodedVerifyingKey::<P>::try_from(&case.bytes("key")[..]).expect("a key's length");
    let signature = case.bytes("signature");
    Signature::<P>::try_from(&signature[..]).is_ok_and(|signature| {
        VerifyingKey::<P>::decode(&key).verify_internal(&case.bytes("message"), &signature)
    })
}

/// NIST's vectors are of the internal interface, which the ledger does not offer: to it, each is a signature over another
/// message.
#[test]
fn pr_1_acvp() {
    let mut tally = Tally::default();
    for group in read("ml-dsa/acvp-sigver.json") {
        let suite = Suite::from_name(group.suite()).expect("a suite");
        for case in &group.tests {
            let found = match suite {
                Suite::MlDsa44 => verify_internal::<MlDsa44>(case),
                Suite::MlDsa65 => verify_internal::<MlDsa65>(case),
                Suite::MlDsa87 => verify_internal::<MlDsa87>(case),
                Suite::Ed25519 => panic!("not of ML-DSA"),
            };
            assert_eq!(found, case.valid(), "{suite}, {case}");
            let outer = verify(suite, &case.bytes("key"), case);
            assert_eq!(outer, Err(SignatureError::Mismatch), "{suite}, {case}");
            tally.count(case);
        }
    }
    tally.assert_is(&[
        ("modify message", 0, 9),
        ("modify signature", 0, 9),
        ("no modification", 9, 0),
        ("too many hints", 0, 9),
        ("z too large", 0, 9),
    ]);
}
