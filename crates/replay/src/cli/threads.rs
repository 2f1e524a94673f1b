//! The two stages of an audit on two threads.

use std::{
    fmt::Display,
    panic,
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

use eqm_log::{
    VerifierKey,
    export::{ByteSource, Place},
};
use protocol::{Hash32, error::ErrorCode};

use crate::{
    Divergence, Progress, Report,
    apply::Auditor,
    audit::CHUNK,
    prepare::{Piece, Preparer},
};

/// Chunks that may wait for the second stage, which bounds memory.
const QUEUE: usize = 4;

/// [`crate::audit`] on two threads: the same report for every file, in about half the time. `progress` is
/// called on the calling thread.
pub fn audit<S>(source: S, pinned: &[VerifierKey], progress: &mut dyn FnMut(Progress)) -> Report
where
    S: ByteSource + Send,
    S::Error: Display,
{
    audit_in_chunks(source, pinned, CHUNK, progress)
}

/// [`audit`], with at most `chunk` entries handed from stage to stage at a time.
pub fn audit_in_chunks<S>(
    source: S,
    pinned: &[VerifierKey],
    chunk: usize,
    progress: &mut dyn FnMut(Progress),
) -> Report
where
    S: ByteSource + Send,
    S::Error: Display,
{
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(QUEUE);
        let preparing = scope.spawn(move || prepare(Preparer::new(source, chunk), &sender));
        let next = || receiver.recv().unwrap_or_else(|_| Err(unfinished()));
        let report = Auditor::audit(next, pinned, progress);
        // Nobody listens any more; the other thread goes on to the hash of the file.
        drop(receiver);
        let log_hash = preparing.join().unwrap_or_else(|reason| panic::resume_unwind(reason));
        Report { log_hash, ..report }
    })
}

/// Sends pieces until there are none, one is wrong, or nobody listens. Returns the hash of the file.
fn prepare<S>(
    mut preparer: Preparer<S>,
    sender: &SyncSender<Result<Option<Piece>, Divergence>>,
) -> Hash32
where
    S: ByteSource,
    S::Error: Display,
{
    loop {
        let next = preparer.next();
        let more = matches!(next, Ok(Some(_)));
        if sender.send(next).is_err() || !more {
            return preparer.log_hash();
        }
    }
}

/// The first stage ended without a last word: it panicked, and joining it says so.
fn unfinished() -> Divergence {
    let code = ErrorCode::Internal;
    Divergence { code, ..Divergence::new(Place::Header, "audit", "a first stage", "none") }
}
