//! Signature suites, public keys and the signer seam.
//!
//! Four suites exist: Ed25519 (RFC 8032) and ML-DSA-44, -65 and -87 (FIPS 204, pure, empty context). All have
//! fixed lengths, all sign deterministically here, and all are checked through [`PublicKey::verify`], so that
//! no other module needs to know a signature library.

use crate::hash::Hash32;
use alloc::{boxed::Box, vec::Vec};
use borsh::io::{Error as IoError, ErrorKind, Read, Result as IoResult};
use borsh::{BorshDeserialize, BorshSerialize};
use core::{error::Error, fmt};
use ml_dsa::{
    KeyExport, Keypair, MlDsa44, MlDsa65, MlDsa87, MlDsaParams, SignatureEncoding, Signer as _,
};
use zeroize::Zeroize;

/// Length of the seed that a key pair of any suite grows from, in bytes.
pub const SEED_LEN: usize = 32;

/// A signature algorithm with its parameters. The numbers are part of every format that names a key.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Suite {
    /// Ed25519 (RFC 8032), checked without cofactor and without small-order points.
    Ed25519 = 1,
    /// ML-DSA-44 (FIPS 204, section 5: pure signing, empty context string).
    MlDsa44 = 2,
    /// ML-DSA-65, likewise.
    MlDsa65 = 3,
    /// ML-DSA-87, likewise.
    MlDsa87 = 4,
}

impl Suite {
    /// Every suite, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Ed25519, Self::MlDsa44, Self::MlDsa65, Self::MlDsa87];

    /// The stable number of the suite.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::MlDsa44 => 2,
            Self::MlDsa65 => 3,
            Self::MlDsa87 => 4,
        }
    }

    /// The suite with this number, if there is one.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Ed25519),
            2 => Some(Self::MlDsa44),
            3 => Some(Self::MlDsa65),
            4 => Some(Self::MlDsa87),
            _ => None,
        }
    }

    /// The name of the suite as people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "Ed25519",
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        }
    }

    /// The suite of this name; `None` also for the schemes of node keys that nothing here verifies
    /// (round-3 Dilithium).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// Length of a public key in bytes.
    #[must_use]
    pub const fn public_key_len(self) -> usize {
        match self {
            Self::Ed25519 => 32,
            Self::MlDsa44 => 1_312,
            Self::MlDsa65 => 1_952,
            Self::MlDsa87 => 2_592,
        }
    }

    /// Length of a signature in bytes.
    #[must_use]
    pub const fn signature_len(self) -> usize {
        match self {
            Self::Ed25519 => 64,
            Self::MlDsa44 => 2_420,
            Self::MlDsa65 => 3_309,
            Self::MlDsa87 => 4_627,
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a signature was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// The public key has a length that its suite does not have.
    PublicKeyLength {
        /// The suite named by the key.
        suite: Suite,
        /// The length found, in bytes.
        found: usize,
    },
    /// The public key has the right length but names no usable point (Ed25519).
    PublicKeyInvalid,
    /// The signature has a length that the suite does not have.
    SignatureLength {
        /// The suite of the key.
        suite: Suite,
        /// The length found, in bytes.
        found: usize,
    },
    /// The signature is not one by this key over this message.
    Mismatch,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicKeyLength { suite, found } => {
                let expected = suite.public_key_len();
                write!(f, "a public key of {suite} has {expected} bytes, not {found}")
            }
            Self::PublicKeyInvalid => f.write_str("the public key is not a point of its curve"),
            Self::SignatureLength { suite, found } => {
                let expected = suite.signature_len();
                write!(f, "a signature of {suite} has {expected} bytes, not {found}")
            }
            Self::Mismatch => f.write_str("the signature does not match the key and the message"),
        }
    }
}

impl Error for SignatureError {}

/// A public key and the suite that it belongs to.
///
/// Borsh bytes: suite number (u8), length (u32, little-endian), key. Decoding refuses a length that the
/// suite does not have, before it allocates.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize)]
pub struct PublicKey {
    /// The algorithm of the key.
    pub suite: Suite,
    /// The key as its standard encodes it (RFC 8032, 5.1.5; FIPS 204, pkEncode).
    pub bytes: Vec<u8>,
}

impl PublicKey {
    /// A key of the suite, if `bytes` has the suite's length.
    ///
    /// # Errors
    /// [`SignatureError::PublicKeyLength`] for any other length.
    pub fn new(suite: Suite, bytes: &[u8]) -> Result<Self, SignatureError> {
        check_key_len(suite, bytes.len())?;
        Ok(Self { suite, bytes: bytes.to_vec() })
    }

    /// Whether the key has its suite's length; one that has not verifies nothing.
    #[must_use]
    pub fn has_length_of_suite(&self) -> bool {
        check_key_len(self.suite, self.bytes.len()).is_ok()
    }

    /// Checks `signature` over `message`.
    ///
    /// # Errors
    /// Says whether the key or the signature has an impossible length, or that they do not match.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        check_key_len(self.suite, self.bytes.len())?;
        if signature.len() != self.suite.signature_len() {
            let (suite, found) = (self.suite, signature.len());
            return Err(SignatureError::SignatureLength { suite, found });
        }
        match self.suite {
            Suite::Ed25519 => verify_ed25519(&self.bytes, message, signature),
            Suite::MlDsa44 => verify_ml_dsa::<MlDsa44>(&self.bytes, message, signature),
            Suite::MlDsa65 => verify_ml_dsa::<MlDsa65>(&self.bytes, message, signature),
            Suite::MlDsa87 => verify_ml_dsa::<MlDsa87>(&self.bytes, message, signature),
        }
    }

    /// SHA3-256 of the suite number followed by the key: a short name for the key.
    #[must_use]
    pub fn fingerprint(&self) -> Hash32 {
        Hash32::of_parts(&[&[self.suite.number()], &self.bytes])
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.suite, self.fingerprint())
    }
}

