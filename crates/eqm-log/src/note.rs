//! Signed notes and verifier keys (C2SP signed-note).
//!
//! Parsing is strict, so that a note has one spelling: what parses prints back to the same bytes.

use crate::text::{base64_decode, base64_encode, is_key_name};
use alloc::{format, string::String, vec::Vec};
use core::{error::Error, fmt, str::FromStr};
use protocol::{
    hash::{hex_decode, hex_encode},
    signature::{PublicKey, SignatureError, Suite},
};
use sha2::{Digest, Sha256};

/// Longest note in bytes.
pub const MAX_NOTE_LEN: usize = 65_536;

/// Most signature lines of a note.
pub const MAX_SIGNATURES: usize = 16;

/// Longest verifier key in characters: the longest key name with an ML-DSA-44 key takes 2,017.
pub const MAX_VKEY_LEN: usize = 2_048;

const SIGNATURE_PREFIX: &str = "— ";

/// Why a text is not a signed note or not a verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteError {
    /// The note is longer than [`MAX_NOTE_LEN`].
    TooLong(usize),
    /// There is a control character other than newline.
    ControlCharacter,
    /// No blank line separates text from signatures, or the last line is not ended.
    NoSignatures,
    /// There are more than [`MAX_SIGNATURES`] signature lines.
    TooManySignatures,
    /// The signature line with this number (from zero) is malformed.
    BadSignatureLine(usize),
    /// A key name is empty, too long, or has a space, a plus sign or a control character.
    BadKeyName,
    /// The verifier key is not of the form `name+id+key` in strict hexadecimal and base64.
    BadVerifierKey,
    /// The verifier key has a type that is not supported here.
    UnknownKeyType(u8),
    /// Notes have no key type for the suite of the key.
    UnsupportedSuite(Suite),
    /// The key material has the wrong length for its type.
    BadKeyLength(SignatureError),
    /// The verifier key carries another id than its name and key give.
    WrongKeyId {
        /// The id that name and key give.
        expected: u32,
        /// The id in the text.
        found: u32,
    },
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(len) => {
                write!(f, "a note has at most {MAX_NOTE_LEN} bytes, this one has {len}")
            }
            Self::ControlCharacter => f.write_str("the note contains a control character"),
            Self::NoSignatures => f.write_str("the note has no signatures"),
            Self::TooManySignatures => {
                write!(f, "the note has more than {MAX_SIGNATURES} signatures")
            }
            Self::BadSignatureLine(line) => write!(f, "signature line {line} is malformed"),
            Self::BadKeyName => f.write_str("the name of the key is not allowed in notes"),
            Self::BadVerifierKey => f.write_str("the verifier key is malformed"),
            Self::UnknownKeyType(number) => {
                write!(f, "verifier keys of type {number:#04x} are not supported")
            }
            Self::UnsupportedSuite(suite) => write!(f, "notes are not signed with {suite}"),
            Self::BadKeyLength(error) => error.fmt(f),
            Self::WrongKeyId { expected, found } => {
                write!(f, "the verifier key has the id {found:08x}, not {expected:08x}")
            }
        }
    }
}

impl Error for NoteError {}

/// One signature line: who says to have signed, and the bytes after the key id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// Name of the key.
    pub name: String,
    /// Short id of the key; with the name it says which key to try.
    pub key_id: u32,
    /// The signature, in the format of the key's type.
    pub bytes: Vec<u8>,
}

/// A text with signatures, none of them checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The signed text, its final newline included.
    pub text: String,
    /// The signature lines in their order.
    pub signatures: Vec<NoteSignature>,
}

impl Note {
    /// Parses a note without checking any signature.
    ///
    /// # Errors
    /// [`NoteError`] for anything outside the format or its limits.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_LEN {
            return Err(NoteError::TooLong(note.len()));
        }
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(NoteError::ControlCharacter);
        }
        // The last blank line separates; the text before it may have blank lines of its own.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let mut signatures = Vec::new();
        for (number, line) in lines.split('\n').enumerate() {
            if number >= MAX_SIGNATURES {
                return Err(NoteError::TooManySignatures);
            }
            let signature = NoteSignature::parse(line);
            signatures.push(signature.ok_or(NoteError::BadSignatureLine(number))?);
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl NoteSignature {
    fn parse(line: &str) -> Option<Self> {
        let (name, field) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        let field = base64_decode(field)?;
        let (key_id, bytes) = field.split_first_chunk::<4>()?;
        let valid = is_key_name(name) && !bytes.is_empty();
        valid.then(|| Self {
            name: String::from(name),
            key_id: u32::from_be_bytes(*key_id),
            bytes: bytes.to_vec(),
        })
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = [&self.key_id.to_be_bytes()[..], &self.bytes].concat();
        write!(f, "{SIGNATURE_PREFIX}{} {}", self.name, base64_encode(&field))
    }
}

/// What signatures of a key look like and cover: the type byte of a verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyType {
    /// 0x01: an Ed25519 signature over the text of the note (C2SP signed-note).
    Ed25519,
    /// 0x04: a timestamped Ed25519 cosignature of a checkpoint (C2SP tlog-cosignature). Witnesses make it, logs do not.
    Ed25519Cosignature,
    /// 0x06: a timestamped ML-DSA-44 cosignature of a checkpoint (C2SP tlog-cosignature).
    MlDsa44Cosignature,
}

