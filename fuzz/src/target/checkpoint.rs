//! Signed notes, checkpoints and the keys that verify them: text that other tools write, too.

use core::str::{FromStr, from_utf8};

use eqm_log::{Checkpoint, Note, Policy, VerifierKey, note::KeyType, policy::MAX_POLICY_LEN};

use crate::base::BASE;

/// The text of a checkpoint, and the same bytes as a signed one. Text has one spelling; a note that parses says what its text says;
/// and the log's keys vouch for the one checkpoint that they signed.
pub fn checkpoint(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    if let Ok(checkpoint) = Checkpoint::parse_text(text) {
        assert_eq!(checkpoint.text(), text);
    }
    let claimed = Checkpoint::parse_unverified(text);
    let verified = Checkpoint::verify(text, &BASE.keys);
    let note = Note::parse(text);
    match &claimed {
        Ok(claimed) => assert_eq!(claimed.text(), note.expect("a note").text),
        Err(_) => assert!(verified.is_err()),
    }
    if let Ok(verified) = verified {
        assert_eq!(Ok(verified.statement()), claimed.as_ref());
        assert_eq!(verified, BASE.checkpoint, "nothing else was ever signed");
    }
}

/// A signed note: what parses prints as it was, and belongs to no key that it does not name.
pub fn note(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let Ok(note) = Note::parse(text) else { return };
    assert_eq!(note.to_string(), text);
    for signature in &note.signatures {
        for key in BASE.keys.iter().filter(|key| key.made(signature)) {
            assert_eq!((key.name(), key.key_id()), (&signature.name[..], signature.key_id));
        }
    }
}

/// A verifier key: one spelling, an id that follows from name and key, and a name that notes can carry.
pub fn vkey(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let Ok(key) = VerifierKey::from_str(text) else { return };
    assert_eq!(key.to_string(), text);
    let made = match key.key_type() {
        KeyType::Ed25519Cosignature => VerifierKey::cosigner(key.name(), key.public_key()),
        _ => VerifierKey::new(key.name(), key.public_key()),
    };
    assert_eq!(made, Ok(key.clone()));
    let line = format!("text\n\n\u{2014} {} AAAAAAA=\n", key.name());
    assert!(Note::parse(&line).is_ok(), "the name of a key can stand on a signature line");
}

/// A policy of witnesses: comments and empty lines mean nothing, no key stands in it twice, and a log whose witnesses have
/// not cosigned meets no quorum of theirs.
pub fn policy(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let Ok(policy) = Policy::parse(text) else { return };
    let spaced: String = text.lines().map(|line| format!("# comment\n\n{line}\n")).collect();
    if spaced.len() <= MAX_POLICY_LEN {
        assert_eq!(Policy::parse(&spaced).as_ref(), Ok(&policy));
    }
    let mut ids: Vec<String> = policy.logs().iter().map(|log| log.key.to_string()).collect();
    ids.extend(policy.witnesses().iter().map(|witness| witness.key.to_string()));
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "a key that stands in it twice");
    let strangers = policy.witnesses().iter().all(|witness| !BASE.keys.contains(&witness.key));
    if strangers {
        assert_eq!(policy.cosigners(&BASE.note).map(|found| found.len()), Ok(0));
    }
    if let Ok(found) = policy.check(&BASE.note) {
        assert!(policy.quorum(&found.cosigners).is_ok());
        assert!(BASE.keys.iter().all(|key| policy.logs().iter().any(|log| log.key == *key)));
    }
}
