//! `qfs-replay dilithium`: one signature of a node from before FIPS 204.

use std::path::PathBuf;

use dilithium_round3::{Scheme, verify};

use super::checks::{Failure, Rows, content, named};

/// Longest message that is read, in bytes.
const MAX_MESSAGE_LEN: usize = 1 << 28;

/// Longest key or signature that is read, in bytes: more than any scheme has, so that its own error says what is wrong.
const MAX_SIGNATURE_LEN: usize = 1 << 16;

/// What is to be checked. All three files hold the bytes themselves.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Parameter set: Dilithium2, Dilithium3 or Dilithium5.
    #[arg(long, value_parser = scheme)]
    scheme: Scheme,
    /// File with the public key.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// File with the message.
    #[arg(long, value_name = "FILE")]
    message: PathBuf,
    /// File with the signature.
    #[arg(long, value_name = "FILE")]
    signature: PathBuf,
}

fn scheme(name: &str) -> Result<Scheme, String> {
    Scheme::from_name(name).ok_or_else(|| {
        let names = Scheme::ALL.map(Scheme::name).join(", ");
        format!("one of {names}; ML-DSA is of FIPS 204")
    })
}

/// Whether the signature is the key's over the message.
pub(super) fn check(arguments: &Arguments) -> Result<Rows, Failure> {
    let Arguments { scheme, key, message, signature } = arguments;
    let message = content(message, MAX_MESSAGE_LEN)?;
    let public_key = content(key, MAX_SIGNATURE_LEN)?;
    let bytes = content(signature, MAX_SIGNATURE_LEN)?;
    verify(*scheme, &public_key, &message, &bytes).map_err(named(signature))?;
    Ok(vec![("scheme", scheme.name().into())])
}
