//! Opening a ledger again, whatever happened to it: recovery by re-execution, and damage that must stop it.

use journal::{JournalError, Ledger, Submitted, ledger::NewNode, segment};
use protocol::{
    AccountId, Action, Authorization, Command, CommandId, Hash32, NodeId, ObjectId, Outcome,
    Parameters, Profile, Rules,
    command::{AdvanceEpoch, Content, Custody, OpenAudit, Store},
    error::ErrorCode,
    layout::Layout,
    node::FailureDomain,
    signature::Signer,
};
use std::path::{Path, PathBuf};
use storage_engine::{content::hash_commit, shard_tree};

fn create(dir: &Path) -> Ledger {
    let nodes: Vec<NewNode> = (0..4)
        .map(|n| NewNode { node_id: NodeId(format!("node-{n}")), domain: FailureDomain::default() })
        .collect();
    let (ledger, results) =
        Ledger::create(dir, Parameters::v13(Profile::QFS_V13), Rules::v13(), &nodes).unwrap();
    for result in results {
        assert!(matches!(result, Submitted::Logged { refusal: None, .. }), "{result:?}");
    }
    ledger
}

fn id(number: u64) -> CommandId {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&number.to_be_bytes());
    CommandId(id)
}

/// A store of an empty object, which needs no shards.
fn store(ledger: &Ledger, number: u64) -> Command {
    let layout = Layout {
        size: 0,
        block_size: 262_144,
        profile: Profile::QFS_V13,
        roots: vec![shard_tree::empty_root(); 4],
    };
    let store = Store {
        object: ObjectId(format!("object-{number}")),
        version: 1,
        epoch: 1,
        hash_commit: hash_commit(b"", b"{}"),
        metadata: b"{}".to_vec(),
        content: Content::Single(layout),
        custody: Custody::Claimed,
    };
    Command {
        id: id(number),
        valid_until_epoch: 1,
        payer: AccountId::of(&ledger.operator().unwrap().public_key()),
        action: Action::Store(store),
        authorization: Authorization::Operator,
    }
}

fn stores(ledger: &Ledger, numbers: std::ops::Range<u64>) -> Vec<Command> {
    numbers.map(|number| store(ledger, number)).collect()
}

fn standing(ledger: &mut Ledger) -> (u64, Hash32, Hash32) {
    let root = ledger.state_root().unwrap();
    (ledger.len(), ledger.entry(ledger.len() - 1).unwrap().unwrap().entry_hash(), root)
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> =
        std::fs::read_dir(dir.join("log")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The process ended without a word: nothing was flushed, and everything is executed again.
#[test]
fn jo_6_an_unflushed_state_is_rebuilt_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = create(dir.path());
    let commands = stores(&ledger, 0..300);
    ledger.submit(commands).unwrap();
    let before = standing(&mut ledger);
    drop(ledger);
    let (mut ledger, recovery) = Ledger::open(dir.path()).unwrap();
    assert_eq!(recovery.re_executed, recovery.entries);
    assert_eq!(standing(&mut ledger), before);
}

#[test]
fn jo_6_a_flushed_state_is_taken_up_and_a_lost_one_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = create(dir.path());
    let commands = stores(&ledger, 0..2_000);
    ledger.submit(commands).unwrap();
    let before = standing(&mut ledger);
    ledger.close().unwrap();
    let (mut ledger, recovery) = Ledger::open(dir.path()).unwrap();
    assert_eq!(recovery.re_executed, 0, "a clean end leaves nothing to do");
    assert_eq!(standing(&mut ledger), before);
    let proof = ledger.prove(1_234).unwrap();
    let entry = ledger.entry(1_234).unwrap().unwrap();
    let leaf = eqm_log::tree::entry_leaf(&entry.prev_entry_hash, &entry.body);
    proof.verify(&leaf, &ledger.verifier_keys().unwrap()).unwrap();
    drop(ledger);
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    let (mut ledger, recovery) = Ledger::open(dir.path()).unwrap();
    assert_eq!(recovery.re_executed, recovery.entries);
    assert_eq!(standing(&mut ledger), before);
}

