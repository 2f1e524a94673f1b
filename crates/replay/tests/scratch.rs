//! Audits with a scratch: the same evidence, from wherever they went on (RP-17, RP-18), and audits of a part (RP-19).

mod common;

use std::{
    env, fs,
    path::Path,
    process::{self, Command},
};

use common::{GOVERNED, LARGE, SMALL, audited, pinned};
use protocol::{Hash32, error::ErrorCode};
use replay::{
    Report,
    cli::{
        scratch::{Bounds, Scratch},
        threads::{Spread, Task, audit_task},
    },
    evidence,
    workload::{
        Log,
        flow::{self, Flow, Mix},
    },
};
use storage_engine::state::{MemoryStore, store::conformance};
use tempfile::TempDir;

/// Every few entries are a transaction, every second one durable.
const TIGHT: Bounds = Bounds { interval: 8_000, durable_every: 3, cache: 1 << 20 };

/// Each transaction is durable.
const DURABLE: Bounds = Bounds { durable_every: 1, ..TIGHT };

fn kept(file: &[u8], folder: &Path, until: Option<u64>) -> Report {
    let pinned = pinned();
    let task = Task { pinned: &pinned, until, spread: Spread { preparers: 2, chunk: 7 } };
    let scratch = Scratch::open(folder, TIGHT).unwrap();
    audit_task(file, task, Some(scratch), &mut |_| ())
}

fn texts(report: &Report) -> Vec<String> {
    evidence::documents(report).iter().map(evidence::Document::to_text).collect()
}

/// The log up to some entry, as an export of its own.
fn first(log: &Log, entries: usize) -> Vec<u8> {
    Log { bodies: log.bodies[..entries].to_vec() }.export().unwrap()
}

#[test]
fn rp_17_the_map_of_a_scratch_conforms() {
    let folder = TempDir::new().unwrap();
    conformance(Scratch::open(folder.path(), TIGHT).unwrap().into_store());
}

/// RP-17: where things are kept changes nothing about what is found.
#[test]
fn rp_17_a_scratch_gives_the_same_evidence() {
    for spec in [SMALL, GOVERNED, LARGE] {
        let file = Log::generate(&spec).unwrap().export().unwrap();
        let (plain, folder) = (audited(&file, &pinned()), TempDir::new().unwrap());
        let found = kept(&file, folder.path(), None);
        assert_eq!(found.divergence, None);
        assert_eq!(texts(&found), texts(&plain));
        // Once more, from its end.
        assert_eq!(texts(&kept(&file, folder.path(), None)), texts(&plain));
    }
}

/// RP-18: each longer export of a log goes on where the one before has ended.
#[test]
fn rp_18_longer_exports_go_on() {
    let log = Log::generate(&GOVERNED).unwrap();
    let folder = TempDir::new().unwrap();
    let step = log.bodies.len() / 9;
    for entries in (1..log.bodies.len()).step_by(step).chain([log.bodies.len()]) {
        let file = first(&log, entries);
        let found = kept(&file, folder.path(), None);
        assert_eq!(texts(&found), texts(&audited(&file, &pinned())), "{entries} entries");
    }
}

/// RP-18: a forged entry after the prefix is found, and its evidence is that of one audit; what was reached before it
/// stays.
#[test]
fn rp_18_a_forgery_is_found_after_going_on() {
    let log = Log::generate(&GOVERNED).unwrap();
    let folder = TempDir::new().unwrap();
    kept(&first(&log, 60), folder.path(), None);
    let forged = common::forged(&log, 90, |body| body.epoch += 1);
    let plain = audited(&forged, &pinned());
    assert_eq!(plain.divergence.as_ref().unwrap().seq(), Some(90));
    assert_eq!(texts(&kept(&forged, folder.path(), None)), texts(&plain));
    let file = log.export().unwrap();
    assert_eq!(texts(&kept(&file, folder.path(), None)), texts(&audited(&file, &pinned())));
}

