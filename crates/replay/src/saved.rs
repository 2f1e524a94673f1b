//! How far an audit was, as bytes that a later one goes on from (RP-17).

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use protocol::{Hash32, Profile, canonical, error::ErrorCode};
use storage_engine::state::ENGINE_VERSION;

use crate::{
    Activity, AuditCounts, Derivations, EpochSummary, Report, RowsRoot, StateRoot, books,
    names::EVENT_TYPES,
};

/// First bytes of what is saved.
const MAGIC: [u8; 8] = *b"\x89QFSAUD\n";

/// Version of the form below, and of what the books and the report keep.
const FORMAT_VERSION: u32 = 1;

/// What was reached: everything but the records in the two maps.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(crate) struct Saved {
    /// Entries executed.
    pub(crate) entries: u64,
    /// Hash of the last of them.
    pub(crate) entry_hash: Hash32,
    /// Root of the state after it.
    pub(crate) state_root: Hash32,
    /// The books after it.
    pub(crate) books: books::Page,
    tally: Tally,
}

/// What the report has of the entries so far.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
struct Tally {
    first_entry_hash: Option<Hash32>,
    events: BTreeMap<String, u64>,
    refusals: BTreeMap<String, u64>,
    audits: AuditCounts,
    epochs: Vec<EpochSummary>,
    open_epoch: Activity,
    derivations: Derivations,
    profiles: BTreeMap<Profile, u64>,
    store_rows: RowsRoot,
    account_rows: RowsRoot,
    state_roots: Vec<StateRoot>,
}

/// Why saved bytes are of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Written by another version, of the form or of the rules.
    Version,
    /// Not what was written.
    Damaged,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "it was made by another version of the auditor",
            Self::Damaged => "what it says about itself is damaged",
        })
    }
}

impl Saved {
    /// What is to be saved after the entries of `report`; `None` before the first.
    pub(crate) fn of(report: &Report, state_root: Hash32, books: books::Page) -> Option<Self> {
        let owned = |counts: &BTreeMap<&'static str, u64>| {
            counts.iter().map(|(name, n)| (name.to_string(), *n)).collect()
        };
        Some(Self {
            entries: report.entries,
            entry_hash: report.last_entry_hash?,
            state_root,
            books,
            tally: Tally {
                first_entry_hash: report.first_entry_hash,
                events: owned(&report.events),
                refusals: owned(&report.refusals),
                audits: report.audits,
                epochs: report.epochs.clone(),
                open_epoch: report.open_epoch.clone(),
                derivations: report.derivations,
                profiles: report.profiles.clone(),
                store_rows: report.store_rows.clone(),
                account_rows: report.account_rows.clone(),
                state_roots: report.state_roots.clone(),
            },
        })
    }

    /// The report so far, into one that has seen no entry.
    pub(crate) fn restore(&self, report: Report) -> Report {
        let tally = self.tally.clone();
        let codes = || ErrorCode::ALL.iter().map(|code| code.name());
        Report {
            entries: self.entries,
            first_entry_hash: tally.first_entry_hash,
            last_entry_hash: Some(self.entry_hash),
            events: known(&tally.events, EVENT_TYPES.into_iter()),
            refusals: known(&tally.refusals, codes()),
            audits: tally.audits,
            epochs: tally.epochs,
            open_epoch: tally.open_epoch,
            derivations: tally.derivations,
            profiles: tally.profiles,
            store_rows: tally.store_rows,
            account_rows: tally.account_rows,
            state_roots: tally.state_roots,
            ..report
        }
    }

    /// Magic, versions of the form and of the engine, the hash of what follows, and that.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let content = canonical::encode(self);
        let head = [&MAGIC[..], &FORMAT_VERSION.to_be_bytes(), &ENGINE_VERSION.to_be_bytes()];
        [head.concat().as_slice(), Hash32::of(&content).as_ref(), &content].concat()
    }

    /// What [`Saved::to_bytes`] gave.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Unfit> {
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(Unfit::Damaged)?;
        let (format, rest) = rest.split_first_chunk::<4>().ok_or(Unfit::Damaged)?;
        let (engine, rest) = rest.split_first_chunk::<4>().ok_or(Unfit::Damaged)?;
        let (hash, content) = rest.split_first_chunk::<32>().ok_or(Unfit::Damaged)?;
        if *magic != MAGIC {
            return Err(Unfit::Damaged);
        }
        let versions = (u32::from_be_bytes(*format), u32::from_be_bytes(*engine));
        if versions != (FORMAT_VERSION, ENGINE_VERSION) {
            return Err(Unfit::Version);
        }
        if Hash32::of(content).0 != *hash {
            return Err(Unfit::Damaged);
        }
        // The form is this version's, and so are its bytes.
        canonical::decode(content).map_err(|_| Unfit::Version)
    }
}

/// The counts under names that are known; nothing else is ever saved.
fn known(
    counts: &BTreeMap<String, u64>,
    names: impl Iterator<Item = &'static str>,
) -> BTreeMap<&'static str, u64> {
    names.filter_map(|name| Some((name, *counts.get(name)?))).collect()
}