impl BorshDeserialize for PublicKey {
    fn deserialize_reader<R: Read>(reader: &mut R) -> IoResult<Self> {
        let suite = Suite::deserialize_reader(reader)?;
        let declared = u32::deserialize_reader(reader)?;
        let len = suite.public_key_len();
        if usize::try_from(declared) != Ok(len) {
            return Err(IoError::new(ErrorKind::InvalidData, "wrong length of a public key"));
        }
        let mut bytes = alloc::vec![0; len];
        reader.read_exact(&mut bytes)?;
        Ok(Self { suite, bytes })
    }
}

fn check_key_len(suite: Suite, found: usize) -> Result<(), SignatureError> {
    if found == suite.public_key_len() {
        Ok(())
    } else {
        Err(SignatureError::PublicKeyLength { suite, found })
    }
}

fn verify_ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
    let key =
        ed25519_dalek::VerifyingKey::try_from(key).map_err(|_| SignatureError::PublicKeyInvalid)?;
    let signature =
        ed25519_dalek::Signature::from_slice(signature).map_err(|_| SignatureError::Mismatch)?;
    key.verify_strict(message, &signature).map_err(|_| SignatureError::Mismatch)
}

fn verify_ml_dsa<P: MlDsaParams>(
    key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let encoded = ml_dsa::EncodedVerifyingKey::<P>::try_from(key)
        .map_err(|_| SignatureError::PublicKeyInvalid)?;
    // Fails for an encoding outside FIPS 204's sigDecode too, which is a mismatch to the caller.
    let signature =
        ml_dsa::Signature::<P>::try_from(signature).map_err(|_| SignatureError::Mismatch)?;
    if ml_dsa::VerifyingKey::decode(&encoded).verify_with_context(message, &[], &signature) {
        Ok(())
    } else {
        Err(SignatureError::Mismatch)
    }
}

/// Someone who can sign: a seed in memory, a key file, a hardware module. The core sees only this.
///
/// Signing is deterministic where a log depends on it: the same key and message give the same bytes.
pub trait Signer {
    /// The key that the signatures verify under.
    fn public_key(&self) -> PublicKey;

    /// A signature over `message`, in the encoding and length of the key's suite.
    fn sign(&self, message: &[u8]) -> Vec<u8>;
}

/// A signer that holds its key pair in memory, grown from a 32-byte seed.
///
/// The seed of Ed25519 is the secret key of RFC 8032; that of ML-DSA is ξ of FIPS 204, ML-DSA.KeyGen.
/// Both libraries wipe seed and expanded secrets when the signer is dropped.
pub struct SeedSigner(SecretKey);

enum SecretKey {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    MlDsa44(Box<ml_dsa::SigningKey<MlDsa44>>),
    MlDsa65(Box<ml_dsa::SigningKey<MlDsa65>>),
    MlDsa87(Box<ml_dsa::SigningKey<MlDsa87>>),
}

fn grown<P: MlDsaParams>(seed: &[u8; SEED_LEN]) -> Box<ml_dsa::SigningKey<P>> {
    let seed: &ml_dsa::Seed = seed.into();
    Box::new(ml_dsa::SigningKey::from_seed(seed))
}

fn public_bytes<P: MlDsaParams>(key: &ml_dsa::SigningKey<P>) -> Vec<u8> {
    key.verifying_key().to_bytes().to_vec()
}

fn signed<P: MlDsaParams>(key: &ml_dsa::SigningKey<P>, message: &[u8]) -> Vec<u8> {
    key.sign(message).to_vec()
}

impl SeedSigner {
    /// The key pair of `suite` that grows from `seed`.
    #[must_use]
    pub fn from_seed(suite: Suite, mut seed: [u8; SEED_LEN]) -> Self {
        let key = match suite {
            Suite::Ed25519 => {
                SecretKey::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)))
            }
            Suite::MlDsa44 => SecretKey::MlDsa44(grown(&seed)),
            Suite::MlDsa65 => SecretKey::MlDsa65(grown(&seed)),
            Suite::MlDsa87 => SecretKey::MlDsa87(grown(&seed)),
        };
        // The argument is one more copy of the secret.
        seed.zeroize();
        Self(key)
    }
}

impl Signer for SeedSigner {
    fn public_key(&self) -> PublicKey {
        let (suite, bytes) = match &self.0 {
            SecretKey::Ed25519(key) => (Suite::Ed25519, key.verifying_key().to_bytes().to_vec()),
            SecretKey::MlDsa44(key) => (Suite::MlDsa44, public_bytes(key)),
            SecretKey::MlDsa65(key) => (Suite::MlDsa65, public_bytes(key)),
            SecretKey::MlDsa87(key) => (Suite::MlDsa87, public_bytes(key)),
        };
        PublicKey { suite, bytes }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.0 {
            SecretKey::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            SecretKey::MlDsa44(key) => signed(key, message),
            SecretKey::MlDsa65(key) => signed(key, message),
            SecretKey::MlDsa87(key) => signed(key, message),
        }
    }
}

impl fmt::Debug for SeedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SeedSigner").field(&self.public_key()).finish()
    }
}

#[cfg(test)]
mod tests {
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
                assert!(
                    borsh::from_slice::<PublicKey>(&borsh::to_vec(&malformed).unwrap()).is_err()
                );
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
            assert!(
                borsh::from_slice::<PublicKey>(&[&[number ^ 8], &bytes[1..]].concat()).is_err()
            );
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
}
