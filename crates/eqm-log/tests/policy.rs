//! Cosignatures of witnesses and policies that ask for them: rules EL-10, EL-13, WI-1 to WI-3.

mod common;

use common::{ORIGIN, ed, head, keys, pq, sign};
use eqm_log::{
    Checkpoint, Note, Policy, VerifierKey,
    checkpoint::CheckpointError,
    policy::{Fault, ParseError, PolicyError},
};
use proptest::prelude::*;
use protocol::signature::{SeedSigner, Signer, Suite};

/// Witness `n`; the even ones have Ed25519, the odd ones ML-DSA-44.
fn witness(n: u8) -> (SeedSigner, VerifierKey) {
    let suite = if n.is_multiple_of(2) { Suite::Ed25519 } else { Suite::MlDsa44 };
    let signer = SeedSigner::from_seed(suite, [100 + n; 32]);
    let key = VerifierKey::cosigner(&format!("witness.example/w{n}"), &signer.public_key());
    (signer, key.unwrap())
}

/// The test log's checkpoint with the cosignatures of these witnesses, each made at time 1000 + n.
fn cosigned(witnesses: &[u8]) -> String {
    let mut note = Note::parse(&sign(&head(5))).unwrap();
    for n in witnesses {
        let (signer, key) = witness(*n);
        let checkpoint = head(5).checkpoint(ORIGIN);
        note.signatures
            .push(checkpoint.cosign(key.name(), &signer, 1_000 + u64::from(*n)).unwrap());
    }
    note.to_string()
}

/// A policy with the keys of the test log and witnesses w0 to w5.
fn policy(rest: &str) -> String {
    let logs = keys().map(|key| format!("log {key}\n")).concat();
    let lines = (0..6).map(|n| format!("witness w{n} {} http://localhost/{n}\n", witness(n).1));
    format!("# A comment\n\n{logs}{}{rest}", lines.collect::<String>())
}

fn parsed(rest: &str) -> Policy {
    Policy::parse(&policy(rest)).unwrap()
}

/// WI-1: the message under an Ed25519 cosignature, put together here byte by byte.
#[test]
fn wi_1_ed25519_cosignatures() {
    let (signer, key) = witness(0);
    let checkpoint = head(5).checkpoint(ORIGIN);
    let line = checkpoint.cosign(key.name(), &signer, 1_679_315_147).unwrap();
    assert_eq!((line.name.as_str(), line.key_id), ("witness.example/w0", key.key_id()));
    let (time, signature) = line.bytes.split_at(8);
    assert_eq!(time, 1_679_315_147_u64.to_be_bytes());
    let root = head(5).root();
    let message = format!("cosignature/v1\ntime 1679315147\n{ORIGIN}\n5\n{root}\n");
    assert_eq!(signer.public_key().verify(message.as_bytes(), signature), Ok(()));
    assert_eq!(checkpoint.verify_cosignature(&key, &line), Ok(1_679_315_147));
}

/// WI-1: a cosignature is of one key, one time and one checkpoint.
#[test]
fn wi_1_cosignatures_bind_key_time_and_checkpoint() {
    let max = (1 << 63) - 1;
    for n in 0..2 {
        let (signer, key) = witness(n);
        let checkpoint = head(5).checkpoint(ORIGIN);
        let line = checkpoint.cosign(key.name(), &signer, max).unwrap();
        assert_eq!(checkpoint.verify_cosignature(&key, &line), Ok(max));
        let key_id = key.key_id();
        let late = CheckpointError::BadTimestamp { key_id };
        assert_eq!(checkpoint.cosign(key.name(), &signer, max + 1), Err(late));
        let wrong = |result: Result<u64, CheckpointError>| {
            assert!(matches!(result, Err(CheckpointError::BadSignature { .. })), "{result:?}");
        };
        wrong(head(4).checkpoint(ORIGIN).verify_cosignature(&key, &line));
        wrong(head(5).checkpoint("qfs.example/other").verify_cosignature(&key, &line));
        wrong(checkpoint.verify_cosignature(&witness(n + 2).1, &line));
        let mut earlier = line.clone();
        earlier.bytes[7] ^= 1;
        wrong(checkpoint.verify_cosignature(&key, &earlier));
        for (bytes, error) in [(vec![0; 7], late), ([&[0xff; 8], &line.bytes[8..]].concat(), late)]
        {
            let line = eqm_log::note::NoteSignature { bytes, ..line.clone() };
            assert_eq!(checkpoint.verify_cosignature(&key, &line), Err(error));
        }
    }
    let [log, _] = keys();
    let note = Note::parse(&sign(&head(5))).unwrap();
    let error = CheckpointError::NotACosigner { key_id: log.key_id() };
    let checkpoint = head(5).checkpoint(ORIGIN);
    assert_eq!(checkpoint.verify_cosignature(&log, &note.signatures[0]), Err(error));
}

