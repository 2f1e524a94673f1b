//! Witnesses from the command line: rules WI-3, WI-4, WI-9 to WI-11.

mod common;

use common::{Qfs, noise};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

/// A witness that serves until it is dropped.
struct Witness {
    process: Child,
    rows: std::io::Lines<BufReader<ChildStdout>>,
    url: String,
    vkeys: Vec<String>,
}

impl Witness {
    /// A witness that knows the logs with these keys.
    fn start(qfs: &Qfs, name: &str, logs: &[&str]) -> Self {
        let dir = text(&qfs.path(name));
        let made =
            qfs.one(&["witness", "init", "--dir", &dir, "--name", &format!("w.example/{name}")]);
        assert_eq!(made["logs"], serde_json::json!([]));
        for keys in logs {
            qfs.one(&["witness", "trust", "--dir", &dir, "--key", keys]);
        }
        Self::serve(qfs, &dir)
    }

    fn serve(qfs: &Qfs, dir: &str) -> Self {
        let arguments = ["witness", "serve", "--dir", dir, "--listen", "127.0.0.1:0"];
        let mut process = qfs.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut rows = BufReader::new(process.stdout.take().unwrap()).lines();
        let first: Value = serde_json::from_str(&rows.next().unwrap().unwrap()).unwrap();
        let vkeys = first["vkeys"].as_array().unwrap().iter();
        let vkeys = vkeys.map(|key| key.as_str().unwrap().to_owned()).collect();
        Self { process, rows, url: first["url"].as_str().unwrap().to_owned(), vkeys }
    }

    fn row(&mut self) -> Value {
        serde_json::from_str(&self.rows.next().unwrap().unwrap()).unwrap()
    }

