//! Checkpoints and their signatures: rules EL-8 and EL-11 to EL-13.

mod common;

use common::{ORIGIN, assert_golden, ed, head, keys, pq, sign};
use eqm_log::{
    Checkpoint, Note, TreeHash, VerifierKey, checkpoint::CheckpointError, note::NoteError,
};
use proptest::prelude::*;
use protocol::signature::{SeedSigner, SignatureError, Signer, Suite};

/// A log signed by other keys.
fn other_signers() -> [SeedSigner; 2] {
    [Suite::Ed25519, Suite::MlDsa44].map(|suite| SeedSigner::from_seed(suite, [9; 32]))
}

/// EL-8, EL-11, EL-12: the bytes of a checkpoint under published seeds.
#[test]
fn el_8_el_12_golden_checkpoint() {
    let note = sign(&head(5));
    assert_golden("checkpoint-v1.txt", note.as_bytes());
    let vkeys = keys().map(|key| format!("{key}\n")).concat();
    assert_golden("vkeys-v1.txt", vkeys.as_bytes());
    let verified = Checkpoint::verify(&note, &keys()).unwrap();
    assert_eq!(*verified.statement(), head(5).checkpoint(ORIGIN));
    assert_eq!((verified.origin(), verified.size()), (ORIGIN, 5));
    assert_eq!(verified.root(), head(5).root());
}

/// EL-8: one spelling of the text, and nothing after the root.
#[test]
fn el_8_text_is_strict() {
    let root = head(5).root();
    let checkpoint = head(5).checkpoint(ORIGIN);
    assert_eq!(checkpoint.text(), format!("{ORIGIN}\n5\n{root}\n"));
    assert_eq!(Checkpoint::parse_text(&checkpoint.text()), Ok(checkpoint));
    for (bad, error) in [
        (String::new(), CheckpointError::MissingLines),
        (format!("{ORIGIN}\n5\n"), CheckpointError::MissingLines),
        (format!("{ORIGIN}\n5\n{root}"), CheckpointError::MissingLines),
        (format!("{ORIGIN}\n5\n{root}\n\n"), CheckpointError::ExtensionLines),
        (format!("{ORIGIN}\n5\n{root}\nmore\n"), CheckpointError::ExtensionLines),
        (format!("{ORIGIN}\n05\n{root}\n"), CheckpointError::BadSize),
        (format!("{ORIGIN}\n+5\n{root}\n"), CheckpointError::BadSize),
        (format!("{ORIGIN}\n9223372036854775808\n{root}\n"), CheckpointError::BadSize),
        (format!("{ORIGIN}\n5\n{root}=\n"), CheckpointError::BadRoot),
        (format!("\n5\n{root}\n"), CheckpointError::BadOrigin),
        (format!("{}\n5\n{root}\n", "x".repeat(256)), CheckpointError::BadOrigin),
    ] {
        assert_eq!(Checkpoint::parse_text(&bad), Err(error), "{bad:?}");
    }
}

/// EL-11: the message under the cosignature, put together here byte by byte.
#[test]
fn el_11_el_13_cosigned_message() {
    let checkpoint = head(5).checkpoint(ORIGIN);
    let message = |time: u64| {
        let mut message = b"subtree/v1\n\0".to_vec();
        message.push(20);
        message.extend(b"qfs.example/test-log");
        message.extend(time.to_be_bytes());
        message.push(20);
        message.extend(b"qfs.example/test-log");
        message.extend([0; 8]);
        message.extend([0, 0, 0, 0, 0, 0, 0, 5]);
        message.extend(checkpoint.root.0);
        message
    };
    let note = Note::parse(&sign(&head(5))).unwrap();
    let (time, signature) = note.signatures[1].bytes.split_at(8);
    assert_eq!(time, [0; 8]);
    assert_eq!(pq().public_key().verify(&message(0), signature), Ok(()));

    // EL-13: a verifier takes any time up to 2^63 - 1, and the signature covers it.
    let with_time = |time: u64, signed: u64| {
        let mut note = note.clone();
        note.signatures[1].bytes = [&time.to_be_bytes()[..], &pq().sign(&message(signed))].concat();
        Checkpoint::verify(&note.to_string(), &keys()).map(|verified| verified.size())
    };
    let key_id = keys()[1].key_id();
    let max = (1 << 63) - 1;
    for time in [0, 1_679_315_147, max] {
        assert_eq!(with_time(time, time), Ok(5));
    }
    let error = SignatureError::Mismatch;
    assert_eq!(with_time(1, 0), Err(CheckpointError::BadSignature { key_id, error }));
    assert_eq!(with_time(max + 1, max + 1), Err(CheckpointError::BadTimestamp { key_id }));
}

