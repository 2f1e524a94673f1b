//! The binary: what it prints, writes and returns.

mod common;

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use common::{SMALL, pinned};
use replay::workload::Log;
use serde_json::Value;
use tempfile::TempDir;

struct Bench {
    folder: TempDir,
}

impl Bench {
    /// A folder with a sound log, a forged one and the keys.
    fn new() -> Self {
        let bench = Self { folder: TempDir::new().unwrap() };
        let log = Log::generate(&SMALL).unwrap();
        fs::write(bench.path("log"), log.export().unwrap()).unwrap();
        let forged = common::forged(&log, 7, |body| body.epoch += 1);
        fs::write(bench.path("forged"), forged).unwrap();
        let keys: Vec<String> = pinned().iter().map(ToString::to_string).collect();
        let text = format!("# test keys\n\n{}\n", keys.join("\n"));
        fs::write(bench.path("keys"), text).unwrap();
        bench
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().into()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        command().args(arguments).output().unwrap()
    }

    fn evidence(&self) -> Vec<Value> {
        let names = ["determinism", "economics", "replay"];
        let read = |name| fs::read(self.path(&format!("evidence/storage_{name}.json"))).unwrap();
        names.map(|name| serde_json::from_slice(&read(name)).unwrap()).into()
    }
}

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_qfs-replay"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn rp_10_a_sound_log() {
    let bench = Bench::new();
    let output = bench.run(&[&bench.path("log")]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
    assert!(text(&output.stdout).contains("passed, unpinned"));

    let keys: Vec<String> = pinned().iter().map(ToString::to_string).collect();
    let whole = bench.path("keys");
    let at = format!("@{whole}");
    for arguments in
        [vec!["--key", &at], vec!["--key", &whole], vec!["--key", &keys[0], "--key", &keys[1]]]
    {
        let output =
            command().arg(bench.path("log")).args(&arguments).arg("--json").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["ok"], true);
        assert_eq!(document["verdict"], "pinned");
        assert!(document["entries"].as_u64().unwrap() > 40);
    }
}

