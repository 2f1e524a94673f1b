//! Entries, commands and genesis: what stands in the log, and what admission says of it.

use protocol::{
    Action, Command, EntryBody, Genesis, Hash32, Outcome,
    canonical::{decode, encode},
    limits::MAX_BODY_BYTES,
};
use storage_engine::state::{MemoryStore, State};
use storage_engine::{Admission, admit, admit_all, execute_committed, identity};

use crate::base::BASE;

/// The body of an entry. What decodes has no other encoding (PR-1), nor has its command, from whose bytes
/// the body's are put together.
pub fn entry(data: &[u8]) {
    let Ok(body) = EntryBody::from_bytes(data) else { return };
    assert_eq!(body.to_bytes(), data);
    let command = encode(&body.command);
    assert_eq!(body.to_bytes_with(&command), data);
    assert_eq!(decode(&command).as_ref(), Ok(&body.command));
    assert_eq!(Hash32::of(&command), body.command.hash());
    let _shown = format!("{body:?}");
}

/// A command, admitted with and without a ledger. Admission says the same twice, alone and in company (PR-5), and what it lets
/// through fits into an entry, under its own hash and bytes.
pub fn command(data: &[u8]) {
    let Ok(command) = decode::<Command>(data) else { return };
    for ledger_id in [None, Some(&BASE.ledger_id)] {
        let verdict = admit(ledger_id, command.clone());
        assert_eq!(said(&admit(ledger_id, command.clone())), said(&verdict));
        for company in admit_all(ledger_id, vec![command.clone(); 2]) {
            assert_eq!(said(&company), said(&verdict));
        }
        assert_eq!(identity(&verdict), (command.id, Hash32::of(data)));
        if let Ok(admitted) = verdict {
            assert_eq!(encode(admitted.command()), data);
            assert!(data.len() < MAX_BODY_BYTES);
        }
    }
}

fn said(admission: &Admission) -> String {
    match admission {
        Ok(admitted) => format!("{admitted:?}"),
        Err(refused) => format!("{:?}", refused.refusal()),
    }
}

/// A genesis. What validation accepts opens a ledger under the identity that follows from its bytes, or is refused with a code;
/// and a second one opens nothing.
pub fn genesis(data: &[u8]) {
    let Ok(genesis) = decode::<Genesis>(data) else { return };
    assert_eq!(encode(&genesis), data);
    let verdict = genesis.validate();
    let command = Command {
        action: Action::Genesis(genesis.clone().into()),
        ..decode(&encode(&opening())).expect("a command")
    };
    let mut state = State::open(MemoryStore::default()).expect("memory");
    let Ok(first) = execute_committed(&mut state, 1, command.clone()) else {
        return assert!(data.len() > MAX_BODY_BYTES / 2, "only a long command cannot be executed");
    };
    let opened = matches!(first.body.outcome, Outcome::Accepted(_));
    assert!(!opened || verdict.is_ok());
    assert_eq!(state.ledger_id(), opened.then(|| genesis.ledger_id()));
    if opened {
        let root = state.root().expect("memory");
        let mut again = command;
        again.id.0[0] ^= 1;
        let second = execute_committed(&mut state, 2, again).expect("a new id");
        assert!(matches!(second.body.outcome, Outcome::Rejected(_)));
        assert_eq!(state.root().expect("memory"), root, "a refusal changes nothing");
    }
}

/// The first command of the generated log.
fn opening() -> Command {
    EntryBody::from_bytes(&BASE.log.bodies[0]).expect("an honest entry").command
}