/// RP-18: a scratch of another log, and one that is ahead, are refused and stay as they are.
#[test]
fn rp_18_a_scratch_of_another_log_is_refused() {
    let log = Log::generate(&GOVERNED).unwrap();
    let file = log.export().unwrap();
    let folder = TempDir::new().unwrap();
    assert_eq!(kept(&first(&log, 100), folder.path(), None).divergence, None);
    let other = workload_of_another_seed();
    let tampered = common::forged(&log, 40, |body| body.epoch += 1);
    for (file, why) in
        [(&other, "another log"), (&tampered, "a tampered prefix"), (&first(&log, 99), "ahead")]
    {
        let found = kept(file, folder.path(), None).divergence.expect(why);
        assert_eq!(
            (found.code, found.field.as_str()),
            (ErrorCode::Conflict, "scratch"),
            "{why}: {found}"
        );
        assert!(found.message.contains("give another directory"), "{found}");
    }
    let found = kept(&file, folder.path(), Some(98)).divergence.unwrap();
    assert_eq!(found.code, ErrorCode::Conflict, "{found}");
    assert_eq!(texts(&kept(&file, folder.path(), None)), texts(&audited(&file, &pinned())));
}

fn workload_of_another_seed() -> Vec<u8> {
    replay::workload::generate(&replay::workload::Spec { seed: 99, ..GOVERNED }).unwrap()
}

/// Names the folder of a log and a scratch, and the entry after which the process is to die.
const DYING: &str = "QFS_TEST_DYING";

/// The audit that [`rp_18_an_audit_that_was_killed_goes_on`] kills; nothing by itself.
#[test]
fn rp_18_an_audit_that_dies() {
    let Ok(asked) = env::var(DYING) else { return };
    let (folder, last) = asked.rsplit_once(':').unwrap();
    let last: u64 = last.parse().unwrap();
    let file = fs::read(Path::new(folder).join("log")).unwrap();
    let pinned = pinned();
    let task = Task { pinned: &pinned, until: None, spread: Spread { preparers: 1, chunk: 8 } };
    let scratch = Scratch::open(Path::new(folder), DURABLE).unwrap();
    audit_task(file.as_slice(), task, Some(scratch), &mut |progress| {
        // No destructor runs: what is left is what a kill leaves.
        if progress.entries == last {
            process::abort();
        }
    });
}

/// RP-18: killed after any entry, again and again, an audit ends with the evidence of one run.
#[test]
fn rp_18_an_audit_that_was_killed_goes_on() {
    let log = Log::generate(&GOVERNED).unwrap();
    let (file, folder) = (log.export().unwrap(), TempDir::new().unwrap());
    fs::write(folder.path().join("log"), &file).unwrap();
    let expected = texts(&audited(&file, &pinned()));
    let mut began = 0;
    for last in (1..log.bodies.len()).step_by(23) {
        let asked = format!("{}:{last}", folder.path().display());
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "rp_18_an_audit_that_dies"]).env(DYING, asked);
        assert!(!child.output().unwrap().status.success(), "it lived beyond entry {last}");
        // Now and then one that may end; the first progress tells where it goes on.
        if last % 5 == 0 {
            let scratch = Scratch::open(folder.path(), DURABLE).unwrap();
            let task = Task { pinned: &pinned(), until: None, spread: Spread::default() };
            let mut first = None;
            let report = audit_task(file.as_slice(), task, Some(scratch), &mut |progress| {
                first.get_or_insert(progress.entries);
            });
            assert_eq!(texts(&report), expected, "after entry {last}");
            began += u64::from(first > Some(1));
            fs::remove_file(folder.path().join("scratch.redb")).unwrap();
        }
    }
    assert!(began > 0, "none went on");
}

