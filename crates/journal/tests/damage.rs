//! Damage that nothing in the log itself can tell from a crash, or that is found while the ledger is open.

use journal::{JournalError, Ledger, Submitted, ledger::NewNode};
use protocol::{
    AccountId, Action, Authorization, Command, CommandId, NodeId, ObjectId, Parameters, Profile,
    Rules, node::FailureDomain, signature::Signer,
};
use std::path::Path;

fn create(dir: &Path) -> Result<Ledger, JournalError> {
    let node =
        |n| NewNode { node_id: NodeId(format!("node-{n}")), domain: FailureDomain::default() };
    let nodes: Vec<NewNode> = (0..3).map(node).collect();
    let created = Ledger::create(dir, Parameters::v13(Profile::QFS_V13), Rules::v13(), &nodes);
    created.map(|(ledger, _)| ledger)
}

fn delete(ledger: &Ledger, number: u8) -> Command {
    let object = ObjectId(format!("nothing-{number}"));
    Command {
        id: CommandId([number; 16]),
        valid_until_epoch: 1,
        payer: AccountId::of(&ledger.operator().unwrap().public_key()),
        action: Action::DeleteMarker { object, version: 1 },
        authorization: Authorization::Operator,
    }
}

/// JO-3: after an append that failed within its answers, nobody gets an answer that belongs to another.
#[test]
fn jo_3_answers_of_a_failed_append_go_to_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = create(dir.path()).unwrap();
    let [first, second, third] = [1, 2, 3].map(|number| delete(&ledger, number));
    ledger.submit(vec![first.clone()]).unwrap();

    // The entry of the first is damaged while the ledger is open.
    let path = dir.path().join("log/00000000000000000000.seg");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(9).rposition(|window| window == b"nothing-1").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();

    let failed = ledger.submit(vec![second, first]);
    assert!(matches!(failed, Err(JournalError::Damaged(_))), "{failed:?}");
    let next: Result<Vec<Submitted>, _> = ledger.submit(vec![third]);
    assert!(matches!(next, Err(JournalError::Poisoned)), "{next:?}");
}

/// JO-6: a log that lost all it had is no place for a new ledger, which would sign another history under the same keys.
#[test]
fn jo_6_a_log_that_lost_everything_that_was_signed_does_not_open() {
    let dir = tempfile::tempdir().unwrap();
    drop(create(dir.path()).unwrap());
    let path = dir.path().join("log/00000000000000000000.seg");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let opened = Ledger::open(dir.path()).err();
    assert!(matches!(opened, Some(JournalError::Damaged(_))), "{opened:?}");
    let created = create(dir.path()).err();
    assert!(matches!(created, Some(JournalError::Damaged(_))), "{created:?}");
}