impl KeyType {
    /// The assigned type byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Ed25519Cosignature => 0x04,
            Self::MlDsa44Cosignature => 0x06,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Ed25519),
            0x04 => Some(Self::Ed25519Cosignature),
            0x06 => Some(Self::MlDsa44Cosignature),
            _ => None,
        }
    }

    /// Whether logs sign with it (EL-12).
    #[must_use]
    pub const fn signs_logs(self) -> bool {
        matches!(self, Self::Ed25519 | Self::MlDsa44Cosignature)
    }

    /// Whether witnesses cosign with it (WI-1).
    #[must_use]
    pub const fn cosigns(self) -> bool {
        matches!(self, Self::Ed25519Cosignature | Self::MlDsa44Cosignature)
    }

    const fn suite(self) -> Suite {
        match self {
            Self::Ed25519 | Self::Ed25519Cosignature => Suite::Ed25519,
            Self::MlDsa44Cosignature => Suite::MlDsa44,
        }
    }

    /// The type with which a log signs by a suite; ML-DSA-65 and -87 have none.
    const fn of_log(suite: Suite) -> Option<Self> {
        match suite {
            Suite::Ed25519 => Some(Self::Ed25519),
            Suite::MlDsa44 => Some(Self::MlDsa44Cosignature),
            Suite::MlDsa65 | Suite::MlDsa87 => None,
        }
    }

    /// The type with which a witness cosigns by a suite.
    const fn of_witness(suite: Suite) -> Option<Self> {
        match suite {
            Suite::Ed25519 => Some(Self::Ed25519Cosignature),
            Suite::MlDsa44 => Some(Self::MlDsa44Cosignature),
            Suite::MlDsa65 | Suite::MlDsa87 => None,
        }
    }
}

/// A public key under a name, as verifiers of notes are configured with it.
///
/// Text form, called a vkey: `name+id+base64(type byte ‖ key)`, the id in eight lowercase hexadecimal
/// digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key_type: KeyType,
    key_id: u32,
    key: PublicKey,
}

impl VerifierKey {
    /// The verifier key of a log's public key under a name: type 0x01 for Ed25519, 0x06 for ML-DSA-44.
    ///
    /// # Errors
    /// [`NoteError::BadKeyName`], [`NoteError::BadKeyLength`], [`NoteError::UnsupportedSuite`].
    pub fn new(name: &str, key: &PublicKey) -> Result<Self, NoteError> {
        let key_type = KeyType::of_log(key.suite).ok_or(NoteError::UnsupportedSuite(key.suite))?;
        Self::of_type(name, key_type, &key.bytes)
    }

    /// The verifier key of a witness's public key under a name: type 0x04 for Ed25519, 0x06 for ML-DSA-44.
    ///
    /// # Errors
    /// As [`VerifierKey::new`].
    pub fn cosigner(name: &str, key: &PublicKey) -> Result<Self, NoteError> {
        let key_type =
            KeyType::of_witness(key.suite).ok_or(NoteError::UnsupportedSuite(key.suite))?;
        Self::of_type(name, key_type, &key.bytes)
    }

    fn of_type(name: &str, key_type: KeyType, key: &[u8]) -> Result<Self, NoteError> {
        if !is_key_name(name) {
            return Err(NoteError::BadKeyName);
        }
        let key = PublicKey::new(key_type.suite(), key).map_err(NoteError::BadKeyLength)?;
        let key_id = key_id(name, key_type, &key.bytes);
        Ok(Self { name: String::from(name), key_type, key_id, key })
    }

    /// The name that signature lines of this key carry.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The short id that signature lines of this key carry.
    #[must_use]
    pub const fn key_id(&self) -> u32 {
        self.key_id
    }