    /// Ends as it is asked to.
    fn stop(mut self) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

fn put(qfs: &Qfs, name: &str) {
    let file = qfs.file(&format!("objects/{name}"), noise(name.len() as u64, 10));
    qfs.one(&["put", &file, "--object-id", name]);
}

/// The keys of the ledger's log, one a line.
fn log_keys(qfs: &Qfs) -> Vec<String> {
    let row = qfs.one(&["log", "checkpoint"]);
    row["vkeys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect()
}

fn log_lines(qfs: &Qfs) -> String {
    log_keys(qfs).iter().map(|key| format!("log {key}\n")).collect()
}

fn lines_of(checkpoint: &Value) -> usize {
    let note = checkpoint["checkpoint"].as_str().unwrap();
    note.lines().filter(|line| line.starts_with('—')).count()
}

/// What a failed command says: code, sentence, and the rows before.
fn detail(qfs: &Qfs, arguments: &[&str]) -> (String, String, Vec<Value>) {
    let output = qfs.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    failure(output)
}

fn failure(output: std::process::Output) -> (String, String, Vec<Value>) {
    let shown = String::from_utf8(output.stdout).unwrap();
    let mut rows: Vec<Value> =
        shown.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = rows.pop().unwrap();
    let field = |name: &str| last[name].as_str().unwrap_or_default().to_owned();
    (field("error_code"), field("error_detail"), rows)
}

/// WI-3, WI-10, WI-11: a quorum of witnesses cosigns what is given out, and auditors ask for it.
#[test]
fn wi_10_cosigned_checkpoints_are_given_out() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    put(&qfs, "one");
    let keys = format!("@{}", qfs.file("log.vkeys", log_keys(&qfs).join("\n")));
    let mut one = Witness::start(&qfs, "one", &[&keys]);
    let two = Witness::start(&qfs, "two", &[&keys]);
    let policy = format!(
        "{}witness one {} {}\nwitness one-ed {} {}\nwitness two {} {}\nwitness gone {} http://127.0.0.1:1\n\
         group parties 2 one two gone\ngroup all all parties one-ed\nquorum all\n",
        log_lines(&qfs),
        one.vkeys[0],
        one.url,
        one.vkeys[1],
        one.url,
        two.vkeys[0],
        two.url,
        Witness::start(&qfs, "gone", &[]).vkeys[0],
    );
    let policy = qfs.file("policy", policy);
    let [proof, export, tiles] = ["proof", "log.qfslog", "tiles"].map(|name| text(&qfs.path(name)));
    let checks: [&[&str]; 3] = [
        &["replay", "proof", &proof, "--policy", &policy],
        &["replay", &export, "--policy", &policy],
        &["replay", "tiles", &tiles, "--policy", &policy],
    ];
    let write = || {
        for file in [&proof, &export] {
            let _ = std::fs::remove_file(file);
        }
        qfs.one(&["log", "prove", "1", "-o", &proof]);
        qfs.one(&["log", "export", &export]);
        qfs.one(&["log", "export", "--tiles", &tiles]);
    };
    write();
    for check in checks {
        let (code, words, _) = detail(&qfs, check);
        assert_eq!(code, "SE_ERR_INTEGRITY_MISMATCH");
        assert!(
            words.contains("parties has 0 of the 2 that it needs (missing: one, two, gone)"),
            "{words}"
        );
    }

    let rows = qfs.ok(&["log", "cosign", "--policy", &policy]);
    let cosigned = |row: &Value| (row["witness"].clone(), row["cosigned"].clone());
    let found: Vec<_> = rows[..4].iter().map(cosigned).collect();
    let expected = [("one", true), ("one-ed", true), ("two", true), ("gone", false)];
    assert_eq!(found, expected.map(|(name, done)| (name.into(), done.into())));
    assert_eq!(rows[4]["cosigners"], serde_json::json!(["one", "one-ed", "two"]));
    assert_eq!(one.row()["status"], 200, "one request for both of its keys");
    write();
    for check in checks {
        let row = qfs.one(check);
        assert_eq!(row["cosigners"].as_array().unwrap().len(), 3, "{row}");
        assert_eq!(row["cosigners"][2]["witness"], "two");
    }
    assert_eq!(lines_of(&qfs.one(&["log", "checkpoint"])), 5);

    // The log grows: what is given out is not cosigned yet, and the last that was is still there.
    put(&qfs, "two");
    assert_eq!(lines_of(&qfs.one(&["log", "checkpoint"])), 2);
    let kept = std::fs::read_to_string(qfs.data_dir().join("cosigned-checkpoint")).unwrap();
    assert_eq!(kept, rows[4]["checkpoint"].as_str().unwrap());
    // One witness alone is not enough, and does not take the place of a quorum.
    two.stop();
    let (code, words, rows) = detail(&qfs, &["log", "cosign", "--policy", &policy]);
    assert_eq!((code.as_str(), rows.len()), ("SE_ERR_PROOF_UNAVAILABLE", 4));
    assert!(words.contains("parties has 1 of the 2 that it needs (missing: two, gone)"), "{words}");
    assert_eq!(std::fs::read_to_string(qfs.data_dir().join("cosigned-checkpoint")).unwrap(), kept);
    let two = Witness::serve(&qfs, &text(&qfs.path("two")));
    let policy_now = std::fs::read_to_string(&policy).unwrap();
    let lines = policy_now.lines().map(|line| match line.split_once(" http") {
        Some((line, _)) if line.starts_with("witness two ") => format!("{line} {}\n", two.url),
        _ => format!("{line}\n"),
    });
    qfs.file("policy", lines.collect::<String>());
    qfs.ok(&["log", "cosign", "--policy", &policy]);
    write();
    checks.iter().for_each(|check| drop(qfs.one(check)));
    let statuses = [one.row(), one.row(), one.row()].map(|row| row["status"].clone());
    assert_eq!(statuses, [200, 409, 200].map(Value::from));
    let shown = qfs.run(&["witness", "show", "--dir", &text(&qfs.path("one"))]);
    assert_eq!(shown.status.code(), Some(1), "its directory is in use");
}

/// WI-5, WI-9: two histories under one log's keys: a witness that has seen the one refuses the other.
#[test]
fn wi_9_a_split_view_is_refused() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    put(&qfs, "common");
    let keys = format!("@{}", qfs.file("log.vkeys", log_keys(&qfs).join("\n")));
    let mut witness = Witness::start(&qfs, "w", &[&keys]);
    let policy =
        format!("{}witness w {} {}\nquorum w\n", log_lines(&qfs), witness.vkeys[0], witness.url);
    let policy = qfs.file("policy", policy);
    qfs.ok(&["log", "cosign", "--policy", &policy]);
    let copy = text(&qfs.path("copy"));
    let original = text(&qfs.data_dir());
    assert!(Command::new("cp").args(["-r", &original, &copy]).status().unwrap().success());