/// RP-18: whatever happens to the bytes of a scratch, nobody panics and no verdict is wrong.
#[test]
fn rp_18_a_damaged_scratch_is_an_error() {
    let log = Log::generate(&GOVERNED).unwrap();
    let (file, folder) = (log.export().unwrap(), TempDir::new().unwrap());
    assert_eq!(kept(&first(&log, 200), folder.path(), None).divergence, None);
    let path = folder.path().join("scratch.redb");
    let sound = fs::read(&path).unwrap();
    let expected = texts(&audited(&file, &pinned()));
    let mut refused = 0;
    let mut judge = |bytes: Vec<u8>| {
        fs::write(&path, bytes).unwrap();
        let pinned = pinned();
        let task = Task { pinned: &pinned, until: None, spread: Spread::default() };
        match Scratch::open(folder.path(), TIGHT) {
            Err(_) => refused += 1,
            Ok(scratch) => {
                let report = audit_task(file.as_slice(), task, Some(scratch), &mut |_| ());
                match &report.divergence {
                    Some(found) => {
                        assert_ne!(found.code, ErrorCode::IntegrityMismatch, "{found}");
                        refused += 1;
                    }
                    // A byte that nobody reads.
                    None => assert_eq!(texts(&report), expected),
                }
            }
        }
    };
    let used = sound.iter().rposition(|byte| *byte != 0).unwrap();
    for at in (0..used).step_by(used / 60).chain(0..16) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x10;
        judge(bytes);
    }
    for len in [0, 1, 100, 4_096, sound.len() / 2, sound.len() - 1] {
        judge(sound[..len].to_vec());
    }
    judge(b"something else".to_vec());
    assert!(refused > 15, "{refused}");
}

/// RP-19: a part of a log is verified as such: forgeries after it are not found, those before are.
#[test]
fn rp_19_until() {
    let log = Log::generate(&GOVERNED).unwrap();
    let pinned = pinned();
    let until = |file: &[u8], seq| {
        let task = Task { pinned: &pinned, until: Some(seq), spread: Spread::default() };
        audit_task(file, task, None, &mut |_| ())
    };
    let forged = common::forged(&log, 90, |body| body.epoch += 1);
    for seq in [0, 1, 50, 89] {
        let report = until(&forged, seq);
        assert_eq!(report.divergence, None, "{seq}");
        assert_eq!((report.entries, report.verified_until()), (seq + 1, Some(seq)));
        assert_eq!(report.declared, log.bodies.len() as u64);
        assert!(!report.is_whole() && report.checkpoint.is_some() && report.tree_root.is_some());
        let alone = audited(&first(&log, seq as usize + 1), &pinned);
        assert_eq!(report.final_state_root, alone.final_state_root);
        assert_eq!(report.last_entry_hash, alone.last_entry_hash);
        assert_eq!(report.nodes, alone.nodes);
        assert_eq!(report.log_hash, Hash32::of(&forged[..forged.len() - 32]));
    }
    assert_eq!(until(&forged, 90).divergence.unwrap().seq(), Some(90));
    // Beyond the end it is an audit of all.
    let file = log.export().unwrap();
    assert_eq!(texts(&until(&file, u64::MAX)), texts(&audited(&file, &pinned)));
    // What is not executed is in the chain and the tree all the same.
    let mut damaged = forged.clone();
    let middle = damaged.len() - 5_000;
    damaged[middle] ^= 1;
    assert!(until(&damaged, 10).divergence.is_some());
}

/// RP-17, RP-18: a long log of every mix, in parts, with a scratch that is written many times.
#[test]
fn rp_18_long_logs_go_on_too() {
    for mix in [Mix::Stores, Mix::Mixed, Mix::Signed] {
        let flow = Flow { seed: 3, entries: 700, epoch: 90, mix };
        let mut file = Vec::new();
        flow::write(&flow, MemoryStore::default(), &mut file, &mut |_| ()).unwrap();
        let plain = audited(&file, &pinned());
        assert_eq!(plain.divergence, None, "{mix:?}");
        let folder = TempDir::new().unwrap();
        for until in [150, 333, 600] {
            assert_eq!(kept(&file, folder.path(), Some(until)).divergence, None);
        }
        assert_eq!(texts(&kept(&file, folder.path(), None)), texts(&plain), "{mix:?}");
    }
}
