//! The sentences that auditors see. Each names the place and both sides of what does not agree.

mod common;

use common::{ORIGIN, head};
use eqm_log::{
    TreeHash,
    chain::ChainError,
    checkpoint::CheckpointError,
    consistency::ConsistencyError,
    export::{ExportError, FormatError, Place},
    note::NoteError,
    proof::ProofError,
    tile::{BundleError, Tile, TileError, TilePathError},
    tree::{FrontierError, PathError, VerifyError},
};
use protocol::{
    Hash32,
    signature::{SignatureError, Suite},
};
use std::fmt::Display;

fn check(rows: &[(&dyn Display, &str)]) {
    for (error, text) in rows {
        assert_eq!(error.to_string(), *text);
    }
}

const MISMATCH: &str = "the signature does not match the key and the message";

#[test]
fn chains() {
    let (expected, found) = (Hash32([0xaa; 32]), Hash32([0xbb; 32]));
    let (a, b) = ("aa".repeat(32), "bb".repeat(32));
    check(&[
        (
            &ChainError::BrokenLink { seq: 3, expected, found },
            &format!("entry 3 follows {b}, but the entry before it is {a}"),
        ),
        (
            &ChainError::WrongEntryHash { seq: 4, expected, found },
            &format!("entry 4 claims the hash {b}, but its bytes give {a}"),
        ),
    ]);
}

#[test]
fn trees_and_proofs() {
    let out = VerifyError::OutOfRange;
    let missing = CheckpointError::MissingSignature(Suite::MlDsa44);
    let missing_text = "the checkpoint has no ML-DSA-44 signature by a known key";
    check(&[
        (
            &FrontierError::TooLarge(1 << 63),
            "a tree has at most 2^63 - 1 leaves, not 9223372036854775808",
        ),
        (
            &FrontierError::WrongPeaks { expected: 2, found: 3 },
            "a tree of this size has 2 complete subtrees, not 3",
        ),
        (
            &PathError::<&str>::OutOfRange { position: 7, size: 5 },
            "7 is outside a tree of 5 leaves",
        ),
        (&PathError::Read("disk full"), "a node of the tree could not be read: disk full"),
        (&out, "the proof is about something outside the tree"),
        (&VerifyError::WrongLength, "the proof has the wrong number of hashes"),
        (&VerifyError::RootMismatch, "the proof does not lead to the root"),
        (
            &ProofError::TooLong(300_000),
            "a proof file has at most 262144 bytes, this one has 300000",
        ),
        (&ProofError::NotAProof, "the first line is not \"c2sp.org/tlog-proof@v1\""),
        (&ProofError::BadExtra, "the extra data of the proof is malformed"),
        (&ProofError::BadIndex, "the index line of the proof is missing or malformed"),
        (&ProofError::BadHashLine(2), "hash 2 of the proof is malformed"),
        (&ProofError::PathTooLong, "the proof has more than 64 hashes"),
        (&ProofError::NoCheckpoint, "the proof ends before its checkpoint"),
        (&ProofError::Checkpoint(missing), &format!("the checkpoint of the proof: {missing_text}")),
        (&ProofError::Inclusion(out), "the proof is about something outside the tree"),
    ]);
    let hash = TreeHash([0xab; 32]);
    assert_eq!(format!("{hash:?}"), "ab".repeat(32), "hexadecimal where programmers look");
    assert_eq!(hash.to_string(), hash.to_base64(), "base64 where the formats have it");
}

#[test]
fn notes_and_checkpoints() {
    let error = SignatureError::Mismatch;
    let short = SignatureError::PublicKeyLength { suite: Suite::Ed25519, found: 3 };
    let (expected, found) = (Suite::Ed25519, Suite::MlDsa44);
    check(&[
        (&NoteError::TooLong(70_000), "a note has at most 65536 bytes, this one has 70000"),
        (&NoteError::ControlCharacter, "the note contains a control character"),
        (&NoteError::NoSignatures, "the note has no signatures"),
        (&NoteError::TooManySignatures, "the note has more than 16 signatures"),
        (&NoteError::BadSignatureLine(1), "signature line 1 is malformed"),
        (&NoteError::BadKeyName, "the name of the key is not allowed in notes"),
        (&NoteError::BadVerifierKey, "the verifier key is malformed"),
        (&NoteError::UnknownKeyType(4), "verifier keys of type 0x04 are not supported"),
        (&NoteError::UnsupportedSuite(Suite::MlDsa87), "notes are not signed with ML-DSA-87"),
        (&NoteError::BadKeyLength(short), "a public key of Ed25519 has 32 bytes, not 3"),
        (
            &NoteError::WrongKeyId { expected: 0xab, found: 1 },
            "the verifier key has the id 00000001, not 000000ab",
        ),
        (
            &CheckpointError::Note(NoteError::BadKeyName),
            "the name of the key is not allowed in notes",
        ),
        (
            &CheckpointError::BadOrigin,
            "the origin of the checkpoint is not a line of 1 to 255 bytes",
        ),
        (&CheckpointError::BadSize, "the size of the checkpoint is not a plain decimal number"),
        (&CheckpointError::BadRoot, "the root of the checkpoint is not the base64 of 32 bytes"),
        (&CheckpointError::ExtensionLines, "the checkpoint has extension lines"),
        (&CheckpointError::MissingLines, "the checkpoint has fewer than three lines"),
        (
            &CheckpointError::WrongSuite { expected, found },
            "the key must be one of Ed25519, but it is one of ML-DSA-44",
        ),
        (
            &CheckpointError::BadSignature { key_id: 0xbeef, error },
            &format!("the signature by key 0000beef is wrong: {MISMATCH}"),
        ),
        (
            &CheckpointError::BadTimestamp { key_id: 0xbeef },
            "the cosignature by key 0000beef has no valid timestamp",
        ),
        (
            &CheckpointError::MissingSignature(Suite::Ed25519),
            "the checkpoint has no Ed25519 signature by a known key",
        ),
    ]);
}

