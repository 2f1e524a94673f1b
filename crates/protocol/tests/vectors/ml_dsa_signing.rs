//! ML-DSA key generation and signing, deterministic (FIPS 204 with rnd = 0): the bytes are those that are published.
//!
//! Expected keys and signatures are kept as their SHA3-256.

use ml_dsa::{
    ExpandedSigningKey, ExpandedSigningKeyBytes, KeyExport, Keypair, MlDsa44, MlDsa65, MlDsa87,
    MlDsaParams, SignatureEncoding, SigningKey,
};
use protocol::{
    Hash32,
    signature::{SEED_LEN, SeedSigner, Signer, Suite},
};

use crate::cases::{Case, Tally, read};

const SUITES: [(Suite, &str); 3] = [
    (Suite::MlDsa44, "ml-dsa/wycheproof-sign-44.json"),
    (Suite::MlDsa65, "ml-dsa/wycheproof-sign-65.json"),
    (Suite::MlDsa87, "ml-dsa/wycheproof-sign-87.json"),
];

/// Calls a function of a parameter set.
macro_rules! of {
    ($suite:expr, $function:ident($($argument:expr),*)) => {
        match $suite {
            Suite::MlDsa44 => $function::<MlDsa44>($($argument),*),
            Suite::MlDsa65 => $function::<MlDsa65>($($argument),*),
            Suite::MlDsa87 => $function::<MlDsa87>($($argument),*),
            Suite::Ed25519 => panic!("not of ML-DSA"),
        }
    };
}

fn hash(bytes: &[u8]) -> String {
    Hash32::of(bytes).to_hex()
}

fn grown<P: MlDsaParams>(seed: &[u8; SEED_LEN]) -> SigningKey<P> {
    SigningKey::from_seed(seed.into())
}

fn signed_with_context<P: MlDsaParams>(
    seed: &[u8; SEED_LEN],
    message: &[u8],
    context: &[u8],
) -> Option<Vec<u8>> {
    let signature = grown::<P>(seed).expanded_key().sign_deterministic(message, context).ok()?;
    Some(signature.to_vec())
}

fn signed_mu<P: MlDsaParams>(seed: &[u8; SEED_LEN], mu: &[u8]) -> Vec<u8> {
    let mu = mu.try_into().expect("64 bytes");
    grown::<P>(seed).expanded_key().sign_mu_deterministic(&mu).to_vec()
}

/// What the ledger's signer makes of a vector, or the library below it where the ledger has no such call; `None` if it
/// refuses.
fn sign(suite: Suite, seed: &[u8], case: &Case) -> Option<Vec<u8>> {
    // Seeds of another length cannot even be said.
    let seed = <[u8; SEED_LEN]>::try_from(seed).ok()?;
    if let Some(mu) = case.maybe_bytes("mu") {
        return Some(of!(suite, signed_mu(&seed, &mu)));
    }
    let message = case.bytes("message");
    match case.maybe_bytes("context") {
        Some(context) => of!(suite, signed_with_context(&seed, &message, &context)),
        None => Some(SeedSigner::from_seed(suite, seed).sign(&message)),
    }
}

#[test]
fn pr_1_wycheproof() {
    let mut tally = Tally::default();
    for (suite, file) in SUITES {
        for group in read(file) {
            for case in &group.tests {
                let expected = case.valid().then(|| case.text("signature_hash").to_owned());
                // Made with randomness, which the file does not give.
                if case.is("Randomized") {
                    assert_ne!(sign(suite, &group.key(), case).map(|s| hash(&s)), expected);
                } else {
                    let found = sign(suite, &group.key(), case).map(|signature| hash(&signature));
                    assert_eq!(found, expected, "{suite}, {case}");
                }
                tally.count(case);
            }
        }
    }
    tally.assert_is(&[
        ("BoundaryCondition", 39, 0),
        ("BoundaryCondition ValidSignature Internal", 15, 0),
        ("IncorrectPrivateKeyLength", 0, 9),
        ("InvalidContext", 0, 3),
        ("ManySteps ValidSignature Internal", 12, 0),
        ("Randomized ValidSignature", 3, 0),
        ("ValidSignature", 27, 0),
        ("ValidSignature BoundaryCondition", 33, 0),
        ("ValidSignature Internal", 15, 0),
        ("ValidSignature ManySteps", 131, 0),
    ]);
}

/// A hundred keys, messages and contexts, each under three parameter sets.
#[test]
fn pr_1_known_answers() {
    let mut used = 0;
    for case in read("ml-dsa/kat-deterministic.json").iter().flat_map(|group| &group.tests) {
        for (suite, _) in SUITES {
            let expected = case.inner("suites").inner(suite.name());
            let seed = case.bytes("seed").try_into().expect("a seed");
            let key = SeedSigner::from_seed(suite, seed).public_key();
            assert_eq!(hash(&key.bytes), expected.text("public_key_hash"), "{suite}, {case}");
            let (message, context) = (case.bytes("message"), case.bytes("context"));
            let signature = of!(suite, signed_with_context(&seed, &message, &context));
            let signature = signature.expect("a context of 16 bytes");
            assert_eq!(hash(&signature), expected.text("signature_hash"), "{suite}, {case}");
            assert!(key.verify(&message, &signature).is_err(), "{suite}, {case}: no context, yet");
            used += 1;
        }
    }
    assert_eq!(used, 300);
}

#[expect(deprecated, reason = "NIST gives whole secret keys")]
fn expanded<P: MlDsaParams>(seed: &[u8; SEED_LEN]) -> (Vec<u8>, Vec<u8>) {
    let key = grown::<P>(seed);
    (key.verifying_key().to_bytes().to_vec(), key.expanded_key().to_expanded().to_vec())
}

#[test]
fn pr_1_acvp_key_generation() {
    let mut used = 0;
    for group in read("ml-dsa/acvp-keygen.json") {
        let suite = Suite::from_name(group.suite()).expect("a suite");
        for case in &group.tests {
            let seed = case.bytes("seed").try_into().expect("a seed");
            let (public, secret) = of!(suite, expanded(&seed));
            assert_eq!(hash(&public), case.text("public_key_hash"), "{suite}, {case}");
            assert_eq!(hash(&secret), case.text("secret_key_hash"), "{suite}, {case}");
            assert_eq!(SeedSigner::from_seed(suite, seed).public_key().bytes, public);
            used += 1;
        }
    }
    assert_eq!(used, 75);
}

#[expect(deprecated, reason = "NIST gives whole secret keys")]
fn signed_internal<P: MlDsaParams>(case: &Case) -> Vec<u8> {
    let secret = case.bytes("secret_key");
    let secret = ExpandedSigningKeyBytes::<P>::try_from(&secret[..]).expect("a key's length");
    let randomness = case.maybe_bytes("randomness").unwrap_or_else(|| vec![0; 32]);
    let randomness = randomness[..].try_into().expect("32 bytes");
    let key = ExpandedSigningKey::<P>::from_expanded(&secret);
    key.sign_internal(&[&case.bytes("message")], &randomness).to_vec()
}

/// Half of them are deterministic, half with the randomness that the file gives.
#[test]
fn pr_1_acvp_signing() {
    let mut used = 0;
    for group in read("ml-dsa/acvp-siggen.json") {
        let suite = Suite::from_name(group.suite()).expect("a suite");
        for case in &group.tests {
            let signature = of!(suite, signed_internal(case));
            assert_eq!(hash(&signature), case.text("signature_hash"), "{suite}, {case}");
            used += 1;
        }
    }
    assert_eq!(used, 60);
}
