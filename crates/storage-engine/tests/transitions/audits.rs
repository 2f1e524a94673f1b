//! Opening audits, and answers to them.

use crate::common::{
    Accepted,
    By::*,
    Ledger, NotAdmitted, Refused,
    make::{self, ALL, Sample, advance, delete, put, put_sized, record, sample},
};
use protocol::{
    Action,
    ErrorCode::*,
    Event, Hash32, Profile,
    command::{AuditAnswer, LeafProof, OpenAudit},
};

const SIZE: usize = 3 * 4_096 + 7;

/// A ledger with object "a" of four blocks, object "b" of one byte, and an open audit.
struct Audited {
    ledger: Ledger,
    content: Sample,
    seq: u64,
}

impl Audited {
    fn open(scope: Action) -> Self {
        let mut ledger = Ledger::with_nodes(5);
        ledger.play([
            (Alice, put_sized("a", 1, SIZE, Profile::QFS_V13), Accepted),
            (Alice, put("b", 1), Accepted),
            (Operator, scope, Accepted),
        ]);
        Self { ledger, content: sample(SIZE, Profile::QFS_V13), seq: 3 }
    }

    fn assigned(&self, column: u32) -> Vec<u32> {
        let version = self.ledger.state.version(&make::object("a"), 1).unwrap();
        let assignment = version.unwrap().stored.unwrap().assignment;
        assignment[column as usize * 3..][..3].to_vec()
    }

    fn answer(&self, column: u32, node: u32) -> AuditAnswer {
        make::answer(&self.ledger.state, &self.content, ("a", 1, column), node)
    }

    fn record(&self, node: u32, answers: &[AuditAnswer]) -> Action {
        record(self.seq, node, answers.to_vec())
    }

    /// Answers counted and failed.
    fn counts(&mut self, node: u32, answers: &[AuditAnswer]) -> (u32, u32) {
        let action = self.record(node, answers);
        match self.ledger.event(Operator, action) {
            Event::AuditRecorded { counted, failed } => (counted, failed),
            other => panic!("{other:?}"),
        }
    }

    fn refuses(&mut self, node: u32, answer: AuditAnswer, code: protocol::ErrorCode) {
        let action = self.record(node, &[answer]);
        self.ledger.play([(Operator, action, Refused(code))]);
    }

    fn proofs(&self, node: u32) -> u64 {
        self.ledger.state.node(node).unwrap().proofs
    }
}

fn without_proof(answer: &AuditAnswer) -> AuditAnswer {
    AuditAnswer { proof: None, ..answer.clone() }
}

/// PL-5: the beacon is the hash of the entry that opened the audit, which nobody knew before.
#[test]
fn pl_5_the_beacon_is_the_entry_hash() {
    let audited = Audited::open(ALL);
    let ledger = audited.ledger.state.ledger().unwrap();
    let audit = ledger.audit.unwrap();
    assert_eq!((audit.seq, audit.scope), (3, OpenAudit::All));
    assert_eq!(audit.beacon, audited.ledger.head);
}

