//! A disk that really is full: writers go on until there is no room, and again after room was made.

use crate::{
    ledger::Target,
    witness::{Witness, re_execute},
    workload::WRITERS,
    writers::FAILED,
};
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Room on the disk, and what of it is taken by a file that is removed later.
const ROOM: u64 = 64 << 20;
const BALLAST: usize = 24 << 20;
/// Commands of each writer once there is room again.
const AFTERWARDS: u64 = 20;

type Make = dyn Fn(&Path) -> Result<Disk, String>;

/// What happened, for people.
pub struct Figures(Vec<String>);

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

/// On a file system in memory, whose writes fail at once, and on one that puts them off until they are synced.
pub fn run() -> Figures {
    let tell = |name: &str, make: &Make| {
        let scratch = tempfile::tempdir().unwrap();
        match make(scratch.path()) {
            Ok(disk) => format!("{name}: {}", fill(&disk, scratch.path())),
            Err(why) => format!("{name}: SKIPPED, nothing was tested: {why}"),
        }
    };
    Figures(vec![tell("tmpfs", &Disk::memory), tell("ext4", &Disk::image)])
}

/// A small file system, for as long as this lives.
struct Disk {
    root: PathBuf,
}

impl Disk {
    fn memory(scratch: &Path) -> Result<Self, String> {
        let root = scratch.join("memory");
        fs::create_dir(&root).unwrap();
        let size = format!("size={ROOM}");
        system("mount", &["-t", "tmpfs", "-o", &size, "torture", root.to_str().unwrap()])?;
        Ok(Self { root })
    }

    fn image(scratch: &Path) -> Result<Self, String> {
        let (root, image) = (scratch.join("image"), scratch.join("image.ext4"));
        fs::create_dir(&root).unwrap();
        fs::File::create(&image).unwrap().set_len(ROOM).unwrap();
        let image = image.to_str().unwrap();
        system("mkfs.ext4", &["-q", "-m", "0", image])?;
        system("mount", &["-o", "loop", image, root.to_str().unwrap()])?;
        Ok(Self { root })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = system("umount", &[self.root.to_str().unwrap()]);
    }
}

/// Runs a program that needs rights which a test may not have.
fn system(program: &str, words: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(words).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{program}: {}", said.trim())) }
}

fn fill(disk: &Disk, scratch: &Path) -> String {
    let ballast = disk.root.join("ballast");
    fs::write(&ballast, vec![1; BALLAST]).unwrap();
    let target = Target::create(&disk.root.join("ledger"), &scratch.join("notes"));
    let mut witness = Witness::default();
    says_full(&target.writers(WRITERS, u64::MAX >> 1).output().unwrap());
    witness.read(&target);
    let before = witness.len();
    // Whether a full disk still lets it be opened depends on what is left; what it says does not.
    let again = target.writers(WRITERS, u64::MAX >> 1).output().unwrap();
    says_full(&again);
    witness.read(&target);
    fs::remove_file(ballast).unwrap();
    drop(witness.check(&target));
    let output = target.writers(WRITERS, AFTERWARDS).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "with room again: {output:?}");
    witness.read(&target);
    let (mut ledger, _) = witness.check_whole(&target);
    let entries = re_execute(&mut ledger, scratch);
    format!(
        "full after {before} acknowledged entries, all of {} are there after room was made, and {entries} entries re-execute",
        witness.len()
    )
}

/// The process ended, with the code for limits, the file and what to do.
fn says_full(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(FAILED.into()), "{said}");
    let clear = |line: &str| {
        line.starts_with("SE_ERR_LIMIT ") && line.contains("/ledger/") && line.contains("make room")
    };
    assert!(said.lines().any(clear), "it only says: {said}");
}
