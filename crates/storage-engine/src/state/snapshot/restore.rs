//! Rebuilding a state from a snapshot.

use super::{Reader, Reason, SnapshotError, Summary};
use crate::state::{Changes, State, StateError, StateStore, records::Cursor};

/// Bytes of records from which on a batch is added to the tree and committed. What is held in memory is a few times as much.
const BATCH_BYTES: usize = 8 << 20;

/// Where a state stands that is not whole yet: further than any log can be, so that whoever opens it with a log stops.
const UNFINISHED: Cursor = Cursor { next_seq: u64::MAX, tick: u64::MAX };

/// Rebuilds the state that `reader` has a snapshot of in `store`, which must be empty. The tree is computed, and the root that
/// it gives must be that of the header: whoever knows the root from elsewhere asks [`Reader::expect_root`] first.
///
/// Records are committed in batches. A crash or a refusal on the way leaves a store whose cursor is beyond any log; it is not to
/// be used but to be removed. The last commit alone puts the cursor where the state stands.
///
/// # Errors
/// A fault of the source or of the store, a store that is not empty, or a [`Reason`].
pub fn restore<S, R, E>(
    reader: Reader<R>,
    store: S,
) -> Result<(State<S>, Summary), SnapshotError<S::Fault, E>>
where
    S: StateStore,
    R: FnMut(&mut [u8]) -> Result<usize, E>,
{
    let mut state = State::open(empty(store)?)?;
    state.cursor = UNFINISHED;
    let mut gathered = 0_usize;
    let summary = reader.read(&mut |key, value| {
        state.write(key.to_vec(), Some(value.to_vec()));
        gathered = gathered.saturating_add(key.len()).saturating_add(value.len());
        if gathered >= BATCH_BYTES {
            gathered = 0;
            state.flush(Changes::new())?;
        }
        Ok(())
    })?;
    if state.root()? != summary.header.state_root {
        return Err(Reason::Root.into());
    }
    state.flush(Changes::new())?;
    Ok((complete(state, &summary)?, summary))
}

fn empty<S: StateStore>(store: S) -> Result<S, StateError<S::Fault>> {
    let mut empty = true;
    let mut visit = |_: &[u8], _: &[u8]| {
        empty = false;
        false
    };
    store.scan(&[0], &[u8::MAX], &mut visit).map_err(StateError::Store)?;
    if empty { Ok(store) } else { Err(StateError::Broken("a snapshot needs an empty store")) }
}

/// Opens what was rebuilt, and lets it stand where the header says.
fn complete<S: StateStore, E>(
    rebuilt: State<S>,
    summary: &Summary,
) -> Result<State<S>, SnapshotError<S::Fault, E>> {
    let header = &summary.header;
    let mut state = State::open(rebuilt.store).map_err(|error| match error {
        StateError::Broken(_) => SnapshotError::Refused(Reason::Contradiction),
        fault => SnapshotError::State(fault),
    })?;
    state.cursor = header.cursor;
    if state.ledger_id() != Some(header.ledger_id) || state.awaits_link() {
        return Err(Reason::Contradiction.into());
    }
    state.flush(Changes::new())?;
    Ok(state)
}
