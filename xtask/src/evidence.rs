//! The committed evidence (RP-11): made from generated logs under published test keys, or compared with them.

use std::fs;
use std::path::{Path, PathBuf};

use replay::workload::{self, Spec};
use serde_json::Value;

use crate::{Failure, workspace};

const USAGE: &str = "evidence takes --check and --dir DIR";

/// The generated logs, each with the folder of its evidence below the one of the v13 profile.
fn logs() -> [(&'static str, Spec); 2] {
    let v13 = Spec {
        seed: 1,
        nodes: 52,
        epochs: 1_040,
        objects_per_epoch: 3,
        profile: profile(4, 0, 3),
        sample: 2,
        council_epochs: 4,
        governed: true,
    };
    let erasure = Spec {
        seed: 2,
        nodes: 32,
        epochs: 12,
        objects_per_epoch: 10,
        profile: profile(16, 6, 1),
        sample: 8,
        ..v13
    };
    [("", v13), ("erasure-16-6-1", erasure)]
}

fn profile(data: u8, parity: u8, replicas: u8) -> workload::Profile {
    workload::Profile { data, parity, replicas }
}

/// A file of evidence: its path below the folder, and its text.
type File = (PathBuf, String);

/// `cargo xtask evidence [--check] [--dir DIR]`
pub fn run(arguments: &[String]) -> Result<(), Failure> {
    let (check, folder) = read(arguments)?;
    let files = generate().map_err(Failure::Failed)?;
    if check {
        return compare(&folder, &files);
    }
    for (path, text) in &files {
        write(&folder.join(path), text).map_err(Failure::Failed)?;
    }
    println!("{} files in {}", files.len(), folder.display());
    Ok(())
}

fn read(arguments: &[String]) -> Result<(bool, PathBuf), Failure> {
    let mut check = false;
    let mut folder = workspace::root().join("evidence/storage");
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match (argument.as_str(), rest.as_slice().first()) {
            ("--check", _) => check = true,
            ("--dir", Some(value)) => {
                folder = PathBuf::from(value);
                rest.next();
            }
            _ => return Err(Failure::Usage(USAGE.into())),
        }
    }
    Ok((check, folder))
}

/// The evidence of all logs. A log that does not pass has none to commit.
fn generate() -> Result<Vec<File>, String> {
    let keys = workload::keys::verifier_keys().map_err(|error| error.to_string())?;
    let mut files = Vec::new();
    for (folder, spec) in logs() {
        let log = workload::generate(&spec).map_err(|error| error.to_string())?;
        let report = replay::audit(&log[..], &keys, &mut |_| ());
        if let Some(divergence) = &report.divergence {
            return Err(format!("the generated log {folder:?} fails: {divergence}"));
        }
        for document in replay::evidence::documents(&report) {
            if document.value.get("passed").and_then(|passed| passed.as_bool()) != Some(true) {
                return Err(format!("{folder}/{} did not pass", document.name));
            }
            files.push((Path::new(folder).join(document.name), document.to_text()));
        }
    }
    Ok(files)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("{}: {error}", path.display()))
}

/// Fails with what differs, file by file and field by field.
fn compare(folder: &Path, files: &[File]) -> Result<(), Failure> {
    let mut faults = Vec::new();
    for (path, expected) in files {
        match fs::read_to_string(folder.join(path)) {
            Ok(found) if found == *expected => {}
            Ok(found) => {
                let fields = differing(expected, &found);
                faults.push(format!("{} differs: {fields}", path.display()));
            }
            Err(error) => faults.push(format!("{}: {error}", path.display())),
        }
    }
    faults.extend(strangers(folder, files));
    if faults.is_empty() {
        println!("{} files as generated", files.len());
        return Ok(());
    }
    faults.push(
        "`cargo xtask evidence` writes them anew; look at the difference before committing it"
            .into(),
    );
    Err(Failure::Failed(faults.join("\n")))
}

/// The top-level fields whose values differ.
fn differing(expected: &str, found: &str) -> String {
    let parse = |text| serde_json::from_str::<Value>(text).ok();
    let (Some(Value::Object(expected)), Some(Value::Object(found))) =
        (parse(expected), parse(found))
    else {
        return "it is not a JSON object".into();
    };
    let mut names: Vec<&str> = expected
        .iter()
        .filter(|(name, value)| found.get(*name) != Some(value))
        .map(|(name, _)| name.as_str())
        .collect();
    names.extend(found.keys().filter(|name| !expected.contains_key(*name)).map(String::as_str));
    if names.is_empty() { "its bytes are not canonical".into() } else { names.join(", ") }
}

/// Files beside the evidence that no run writes: evidence of something that is gone.
fn strangers(folder: &Path, files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        files.iter().filter_map(|(path, _)| path.parent().map(Path::to_path_buf)).collect();
    folders.dedup();
    for below in folders {
        let entries = fs::read_dir(folder.join(&below)).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.path().is_file()) {
            let path = below.join(entry.file_name());
            if !files.iter().any(|(known, _)| *known == path) {
                found.push(format!("{} is written by no run", path.display()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(list: &[&str]) -> Result<(bool, PathBuf), Failure> {
        read(&list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn command_lines() {
        let (check, folder) = arguments(&["--dir", "x", "--check"]).unwrap();
        assert!(check && folder == Path::new("x"));
        assert!(arguments(&[]).unwrap().1.ends_with("evidence/storage"));
        for wrong in [&["--dir"][..], &["--nonsense"], &["x"]] {
            assert!(matches!(arguments(wrong), Err(Failure::Usage(_))), "{wrong:?}");
        }
    }

    #[test]
    fn differences_are_named() {
        for (found, expected) in [
            (r#"{"a":1,"b":3}"#, "b"),
            (r#"{"a":1}"#, "b"),
            (r#"{"a":1,"b":2,"c":3}"#, "c"),
            (r#"{"b":2,"a":1}"#, "its bytes are not canonical"),
            ("nonsense", "it is not a JSON object"),
        ] {
            assert_eq!(differing(r#"{"a":1,"b":2}"#, found), expected);
        }
    }

    #[test]
    fn changed_missing_and_foreign_files_are_found() {
        let folder =
            std::env::temp_dir().join(format!("qfs-xtask-evidence-{}", std::process::id()));
        let files = vec![(PathBuf::from("a.json"), "{}\n".to_owned())];
        let fails = |expected: &str| {
            let Err(Failure::Failed(message)) = compare(&folder, &files) else {
                panic!("`{expected}` was not found")
            };
            assert!(message.contains(expected), "{message}");
        };
        fails("a.json: ");
        write(&folder.join("a.json"), "{}\n").unwrap();
        assert!(compare(&folder, &files).is_ok());
        write(&folder.join("a.json"), "{\"passed\":true}\n").unwrap();
        fails("a.json differs: passed");
        write(&folder.join("a.json"), "{}\n").unwrap();
        write(&folder.join("b.json"), "{}\n").unwrap();
        fails("b.json is written by no run");
        fs::remove_dir_all(&folder).unwrap();
    }
}