    put(&qfs, "honest");
    qfs.ok(&["log", "cosign", "--policy", &policy]);
    let fork = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qfs"));
        let output =
            command.args(["--json", "--data-dir", &copy]).args(arguments).output().unwrap();
        (output.status.code(), failure(output))
    };
    let file = qfs.file("objects/forged", noise(9, 10));
    for (size, object) in [("the same", "forged"), ("more", "further")] {
        assert_eq!(fork(&["put", &file, "--object-id", object]).0, Some(0));
        let (status, (code, words, rows)) = fork(&["log", "cosign", "--policy", &policy]);
        assert_eq!(status, Some(1));
        assert_eq!(code, "SE_ERR_INTEGRITY_MISMATCH", "{size}");
        assert_eq!(words, "the policy wants a cosignature of w, which is missing");
        let why = rows[0]["detail"].as_str().unwrap();
        assert!(why.starts_with("the witness has seen another history: "), "{size}: {why}");
    }
    // Fewer entries than the witness has seen: lost, or another history.
    put(&qfs, "three");
    put(&qfs, "four");
    qfs.ok(&["log", "cosign", "--policy", &policy]);
    let (_, (_, _, rows)) = fork(&["log", "cosign", "--policy", &policy]);
    assert!(rows[0]["detail"].as_str().unwrap().contains("restore the log"), "{rows:?}");
    let statuses: Vec<Value> = (0..8).map(|_| witness.row()["status"].clone()).collect();
    assert_eq!(statuses, [200, 200, 409, 409, 409, 422, 200, 409].map(Value::from));
    witness.stop();
    let known = qfs.one(&["witness", "show", "--dir", &text(&qfs.path("w"))])["logs"][0].clone();
    let conflict = std::fs::read_to_string(known["conflict"].as_str().unwrap()).unwrap();
    assert_eq!(lines_of(&serde_json::json!({ "checkpoint": conflict })), 2, "signed by the log");
}

/// WI-2, WI-4, WI-8: what the commands refuse.
#[test]
fn wi_8_commands_refuse() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let keys = format!("@{}", qfs.file("log.vkeys", log_keys(&qfs).join("\n")));
    let dir = text(&qfs.path("w"));
    let missing = qfs.refused(&["witness", "show", "--dir", &dir]);
    assert_eq!(missing, "SE_ERR_NOT_FOUND");
    assert!(!qfs.path("w").exists(), "looking makes nothing");
    let made = qfs.one(&["witness", "init", "--dir", &dir, "--name", "w.example/1"]);
    assert_eq!(made["name"], "w.example/1");
    let again = qfs.refused(&["witness", "init", "--dir", &dir, "--name", "w.example/2"]);
    assert_eq!(again, "SE_ERR_CONFLICT");
    let ledger = text(&qfs.data_dir());
    let in_ledger = qfs.refused(&["witness", "init", "--dir", &ledger, "--name", "w"]);
    assert_eq!(in_ledger, "SE_ERR_CONFLICT");
    let witness_key = made["vkeys"][1].as_str().unwrap();
    let not_a_log = qfs.refused(&["witness", "trust", "--dir", &dir, "--key", witness_key]);
    assert_eq!(not_a_log, "SE_ERR_INVALID_INPUT");
    let trusted = qfs.one(&["witness", "trust", "--dir", &dir, "--key", &keys]);
    assert_eq!(trusted["logs"][0]["size"], 0);
    let usage = |arguments: &[&str]| {
        let output = qfs.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let open = usage(&["witness", "serve", "--dir", &dir, "--listen", "0.0.0.0:0"]);
    assert!(open.contains("--plain-http"), "{open}");
    let policy = qfs.file("policy", "quorum some\n");
    let bad = usage(&["log", "cosign", "--policy", &policy]);
    assert!(bad.contains("line 1: no line before defines a witness or group \"some\""), "{bad}");
    let policy = qfs.file("policy", "quorum none\n");
    let nobody = usage(&["replay", "x", "--policy", &policy]);
    assert!(nobody.contains("give the log's keys with --key"), "{nobody}");
    let policy = qfs.file("policy", log_lines(&qfs) + "quorum none\n");
    let both = usage(&["replay", "x", "--policy", &policy, "--key", &keys]);
    assert!(both.contains("--key is for one that does not"), "{both}");
    // A policy without witnesses is a way to give keys.
    let export = text(&qfs.path("log.qfslog"));
    qfs.one(&["log", "export", &export]);
    let row = qfs.one(&["replay", &export, "--policy", &policy]);
    assert_eq!(row["cosigners"], serde_json::json!([]));
    let other = Qfs::init(&["--nodes", "3"]);
    let foreign = other.refused(&["log", "cosign", "--policy", &policy]);
    assert_eq!(foreign, "SE_ERR_INVALID_INPUT");
}
