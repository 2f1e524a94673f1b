//! The one call into the C code.

use pqcrypto_dilithium::{dilithium2, dilithium3, dilithium5};
use pqcrypto_traits::sign::{DetachedSignature as _, PublicKey as _};

use crate::{Error, Scheme};

/// Checks `signature` over `message`.
///
/// # Errors
/// Says whether the key or the signature has an impossible length, which is checked first, or that they do not match.
pub fn verify(
    scheme: Scheme,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    check_lengths(scheme, public_key, signature)?;
    // The functions of a parameter set are of the same names in modules of their own, with types of their own.
    macro_rules! holds {
        ($set:ident) => {
            matches!(
                (
                    $set::PublicKey::from_bytes(public_key),
                    $set::DetachedSignature::from_bytes(signature),
                ),
                (Ok(key), Ok(signature))
                    if $set::verify_detached_signature(&signature, message, &key).is_ok()
            )
        };
    }
    let holds = match scheme {
        Scheme::Dilithium2 => holds!(dilithium2),
        Scheme::Dilithium3 => holds!(dilithium3),
        Scheme::Dilithium5 => holds!(dilithium5),
    };
    if holds { Ok(()) } else { Err(Error::Mismatch) }
}

fn check_lengths(scheme: Scheme, public_key: &[u8], signature: &[u8]) -> Result<(), Error> {
    if public_key.len() != scheme.public_key_len() {
        return Err(Error::PublicKeyLength { scheme, found: public_key.len() });
    }
    if signature.len() != scheme.signature_len() {
        return Err(Error::SignatureLength { scheme, found: signature.len() });
    }
    Ok(())
}