/// EL-13: a witness's Ed25519 key never stands in for the log's.
#[test]
fn el_13_cosignatures_are_not_signatures_of_the_log() {
    let as_witness = VerifierKey::cosigner(ORIGIN, &ed().public_key()).unwrap();
    let checkpoint = head(5).checkpoint(ORIGIN);
    let mut note = Note::parse(&sign(&head(5))).unwrap();
    note.signatures[0] = checkpoint.cosign(ORIGIN, &ed(), 7).unwrap();
    let [_, pq_key] = keys();
    let missing = Err(CheckpointError::MissingSignature(Suite::Ed25519));
    assert_eq!(Checkpoint::verify(&note.to_string(), &[as_witness, pq_key]), missing);
}

/// WI-3: who has cosigned is said with name, key and time; enough is enough.
#[test]
fn wi_3_a_quorum_of_witnesses() {
    let policy = parsed("group some 2 w0 w1 w2\nquorum some\n");
    let found = policy.check(&cosigned(&[2, 1, 5])).unwrap();
    assert_eq!((found.checkpoint.origin(), found.checkpoint.size()), (ORIGIN, 5));
    let cosigners: Vec<_> =
        found.cosigners.iter().map(|one| (one.witness.as_str(), one.key_id, one.time)).collect();
    let expected = [1, 2, 5].map(|n: u8| (n, witness(n).1.key_id(), 1_000 + u64::from(n)));
    let names = ["w1", "w2", "w5"];
    for (((found, name), (n, key_id, time)), _) in
        cosigners.iter().zip(names).zip(expected).zip(0..)
    {
        assert_eq!(*found, (name, key_id, time), "{n}");
    }
    assert_eq!(cosigners.len(), 3);
    let error = policy.check(&cosigned(&[1, 3])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "too few witnesses of the policy have cosigned: some has 1 of the 2 that it needs (missing: w0, w2)"
    );
    // The same witness twice is one witness, with the later of its times.
    let mut twice = Note::parse(&cosigned(&[1])).unwrap();
    let (signer, key) = witness(1);
    let again = head(5).checkpoint(ORIGIN).cosign(key.name(), &signer, 2_000).unwrap();
    twice.signatures.push(again);
    assert!(matches!(policy.check(&twice.to_string()), Err(PolicyError::Quorum(_))));
    assert_eq!(policy.cosigners(&twice.to_string()).unwrap()[0].time, 2_000);
}

/// WI-3: every subset of six witnesses, against the quorum of a policy with groups in groups.
#[test]
fn wi_3_groups_in_groups() {
    let nested =
        parsed("group x 2 w0 w1 w2\ngroup y any w3 w4\ngroup both all x y w5\nquorum both\n");
    let single = parsed("group unused all w0 w1\nquorum w3\n");
    let none = parsed("quorum none\n");
    for subset in 0_u8..64 {
        let has = |n: u8| subset & (1 << n) != 0;
        let members: Vec<u8> = (0..6).filter(|n| has(*n)).collect();
        let note = cosigned(&members);
        let x = (0..3).filter(|n| has(*n)).count() >= 2;
        assert_eq!(nested.check(&note).is_ok(), x && (has(3) || has(4)) && has(5), "{members:?}");
        assert_eq!(single.check(&note).is_ok(), has(3), "{members:?}");
        assert_eq!(none.check(&note).map(|found| found.cosigners.len()), Ok(members.len()));
    }
    assert_eq!(
        nested.check(&cosigned(&[0, 5])).unwrap_err().to_string(),
        "too few witnesses of the policy have cosigned: both has 1 of the 3 that it needs \
         (missing: x has 1 of the 2 that it needs (missing: w1, w2), \
         y has 0 of the 1 that it needs (missing: w3, w4))"
    );
    assert_eq!(
        single.check(&cosigned(&[0])).unwrap_err().to_string(),
        "the policy wants a cosignature of w3, which is missing"
    );
}

/// WI-3: the log's own two signatures are needed whatever witnesses say, and false lines are not passed over.
#[test]
fn wi_3_the_log_must_have_signed() {
    let policy = parsed("quorum w0\n");
    let mut unsigned = Note::parse(&cosigned(&[0])).unwrap();
    unsigned.signatures.remove(1);
    let missing = PolicyError::Checkpoint(CheckpointError::MissingSignature(Suite::MlDsa44));
    assert_eq!(policy.check(&unsigned.to_string()), Err(missing));
    let foreign = head(5).checkpoint("qfs.example/other").sign("qfs.example/other", &ed(), &pq());
    let unknown = PolicyError::UnknownLog("qfs.example/other".into());
    assert_eq!(policy.check(&foreign.unwrap()), Err(unknown));
    let mut forged = Note::parse(&cosigned(&[0, 1])).unwrap();
    *forged.signatures[3].bytes.last_mut().unwrap() ^= 1;
    let error = policy.check(&forged.to_string()).unwrap_err();
    assert!(matches!(error, PolicyError::Checkpoint(CheckpointError::BadSignature { .. })));
}

