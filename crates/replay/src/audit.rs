//! One pass over an export, stage after stage (RP-1).

use core::fmt::Display;
use eqm_log::{VerifierKey, export::ByteSource};

use crate::{
    Report,
    apply::Auditor,
    decode::Decoder,
    keep::{InMemory, Keep},
    prepare::prepare,
};

/// Entries that are decoded and prepared together.
pub(crate) const CHUNK: usize = 256;

/// How far an audit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Entries verified.
    pub entries: u64,
    /// Entries that the header declares.
    pub declared: u64,
}

/// Audits an export file. `pinned` are keys that the auditor has from elsewhere; without any the verdict
/// rests on the keys that the log names for itself. `progress` is called after every entry.
///
/// Nothing of the file is taken on trust, and nothing in it can make this panic. What the source reports
/// as its own fault becomes a divergence with the code `SE_ERR_INTERNAL`.
pub fn audit<S>(source: S, pinned: &[VerifierKey], progress: &mut dyn FnMut(Progress)) -> Report
where
    S: ByteSource,
    S::Error: Display,
{
    match Auditor::open(pinned, InMemory) {
        Ok(auditor) => in_turn(source, auditor, progress),
        Err(found) => Report::failed(found),
    }
}

/// The stages of an audit, one after the other on this thread.
pub(crate) fn in_turn<S, K>(
    source: S,
    auditor: Auditor<'_, K>,
    progress: &mut dyn FnMut(Progress),
) -> Report
where
    S: ByteSource,
    S::Error: Display,
    K: Keep,
{
    let mut decoder = Decoder::new(source, CHUNK, auditor.span());
    let next = || Ok(decoder.next()?.map(|piece| piece.map(prepare)));
    let report = auditor.audit(next, progress);
    Report { log_hash: decoder.log_hash(), ..report }
}
