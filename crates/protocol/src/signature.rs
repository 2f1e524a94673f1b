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
        let number = u8::deserialize_reader(reader)?;
        // Told apart from bytes that mean nothing: a newer release may know the suite (KY-10).
        let suite = Suite::from_number(number)
            .ok_or_else(|| IoError::new(ErrorKind::Other, "unknown signature suite"))?;
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
mod tests;
