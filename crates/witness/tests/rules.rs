//! What a witness accepts and what it refuses: rules WI-4 and WI-5.

mod common;

use common::{DIR, History, NAME, ORIGIN, log_keys, made, policy, signers, witness_keys};
use disk::{Disk, DiskFile, files, sim::SimDisk};
use eqm_log::{Note, VerifierKey};
use proptest::prelude::*;
use protocol::signature::{SeedSigner, Signer, Suite};
use std::{collections::BTreeMap, path::Path};
use witness::{KnownLog, Refusal, Witness, WitnessError};

fn open(disk: &SimDisk) -> Result<Witness<SimDisk>, WitnessError> {
    Witness::open(disk.clone(), Path::new(DIR), signers())
}

fn seen(witness: &Witness<SimDisk>) -> u64 {
    witness.logs()[0].size
}

/// WI-5: each request, with the status it comes to and the size that is kept afterwards.
#[test]
fn wi_5_each_refusal_in_its_order() {
    let disk = SimDisk::new(1);
    let witness = made(&disk, Path::new(DIR));
    let (one, fork) = (History::new(0, 1, 40), History::new(8, 2, 40));
    let other = {
        let signers =
            [Suite::Ed25519, Suite::MlDsa44].map(|suite| SeedSigner::from_seed(suite, [9; 32]));
        let checkpoint =
            eqm_log::Checkpoint { origin: "qfs.example/other".into(), size: 3, root: one.root(3) };
        checkpoint.sign("qfs.example/other", &signers[0], &signers[1]).unwrap()
    };
    let unsigned = one.request(5, 9).replace("\n9\n", "\n10\n");
    let proved = one.request(5, 9);
    let hash = one.path(5, 9)[0].to_base64();
    for (what, request, status, kept) in [
        ("no text", String::from("old 0"), 400, 0),
        ("no checkpoint", "old 0\n\nnothing\n".into(), 400, 0),
        ("another log", format!("old 0\n\n{other}"), 404, 0),
        ("an old size that was never seen", one.request(2, 5), 409, 0),
        ("a proof from nothing", format!("old 0\n{hash}\n\n{}", one.note(5)), 422, 0),
        ("the first checkpoint", one.request(0, 5), 200, 5),
        ("the same again", one.request(5, 5), 200, 5),
        ("the same again from nothing", one.request(0, 5), 409, 5),
        ("the same with a proof", format!("old 5\n{hash}\n\n{}", one.note(5)), 422, 5),
        ("another root of that size", fork.request(5, 5), 409, 5),
        ("old above new", one.request(5, 3), 400, 5),
        ("a smaller log", one.request(3, 4), 409, 5),
        ("a changed size", unsigned, 403, 5),
        ("no proof", format!("old 5\n\n{}", one.note(9)), 422, 5),
        ("a wrong proof", proved.replace(&hash, &one.root(3).to_base64()), 422, 5),
        ("the fork's own proof", fork.request(5, 9), 422, 5),
        ("the next checkpoint", proved, 200, 9),
        ("the next checkpoint again", one.request(5, 9), 409, 9),
        ("a step of many", one.request(9, 40), 200, 40),
        ("the fork at that size", fork.request(40, 40), 409, 40),
    ] {
        let answer = witness.add_checkpoint(request.as_bytes(), 7);
        let found = answer.as_ref().map_or_else(Refusal::status, |_| 200);
        assert_eq!((found, seen(&witness)), (status, kept), "{what}: {answer:?}");
        if let Err(refusal) = answer {
            assert_eq!(refusal.seen(), (status == 409).then_some(kept), "{what}");
        }
    }
    assert_eq!(witness.add_checkpoint(&[0xff; 9], 7), Err(Refusal::NotAText));
    // WI-5: the first checkpoint of the other history is kept, and signed by the log as much as the one that was cosigned.
    let conflict = witness.logs()[0].conflict.clone().unwrap();
    let kept = files::read(&disk, &conflict, 1 << 20).unwrap().unwrap();
    assert_eq!(String::from_utf8(kept).unwrap(), fork.note(5));
    assert_eq!(open(&disk).unwrap().logs(), witness.logs());
}