    /// The kind of signatures that this key makes.
    #[must_use]
    pub const fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The key itself.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.key
    }

    /// Whether a signature line claims to be by this key.
    #[must_use]
    pub fn made(&self, signature: &NoteSignature) -> bool {
        signature.key_id == self.key_id && signature.name == self.name
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(vkey: &str) -> Result<Self, NoteError> {
        if vkey.len() > MAX_VKEY_LEN {
            return Err(NoteError::BadVerifierKey);
        }
        // The key's base64 may contain plus signs; name and id cannot.
        let (name, rest) = vkey.split_once('+').ok_or(NoteError::BadVerifierKey)?;
        let (id, key) = rest.split_once('+').ok_or(NoteError::BadVerifierKey)?;
        let id = hex_decode(id).and_then(|id| id.try_into().ok()).map(u32::from_be_bytes);
        let found = id.ok_or(NoteError::BadVerifierKey)?;
        let material = base64_decode(key).ok_or(NoteError::BadVerifierKey)?;
        let (byte, bytes) = material.split_first().ok_or(NoteError::BadVerifierKey)?;
        let key_type = KeyType::from_byte(*byte).ok_or(NoteError::UnknownKeyType(*byte))?;
        let vkey = Self::of_type(name, key_type, bytes)?;
        if vkey.key_id == found {
            Ok(vkey)
        } else {
            Err(NoteError::WrongKeyId { expected: vkey.key_id, found })
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = hex_encode(&self.key_id.to_be_bytes());
        let material = [&[self.key_type.byte()][..], &self.key.bytes].concat();
        write!(f, "{}+{id}+{}", self.name, base64_encode(&material))
    }
}

/// First four bytes of `SHA-256(name ‖ "\n" ‖ type byte ‖ key)`, big-endian.
fn key_id(name: &str, key_type: KeyType, key: &[u8]) -> u32 {
    let mut hasher = Sha256::new();
    for part in [name.as_bytes(), b"\n", &[key_type.byte()], key] {
        hasher.update(part);
    }
    let [a, b, c, d, ..]: [u8; 32] = hasher.finalize().into();
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    // A note and key published with Go's golang.org/x/mod/sumdb/note.
    const GO_VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    /// EL-9, EL-10: notes and keys of another implementation are understood and verify.
    #[test]
    fn el_9_el_10_interoperates_with_published_notes() {
        let vkey: VerifierKey = GO_VKEY.parse().unwrap();
        assert_eq!(vkey.to_string(), GO_VKEY);
        let note = Note::parse(GO_NOTE).unwrap();
        assert_eq!(note.to_string(), GO_NOTE);
        let [signature] = &note.signatures[..] else { panic!("one signature") };
        assert!(vkey.made(signature));
        let verdict = vkey.public_key().verify(note.text.as_bytes(), &signature.bytes);
        assert_eq!(verdict, Ok(()));
        let golang = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
        assert_eq!(golang.parse::<VerifierKey>().unwrap().to_string(), golang);
    }

    /// EL-9: the last blank line separates text and signatures.
    #[test]
    fn el_9_text_may_have_blank_lines() {
        let note = Note::parse("a\n\nb\n\n\n— k AAAAAQI=\n").unwrap();
        assert_eq!(note.text, "a\n\nb\n\n");
        let NoteSignature { name, key_id, bytes } = &note.signatures[0];
        assert_eq!((name.as_str(), *key_id, &bytes[..]), ("k", 1, &[2][..]));
    }

    /// EL-9: everything else is refused with its reason.
    #[test]
    fn el_9_malformed_notes_are_refused() {
        let line = NoteError::BadSignatureLine(0);
        for (bad, error) in [
            ("", NoteError::NoSignatures),
            ("text\n", NoteError::NoSignatures),
            ("text\n\n", NoteError::NoSignatures),
            ("text\n\n— k AAAAAQI=", NoteError::NoSignatures),
            ("te\txt\n\n— k AAAAAQI=\n", NoteError::ControlCharacter),
            ("text\r\n\n— k AAAAAQI=\n", NoteError::ControlCharacter),
            ("text\n\n- k AAAAAQI=\n", line),
            ("text\n\n—  AAAAAQI=\n", line),
            ("text\n\n— k+ AAAAAQI=\n", line),
            ("text\n\n— k  AAAAAQI=\n", line),
            ("text\n\n— k AAAAAQI\n", line),
            ("text\n\n— k AAAAAQJ=\n", line),
            ("text\n\n— k AAAAAQ==\n", line),
            ("text\n\n— k AAA=\n", line),
            ("text\n\n— k AAAAAQI=\nmore\n", NoteError::BadSignatureLine(1)),
        ] {
            assert_eq!(Note::parse(bad), Err(error), "{bad:?}");
        }
        let many = |n| format!("text\n\n{}", "— k AAAAAQI=\n".repeat(n));
        assert_eq!(Note::parse(&many(16)).map(|note| note.signatures.len()), Ok(16));
        assert_eq!(Note::parse(&many(17)), Err(NoteError::TooManySignatures));
        let long = "x".repeat(MAX_NOTE_LEN + 1);
        assert_eq!(Note::parse(&long), Err(NoteError::TooLong(MAX_NOTE_LEN + 1)));
    }

    /// EL-10: a vkey has one spelling.
    #[test]
    fn el_10_malformed_vkeys_are_refused() {
        let (expected, found) = (0xc74f_20a3, 0xc74f_20a4);
        for (bad, error) in [
            (GO_VKEY.replace("c74f20a3", "c74f20a4"), NoteError::WrongKeyId { expected, found }),
            (GO_VKEY.replace("c74f20a3", "C74F20A3"), NoteError::BadVerifierKey),
            (GO_VKEY.replace("c74f20a3", "c74f20"), NoteError::BadVerifierKey),
            (GO_VKEY.replace("PeterNeumann", ""), NoteError::BadKeyName),
            (GO_VKEY.replace("PeterNeumann", "Peter Neumann"), NoteError::BadKeyName),
            (GO_VKEY.replace("+ARpc", "+BRpc"), NoteError::UnknownKeyType(5)),
            (GO_VKEY.replace("+ARpc", "+2Q"), NoteError::BadVerifierKey),
            (format!("{GO_VKEY}\n"), NoteError::BadVerifierKey),
            ("a+00000000".into(), NoteError::BadVerifierKey),
            ("a+00000000+".into(), NoteError::BadVerifierKey),
            ("x".repeat(MAX_VKEY_LEN + 1), NoteError::BadVerifierKey),
        ] {
            assert_eq!(bad.parse::<VerifierKey>(), Err(error), "{bad:?}");
        }
        let short = SignatureError::PublicKeyLength { suite: Suite::MlDsa44, found: 2 };
        let vkey = "a+00000000+BgAA".parse::<VerifierKey>();
        assert_eq!(vkey, Err(NoteError::BadKeyLength(short)));
    }

    /// EL-10: the same key has another id when it cosigns.
    #[test]
    fn el_10_the_type_is_part_of_a_key() {
        let log: VerifierKey = GO_VKEY.parse().unwrap();
        let witness = VerifierKey::cosigner(log.name(), log.public_key()).unwrap();
        assert_eq!((log.key_type().byte(), witness.key_type().byte()), (1, 4));
        assert_ne!(witness.key_id(), log.key_id());
        assert_eq!(witness.to_string().parse(), Ok(witness));
        let relabelled = GO_VKEY.replace("+ARpc", "+BBpc").parse::<VerifierKey>();
        assert!(matches!(relabelled, Err(NoteError::WrongKeyId { .. })));
    }

    #[test]
    fn the_longest_vkey_is_within_the_limit() {
        let key = PublicKey { suite: Suite::MlDsa44, bytes: alloc::vec![0xff; 1_312] };
        let vkey = VerifierKey::new(&"n".repeat(255), &key).unwrap();
        assert_eq!(vkey.to_string().len(), 2_017);
        assert_eq!(vkey.to_string().parse(), Ok(vkey));
    }

    /// EL-10: notes know Ed25519 and ML-DSA-44 only, though commands are signed with others too.
    #[test]
    fn suites_without_a_key_type_are_refused() {
        for suite in [Suite::MlDsa65, Suite::MlDsa87] {
            let key = PublicKey { suite, bytes: alloc::vec![0; suite.public_key_len()] };
            let refused = Err(NoteError::UnsupportedSuite(suite));
            assert_eq!(VerifierKey::new("n", &key), refused);
            assert_eq!(VerifierKey::cosigner("n", &key), refused);
        }
    }

    proptest! {
        #[test]
        fn whatever_parses_prints_back(text in "([a-z \n—+=\t]|AAAAAQI=|\n\n— k ){0,12}\n?") {
            if let Ok(note) = Note::parse(&text) {
                prop_assert_eq!(note.to_string(), text);
            }
        }

        #[test]
        fn parsers_never_panic(text in "\\PC*") {
            let _ = Note::parse(&text);
            let _ = text.parse::<VerifierKey>();
        }
    }
}