/// The state is behind the log by some entries, at every distance.
#[test]
fn jo_6_a_state_behind_the_log_catches_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = create(dir.path());
    let commands = stores(&ledger, 0..1_500);
    ledger.submit(commands).unwrap();
    ledger.close().unwrap();
    for number in 1_500..1_505 {
        let (mut ledger, recovery) = Ledger::open(dir.path()).unwrap();
        assert_eq!(recovery.re_executed, number - 1_500);
        let command = store(&ledger, number);
        ledger.submit(vec![command]).unwrap();
    }
}

/// An entry that execution waits behind, for its hash or to keep the state, is waited for when it is executed again,
/// also where it is not the last.
#[test]
fn jo_6_entries_behind_a_barrier_are_executed_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = create(dir.path());
    let ledger_id = ledger.state().ledger_id().unwrap();
    let operator = ledger.operator().unwrap();
    let record = ledger.state().ledger().unwrap().clone();
    let mut audit = store(&ledger, 1);
    audit.action = Action::OpenAudit(OpenAudit::All);
    let mut advance = store(&ledger, 2);
    let nodes = ledger.state().nodes();
    advance.action = Action::AdvanceEpoch(AdvanceEpoch {
        closes: 1,
        registry_hash: record.registry_hash,
        registry: nodes.iter().filter_map(|node| node.registry.clone()).collect(),
        telemetry_hash: record.telemetry_hash,
        telemetry: nodes.iter().filter_map(|node| node.telemetry.clone()).collect(),
    });
    let mut commands = vec![audit.sign(&ledger_id, &operator)];
    commands.extend(stores(&ledger, 3..1_503));
    commands.push(advance.sign(&ledger_id, &operator));
    commands.extend(stores(&ledger, 1_503..1_510));
    for result in ledger.submit(commands).unwrap() {
        assert!(matches!(result, Submitted::Logged { .. }), "{result:?}");
    }
    assert_eq!(ledger.state().epoch(), 2);
    let before = standing(&mut ledger);
    ledger.close().unwrap();
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    let (mut ledger, recovery) = Ledger::open(dir.path()).unwrap();
    assert_eq!(recovery.re_executed, recovery.entries);
    assert_eq!(standing(&mut ledger), before);
}

/// The log was changed and its checksum made right again: re-execution or the chain notices.
#[test]
fn jo_6_a_forged_entry_stops_the_opening() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = create(dir.path());
    let commands = stores(&ledger, 0..3);
    ledger.submit(commands).unwrap();
    drop(ledger);
    let path = segments(dir.path()).remove(0);
    let bytes = std::fs::read(&path).unwrap();
    let mut groups = Vec::new();
    let mut at = segment::HEADER_LEN;
    // The groups end where the zeros ahead of them begin.
    while let Some(frame) = bytes[at..].first_chunk().and_then(segment::Frame::from_bytes) {
        let len = frame.len;
        at += segment::FRAME_LEN;
        groups.push(segment::Group::from_payload(&bytes[at..at + len]).unwrap());
        at += len;
    }
    let last = groups.last_mut().unwrap();
    // The last byte of the object's number: another object than was acknowledged.
    let body = last.bodies.last_mut().unwrap();
    let name = body.windows(8).position(|window| window == b"object-2").unwrap();
    body[name + 7] = b'9';
    let mut forged = bytes[..segment::HEADER_LEN].to_vec();
    for segment::Group { start, cursor, bodies } in &groups {
        let at = forged.len() as u64;
        forged.extend(segment::encode_group(at, start, cursor, bodies).unwrap());
    }
    std::fs::write(&path, forged).unwrap();
    // A store of another object is a valid entry by itself; the signed checkpoint knows the entries of creation
    // only, so this forgery is caught by the placement that the entry carries.
    let error = Ledger::open(dir.path()).err().unwrap();
    assert!(matches!(error, JournalError::Damaged(_)), "{error}");
    assert_eq!(error.code(), ErrorCode::IntegrityMismatch);
}

#[test]
fn jo_6_a_log_shorter_than_its_checkpoint_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = create(dir.path());
    let commands = stores(&ledger, 0..3);
    ledger.submit(commands).unwrap();
    let short = std::fs::read(&segments(dir.path())[0]).unwrap();
    let commands = stores(&ledger, 3..6);
    ledger.submit(commands).unwrap();
    ledger.close().unwrap();
    // A whole group is missing: indistinguishable from a torn write, but for the checkpoint.
    std::fs::write(&segments(dir.path())[0], short).unwrap();
    std::fs::remove_dir_all(dir.path().join("state")).unwrap();
    let error = Ledger::open(dir.path()).err().unwrap().to_string();
    assert!(error.contains("entries are lost"), "{error}");
}