/// WI-1, WI-6: what it gives are cosignatures by all its keys, with the time, which satisfy a policy.
#[test]
fn wi_6_cosignatures_satisfy_a_policy() {
    let witness = made(&SimDisk::new(1), Path::new(DIR));
    let log = History::new(0, 1, 9);
    let cosigned = witness.add_checkpoint(log.request(0, 9).as_bytes(), 1_679_315_147).unwrap();
    assert_eq!((cosigned.checkpoint.size, cosigned.checkpoint.root), (9, log.root(9)));
    let note = log.note(9) + &cosigned.lines;
    let found = policy().check(&note).unwrap();
    let times: Vec<u64> = found.cosigners.iter().map(|cosigner| cosigner.time).collect();
    assert_eq!((found.cosigners.len(), times), (2, vec![1_679_315_147; 2]));
    let keys: Vec<u32> = witness_keys().iter().map(VerifierKey::key_id).collect();
    let lines = Note::parse(&note).unwrap().signatures;
    assert_eq!(lines[2..].iter().map(|line| line.key_id).collect::<Vec<_>>(), keys);
    assert_eq!(witness.vkeys().unwrap(), witness_keys());
}

/// WI-4: the record is there after a restart, and a log's new keys come beside its old ones.
#[test]
fn wi_4_memory_outlives_the_process() {
    let disk = SimDisk::new(1);
    let log = History::new(0, 1, 20);
    let witness = made(&disk, Path::new(DIR));
    witness.add_checkpoint(log.request(0, 9).as_bytes(), 7).unwrap();
    drop(witness);
    let mut witness = open(&disk).unwrap();
    let known = KnownLog { origin: ORIGIN.into(), size: 9, conflict: None };
    assert_eq!((witness.name(), witness.logs()), (NAME, vec![known]));
    let next = SeedSigner::from_seed(Suite::Ed25519, [50; 32]).public_key();
    let keys = [VerifierKey::new(ORIGIN, &next).unwrap(), log_keys()[1].clone()];
    witness.trust(&keys).unwrap();
    witness.trust(&keys).unwrap();
    let witness = open(&disk).unwrap();
    assert_eq!(seen(&witness), 9, "more keys change nothing about what was cosigned");
    witness.add_checkpoint(log.request(9, 20).as_bytes(), 7).unwrap();
    let names = disk.list(&Path::new(DIR).join("logs")).unwrap();
    let bytes = files::read(&disk, &Path::new(DIR).join("logs").join(&names[0]), 1 << 20);
    let text = String::from_utf8(bytes.unwrap().unwrap()).unwrap();
    let kept: String = log_keys().iter().chain(&keys[..1]).map(|key| format!("{key}\n")).collect();
    assert_eq!(text, format!("qfs-witness-log@v1\n{kept}\n{}", log.note(20)));
    assert_eq!(names[0].len(), 68);
}

/// WI-4: a witness whose memory was changed does not open; one that lost a record does not know the log.
#[test]
fn wi_4_a_changed_memory_stops_the_witness() {
    let log = History::new(0, 1, 9);
    for bit in 0..200 {
        let disk = SimDisk::new(bit);
        made(&disk, Path::new(DIR)).add_checkpoint(log.request(0, 9).as_bytes(), 7).unwrap();
        let logs = Path::new(DIR).join("logs");
        let path = logs.join(&disk.list(&logs).unwrap()[0]);
        let bit = disk.rot(&path).unwrap();
        assert!(open(&disk).is_err(), "bit {bit}");
    }
    let disk = SimDisk::new(1);
    made(&disk, Path::new(DIR)).add_checkpoint(log.request(0, 9).as_bytes(), 7).unwrap();
    let logs = Path::new(DIR).join("logs");
    let path = logs.join(&disk.list(&logs).unwrap()[0]);
    disk.rename(&path, &logs.join(format!("{:064}.log", 0))).unwrap();
    assert!(matches!(open(&disk), Err(WitnessError::Damaged { .. })), "the record of another log");
    disk.remove(&logs.join(format!("{:064}.log", 0))).unwrap();
    let forgetful = open(&disk).unwrap();
    let answer = forgetful.add_checkpoint(log.request(0, 5).as_bytes(), 7);
    assert_eq!(answer, Err(Refusal::UnknownLog(ORIGIN.into())));
}

