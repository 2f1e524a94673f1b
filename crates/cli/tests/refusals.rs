//! Bad input at the command line: a numbered error, the contract's exit status, and the log as it should be.

mod common;

use common::{Qfs, noise};
use std::{
    io::Read,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

/// Refused before the log: nothing is written.
#[test]
fn what_is_refused_before_the_log_is_not_logged() {
    let qfs = Qfs::init(&["--nodes", "4"]);
    let file = qfs.file("x", "x");
    let long = format!(r#"{{"k":"{}"}}"#, "x".repeat(17 * 1024));
    let long_id = "x".repeat(1025);
    let before = qfs.standing();
    let put = |more: &[&str]| qfs.refused(&[&["put", &file], more].concat());
    for (code, more) in [
        ("SE_ERR_INVALID_INPUT", &["--metadata", "not json"][..]),
        ("SE_ERR_INVALID_INPUT", &["--metadata", "[1]"]),
        ("SE_ERR_INVALID_INPUT", &["--metadata", r#"{"a":1.5}"#]),
        ("SE_ERR_INVALID_INPUT", &["--metadata", r#"{"a":1e2}"#]),
        ("SE_ERR_INVALID_INPUT", &["--metadata", r#"{"a":1,"a":2}"#]),
        ("SE_ERR_INVALID_INPUT", &["--metadata", r#"{"openagi_score":1000001}"#]),
        ("SE_ERR_LIMIT", &["--metadata", &long]),
        ("SE_ERR_NOT_FOUND", &["--metadata", "@/no/such/file"]),
        ("SE_ERR_INVALID_VERSION", &["--version", "0"]),
        ("SE_ERR_INVALID_INPUT", &["--object-id", ""]),
        ("SE_ERR_LIMIT", &["--object-id", &long_id]),
    ] {
        assert_eq!(put(more), code, "{more:.40?}");
    }
    assert_eq!(qfs.refused(&["put", "/no/such/file"]), "SE_ERR_NOT_FOUND");
    assert_eq!(qfs.refused(&["node", "status", "nobody"]), "SE_ERR_NOT_FOUND");
    assert_eq!(qfs.refused(&["node", "register", "../x"]), "SE_ERR_INVALID_INPUT");
    assert_eq!(
        qfs.refused(&["node", "register", "n", "--public-key", "00ff"]),
        "SE_ERR_INVALID_INPUT"
    );
    assert_eq!(qfs.refused(&["get", "missing", "-o", "/dev/null"]), "SE_ERR_NOT_FOUND");
    assert_eq!(qfs.refused(&["purge", "missing", "0"]), "SE_ERR_INVALID_VERSION");
    assert_eq!(qfs.refused(&["rewards", "--epoch", "7"]), "SE_ERR_NOT_FOUND");
    assert_eq!(qfs.refused(&["epoch", "show", "--epoch", "7"]), "SE_ERR_NOT_FOUND");
    assert_eq!(qfs.refused(&["batch", "/no/such/file"]), "SE_ERR_NOT_FOUND");
    assert_eq!(qfs.refused(&["init"]), "SE_ERR_CONFLICT");
    assert_eq!(qfs.standing(), before);
}

/// Refused in the log: one entry more, the state as it was, no fee.
#[test]
fn what_the_ledger_refuses_is_logged_and_changes_nothing() {
    let qfs = Qfs::init(&["--nodes", "4"]);
    let file = qfs.file("x", "x");
    qfs.ok(&["put", &file, "--version", "3"]);
    for (code, arguments) in [
        ("SE_ERR_INVALID_VERSION", &["put", &file, "--version", "3"][..]),
        ("SE_ERR_INVALID_VERSION", &["put", &file, "--version", "2"]),
        ("SE_ERR_NOT_FOUND", &["rm", "missing"]),
        ("SE_ERR_NOT_FOUND", &["purge", "x", "9"]),
        ("SE_ERR_CONFLICT", &["node", "register", "node-000"]),
    ] {
        let (entries, root) = qfs.standing();
        let fees = qfs.one(&["epoch", "show"])["fees"].clone();
        assert_eq!(qfs.refused(arguments), code, "{arguments:?}");
        assert_eq!(qfs.standing(), (entries + 1, root), "{arguments:?}");
        assert_eq!(qfs.one(&["epoch", "show"])["fees"], fees);
        let rows = qfs.ok(&["log", "show", "--from", &entries.to_string()]);
        assert_eq!(rows[0]["outcome"], code);
    }
    // A refused put of other content must not touch what is acknowledged.
    let other = qfs.file("y/x", "other");
    assert_eq!(qfs.refused(&["put", &other, "--version", "3"]), "SE_ERR_INVALID_VERSION");
    assert_eq!(qfs.get("x", &[]), b"x");
}

#[test]
fn usage_errors() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let (a, b) = (qfs.file("a/same", "x"), qfs.file("b/same", "y"));
    qfs.usage(&[]);
    qfs.usage(&["nonsense"]);
    qfs.usage(&["put"]);
    qfs.usage(&["put", &a, &b]);
    qfs.usage(&["put", &a, &b, "--object-id", "o"]);
    qfs.usage(&["put", "-"]);
    qfs.usage(&["get", "x"]);
    qfs.usage(&["ls", "--filter", "novalue"]);
    qfs.usage(&["put", &a, "--version", "-1"]);
    qfs.usage(&["audit", "run", "--all", "--sample", "3"]);
    let empty = Qfs::empty();
    empty.usage(&["init", "--nodes", "0"]);
    empty.usage(&["init", "--node", "a", "--node", "a"]);
    empty.usage(&["init", "--profile", "imaginary"]);
    assert_eq!(empty.refused(&["init", "--nodes", "401"]), "SE_ERR_LIMIT");
    assert_eq!(empty.refused(&["ls"]), "SE_ERR_NOT_FOUND");
    empty.ok(&["init", "--nodes", "3"]);
    empty.ok(&["log", "verify"]);
    for command in [
        "init", "put", "get", "proof", "ls", "batch", "replay", "repair", "gov", "credit",
        "account", "score",
    ] {
        let output = qfs.run(&[command, "--help"]);
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("Example"), "{command} --help");
    }
}

#[test]
fn no_ledger_and_a_ledger_in_use() {
    let empty = Qfs::empty();
    assert_eq!(empty.refused(&["ls"]), "SE_ERR_NOT_FOUND");
    assert!(!empty.data_dir().exists(), "asking makes nothing");
    let qfs = Qfs::init(&["--nodes", "3"]);
    let mut holder = qfs.command(&["batch", "-"]);
    let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut pipe = holder.stdin.take().unwrap();
    std::io::Write::write_all(&mut pipe, b"[\"ls\"]\n[\"epoch\",\"show\"]\n").unwrap();
    let mut first = [0; 1];
    holder.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(qfs.refused(&["ls"]), "SE_ERR_BUSY");
    drop(pipe);
    assert!(holder.wait().unwrap().success());
    qfs.ok(&["ls"]);
}

#[test]
fn objects_never_leave_the_directory_they_are_given() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let file = qfs.file("x", "x");
    let (out, outside) = (qfs.path("out"), qfs.path("outside"));
    std::fs::create_dir(&out).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, out.join("link")).unwrap();
    for id in ["/absolute", "../up", "a/../../up", "link/x"] {
        qfs.ok(&["put", &file, "--object-id", id]);
        assert_eq!(
            qfs.refused(&["get", id, "-o", out.to_str().unwrap()]),
            "SE_ERR_INVALID_INPUT",
            "{id}"
        );
    }
    assert_eq!(std::fs::read_dir(outside).unwrap().count(), 0);
    qfs.ok(&["put", &file, "--object-id", "deep/er/x"]);
    qfs.ok(&["get", "deep/er/x", "-o", out.to_str().unwrap()]);
    assert_eq!(std::fs::read(out.join("deep/er/x")).unwrap(), b"x");
    assert_eq!(qfs.refused(&["get", "deep/er/x", "-o", "/no/such/dir/file"]), "SE_ERR_NOT_FOUND");
}

#[test]
fn a_closed_pipe_is_an_error_and_not_a_panic() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    let file = qfs.file("x", noise(1, 3_000_000));
    qfs.ok(&["put", &file]);
    let dir = qfs.data_dir();
    for arguments in ["get x", "log show", "ls"] {
        let program = env!("CARGO_BIN_EXE_qfs");
        // The reader is gone before the first byte.
        let script = format!(
            "{{ sleep 0.2; exec {program} --data-dir {} {arguments}; }} | true; echo ${{PIPESTATUS[0]}}",
            dir.display()
        );
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "1", "{arguments}");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            errors.contains("SE_ERR_") && !errors.contains("panicked"),
            "{arguments}: {errors}"
        );
    }
}

/// Root reads everything, so this shows the refusal only to others; as root it runs the program as nobody.
#[test]
fn a_directory_without_permission() {
    let qfs = Qfs::empty();
    let locked = qfs.path("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    let program = qfs.path("qfs");
    std::fs::copy(env!("CARGO_BIN_EXE_qfs"), &program).unwrap();
    let home = program.parent().unwrap();
    std::fs::set_permissions(home, std::fs::Permissions::from_mode(0o777)).unwrap();
    let mut command = Command::new(&program);
    command.args(["--json", "--data-dir"]).arg(locked.join("ledger")).arg("init");
    if rustix::process::geteuid().is_root() {
        use std::os::unix::process::CommandExt;
        command.uid(65_534).gid(65_534);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("SE_ERR_INVALID_INPUT") && shown.contains("locked"), "{shown}");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o700)).unwrap();
}
