//! Short texts and signatures.

use core::str::from_utf8;
use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use eqm_log::TreeHash;
use protocol::{
    CommandId, Hash32,
    hash::{hex_decode, hex_encode},
    signature::{PublicKey, SeedSigner, Signer, Suite},
};

/// Hexadecimal and base64 have one spelling each.
pub fn text(data: &[u8]) {
    assert_eq!(hex_decode(&hex_encode(data)).as_deref(), Some(data));
    let Ok(text) = from_utf8(data) else { return };
    if let Some(bytes) = hex_decode(text) {
        assert_eq!(hex_encode(&bytes), text);
    }
    if let Some(hash) = Hash32::from_hex(text) {
        assert_eq!(hash.to_hex(), text);
    }
    if let Some(id) = CommandId::from_hex(text) {
        assert_eq!(id.to_string(), text);
    }
    if let Some(hash) = TreeHash::from_base64(text) {
        assert_eq!(hash.to_base64(), text);
    }
    if let Some(suite) = Suite::from_name(text) {
        assert_eq!(suite.name(), text);
    }
}

static SIGNERS: LazyLock<[(Suite, SeedSigner); 4]> =
    LazyLock::new(|| Suite::ALL.map(|suite| (suite, SeedSigner::from_seed(suite, [7; 32]))));

/// Keys and signatures of every suite, made up or changed in one place: nothing but what a key signed is its signature.
pub fn signature(data: &[u8]) {
    let _used_up = signatures(&mut Unstructured::new(data));
}

fn signatures(input: &mut Unstructured<'_>) -> Result<()> {
    let (suite, signer) = input.choose(&*SIGNERS)?;
    let suite = *suite;
    let message: Vec<u8> = input.arbitrary()?;
    let (mut key, mut signature) = (signer.public_key(), signer.sign(&message));
    match input.int_in_range(0..=4_u8)? {
        0 => assert_eq!(key.verify(&message, &signature), Ok(())),
        1 => {
            let at = input.int_in_range(0..=signature.len() - 1)?;
            signature[at] ^= input.int_in_range(1..=255_u8)?;
            assert!(key.verify(&message, &signature).is_err());
        }
        2 => {
            let at = input.int_in_range(0..=key.bytes.len() - 1)?;
            key.bytes[at] ^= input.int_in_range(1..=255_u8)?;
            assert!(key.verify(&message, &signature).is_err());
        }
        3 => {
            let made_up: Vec<u8> = input.arbitrary()?;
            assert_eq!(key.verify(&message, &made_up).is_ok(), made_up == signature);
        }
        _ => {
            let bytes: Vec<u8> = input.arbitrary()?;
            let made_up = PublicKey { suite, bytes: bytes.clone() };
            assert_eq!(made_up.has_length_of_suite(), PublicKey::new(suite, &bytes).is_ok());
            assert_eq!(made_up.has_length_of_suite(), bytes.len() == suite.public_key_len());
            let _verdict = made_up.verify(&message, input.arbitrary()?);
        }
    }
    Ok(())
}