/// EL-13: both kinds of signature are required.
#[test]
fn el_13_both_suites_are_required() {
    let note = sign(&head(5));
    let [ed_key, pq_key] = keys();
    let verify = |note: &str, keys: &[VerifierKey]| Checkpoint::verify(note, keys).map(|_| ());
    let missing = |suite| Err(CheckpointError::MissingSignature(suite));
    assert_eq!(verify(&note, &[pq_key.clone(), ed_key.clone()]), Ok(()));
    assert_eq!(verify(&note, &[ed_key]), missing(Suite::MlDsa44));
    assert_eq!(verify(&note, &[pq_key]), missing(Suite::Ed25519));
    assert_eq!(verify(&note, &[]), missing(Suite::Ed25519));
    for (left, suite) in [(0, Suite::MlDsa44), (1, Suite::Ed25519)] {
        let mut one = Note::parse(&note).unwrap();
        one.signatures = vec![one.signatures[left].clone()];
        assert_eq!(verify(&one.to_string(), &keys()), missing(suite));
    }
}

/// EL-13: other people's signatures are ignored, wrong ones under our keys are not.
#[test]
fn el_13_unknown_keys_are_ignored_and_bad_signatures_reject() {
    let [ed_other, pq_other] = other_signers();
    let checkpoint = head(5).checkpoint(ORIGIN);
    let other = Note::parse(&checkpoint.sign(ORIGIN, &ed_other, &pq_other).unwrap()).unwrap();
    let mut note = Note::parse(&sign(&head(5))).unwrap();
    note.signatures.extend(other.signatures.clone());
    assert!(Checkpoint::verify(&note.to_string(), &keys()).is_ok());
    assert!(Checkpoint::verify(&other.to_string(), &keys()).is_err());

    for at in 0..2 {
        let key_id = keys()[at].key_id();
        // A second, wrong line by a known key rejects although a right one is there.
        let mut bad = Note::parse(&sign(&head(5))).unwrap();
        let mut line = bad.signatures[at].clone();
        *line.bytes.last_mut().unwrap() ^= 1;
        bad.signatures.push(line);
        let error = SignatureError::Mismatch;
        let rejected = Err(CheckpointError::BadSignature { key_id, error });
        assert_eq!(Checkpoint::verify(&bad.to_string(), &keys()), rejected);
    }
    let mut short = Note::parse(&sign(&head(5))).unwrap();
    short.signatures[1].bytes.truncate(7);
    let error = CheckpointError::BadTimestamp { key_id: keys()[1].key_id() };
    assert_eq!(Checkpoint::verify(&short.to_string(), &keys()), Err(error));
}

/// EL-13: the signatures of one statement do not serve another, whichever line is changed.
#[test]
fn el_13_signatures_bind_origin_size_and_root() {
    let note = sign(&head(5));
    for (from, to) in [
        (format!("{ORIGIN}\n5"), "qfs.example/best-log\n5".to_string()),
        ("\n5\n".into(), "\n6\n".into()),
        (head(5).root().to_base64(), head(4).root().to_base64()),
    ] {
        let changed = note.replacen(&from, &to, 1);
        assert_ne!(changed, note);
        let rejected = Checkpoint::verify(&changed, &keys()).unwrap_err();
        assert!(matches!(rejected, CheckpointError::BadSignature { .. }), "{to}");
    }
}

#[test]
fn el_12_signing_refuses_what_would_not_verify() {
    let checkpoint = head(5).checkpoint(ORIGIN);
    let swapped = CheckpointError::WrongSuite { expected: Suite::Ed25519, found: Suite::MlDsa44 };
    assert_eq!(checkpoint.sign(ORIGIN, &pq(), &ed()), Err(swapped));
    let bad_name = CheckpointError::Note(NoteError::BadKeyName);
    for name in ["", "with space", "with+plus", &"x".repeat(256)] {
        assert_eq!(checkpoint.sign(name, &ed(), &pq()), Err(bad_name));
    }
    for origin in ["", "two\nlines", &"x".repeat(256)] {
        let error = head(5).checkpoint(origin).sign(ORIGIN, &ed(), &pq());
        assert_eq!(error, Err(CheckpointError::BadOrigin));
    }
    let huge = Checkpoint { size: 1 << 63, ..checkpoint };
    assert_eq!(huge.sign(ORIGIN, &ed(), &pq()), Err(CheckpointError::BadSize));
}

proptest! {
    #[test]
    fn verification_never_panics(text in "\\PC{0,40}\n[0-9]{0,22}\n[A-Za-z0-9+/=]{40,48}\n{0,2}") {
        if let Ok(checkpoint) = Checkpoint::parse_text(&text) {
            prop_assert_eq!(checkpoint.text(), text.clone());
        }
        let signed = sign(&head(1));
        let (_, signatures) = signed.split_once("\n\n").unwrap();
        let note = format!("{text}\n{signatures}");
        prop_assert!(Checkpoint::verify(&note, &keys()).is_err());
    }

    #[test]
    fn texts_go_there_and_back(
        origin in "[ -~]{1,60}", size in 0_u64..(1 << 63), root in any::<[u8; 32]>(),
    ) {
        let checkpoint = Checkpoint { origin, size, root: TreeHash(root) };
        prop_assert_eq!(Checkpoint::parse_text(&checkpoint.text()), Ok(checkpoint));
    }
}