/// PL-5: what an answer must be to count.
#[test]
fn pl_5_answers_are_checked() {
    let mut audited = Audited::open(ALL);
    let node = audited.assigned(0)[1];
    let good = audited.answer(0, node);
    let proof = good.proof.clone().unwrap();
    let other = |change: &dyn Fn(&mut AuditAnswer)| {
        let mut answer = good.clone();
        change(&mut answer);
        answer
    };
    let with_path = |path: Vec<Hash32>| {
        let leaf_hash = proof.leaf_hash;
        other(&|answer| answer.proof = Some(LeafProof { leaf_hash, path: path.clone() }))
    };
    let longer = [&proof.path[..], &[Hash32::ZERO]].concat();
    let wrong_leaf = other(&|answer| {
        answer.proof.as_mut().unwrap().leaf_hash = Hash32::of(b"other");
    });
    audited.refuses(node, other(&|answer| answer.leaf += 1), InvalidInput);
    audited.refuses(node, wrong_leaf, IntegrityMismatch);
    audited.refuses(node, with_path(longer), IntegrityMismatch);
    audited.refuses(node, other(&|a| a.object = make::object("none")), NotFound);
    audited.refuses(node, other(&|a| a.version = 2), NotFound);
    audited.refuses(node, other(&|a| a.column = 4), InvalidInput);
    audited.refuses(node, other(&|a| a.column = u32::MAX), InvalidInput);
    let stranger = (0..5).find(|n| !audited.assigned(0).contains(n)).unwrap();
    audited.refuses(stranger, good.clone(), InvalidInput);
    audited.ledger.play([
        (Operator, record(2, node, vec![good.clone()]), Refused(NotFound)),
        (Operator, record(9, node, vec![good.clone()]), Refused(NotFound)),
        (Operator, record(3, 5, vec![good.clone()]), Refused(NotFound)),
        (Operator, record(3, node, vec![]), NotAdmitted(Limit)),
        (Operator, record(3, node, vec![without_proof(&good); 257]), NotAdmitted(Limit)),
        (
            Operator,
            record(3, node, vec![with_path(vec![Hash32::ZERO; 65])]),
            NotAdmitted(InvalidInput),
        ),
        (Operator, record(3, node, vec![other(&|a| a.version = 0)]), NotAdmitted(InvalidVersion)),
    ]);
    assert_eq!(audited.proofs(node), 0);
    assert_eq!(audited.counts(node, &[good]), (1, 0));
    assert_eq!(audited.proofs(node), 1);
}

/// A path of one leaf's shard cannot stand in for that of another.
#[test]
fn a_shard_of_many_leaves() {
    let size = 4 * 4_096 * 4 + 1;
    let content = sample(size, Profile::QFS_V13);
    let mut ledger = Ledger::with_nodes(3);
    ledger.play([
        (Alice, put_sized("big", 1, size, Profile::QFS_V13), Accepted),
        (Operator, ALL, Accepted),
    ]);
    for (column, node) in [(0, 0), (1, 0), (2, 1), (3, 2)] {
        let good = make::answer(&ledger.state, &content, ("big", 1, column), node);
        let mut bad = good.clone();
        bad.proof.as_mut().unwrap().path[0] = Hash32::ZERO;
        let mut cut = good.clone();
        cut.proof.as_mut().unwrap().path.pop();
        ledger.play([
            (Operator, record(2, node, vec![bad]), Refused(IntegrityMismatch)),
            (Operator, record(2, node, vec![cut]), Refused(IntegrityMismatch)),
            (Operator, record(2, node, vec![good]), Accepted),
        ]);
    }
}

/// PL-5: an empty shard is never challenged.
#[test]
fn pl_5_empty_shards() {
    let mut audited = Audited::open(ALL);
    let version = audited.ledger.state.version(&make::object("b"), 1).unwrap();
    let node = version.unwrap().stored.unwrap().assignment[3];
    let empty =
        AuditAnswer { object: make::object("b"), version: 1, column: 1, leaf: 0, proof: None };
    audited.refuses(node, empty, ProofUnavailable);
}

/// PL-6: a success of a shard at a node counts once in an epoch, within and across results and audits; so does a failure.
#[test]
fn pl_6_nothing_counts_twice() {
    let mut audited = Audited::open(ALL);
    let node = audited.assigned(0)[0];
    let good = audited.answer(0, node);
    let none = without_proof(&good);
    assert_eq!(audited.counts(node, std::slice::from_ref(&none)), (0, 1));
    let twice = [good.clone(), none, good.clone()];
    assert_eq!(audited.counts(node, &twice), (1, 0), "its failure is on record already");
    assert_eq!(audited.counts(node, &[good]), (0, 0));
    audited.ledger.play([(Operator, ALL, Accepted)]);
    audited.seq = audited.ledger.state.cursor().next_seq - 1;
    let again = audited.answer(0, node);
    assert_eq!(audited.counts(node, &[again]), (0, 0));
    assert_eq!(audited.proofs(node), 1);
    let other = audited.assigned(0)[1];
    let elsewhere = audited.answer(0, other);
    assert_eq!(audited.counts(other, &[elsewhere]), (1, 0));
}

