//! The stages of an audit on threads of their own.

use std::{
    fmt::Display,
    panic,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
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
    decode::{Decoded, Decoder, Next},
    prepare::{Chunk, prepare},
};

/// Pieces that may wait before and after each thread that prepares them, which bounds memory.
const QUEUE: usize = 2;

/// How an audit is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// Threads that prepare entries, beside the one that reads the file and the one that executes; at least 1.
    pub preparers: usize,
    /// Most entries that are handed from stage to stage at a time; at least 1.
    pub chunk: usize,
}

impl Default for Spread {
    /// As many threads as the machine runs at once: signatures are verified on them, which in a log of signed
    /// commands takes longer than everything else.
    fn default() -> Self {
        let preparers = thread::available_parallelism().map_or(1, usize::from);
        Self { preparers, chunk: CHUNK }
    }
}

/// [`crate::audit`] on several threads: the same report for every file, in a fraction of the time. `progress`
/// is called on the calling thread, the source on another.
pub fn audit<S>(source: S, pinned: &[VerifierKey], progress: &mut dyn FnMut(Progress)) -> Report
where
    S: ByteSource + Send,
    S::Error: Display,
{
    audit_spread(source, pinned, Spread::default(), progress)
}

/// [`audit`], spread in a given way.
pub fn audit_spread<S>(
    source: S,
    pinned: &[VerifierKey],
    spread: Spread,
    progress: &mut dyn FnMut(Progress),
) -> Report
where
    S: ByteSource + Send,
    S::Error: Display,
{
    // Such a target has no threads: the stages run in turn.
    if cfg!(all(target_family = "wasm", not(target_feature = "atomics"))) {
        return crate::audit(source, pinned, progress);
    }
    thread::scope(|scope| {
        let (mut decoded, mut prepared) = (Vec::new(), Vec::new());
        for _ in 0..spread.preparers.max(1) {
            let (sender, waiting) = sync_channel(QUEUE);
            let (done, receiver) = sync_channel(QUEUE);
            decoded.push(sender);
            prepared.push(receiver);
            scope.spawn(move || prepare_all(&waiting, &done));
        }
        let decoding = scope.spawn(move || decode(Decoder::new(source, spread.chunk), &decoded));
        // Pieces went out by turns, so that they come back in order by turns.
        let mut turns = prepared.iter().cycle();
        let next = || match turns.next().map(Receiver::recv) {
            Some(Ok(next)) => next,
            Some(Err(_)) | None => Err(unfinished()),
        };
        let report = Auditor::audit(next, pinned, progress);
        // Nobody listens any more: who prepares will end, and who decodes go on to the hash of the file.
        drop(prepared);
        let log_hash = decoding.join().unwrap_or_else(|reason| panic::resume_unwind(reason));
        Report { log_hash, ..report }
    })
}

/// Hands out pieces by turns until there are none, something is wrong, or nobody listens. Returns the hash of
/// the file.
fn decode<S>(mut decoder: Decoder<S>, preparers: &[SyncSender<Next<Decoded>>]) -> Hash32
where
    S: ByteSource,
    S::Error: Display,
{
    for preparer in preparers.iter().cycle() {
        let next = decoder.next();
        let more = matches!(next, Ok(Some(_)));
        if preparer.send(next).is_err() || !more {
            break;
        }
    }
    decoder.log_hash()
}

fn prepare_all(waiting: &Receiver<Next<Decoded>>, done: &SyncSender<Next<Chunk>>) {
    for next in waiting {
        if done.send(next.map(|piece| piece.map(|piece| piece.map(prepare)))).is_err() {
            return;
        }
    }
}

/// A stage ended without a last word: it panicked, and the end of the scope says so.
fn unfinished() -> Divergence {
    let code = ErrorCode::Internal;
    Divergence { code, ..Divergence::new(Place::Header, "audit", "a whole audit", "a part of it") }
}