#[test]
fn repeated_commands_get_their_first_receipt() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = create(dir.path());
    let command = store(&ledger, 7);
    let first = match ledger.submit(vec![command.clone()]).unwrap().remove(0) {
        Submitted::Logged { receipt, .. } => receipt,
        other => panic!("{other:?}"),
    };
    let len = ledger.len();
    // In the same batch, in a later one, and after a restart.
    let again = ledger.submit(vec![command.clone(), command.clone()]).unwrap();
    assert_eq!(again, [Submitted::Repeated(first.clone()), Submitted::Repeated(first.clone())]);
    drop(ledger);
    let (mut ledger, _) = Ledger::open(dir.path()).unwrap();
    assert_eq!(ledger.submit(vec![command.clone()]).unwrap(), [Submitted::Repeated(first)]);
    let mut other = store(&ledger, 8);
    other.id = command.id;
    match ledger.submit(vec![other]).unwrap().remove(0) {
        Submitted::Refused(refusal) => assert_eq!(refusal.code, ErrorCode::Conflict),
        other => panic!("{other:?}"),
    }
    assert_eq!(ledger.len(), len, "a repeated command and a conflict consume no seq");
}

#[test]
fn two_new_commands_of_one_id_in_one_batch() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = create(dir.path());
    let command = store(&ledger, 1);
    let mut other = store(&ledger, 2);
    other.id = command.id;
    let results = ledger.submit(vec![command.clone(), command, other]).unwrap();
    let Submitted::Logged { receipt, .. } = &results[0] else { panic!("{results:?}") };
    assert_eq!(results[1], Submitted::Repeated(receipt.clone()));
    assert!(matches!(&results[2], Submitted::Refused(r) if r.code == ErrorCode::Conflict));
}

#[test]
fn a_signature_is_checked_before_the_log_and_authority_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = create(dir.path());
    let ledger_id = ledger.state().ledger_id().unwrap();
    let operator = ledger.operator().unwrap();
    let mut command = store(&ledger, 1);
    command.action = Action::OpenAudit(OpenAudit::All);
    let len = ledger.len();
    let unsigned = ledger.submit(vec![command.clone()]).unwrap().remove(0);
    let Submitted::Logged { receipt, .. } = unsigned else { panic!("{unsigned:?}") };
    assert_eq!(receipt.outcome, Outcome::Rejected(ErrorCode::Unauthorized));
    command.id = id(2);
    let mut forged = command.clone().sign(&ledger_id, &operator);
    forged.valid_until_epoch = 2;
    match ledger.submit(vec![forged]).unwrap().remove(0) {
        Submitted::Refused(refusal) => assert_eq!(refusal.code, ErrorCode::Unauthorized),
        other => panic!("{other:?}"),
    }
    assert_eq!(ledger.len(), len + 1, "the forgery has no place in the log");
    let signed = command.sign(&ledger_id, &operator);
    let result = ledger.submit(vec![signed]).unwrap().remove(0);
    assert!(matches!(result, Submitted::Logged { refusal: None, .. }), "{result:?}");
}

#[test]
fn solo_conforms_to_the_sequencer_suite() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = create(dir.path());
    let ledger_id = ledger.state().ledger_id().unwrap();
    let admitted = stores(&ledger, 0..5)
        .into_iter()
        .map(|command| storage_engine::admit(Some(&ledger_id), command).unwrap())
        .collect();
    journal::sequencer::conformance(&mut journal::Solo, admitted);
}

#[test]
fn a_directory_is_used_by_one_process_and_made_once() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(Ledger::open(dir.path()), Err(JournalError::NoLedger(_))));
    let ledger = create(dir.path());
    assert!(matches!(Ledger::open(dir.path()), Err(JournalError::Busy(_))));
    drop(ledger);
    let again = Ledger::create(dir.path(), Parameters::v13(Profile::QFS_V13), Rules::v13(), &[]);
    assert!(matches!(again, Err(JournalError::Exists(_))));
}