/// A later audit closes the one before; so does the end of the epoch, after which proofs count anew.
#[test]
fn audits_end() {
    let mut audited = Audited::open(ALL);
    let node = audited.assigned(0)[0];
    let first = audited.answer(0, node);
    assert_eq!(audited.counts(node, std::slice::from_ref(&first)), (1, 0));
    let late = audited.record(node, &[first]);
    audited.ledger.play([(Operator, ALL, Accepted), (Operator, late, Refused(NotFound))]);
    audited.seq = 6 - 1;
    let second = audited.answer(0, node);
    let late = audited.record(node, &[second]);
    audited.ledger.play([
        (Operator, advance(1, &[0, 1, 2, 3, 4]), Accepted),
        (Operator, late, Refused(NotFound)),
    ]);
    assert_eq!(audited.proofs(node), 0);
    audited.ledger.play([(Operator, ALL, Accepted)]);
    audited.seq = audited.ledger.state.cursor().next_seq - 1;
    let third = audited.answer(0, node);
    assert_eq!(audited.counts(node, &[third]), (1, 0));
}

/// PL-6: a sampled audit takes no more answers of a node than it challenges.
#[test]
fn pl_6_samples() {
    let sampled = |sample| Action::OpenAudit(OpenAudit::Sample(sample));
    let mut audited = Audited::open(sampled(2));
    let node = audited.assigned(0)[0];
    let none = without_proof(&audited.answer(0, node));
    let three = audited.record(node, &vec![none.clone(); 3]);
    let two = audited.record(node, &vec![none.clone(); 2]);
    let one = audited.record(node, std::slice::from_ref(&none));
    let other = audited.assigned(0)[1];
    let elsewhere = audited.record(other, &[without_proof(&audited.answer(0, other))]);
    audited.ledger.play([
        (Operator, sampled(0), NotAdmitted(InvalidInput)),
        (Operator, three, Refused(Limit)),
        (Operator, two, Accepted),
        (Operator, one, Refused(Limit)),
        (Operator, elsewhere, Accepted),
        (Operator, sampled(1), Accepted),
    ]);
    audited.seq = audited.ledger.state.cursor().next_seq - 1;
    let fresh = without_proof(&audited.answer(0, node));
    let more = audited.record(node, std::slice::from_ref(&fresh));
    assert_eq!(audited.counts(node, &[fresh]), (0, 0), "its failure is on record already");
    audited.ledger.play([(Operator, more, Refused(Limit))]);
}

/// Versions that a marker hides are still audited; those that have ended are not.
#[test]
fn audits_of_deleted_and_purged_versions() {
    let mut audited = Audited::open(ALL);
    let node = audited.assigned(0)[0];
    let good = audited.answer(0, node);
    let marker = AuditAnswer { version: 2, ..good.clone() };
    audited.ledger.play([(Alice, delete("a", 2), Accepted)]);
    audited.refuses(node, marker, NotFound);
    assert_eq!(audited.counts(node, std::slice::from_ref(&good)), (1, 0));
    audited.ledger.play([(Alice, make::purge("a", 1), Accepted)]);
    audited.refuses(node, good, NotFound);
}

/// An audit follows a copy that moves: the new node answers for it, the old one no longer.
#[test]
fn audits_follow_a_copy_that_moves() {
    let mut audited = Audited::open(ALL);
    let assigned = audited.assigned(0);
    let old = audited.answer(0, assigned[0]);
    audited.ledger.play([(Operator, Action::Exit { node: assigned[0] }, Accepted)]);
    let to = make::replacement(&audited.ledger.state, "a", (0, 0)).unwrap();
    let moved = make::reassign("a", 1, (0, 0), assigned[0], to);
    audited.ledger.play([(Operator, moved, Accepted)]);
    audited.refuses(assigned[0], old, InvalidInput);
    let new = audited.answer(0, to);
    assert_eq!(audited.counts(to, &[new]), (1, 0));
}
