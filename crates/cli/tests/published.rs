//! The log in pieces: published files, proofs of entries and of growth, each checked offline.

mod common;

use common::{Qfs, files_below, noise};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A ledger, and the file with the keys of its log.
fn ledger() -> (Qfs, String) {
    let qfs = Qfs::init(&["--nodes", "3"]);
    put(&qfs, 2);
    let checkpoint = qfs.one(&["log", "checkpoint"]);
    let keys = checkpoint["vkeys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap());
    let keys = qfs.file("vkeys", keys.collect::<Vec<_>>().join("\n"));
    (qfs, format!("@{keys}"))
}

fn put(qfs: &Qfs, count: u64) {
    let lines: Vec<String> = (0..count)
        .map(|n| {
            let file = qfs.file(&format!("objects/{n}"), noise(n, 10));
            serde_json::json!(["put", file, "--object-id", format!("o{n}")]).to_string()
        })
        .collect();
    let batch = qfs.file("batch", lines.join("\n"));
    qfs.ok(&["batch", &batch]);
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Writes the checkpoint of now to a file.
fn checkpoint(qfs: &Qfs, name: &str) -> (String, Value) {
    let row = qfs.one(&["log", "checkpoint"]);
    (qfs.file(name, row["checkpoint"].as_str().unwrap()), row)
}

/// Changes one byte of a file where `change` says, runs, and puts the file back.
fn with_changed(path: &str, at: impl Fn(&[u8]) -> usize, run: impl FnOnce()) {
    let bytes = std::fs::read(path).unwrap();
    let mut changed = bytes.clone();
    changed[at(&bytes)] ^= 1;
    std::fs::write(path, changed).unwrap();
    run();
    std::fs::write(path, bytes).unwrap();
}

/// JO-10, EL-24: exports add what is new, and every file that was published is checked.
#[test]
fn jo_10_the_log_is_published_and_checked_offline() {
    let (qfs, keys) = ledger();
    let dir = text(&qfs.path("www"));
    let first = qfs.one(&["log", "export", "--tiles", &dir]);
    assert_eq!((&first["entries"], &first["entries_before"]), (&6.into(), &0.into()));
    assert_eq!(first["files_written"], 2);
    let names = |dir: &str| -> Vec<String> {
        let below = |path: PathBuf| text(path.strip_prefix(dir).unwrap());
        files_below(Path::new(dir)).into_iter().map(below).collect()
    };
    assert_eq!(names(&dir), ["checkpoint", "tile/0/000.p/6", "tile/entries/000.p/6"]);
    put(&qfs, 300);
    let second = qfs.one(&["log", "export", "--tiles", &dir]);
    assert_eq!((&second["entries_before"], &second["files_written"]), (&6.into(), &5.into()));
    assert_eq!(
        names(&dir),
        [
            "checkpoint",
            "tile/0/000",
            "tile/0/001.p/50",
            "tile/1/000.p/1",
            "tile/entries/000",
            "tile/entries/001.p/50"
        ]
    );
    let again = qfs.one(&["log", "export", "--tiles", &dir]);
    assert_eq!(again["files_written"], 0);

    let checked = qfs.one(&["replay", "tiles", &dir, "--key", &keys]);
    let row = &qfs.ok(&["log", "show", "--from", "305"])[0];
    assert_eq!((&checked["ok"], &checked["size"]), (&true.into(), &306.into()));
    assert_eq!(checked["last_entry_hash"], row["entry_hash"]);
    for name in names(&dir) {
        let path = format!("{dir}/{name}");
        with_changed(
            &path,
            |bytes| bytes.len() / 2,
            || {
                let code = qfs.refused(&["replay", "tiles", &dir, "--key", &keys]);
                assert_eq!(code, "SE_ERR_INTEGRITY_MISMATCH", "{name}");
            },
        );
    }
    let other = Qfs::init(&["--nodes", "3"]);
    assert_eq!(other.refused(&["log", "export", "--tiles", &dir]), "SE_ERR_INTEGRITY_MISMATCH");
    qfs.ok(&["replay", "tiles", &dir, "--key", &keys]);
    qfs.usage(&["log", "export"]);
    qfs.usage(&["log", "export", "file", "--tiles", &dir]);
    qfs.usage(&["replay", "tiles", &dir]);
    let nowhere = text(&qfs.path("nowhere"));
    assert_eq!(qfs.refused(&["replay", "tiles", &nowhere, "--key", &keys]), "SE_ERR_NOT_FOUND");
}

/// EL-14, EL-25: a proof file needs nothing beside it, and says what was proved.
#[test]
fn el_25_entries_are_proved_in_one_file() {
    let (qfs, keys) = ledger();
    for (seq, row) in qfs.ok(&["log", "show"]).iter().enumerate() {
        let file = text(&qfs.path(&format!("{seq}.tlog-proof")));
        let made = qfs.one(&["log", "prove", &seq.to_string(), "-o", &file]);
        assert_eq!(made["log_proof"], std::fs::read_to_string(&file).unwrap());
        let proved = qfs.one(&["replay", "proof", &file, "--key", &keys]);
        for field in ["seq", "tick", "epoch", "outcome", "entry_hash", "prev_entry_hash"] {
            assert_eq!(proved[field], row[field], "{field}");
        }
        assert_eq!((&proved["ok"], &proved["size"]), (&true.into(), &6.into()));
        let extra = |bytes: &[u8]| bytes.iter().position(|byte| *byte == b'\n').unwrap() + 60;
        with_changed(&file, extra, || {
            let code = qfs.refused(&["replay", "proof", &file, "--key", &keys]);
            assert_eq!(code, "SE_ERR_INTEGRITY_MISMATCH");
        });
    }
    let file = text(&qfs.path("0.tlog-proof"));
    let (_other, others) = ledger();
    let code = qfs.refused(&["replay", "proof", &file, "--key", &others]);
    assert_eq!(code, "SE_ERR_INTEGRITY_MISMATCH", "keys of another log");
    qfs.usage(&["replay", "proof", &file]);
    // People are shown the file itself.
    let mut plain = std::process::Command::new(env!("CARGO_BIN_EXE_qfs"));
    let plain = plain.arg("--data-dir").arg(qfs.data_dir()).args(["log", "prove", "0"]);
    assert_eq!(plain.output().unwrap().stdout, std::fs::read(&file).unwrap());
}

/// EL-7, EL-26: two checkpoints of one history have a proof between them, and those of two have none.
#[test]
fn el_26_growth_is_proved_between_checkpoints() {
    let (qfs, keys) = ledger();
    let (old, old_row) = checkpoint(&qfs, "old");
    put(&qfs, 5);
    let (middle, _) = checkpoint(&qfs, "middle");
    put(&qfs, 7);
    let proof = text(&qfs.path("growth"));
    let check = |old: &str| qfs.one(&["replay", "consistency", old, &proof, "--key", &keys]);
    for (new, size) in [(None, 18), (Some(&*middle), 11)] {
        let words = ["log", "consistency", &old, "-o", &proof];
        let made = qfs.one(&[&words[..], new.as_slice()].concat());
        assert_eq!((&made["old_size"], &made["size"]), (&6.into(), &size.into()));
        assert_eq!(made["proof"], std::fs::read_to_string(&proof).unwrap());
        let checked = check(&old);
        assert_eq!((&checked["size"], &checked["old_root"]), (&size.into(), &old_row["root"]));
    }
    let by_size = qfs.one(&["log", "consistency", "6", &middle]);
    assert_eq!(by_size["proof"], std::fs::read_to_string(&proof).unwrap());
    let refused = |old: &str| qfs.refused(&["replay", "consistency", old, &proof, "--key", &keys]);
    assert_eq!(refused(&middle), "SE_ERR_INTEGRITY_MISMATCH", "another size than the proof's");
    with_changed(&proof, |_| 20, || assert_eq!(refused(&old), "SE_ERR_INTEGRITY_MISMATCH"));
    with_changed(&old, |_| 40, || assert_eq!(refused(&old), "SE_ERR_INTEGRITY_MISMATCH"));

    assert_eq!(qfs.refused(&["log", "consistency", "19"]), "SE_ERR_INVALID_INPUT");
    assert_eq!(qfs.refused(&["log", "consistency", "no-such-file"]), "SE_ERR_NOT_FOUND");
    let (other, _) = ledger();
    let (foreign, _) = checkpoint(&other, "foreign");
    assert_eq!(qfs.refused(&["log", "consistency", &foreign]), "SE_ERR_INTEGRITY_MISMATCH");
}
