//! Records of the state, and proofs of what stands in it.

use core::fmt::Debug;
use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use borsh::{BorshDeserialize, BorshSerialize};
use eqm_log::Frontier;
use protocol::{
    Amount, Event, Hash32, Layout, Parameters, Rules,
    canonical::{decode, encode},
    governance::{Change, Speaker, Subject},
    node::{RegistryFact, TelemetryFact},
    signature::PublicKey,
};
use storage_engine::state::{
    Changes, MemoryStore, State, StateStore, keys,
    records::{
        BallotRecord, CommandRecord, Cursor, EpochRecord, LedgerRecord, NodeRecord, ObjectRecord,
        ProposalRecord, ScoreRecord, SubjectRecord, VersionRecord,
    },
    tree::MapProof,
};
use token_state::{Account, Treasury};

use super::snapshot::go_on;
use crate::{
    base::{BASE, replayed},
    edit::edit,
};

/// The bytes of one record of the state, of whichever kind the first byte says. What decodes has no other encoding: not one byte
/// may be added or left out (PR-1, ST-2).
pub fn record(data: &[u8]) {
    let [kind, bytes @ ..] = data else { return };
    let kinds: &[fn(&[u8])] = &[
        one_encoding::<LedgerRecord>,
        one_encoding::<NodeRecord>,
        one_encoding::<EpochRecord>,
        one_encoding::<ObjectRecord>,
        one_encoding::<VersionRecord>,
        one_encoding::<ProposalRecord>,
        one_encoding::<BallotRecord>,
        one_encoding::<SubjectRecord>,
        one_encoding::<ScoreRecord>,
        one_encoding::<CommandRecord>,
        one_encoding::<Cursor>,
        one_encoding::<Account>,
        one_encoding::<Treasury>,
        one_encoding::<Vec<(Speaker, Amount)>>,
        one_encoding::<(bool, Subject)>,
        one_encoding::<Change>,
        one_encoding::<Event>,
        one_encoding::<Parameters>,
        one_encoding::<Rules>,
        one_encoding::<Layout>,
        one_encoding::<PublicKey>,
        one_encoding::<RegistryFact>,
        one_encoding::<TelemetryFact>,
        one_encoding::<Frontier>,
    ];
    kinds[usize::from(*kind) % kinds.len()](bytes);
}

fn one_encoding<T: BorshSerialize + BorshDeserialize + Debug + PartialEq>(bytes: &[u8]) {
    let Ok(value) = decode::<T>(bytes) else { return };
    assert_eq!(encode(&value), bytes);
    let longer = [bytes, &[0]].concat();
    assert!(decode::<T>(&longer).is_err());
    if let Some((_, shorter)) = bytes.split_last() {
        assert!(decode::<T>(shorter).is_err(), "{value:?}");
    }
}

/// The shortest record of each kind in the state of the base log.
pub fn records() -> impl Iterator<Item = Vec<u8>> {
    // The first byte of its key, and its place among the kinds.
    let kinds = [(b'L', 0), (b'N', 1), (b'E', 2), (b'O', 3), (b'V', 4), (b'A', 11)];
    kinds.into_iter().filter_map(|(letter, kind)| {
        let records = PROVED.1.iter().filter(|proved| proved.key.first() == Some(&letter));
        let shortest =
            records.filter_map(|proved| proved.value.as_ref()).min_by_key(|v| v.len())?;
        Some([&[kind][..], shortest].concat())
    })
}

/// A key, what stands there, and the proof of that.
struct Proved {
    key: Vec<u8>,
    value: Option<Vec<u8>>,
    proof: MapProof,
}

