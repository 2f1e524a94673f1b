//! Keys that change hands in a log, and whom an auditor believes then (KY-8, RP-4, RP-6).

mod common;

use common::{SMALL, audited, pinned};
use eqm_log::{LogHead, VerifierKey, export::Place};
use protocol::{
    AccountId, Action, Authorization, Command, CommandId, EntryBody, Hash32, Outcome,
    keys::{KeyHolder, RevokeKeys, RotateKeys},
    signature::{SeedSigner, Signer, Suite},
};
use replay::{
    Divergence, evidence,
    workload::{LEDGER_NAME, Log, keys},
};
use storage_engine::{
    execute_committed,
    state::{Changes, MemoryStore, State},
};

/// The two keys of a generation of the log; 1 are those of genesis.
fn log(generation: u32) -> [SeedSigner; 2] {
    if generation == 1 {
        return [keys::log_ed25519(), keys::log_ml_dsa()];
    }
    [Suite::Ed25519, Suite::MlDsa44].map(|suite| keys::signer(&format!("log@{generation}"), suite))
}

fn vkeys(generation: u32) -> Vec<VerifierKey> {
    log(generation)
        .iter()
        .map(|key| VerifierKey::new(LEDGER_NAME, &key.public_key()).unwrap())
        .collect()
}

/// A generated log that goes on with rotations.
struct Story {
    state: State<MemoryStore>,
    log: Log,
    head: LogHead,
}

impl Story {
    fn new() -> Self {
        let log = Log::generate(&SMALL).unwrap();
        let (mut state, mut head) = (State::open(MemoryStore::default()).unwrap(), LogHead::new());
        for bytes in &log.bodies {
            let body = EntryBody::from_bytes(bytes).unwrap();
            execute_committed(&mut state, body.tick, body.command).unwrap();
            state.link(head.append(bytes, |_, _, _| ()));
        }
        state.flush(Changes::new()).unwrap();
        Self { state, log, head }
    }

    /// The operator does something, which is accepted.
    fn operator(&mut self, action: Action) {
        let operator = keys::signer("operator", Suite::Ed25519);
        let seq = self.state.cursor().next_seq;
        let command = Command {
            id: CommandId(u128::from(seq).to_be_bytes()),
            valid_until_epoch: self.state.epoch(),
            payer: AccountId::of(&operator.public_key()),
            action,
            authorization: Authorization::Operator,
        };
        let command = command.sign(&self.state.ledger_id().unwrap(), &operator);
        let tick = self.state.cursor().tick;
        let executed = execute_committed(&mut self.state, tick, command).unwrap();
        assert!(matches!(executed.body.outcome, Outcome::Accepted(_)), "{:?}", executed.refusal);
        self.state.link(self.head.append(&executed.bytes, |_, _, _| ()));
        self.log.bodies.push(executed.bytes);
    }

    fn rotate(mut self, generation: u32, endorsed: bool) -> Self {
        let (new, old) = (log(generation), log(generation - 1));
        let old = if endorsed { &old[..] } else { &[] };
        let rotation = RotateKeys::signed(
            &self.state.ledger_id().unwrap(),
            KeyHolder::Log,
            generation,
            &new.iter().map(|key| key as &dyn Signer).collect::<Vec<_>>(),
            &old.iter().map(|key| key as &dyn Signer).collect::<Vec<_>>(),
        );
        self.operator(Action::RotateKeys(rotation.into()));
        self
    }

    fn revoke(mut self, generation: u32) -> Self {
        let revocation = RevokeKeys { holder: KeyHolder::Log, generation, reason: "test".into() };
        self.operator(Action::RevokeKeys(revocation));
        self
    }

    /// The export with the keys of a generation in its header, signed by those of another.
    fn export(&self, header: &[VerifierKey], signing: u32) -> Vec<u8> {
        let [ed, pq] = log(signing);
        self.log.export_signed(header, &ed, &pq).unwrap()
    }
}

fn found(file: &[u8], pins: &[VerifierKey]) -> Divergence {
    audited(file, pins).divergence.expect("it must not pass")
}

/// KY-8: a pin leads over endorsements to the keys in force.
#[test]
fn ky_8_pins_follow_endorsements() {
    let story = Story::new().rotate(2, true).rotate(3, true);
    let file = story.export(&vkeys(3), 3);
    for pins in [vec![], vkeys(1), vkeys(2), vkeys(3), [vkeys(1), vkeys(3)].concat()] {
        let report = audited(&file, &pins);
        assert_eq!(report.divergence, None);
        assert!(report.passed());
    }
    for pins in
        [&vkeys(1)[..1], &vkeys(3)[1..], &vkeys(4), &[vkeys(1)[0].clone(), vkeys(2)[1].clone()]]
    {
        let found = found(&file, pins);
        assert_eq!((found.seq(), found.field.as_str()), (Some(0), "log_keys"), "{found}");
        assert!(found.to_string().contains("pin both of its keys"), "{found}");
    }
}