#[test]
fn exports() {
    let (expected, found) = (Hash32([0xaa; 32]), Hash32([0xbb; 32]));
    let (a, b) = ("aa".repeat(32), "bb".repeat(32));
    let place = Place::Frame { seq: 9 };
    let checkpoint = |count| Box::new(head(count).checkpoint(ORIGIN));
    let roots = [2, 3].map(|count| head(count).root());
    check(&[
        (&FormatError::BadMagic, "this is not an export of a log"),
        (&FormatError::UnsupportedVersion(2), "format version 2 is not supported, only 1"),
        (&FormatError::BadCount(1 << 63), "a log cannot have 9223372036854775808 entries"),
        (
            &FormatError::Truncated { offset: 7, place: Place::Header },
            "the file ends at byte 7, in the header",
        ),
        (
            &FormatError::LengthOutOfBounds { place, length: 0, max: 5 },
            "the length 0 in the frame of entry 9 is outside 1 to 5",
        ),
        (&FormatError::NotUtf8(Place::Trailer), "a text in the trailer is not UTF-8"),
        (&FormatError::BadOrigin, "the origin is not a line of 1 to 255 bytes"),
        (
            &FormatError::BadKey(NoteError::BadVerifierKey),
            "a key in the header: the verifier key is malformed",
        ),
        (
            &FormatError::WrongCount { declared: 3, written: 2 },
            "the header declares 3 entries, but there are 2",
        ),
        (
            &FormatError::FileHashMismatch { expected, found },
            &format!("the bytes of the file hash to {a}, but it ends in {b}"),
        ),
        (&FormatError::TrailingBytes { offset: 8 }, "there are bytes after the end at 8"),
        (
            &FormatError::FinalHashMismatch { expected, found },
            &format!("the last entry has the hash {a}, but the trailer says {b}"),
        ),
        (
            &FormatError::BadCheckpoint(CheckpointError::BadSize),
            "the size of the checkpoint is not a plain decimal number",
        ),
        (
            &FormatError::OtherCheckpoint { expected: checkpoint(2), found: checkpoint(3) },
            &format!(
                "the entries give {ORIGIN} at size 2 with root {}, \
                 but the checkpoint is of {ORIGIN} at size 3 with root {}",
                roots[0], roots[1]
            ),
        ),
        (&ExportError::Io("the disk is full"), "the disk is full"),
        (&ExportError::<&str>::Format(FormatError::BadMagic), "this is not an export of a log"),
    ]);
}

#[test]
fn tiles() {
    let tile: Tile = "tile/0/x001/002.p/3".parse().unwrap();
    let bundle: Tile = "tile/entries/004".parse().unwrap();
    let error = BundleError::Truncated { item: 9 };
    let (expected, found) = (Hash32([0xaa; 32]), Hash32([0xbb; 32]));
    let broken = ChainError::BrokenLink { seq: 3, expected, found };
    check(&[
        (&TilePathError, "this is not the path of a tile"),
        (&TileError::Source("the disk is gone"), "the disk is gone"),
        (&TileError::<&str>::Missing(tile), "tile/0/x001/002.p/3: there is no such file"),
        (
            &TileError::<&str>::BadLength { tile, found: 95 },
            "tile/0/x001/002.p/3: 95 bytes are not those of 3 hashes of 32 bytes",
        ),
        (
            &TileError::<&str>::BadBundle { tile: bundle, error },
            "tile/entries/004: the bundle ends in its entry 9",
        ),
        (
            &BundleError::BadLength { length: 32 },
            "the leaf data of an entry has 33 to 65535 bytes, not 32",
        ),
        (&BundleError::TrailingBytes, "there are bytes after the bundle's last entry"),
        (
            &TileError::<&str>::WrongRoot { size: 5 },
            "the partial tiles do not give the root of the log at size 5",
        ),
        (
            &TileError::<&str>::WrongHashes(bundle),
            "tile/entries/004: its hashes do not give the one that the tile above has for it",
        ),
        (
            &TileError::<&str>::WrongEntry { seq: 7 },
            "entry 7 of the bundle is not entry 7 of the tree",
        ),
        (&TileError::<&str>::Chain(broken), &broken.to_string()),
        (&TileError::<&str>::OutOfRange { level: 0, index: 8 }, "the log has no entry 8"),
        (
            &TileError::<&str>::OutOfRange { level: 8, index: 1 },
            "the log has no complete node 1 at level 8",
        ),
    ]);
}

#[test]
fn growth() {
    let missing = CheckpointError::MissingSignature(Suite::MlDsa44);
    check(&[
        (&ConsistencyError::BadOldSize, "the first line of the proof is not \"old\" and a size"),
        (&ConsistencyError::BadHashLine(2), "hash 2 of the proof is malformed"),
        (&ConsistencyError::PathTooLong, "the proof has more than 63 hashes"),
        (&ConsistencyError::NoCheckpoint, "the proof ends before its checkpoint"),
        (
            &ConsistencyError::Checkpoint(missing),
            "the checkpoint of the proof: the checkpoint has no ML-DSA-44 signature by a known key",
        ),
        (
            &ConsistencyError::OtherSize { expected: 8, found: 7 },
            "the proof is about the first 7 entries, the earlier checkpoint about 8",
        ),
        (&ConsistencyError::OtherLog, "the two checkpoints are of different logs"),
        (
            &ConsistencyError::Inconsistent(VerifyError::RootMismatch),
            "the later checkpoint is not shown to extend the earlier one: the proof does not lead to the root",
        ),
    ]);
}
