//! Verification of CRYSTALS-Dilithium signatures as of round 3.1 of NIST's competition (February 2021): what nodes signed with
//! before ML-DSA (FIPS 204) was published. Nothing here signs, and no ledger rests on it.
//!
//! Round 3 and FIPS 204 differ in hashes, in the domain before the message, and in the length of most signatures: neither verifies
//! the other's. Dilithium2 and ML-DSA-44 have keys and signatures of equal lengths, which therefore say nothing.
//!
//! # The C code
//!
//! Feature `verify` links PQClean's portable C code through `pqcrypto-dilithium`, which is unmaintained since 2023
//! (RUSTSEC-2024-0380). No other published implementation of round 3 can be combined with Apache-2.0; releases from 0.5 on are of
//! a draft of FIPS 204, so that the version is pinned. Only verification is called: it reads public bytes of checked lengths.
//! Without the feature the crate has names and lengths only, and links nothing.
#![no_std]
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::float_arithmetic,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

#[cfg(feature = "verify")]
mod verify;

#[cfg(feature = "verify")]
pub use verify::verify;

use core::fmt;

/// A parameter set of round 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// NIST's security level 2.
    Dilithium2,
    /// Level 3.
    Dilithium3,
    /// Level 5.
    Dilithium5,
}

impl Scheme {
    /// Every parameter set.
    pub const ALL: [Self; 3] = [Self::Dilithium2, Self::Dilithium3, Self::Dilithium5];

    /// Its name, as registry snapshots write it (`pqc_scheme`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dilithium2 => "Dilithium2",
            Self::Dilithium3 => "Dilithium3",
            Self::Dilithium5 => "Dilithium5",
        }
    }

    /// The parameter set of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    /// Length of a public key in bytes.
    #[must_use]
    pub const fn public_key_len(self) -> usize {
        match self {
            Self::Dilithium2 => 1_312,
            Self::Dilithium3 => 1_952,
            Self::Dilithium5 => 2_592,
        }
    }

    /// Length of a signature in bytes.
    #[must_use]
    pub const fn signature_len(self) -> usize {
        match self {
            Self::Dilithium2 => 2_420,
            Self::Dilithium3 => 3_293,
            Self::Dilithium5 => 4_595,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a signature was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The public key has a length that the scheme does not have.
    PublicKeyLength {
        /// The scheme.
        scheme: Scheme,
        /// The length found, in bytes.
        found: usize,
    },
    /// The signature has a length that the scheme does not have.
    SignatureLength {
        /// The scheme.
        scheme: Scheme,
        /// The length found, in bytes.
        found: usize,
    },
    /// The signature is not one by this key over this message.
    Mismatch,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PublicKeyLength { scheme, found } => {
                let expected = scheme.public_key_len();
                write!(f, "a public key of {scheme} has {expected} bytes, not {found}")
            }
            Self::SignatureLength { scheme, found } => {
                let expected = scheme.signature_len();
                write!(f, "a signature of {scheme} has {expected} bytes, not {found}")
            }
            Self::Mismatch => f.write_str("the signature does not match the key and the message"),
        }
    }
}

impl core::error::Error for Error {}