/// WI-4: names, keys and directories that make no witness.
#[test]
fn wi_4_what_makes_no_witness_is_refused() {
    let disk = SimDisk::new(1);
    let dir = Path::new(DIR);
    assert!(matches!(open(&disk), Err(WitnessError::Missing(_))));
    for name in ["", "a b", "a+b", "a\nb"] {
        let made = Witness::create(&disk, dir, name, &signers());
        assert!(matches!(made, Err(WitnessError::Key(_))), "{name:?}");
    }
    Witness::create(&disk, dir, NAME, &signers()).unwrap();
    let again = Witness::create(&disk, dir, "another", &signers());
    assert!(matches!(again, Err(WitnessError::Exists(_))));
    let mut witness = open(&disk).unwrap();
    let [ed, pq] = &log_keys()[..] else { panic!("two keys") };
    let foreign = VerifierKey::new("qfs.example/other", pq.public_key()).unwrap();
    for keys in [
        vec![],
        vec![ed.clone()],
        vec![pq.clone()],
        vec![ed.clone(), foreign],
        vec![ed.clone(), pq.clone(), VerifierKey::cosigner(ORIGIN, ed.public_key()).unwrap()],
    ] {
        assert!(matches!(witness.trust(&keys), Err(WitnessError::NotALog(_))), "{keys:?}");
    }
    assert_eq!(witness.logs(), []);
}

/// WI-7: after a write that failed, nothing is cosigned until the witness is opened again.
#[test]
fn wi_7_a_failed_write_ends_cosigning() {
    let disk = SimDisk::new(1);
    let log = History::new(0, 1, 20);
    let witness = made(&disk, Path::new(DIR));
    witness.add_checkpoint(log.request(0, 5).as_bytes(), 7).unwrap();
    disk.set_faults(disk::sim::Faults { failing_sync: 1, ..Default::default() });
    assert_eq!(witness.add_checkpoint(log.request(5, 9).as_bytes(), 7), Err(Refusal::Broken));
    disk.set_faults(disk::sim::Faults::default());
    for request in [log.request(5, 5), log.request(5, 9)] {
        assert_eq!(witness.add_checkpoint(request.as_bytes(), 7), Err(Refusal::Broken));
    }
    let witness = open(&disk).unwrap();
    assert_eq!(seen(&witness), 5);
    witness.add_checkpoint(log.request(5, 9).as_bytes(), 7).unwrap();
    // A file of the disk is still open to others: the witness holds none.
    assert!(disk.open(Path::new("/witness/witness")).unwrap().len().unwrap() > 0);
}

/// A request of a random sequence: which history, from which size (exactly what was seen, or any), to which.
type Asked = (bool, Option<u64>, u64);

fn asked() -> impl Strategy<Value = Vec<Asked>> {
    let size = 0_u64..48;
    prop::collection::vec((any::<bool>(), prop::option::of(size.clone()), size), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// WI-5: two histories that part at some entry ask in any order, restarts between: whatever was cosigned is one history.
    #[test]
    fn wi_5_one_history_only(common in 0_u64..40, requests in asked(), restarts in any::<u32>()) {
        let histories = [History::new(common, 1, 48), History::new(common, 2, 48)];
        let disk = SimDisk::new(common);
        let mut witness = made(&disk, Path::new(DIR));
        let mut cosigned = BTreeMap::new();
        for (number, (fork, old, new)) in requests.into_iter().enumerate() {
            let history = &histories[usize::from(fork)];
            let request = history.request(old.unwrap_or(seen(&witness)), new);
            if let Ok(answer) = witness.add_checkpoint(request.as_bytes(), 7) {
                cosigned.insert((answer.checkpoint.size, answer.checkpoint.root), ());
            }
            if restarts & (1 << number) != 0 {
                witness = open(&disk).unwrap();
            }
        }
        let all_in = |history: &History| {
            cosigned.keys().all(|(size, root)| history.root(*size) == *root)
        };
        prop_assert!(all_in(&histories[0]) || all_in(&histories[1]), "{cosigned:?}");
    }

    #[test]
    fn wi_5_any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC*") {
        let witness = made(&SimDisk::new(1), Path::new(DIR));
        prop_assert!(witness.add_checkpoint(&bytes, 7).is_err());
        let request = format!("old 0\n\n{text}");
        prop_assert!(witness.add_checkpoint(request.as_bytes(), 7).is_err());
    }
}
