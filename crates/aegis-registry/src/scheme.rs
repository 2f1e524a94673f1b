//! Supported signature schemes of node keys (RG-3).

/// The schemes that verification accepts, with the length of their public keys in bytes
/// (FIPS 204, table 2; round-3 Dilithium has the same lengths).
pub const SCHEMES: [(&str, usize); 6] = [
    ("Dilithium2", 1_312),
    ("Dilithium3", 1_952),
    ("Dilithium5", 2_592),
    ("ML-DSA-44", 1_312),
    ("ML-DSA-65", 1_952),
    ("ML-DSA-87", 2_592),
];

/// Bytes of a public key of `scheme`; `None` when the scheme is not supported.
#[must_use]
pub fn public_key_len(scheme: &str) -> Option<usize> {
    SCHEMES.iter().find(|(name, _)| *name == scheme).map(|(_, len)| *len)
}