/// WI-2: each line that is wrong is named with its number.
#[test]
fn wi_2_policies_are_strict() {
    let base = policy("").lines().count();
    let again = witness(0).1;
    let log_key = &keys()[0];
    for (rest, line, fault) in [
        ("", 0, Fault::NoQuorum),
        ("quorum w9\n", 1, Fault::UnknownName("w9".into())),
        ("quorum\n", 1, Fault::Missing("name")),
        ("quorum w1 w2\n", 1, Fault::Extra("w2".into())),
        ("quorum none\nquorum none\n", 2, Fault::SecondQuorum),
        ("group g\n", 1, Fault::Missing("threshold")),
        ("group g all\n", 1, Fault::Missing("members")),
        ("group w1 all w2\n", 1, Fault::NameTaken("w1".into())),
        ("group none all w2\n", 1, Fault::NameTaken("none".into())),
        ("group g all none\n", 1, Fault::UnknownName("none".into())),
        ("group g all g\n", 1, Fault::UnknownName("g".into())),
        ("group g 0 w1\n", 1, Fault::BadThreshold("0".into())),
        ("group g 2 w1\n", 1, Fault::BadThreshold("2".into())),
        ("group g 01 w1\n", 1, Fault::BadThreshold("01".into())),
        ("group g some w1\n", 1, Fault::BadThreshold("some".into())),
        ("group g all w1 w1\n", 1, Fault::MemberTwice("w1".into())),
        ("group g all w1\n\ngroup h all w1\n", 3, Fault::MemberTwice("w1".into())),
        ("Quorum none\n", 1, Fault::UnknownKeyword("Quorum".into())),
        ("quorum none\r\n", 1, Fault::ControlCharacter),
        ("# \u{7f}\n", 1, Fault::ControlCharacter),
        ("witness\n", 1, Fault::Missing("name")),
        ("witness x\n", 1, Fault::Missing("verifier key")),
        (&format!("witness x {again}\n"), 1, Fault::DuplicateKey),
        (&format!("witness x {log_key}\n"), 1, Fault::DuplicateKey),
        (&format!("log {again}\n"), 1, Fault::DuplicateKey),
        ("log\n", 1, Fault::Missing("verifier key")),
    ] {
        let line = (line > 0).then_some(base + line);
        assert_eq!(Policy::parse(&policy(rest)), Err(ParseError { line, fault }), "{rest:?}");
    }
    let bad_key = Policy::parse("log name+00000000+AA==\n").unwrap_err();
    assert!(matches!(bad_key.fault, Fault::BadKey(_)) && bad_key.line == Some(1));
    let witness_as_log = Policy::parse(&format!("log {again}\n")).unwrap_err();
    assert_eq!(witness_as_log.fault, Fault::NotALogKey(4));
    let log_as_witness = Policy::parse(&format!("witness x {log_key}\n")).unwrap_err();
    assert_eq!(log_as_witness.fault, Fault::NotAWitnessKey(1));
    assert_eq!(
        log_as_witness.to_string(),
        "line 1: witnesses do not cosign with keys of type 0x01"
    );
    let long = format!("#{}\nquorum none\n", "x".repeat(262_144));
    assert_eq!(Policy::parse(&long).unwrap_err().fault, Fault::TooLong(262_158));
}

/// WI-2: white space, comments, order of lines and limits.
#[test]
fn wi_2_policies_are_read_as_written() {
    let (one, two) = (witness(0).1, witness(2).1);
    let text = format!(
        " \t# comment\nwitness\ta   {one}\t\n\t witness ü {two} https://example.com/ü \ngroup g any a ü\nquorum g"
    );
    let policy = Policy::parse(&text).unwrap();
    let witnesses: Vec<_> =
        policy.witnesses().iter().map(|one| (one.name.as_str(), one.url.as_deref())).collect();
    assert_eq!(witnesses, [("a", None), ("ü", Some("https://example.com/ü"))]);
    assert!(policy.logs().is_empty() && policy.keys_of(ORIGIN).is_empty());
    assert_eq!(Policy::parse("quorum none").unwrap().witnesses(), []);
    let many = |n: u8| {
        let lines = (0..n).map(|n| format!("witness w{n} {}\n", witness(n * 2).1));
        Policy::parse(&(lines.collect::<String>() + "quorum none\n"))
    };
    assert_eq!(many(64).unwrap().witnesses().len(), 64);
    assert_eq!(
        many(65).unwrap_err(),
        ParseError { line: Some(65), fault: Fault::TooMany("witness") }
    );
}

proptest! {
    #[test]
    fn wi_2_parsing_never_panics(
        text in "((log|witness|group|quorum|all|any|none|a|b|1|2|#|x\\+00000000\\+AA==)[ \t\n]){0,30}",
        noise in "\\PC*",
    ) {
        let _ = Policy::parse(&text);
        let _ = Policy::parse(&noise);
    }
}