/// KY-8: where the old keys did not vouch, a pin to them ends.
#[test]
fn ky_8_a_gap_in_the_endorsements() {
    let story = Story::new().rotate(2, true).rotate(3, false).rotate(4, true);
    let file = story.export(&vkeys(4), 4);
    for pins in [vkeys(3), vkeys(4)] {
        assert_eq!(audited(&file, &pins).divergence, None);
    }
    for pins in [vkeys(1), vkeys(2)] {
        let found = found(&file, &pins);
        assert_eq!(found.field, "log_keys");
        assert!(found.to_string().contains("did not endorse"), "{found}");
    }
}

/// KY-8: what the log itself declares void vouches for nothing, but a newer pin beside it does.
#[test]
fn ky_8_void_keys_are_no_pin() {
    let story = Story::new().rotate(2, true).revoke(1);
    let file = story.export(&vkeys(2), 2);
    let refused = found(&file, &vkeys(1));
    assert!(refused.to_string().contains("declares the pinned keys void"), "{refused}");
    assert_eq!(audited(&file, &vkeys(2)).divergence, None);
    assert_eq!(audited(&file, &[vkeys(1), vkeys(2)].concat()).divergence, None);
}

/// RP-4, 2 and 4: the file's keys are those in force, in their order, and they have signed.
#[test]
fn rp_4_the_generation_in_force_signs() {
    let story = Story::new().rotate(2, true);
    let reversed: Vec<VerifierKey> = vkeys(2).into_iter().rev().collect();
    for (header, signing, place, field) in [
        (vkeys(1), 1, Place::Header, "header.keys"),
        (vkeys(1), 2, Place::Header, "header.keys"),
        (reversed, 2, Place::Header, "header.keys"),
        ([vkeys(1), vkeys(2)].concat(), 2, Place::Header, "header.keys"),
        (vkeys(2), 1, Place::Trailer, "checkpoint.signature"),
    ] {
        for pins in [vec![], vkeys(1), vkeys(2)] {
            let found = found(&story.export(&header, signing), &pins);
            assert_eq!((found.place, found.field.as_str()), (place, field), "{found}");
        }
    }
    // A log without a rotation, and its keys in the other order: one log, one file.
    let plain = Log::generate(&SMALL).unwrap();
    let reversed: Vec<VerifierKey> = pinned().into_iter().rev().collect();
    let file = plain.export_signed(&reversed, &keys::log_ed25519(), &keys::log_ml_dsa()).unwrap();
    assert_eq!(found(&file, &[]).field, "header.keys");
}

/// KY-3: nobody who has only the public keys of a log can claim it: endorsements name the ledger.
#[test]
fn ky_3_a_log_cannot_be_claimed_by_its_public_keys() {
    // Somebody's own ledger, whose genesis names our keys, and which goes on under keys of theirs.
    let ours = Story::new().rotate(2, true);
    let theirs = Story::new();
    let mut body = EntryBody::from_bytes(ours.log.bodies.last().unwrap()).unwrap();
    let Action::RotateKeys(stolen) = &body.command.action else { panic!("not a rotation") };
    // The same rotation in a ledger that differs: what was endorsed is not valid there.
    let elsewhere = Hash32([7; 32]);
    assert!(stolen.check_endorsement(&elsewhere, theirs.state.log_keys()).is_err());
    assert!(stolen.check_possession(&elsewhere).is_err());
    // A forged endorsement in an entry that says to be accepted is a divergence at its entry.
    let Action::RotateKeys(rotation) = &mut body.command.action else { panic!("not a rotation") };
    rotation.endorsement[0][3] ^= 1;
    let operator = keys::signer("operator", Suite::Ed25519);
    body.command = body.command.clone().sign(&ours.state.ledger_id().unwrap(), &operator);
    let mut log = ours.log.clone();
    let seq = log.bodies.len() - 1;
    log.bodies[seq] = body.to_bytes();
    let [ed, pq] = crate::log(2);
    let file = log.export_signed(&vkeys(2), &ed, &pq).unwrap();
    let found = found(&file, &vkeys(1));
    assert_eq!((found.seq(), found.field.as_str()), (Some(seq as u64), "outcome"), "{found}");
}

/// RP-8: the evidence tells the history.
#[test]
fn rp_8_the_evidence_lists_the_generations() {
    let story = Story::new().rotate(2, true).rotate(3, false).revoke(2);
    let report = audited(&story.export(&vkeys(3), 3), &vkeys(3));
    assert!(report.passed());
    let documents = evidence::documents(&report);
    let text = documents.iter().find(|document| document.name.contains("storage_replay")).unwrap();
    let replay: serde_json::Value = serde_json::from_str(&text.value.to_string()).unwrap();
    let keys = replay["log_keys"].as_array().unwrap();
    let first = (story.log.bodies.len() - 3) as u64;
    let told = |at: usize| {
        (
            keys[at]["generation"].clone(),
            keys[at]["from_seq"].clone(),
            keys[at]["endorsed"].clone(),
            keys[at]["revoked_by_seq"].clone(),
        )
    };
    let null = serde_json::Value::Null;
    assert_eq!(told(0), (1.into(), 0.into(), null.clone(), null.clone()));
    assert_eq!(told(1), (2.into(), first.into(), true.into(), (first + 2).into()));
    assert_eq!(told(2), (3.into(), (first + 1).into(), false.into(), null));
    assert_eq!(report.derivations.keys, 3);
}
