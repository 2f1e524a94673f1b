//! Signature suites against their standards, and against everything that is almost a signature.

use super::*;
use crate::hash::{hex_decode, hex_encode};
use alloc::format;

fn counting_seed() -> [u8; SEED_LEN] {
    core::array::from_fn(|i| u8::try_from(i).unwrap())
}

/// RFC 8032, 7.1, TEST 2.
#[test]
fn ed25519_matches_rfc_8032() {
    let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
    let signer =
        SeedSigner::from_seed(Suite::Ed25519, hex_decode(seed).unwrap().try_into().unwrap());
    assert_eq!(
        hex_encode(&signer.public_key().bytes),
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    );
    assert_eq!(
        hex_encode(&signer.sign(&[0x72])),
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    );
}

/// RFC 9881, appendix C, gives these public keys for the seed 00 01 02 … 1f: first and last bytes.
#[test]
fn ml_dsa_grows_the_published_keys() {
    for (suite, first, last) in [
        (Suite::MlDsa44, "d7b2b47254aae0db45e793", "9784cf05c830b3242c8312"),
        (Suite::MlDsa65, "48683d91978e31eb3dddb8", "04bc460a051e02f2e8444f"),
        (Suite::MlDsa87, "9792bcec2f2430686a82fc", "326b31212aece0a34a60"),
    ] {
        let key = SeedSigner::from_seed(suite, counting_seed()).public_key();
        let digits = hex_encode(&key.bytes);
        assert!(digits.starts_with(first) && digits.ends_with(last), "{suite}");
    }
}

#[test]
fn every_suite_signs_deterministically_and_verifies() {
    for suite in Suite::ALL {
        let signer = SeedSigner::from_seed(suite, counting_seed());
        let (key, signature) = (signer.public_key(), signer.sign(b"message"));
        assert_eq!(key.bytes.len(), suite.public_key_len());
        assert_eq!(signature.len(), suite.signature_len());
        assert_eq!(signature, SeedSigner::from_seed(suite, counting_seed()).sign(b"message"));
        assert_eq!(key.verify(b"message", &signature), Ok(()));
        assert_eq!(key.verify(b"messagf", &signature), Err(SignatureError::Mismatch));
    }
}

/// Signing is deterministic (FIPS 204 with rnd = 0), so the bytes are a format: SHA3-256 of each.
#[test]
fn golden_signatures() {
    for (suite, digest) in [
        (Suite::Ed25519, "dc90f05ba4fccecdde7d24e8d67f074140c2f1bbd94f841e25204add2b491a11"),
        (Suite::MlDsa44, "c0c8c7b976682de6bc54432b5cc5c4fe846512efbc760a98f75e36977381649e"),
        (Suite::MlDsa65, "2eece2b319b2de469a9b95e06b3ba3872af5c23feadc382225765530199dc808"),
        (Suite::MlDsa87, "17a0ecbba4b141564f4aff65d39859864f8d0aa236001c83965593fe1c5feecd"),
    ] {
        let signature = SeedSigner::from_seed(suite, counting_seed()).sign(b"message");
        assert_eq!(Hash32::of(&signature).to_hex(), digest, "{suite}");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    for suite in Suite::ALL {
        let signer = SeedSigner::from_seed(suite, counting_seed());
        let (key, signature) = (signer.public_key(), signer.sign(b"message"));
        for at in (0..signature.len()).step_by(if suite == Suite::Ed25519 { 1 } else { 97 }) {
            let mut bad = signature.clone();
            bad[at] ^= 1;
            assert!(key.verify(b"message", &bad).is_err(), "{suite} byte {at}");
        }
        let mut other = key.clone();
        other.bytes[suite.public_key_len() - 1] ^= 1;
        assert!(other.verify(b"message", &signature).is_err());
    }
}

#[test]
fn wrong_lengths_are_errors() {
    for suite in Suite::ALL {
        let signer = SeedSigner::from_seed(suite, [7; SEED_LEN]);
        let (key, signature) = (signer.public_key(), signer.sign(b""));
        for bad in [&[][..], &signature[1..], &[&signature[..], &[0]].concat()] {
            let found = bad.len();
            let expected = SignatureError::SignatureLength { suite, found };
            assert_eq!(key.verify(b"", bad), Err(expected));
        }
        for bad in [&[][..], &key.bytes[1..], &[&key.bytes[..], &[0]].concat()] {
            let error = SignatureError::PublicKeyLength { suite, found: bad.len() };
            assert_eq!(PublicKey::new(suite, bad), Err(error));
            let malformed = PublicKey { suite, bytes: bad.to_vec() };
            assert_eq!(malformed.verify(b"", &signature), Err(error));
            assert!(borsh::from_slice::<PublicKey>(&borsh::to_vec(&malformed).unwrap()).is_err());
        }
    }
}

/// The neutral point verifies anything under the lax rules of RFC 8032.
#[test]
fn small_order_ed25519_keys_are_refused() {
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let key = PublicKey::new(Suite::Ed25519, &neutral).unwrap();
    let signature = [&neutral[..], &[0; 32]].concat();
    assert_eq!(key.verify(b"anything", &signature), Err(SignatureError::Mismatch));
}

/// A key of the right length need not be a point: y = 2 has no x on the curve.
#[test]
fn ed25519_keys_that_are_no_points_are_refused() {
    let mut bytes = [0; 32];
    bytes[0] = 2;
    let key = PublicKey::new(Suite::Ed25519, &bytes).unwrap();
    assert_eq!(key.verify(b"anything", &[0; 64]), Err(SignatureError::PublicKeyInvalid));
}

#[test]
fn borsh_bytes_are_stable_and_strict() {
    for (number, suite) in (1u8..).zip(Suite::ALL) {
        assert_eq!(Suite::from_number(number), Some(suite));
        assert_eq!(Suite::from_name(suite.name()), Some(suite));
        let key = SeedSigner::from_seed(suite, [1; SEED_LEN]).public_key();
        let bytes = borsh::to_vec(&key).unwrap();
        let len = u32::try_from(suite.public_key_len()).unwrap().to_le_bytes();
        assert_eq!(bytes, [&[number][..], &len, &key.bytes].concat());
        assert_eq!(borsh::from_slice::<PublicKey>(&bytes).unwrap(), key);
        assert!(borsh::from_slice::<PublicKey>(&bytes[..bytes.len() - 1]).is_err());
        assert!(borsh::from_slice::<PublicKey>(&[&[number ^ 8], &bytes[1..]].concat()).is_err());
        let fingerprint = Hash32::of(&[&[number], &key.bytes[..]].concat());
        assert_eq!(key.fingerprint(), fingerprint);
    }
    assert_eq!([0, 5, 255].map(Suite::from_number), [None; 3]);
    assert_eq!(["", "ml-dsa-44", "Dilithium2", "ML-DSA"].map(Suite::from_name), [None; 4]);
    // A length of four thousand million must not be allocated.
    assert!(borsh::from_slice::<PublicKey>(&[1, 255, 255, 255, 255]).is_err());
}

#[test]
fn debug_never_shows_a_secret() {
    for suite in Suite::ALL {
        let signer = SeedSigner::from_seed(suite, [0xab; SEED_LEN]);
        let shown = format!("{signer:?}");
        assert_eq!(shown, format!("SeedSigner({:?})", signer.public_key()));
        assert!(!shown.contains("abab") && !shown.contains("171"));
    }
}