#[test]
fn rp_10_a_forged_log() {
    let bench = Bench::new();
    let output = bench.run(&[&bench.path("forged"), "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["ok"], false);
    assert_eq!(document["error_code"], "SE_ERR_INTEGRITY_MISMATCH");
    let detail = "entry 7, epoch: expected 1, got 2";
    assert_eq!(document["error_detail"], detail);
    assert_eq!(document.as_object().unwrap().len(), 3);
    let output = bench.run(&[&bench.path("forged")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(detail));
}

/// RP-17, RP-18: the same document with a scratch, from the start and from its end; evidence too.
#[test]
fn rp_17_a_scratch() {
    let bench = Bench::new();
    let (log, scratch) = (bench.path("log"), bench.path("scratch"));
    let plain = bench.run(&[&log, "--json"]);
    for _ in 0..2 {
        let kept = bench.run(&[&log, "--json", "--scratch", &scratch]);
        assert_eq!((text(&kept.stdout), text(&kept.stderr)), (text(&plain.stdout), String::new()));
    }
    let forged = bench.run(&[&bench.path("forged"), "--json", "--scratch", &scratch]);
    assert_eq!(forged.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&forged.stdout).unwrap();
    assert_eq!(document["error_code"], "SE_ERR_CONFLICT");
    fs::write(format!("{scratch}/scratch.redb"), "something else").unwrap();
    let damaged = bench.run(&[&log, "--json", "--scratch", &scratch]);
    assert_eq!(damaged.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&damaged.stdout).unwrap();
    assert_eq!(document["error_code"], "SE_ERR_INTERNAL");
    let detail = document["error_detail"].as_str().unwrap();
    assert!(detail.contains("give another directory, or remove this one"), "{detail}");
}

/// RP-19: how far an audit went is part of what it says; evidence is of whole logs.
#[test]
fn rp_19_until() {
    let bench = Bench::new();
    let forged = bench.path("forged");
    let whole: Value =
        serde_json::from_slice(&bench.run(&[&bench.path("log"), "--json"]).stdout).unwrap();
    assert_eq!(whole["declared_entries"], whole["entries"]);
    let output = bench.run(&[&forged, "--until", "6", "--json"]);
    assert_eq!(output.status.code(), Some(0));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&document["entries"], &document["verified_until"]), (&7.into(), &6.into()));
    assert_eq!(document["declared_entries"], whole["entries"]);
    let shown = text(&bench.run(&[&forged, "--until", "6", "--progress"]).stdout);
    assert!(shown.starts_with("verdict      passed up to entry 6, unpinned\n"), "{shown}");
    assert_eq!(bench.run(&[&forged, "--until", "7"]).status.code(), Some(1));
    let folder = bench.path("evidence");
    for usage in [&["--until", "6", "--evidence", &folder][..], &["--until", "x"]] {
        assert_eq!(bench.run(&[&[forged.as_str()], usage].concat()).status.code(), Some(2));
    }
}

/// RP-8: a failing audit replaces the evidence of one that passed, whatever it failed by.
#[test]
fn rp_8_no_evidence_outlives_a_failure() {
    let bench = Bench::new();
    let folder = bench.path("evidence");
    for file in ["forged", "missing"] {
        let run = |file: &str| {
            let output = bench.run(&[&bench.path(file), "--evidence", &folder]);
            output.status.code()
        };
        assert_eq!(run("log"), Some(0));
        assert!(bench.evidence().iter().all(|document| document["passed"] == true));
        assert_eq!(run(file), Some(1));
        for document in bench.evidence() {
            assert_eq!(document["passed"], false);
            assert!(document["divergence"]["field"].is_string());
        }
    }
    let names: Vec<_> = fs::read_dir(&folder).unwrap().collect();
    assert_eq!(names.len(), 3, "no temporary file is left");
}

/// The evidence of a path that cannot be a folder is a failure, not a silent pass.
#[test]
fn rp_10_evidence_that_cannot_be_written() {
    let bench = Bench::new();
    let output = bench.run(&[&bench.path("log"), "--evidence", &bench.path("keys"), "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["error_code"], "SE_ERR_INTERNAL");
}

/// A symbolic link in the folder is replaced, not followed.
#[cfg(unix)]
#[test]
fn rp_8_evidence_stays_in_its_folder() {
    let bench = Bench::new();
    let folder = bench.path("evidence");
    fs::create_dir(&folder).unwrap();
    let outside = bench.path("outside");
    fs::write(&outside, "mine").unwrap();
    let link = Path::new(&folder).join("storage_replay.json");
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    let output = bench.run(&[&bench.path("log"), "--evidence", &folder]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(fs::read_to_string(&outside).unwrap(), "mine");
    assert!(fs::symlink_metadata(&link).unwrap().is_file());
}

#[test]
fn rp_10_usage_errors() {
    let bench = Bench::new();
    let log = bench.path("log");
    fs::write(bench.path("no-keys"), "# nothing\n").unwrap();
    let mut wrong = pinned()[0].to_string();
    wrong.pop();
    let empty = format!("@{}", bench.path("no-keys"));
    for arguments in [
        &[][..],
        &[&log, "--nonsense"],
        &[&log, "--key", "nonsense"],
        &[&log, "--key", &wrong],
        &[&log, "--key", "@/nonexistent/keys"],
        &[&log, "--key", &empty],
    ] {
        let output = bench.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
    let help = bench.run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    let help = text(&help.stdout);
    assert!(help.contains("Examples:") && help.contains("Exit status:"), "{help}");
}

#[test]
fn rp_10_standard_input_and_missing_files() {
    let bench = Bench::new();
    let mut child = command()
        .args(["-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&fs::read(bench.path("log")).unwrap()).unwrap();
    drop(input);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));

    let output = bench.run(&[&bench.path("missing"), "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["error_code"], "SE_ERR_NOT_FOUND");
}

/// A reader that goes away changes nothing about the verdict.
#[cfg(unix)]
#[test]
fn rp_10_closed_pipes() {
    let bench = Bench::new();
    for (file, status) in [("log", 0), ("forged", 1)] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command()
            .arg(bench.path(file))
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .status()
            .unwrap();
        assert_eq!(output.code(), Some(status));
    }
}

/// The published log that `tests/vectors` has.
fn vector(name: &str) -> String {
    format!("{}/../../tests/vectors/tiles/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// RP-15, EL-24, EL-26: what somebody else published is checked with nothing but the keys.
#[test]
fn rp_15_checks_of_pieces() {
    let bench = Bench::new();
    let keys = format!("@{}", vector("vkeys"));
    let [log, old, growth] = ["", "checkpoint-200", "growth.consistency-proof"].map(vector);
    let tiles = bench.run(&["--json", "tiles", &log, "--key", &keys]);
    assert!(tiles.status.success(), "{}", text(&tiles.stderr));
    let document: Value = serde_json::from_slice(&tiles.stdout).unwrap();
    assert_eq!((&document["ok"], &document["size"]), (&true.into(), &300.into()));
    let grown = bench.run(&["consistency", &old, &growth, "--key", &keys]);
    let shown = text(&grown.stdout);
    assert!(grown.status.success() && shown.starts_with("verdict      passed\nold size     200\n"));

    let failed = |arguments: &[&str]| {
        let output = bench.run(&[arguments, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        document["error_code"].as_str().unwrap().to_owned()
    };
    let others = format!("@{}", bench.path("keys"));
    let mismatch = "SE_ERR_INTEGRITY_MISMATCH";
    assert_eq!(failed(&["tiles", &log, "--key", &others]), mismatch);
    assert_eq!(failed(&["consistency", &growth, &old, "--key", &keys]), mismatch);
    // Its entries are no entries of a ledger: proved, and still not taken for one.
    assert_eq!(failed(&["proof", &vector("entry.tlog-proof"), "--key", &keys]), mismatch);
    assert_eq!(failed(&["proof", &vector("nothing"), "--key", &keys]), "SE_ERR_NOT_FOUND");
    for usage in [&["tiles", &log][..], &[], &["--key", &keys, "tiles", &log, "--key", &keys]] {
        assert_eq!(bench.run(usage).status.code(), Some(2), "{usage:?}");
    }
}

/// RP-10, RP-20: a page whether the audit passes or not; the one of an earlier audit never outlives another.
#[test]
fn rp_20_reports_are_written() {
    let bench = Bench::new();
    let page = bench.path("audit.html");
    let run = |file: &str| bench.run(&[&bench.path(file), "--report", &page, "--json"]);
    let shown = || fs::read_to_string(&page).unwrap();
    let sound = run("log");
    assert_eq!(sound.status.code(), Some(0));
    let document: Value = serde_json::from_slice(&sound.stdout).unwrap();
    assert_eq!(document["report"], page);
    assert!(shown().contains("<strong>Passed, unpinned</strong>"));
    for (file, verdict) in [("forged", "Failed at entry 7"), ("missing", "Not audited")] {
        assert_eq!(run("log").status.code(), Some(0));
        assert_eq!(run(file).status.code(), Some(1));
        assert!(shown().contains(&format!("<strong>{verdict}</strong>")), "{file}");
    }
    let plain: Value =
        serde_json::from_slice(&bench.run(&[&bench.path("log"), "--json"]).stdout).unwrap();
    assert_eq!(plain["report"], Value::Null);
    let told = bench.run(&[&bench.path("log"), "--report", &page]);
    assert!(text(&told.stdout).contains(&format!("report       {page}")));
}

/// RP-20: a header is anybody's, too.
#[test]
fn rp_20_a_hostile_header() {
    let bench = Bench::new();
    let mut file = fs::read(bench.path("log")).unwrap();
    let (name, hostile) = (b"qfs.test/workload", b"<svg/onload=aa()>");
    let at = file.windows(name.len()).position(|window| window == name).unwrap();
    file[at..at + name.len()].copy_from_slice(hostile);
    fs::write(bench.path("hostile"), file).unwrap();
    let page = bench.path("audit.html");
    let output = bench.run(&[&bench.path("hostile"), "--report", &page]);
    assert_eq!(output.status.code(), Some(1));
    let page = fs::read_to_string(&page).unwrap();
    assert!(page.contains("&lt;svg/onload=aa()&gt;") && !page.contains("<svg/"), "{page}");
}

/// RP-10: reports that cannot be written, or must not be.
#[test]
fn rp_10_reports_that_make_no_sense() {
    let bench = Bench::new();
    let (log, folder) = (bench.path("log"), bench.path(""));
    let before = fs::read(&log).unwrap();
    let again = format!("{folder}/./log");
    for usage in [
        &[&log, "--report", &again][..],
        &[&log, "--report", &folder],
        &[&log, "--report", ".."],
        &[&log, "--against", &log, "--report", "x.html"],
        &["--report", "x.html", "tiles", &folder, "--key", "k"],
    ] {
        assert_eq!(bench.run(usage).status.code(), Some(2), "{usage:?}");
    }
    assert_eq!(fs::read(&log).unwrap(), before);
    let nowhere = bench.path("missing/x.html");
    let output = bench.run(&[&log, "--report", &nowhere, "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["error_code"], "SE_ERR_INTERNAL");
    let output = bench.run(&[&bench.path("forged"), "--report", &nowhere]);
    let errors = text(&output.stderr);
    assert!(errors.contains("report in ") && errors.contains("entry 7, epoch"), "{errors}");
}