static PROVED: LazyLock<(Hash32, Vec<Proved>)> = LazyLock::new(|| {
    let mut state = replayed(&BASE.log.bodies).expect("an honest log");
    state.flush(Changes::new()).expect("memory");
    let mut names: Vec<Vec<u8>> = vec![b"Oabsent".to_vec(), keys::node(99), keys::epoch(99)];
    let Ok(()) = state.store().scan(&[0], &[u8::MAX], &mut |key, _| {
        names.push(key.to_vec());
        true
    });
    names.retain(|key| keys::is_authenticated(key));
    let prove = |key: Vec<u8>| {
        let (value, proof) = state.prove(&key).expect("memory");
        Proved { key, value, proof }
    };
    let proved = names.into_iter().map(prove).collect();
    (state.root().expect("memory"), proved)
});

/// The proof of a key of the state, made up or an honest one with some bytes changed, held against the truth and against something
/// else. Bytes of a proof have one reading (ST-5), and only what is true can be proved.
pub fn map_proof(data: &[u8]) {
    let _used_up = map_proofs(&mut Unstructured::new(data));
}

fn map_proofs(input: &mut Unstructured<'_>) -> Result<()> {
    let (root, proved) = &*PROVED;
    let Proved { key, value, proof } = input.choose(proved)?;
    assert_eq!(proof.verify(root, key, value.as_deref()), Ok(()));
    let claimed = claim(value.as_deref(), input)?;
    // Of the key itself, or of another.
    let mut bytes =
        if input.arbitrary()? { proof } else { &input.choose(proved)?.proof }.to_bytes();
    if input.arbitrary()? {
        edit(&mut bytes, input)?;
    } else {
        bytes = input.bytes(input.len())?.to_vec();
    }
    let Ok(parsed) = MapProof::from_bytes(&bytes) else { return Ok(()) };
    assert_eq!(parsed.to_bytes(), bytes);
    if parsed.verify(root, key, claimed.as_deref()).is_ok() {
        assert_eq!((&claimed, &parsed), (value, proof), "there is one proof of one truth");
    }
    Ok(())
}

/// The truth, or a lie.
fn claim(value: Option<&[u8]>, input: &mut Unstructured<'_>) -> Result<Option<Vec<u8>>> {
    Ok(match input.int_in_range(0..=2_u8)? {
        0 => value.map(<[u8]>::to_vec),
        1 => None,
        _ => Some(input.arbitrary()?),
    })
}

/// Everything that the store of the base log's state holds: records, pages of the tree, what is known beside.
static STORE: LazyLock<Vec<(Vec<u8>, Vec<u8>)>> = LazyLock::new(|| {
    let mut state = replayed(&BASE.log.bodies).expect("an honest log");
    state.root().expect("memory");
    state.flush(Changes::new()).expect("memory");
    let mut pairs = Vec::new();
    let Ok(()) = state.store().scan(&[0], &[u8::MAX], &mut |key, value| {
        pairs.push((key.to_vec(), value.to_vec()));
        true
    });
    pairs
});

/// A state store that was damaged. Opening it, proving from it and executing over it end in an error or go on, and nothing but the truth is
/// ever proved under the true root.
pub fn state_store(data: &[u8]) {
    let _used_up = state_stores(&mut Unstructured::new(data));
}

fn state_stores(input: &mut Unstructured<'_>) -> Result<()> {
    let mut pairs = STORE.clone();
    for _ in 0..input.int_in_range(1..=3_u8)? {
        let at = input.choose_index(pairs.len().max(1))?;
        match input.int_in_range(0..=3_u8)? {
            0 => drop(pairs.remove(at)),
            1 => edit(&mut pairs[at].0, input)?,
            _ => edit(&mut pairs[at].1, input)?,
        }
    }
    let mut store = MemoryStore::default();
    let Ok(()) = store.commit(pairs.into_iter().map(|(key, value)| (key, Some(value))).collect());
    let Ok(mut state) = State::open(store) else { return Ok(()) };
    let (root, proved) = &*PROVED;
    for Proved { key, value, .. } in proved {
        if let Ok((found, proof)) = state.prove(key)
            && proof.verify(root, key, found.as_deref()).is_ok()
        {
            assert_eq!(&found, value);
        }
    }
    go_on(&mut state);
    Ok(())
}
