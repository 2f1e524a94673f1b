//! Two exports of one log, compared: rule RP-16, and the proof of EL-27.

use eqm_log::{Checkpoint, Misbehaviour, misbehaviour::MisbehaviourError};
use protocol::EntryBody;
use replay::workload::{LEDGER_NAME, Log, Profile, Spec, keys};
use serde_json::Value;
use std::{
    path::PathBuf,
    process::{Command, Output},
};
use tempfile::TempDir;

const SMALL: Spec = Spec {
    seed: 5,
    nodes: 4,
    epochs: 2,
    objects_per_epoch: 4,
    profile: Profile::QFS_V13,
    sample: 64,
    council_epochs: 0,
    governed: false,
};

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The published test keys, as a file.
    fn keys(&self) -> String {
        let keys: Vec<String> =
            keys::verifier_keys().unwrap().iter().map(ToString::to_string).collect();
        format!("@{}", self.write("vkeys", keys.join("\n")).display())
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qfs-replay"));
        let Output { status, stdout, .. } =
            command.current_dir(&self.0).arg("--json").args(arguments).output().unwrap();
        (status.code(), serde_json::from_slice(&stdout).unwrap())
    }
}

/// The log with another tick at one entry: what a log shows to someone else.
fn another(log: &Log, seq: usize) -> Log {
    let mut log = log.clone();
    let mut body = EntryBody::from_bytes(&log.bodies[seq]).unwrap();
    body.tick += 1;
    log.bodies[seq] = body.to_bytes();
    log
}

/// RP-16: logs of one history, one longer than the other, do not part.
#[test]
fn rp_16_a_prefix_is_no_fork() {
    let (files, log) = (Files::new(), Log::generate(&SMALL).unwrap());
    let all = log.bodies.len();
    files.write("long", log.export().unwrap());
    files.write("short", Log { bodies: log.bodies[..all - 7].to_vec() }.export().unwrap());
    for (one, other, more) in
        [("long", "short", [7, 0]), ("short", "long", [0, 7]), ("long", "long", [0, 0])]
    {
        let (status, found) = files.run(&[one, "--against", other]);
        assert_eq!(status, Some(0), "{found}");
        assert_eq!(found["common_entries"], all - 7 + usize::from(one == other) * 7);
        assert_eq!(
            [&found["further_entries"], &found["further_entries_of_other"]],
            more.map(Value::from).each_ref()
        );
    }
    let (status, found) = files.run(&["long", "--against", "nowhere"]);
    assert_eq!((status, &found["error_code"]), (Some(1), &"SE_ERR_NOT_FOUND".into()));
    let mut cut = log.export().unwrap();
    cut.truncate(cut.len() - 9);
    files.write("cut", cut);
    let (status, found) = files.run(&["long", "--against", "cut"]);
    assert_eq!((status, &found["error_code"]), (Some(1), &"SE_ERR_INTEGRITY_MISMATCH".into()));
}

/// RP-16, EL-27: a split view is found at its entry, in words, and the proof convinces whoever has the keys.
#[test]
fn rp_16_a_split_view_is_found_and_proved() {
    let (files, log) = (Files::new(), Log::generate(&SMALL).unwrap());
    let keys = files.keys();
    files.write("one", log.export().unwrap());
    for seq in [0, 1, 17, log.bodies.len() - 1] {
        let mut lie = another(&log, seq);
        // Also where the other history is shorter: sizes need not be the same.
        lie.bodies.truncate((seq + 5).min(log.bodies.len()));
        files.write("other", lie.export().unwrap());
        let (status, found) =
            files.run(&["one", "--against", "other", "--misbehaviour", "proof", "--key", &keys]);
        assert_eq!((status, &found["ok"]), (Some(1), &false.into()), "{found}");
        let detail = found["error_detail"].as_str().unwrap();
        assert!(detail.contains(&format!("part at entry {seq}: tick is ")), "{detail}");
        assert!(detail.contains("the proof is in proof"), "{detail}");
        let (status, found) = files.run(&["misbehaviour", "proof", "--key", &keys]);
        assert_eq!((status, &found["seq"]), (Some(0), &Value::from(seq)), "{found}");
    }
}

/// EL-27: two logs of different keys, one entry twice, and damaged proofs convince nobody.
#[test]
fn el_27_what_is_no_proof() {
    let (files, log) = (Files::new(), Log::generate(&SMALL).unwrap());
    let keys = files.keys();
    files.write("one", log.export().unwrap());
    let lie = another(&log, 3);
    let (ed, pq) = (keys::signer("x", protocol::signature::Suite::Ed25519), keys::log_ml_dsa());
    let foreign = lie.export_signed(&keys::verifier_keys().unwrap(), &ed, &pq).unwrap();
    files.write("foreign", foreign);
    let (status, found) = files.run(&["one", "--against", "foreign", "--key", &keys]);
    assert_eq!(status, Some(1));
    assert!(
        found["error_detail"].as_str().unwrap().contains("no proof of misbehaviour"),
        "{found}"
    );

    files.write("other", lie.export().unwrap());
    files.run(&["one", "--against", "other", "--misbehaviour", "proof", "--key", &keys]);
    let text = std::fs::read_to_string(files.0.path().join("proof")).unwrap();
    let keys = keys::verifier_keys().unwrap();
    let proof: Misbehaviour = text.parse().unwrap();
    assert_eq!(proof.to_string(), text);
    assert!(proof.verify(&keys).is_ok());
    let same = Misbehaviour { other: proof.one.clone(), ..proof.clone() };
    assert_eq!(same.verify(&keys), Err(MisbehaviourError::Same));
    // One key signs two logs: each is entitled to a history of its own.
    let mut signed_elsewhere = proof.clone();
    let theirs = Checkpoint::parse_unverified(&proof.other.checkpoint).unwrap();
    signed_elsewhere.other.checkpoint = Checkpoint { origin: "qfs.test/twin".into(), ..theirs }
        .sign(LEDGER_NAME, &keys::log_ed25519(), &keys::log_ml_dsa())
        .unwrap();
    assert_eq!(signed_elsewhere.verify(&keys), Err(MisbehaviourError::Origins));
    let mut elsewhere = proof.clone();
    elsewhere.other.index += 1;
    assert_eq!(elsewhere.verify(&keys), Err(MisbehaviourError::Positions));
    let mut empty = proof.clone();
    empty.other.extra.clear();
    assert_eq!(empty.verify(&keys), Err(MisbehaviourError::NoEntry(2)));
    assert!(proof.verify(&keys[..1]).is_err(), "both keys must have signed");
    for at in (0..text.len()).step_by(41) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let damaged =
            String::from_utf8(bytes).ok().and_then(|text| text.parse::<Misbehaviour>().ok());
        assert!(damaged.is_none_or(|proof| proof.verify(&keys).is_err()), "byte {at}");
    }
}
