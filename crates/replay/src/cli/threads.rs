//! The stages of an audit on threads of their own.

use std::{
    convert::Infallible,
    fmt::Display,
    panic,
    sync::{
        Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use eqm_log::{
    VerifierKey,
    export::{ByteSource, Place},
};
use protocol::{Hash32, error::ErrorCode};
use storage_engine::state::{Changes, MemoryStore, StateStore};

use crate::{
    Divergence, Progress, Report,
    apply::{Auditor, unusable},
    audit::CHUNK,
    cli::scratch::Scratch,
    decode::{Decoded, Decoder, Next},
    keep::Keep,
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
    audit_task(source, Task { pinned, until: None, spread }, None, progress)
}

/// What of a log is to be audited, and how.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// Keys that the auditor has from elsewhere.
    pub pinned: &'a [VerifierKey],
    /// The last entry to execute; all of them without.
    pub until: Option<u64>,
    /// How the work is spread.
    pub spread: Spread,
}

/// [`audit_spread`] of a part of a log, or with a scratch: then memory does not grow with the log, and what an
/// earlier audit of the same log has executed is not executed again.
pub fn audit_task<S>(
    source: S,
    task: Task<'_>,
    scratch: Option<Scratch>,
    progress: &mut dyn FnMut(Progress),
) -> Report
where
    S: ByteSource + Send,
    S::Error: Display,
{
    let Task { pinned, until, spread } = task;
    let Some(mut scratch) = scratch else {
        return begin(source, Auditor::open(pinned, Threaded), until, spread, progress);
    };
    let witness = scratch.witness();
    let auditor = match scratch.take_saved() {
        Some(saved) => Auditor::resume(pinned, scratch, saved),
        None => Auditor::open(pinned, scratch),
    };
    let report = begin(source, auditor, until, spread, progress);
    match witness.fault() {
        // Whatever was found after it: it is no word about the log.
        Some(fault) => Report { divergence: Some(unusable(fault)), ..report },
        None => report,
    }
}

fn begin<S, K>(
    source: S,
    auditor: Result<Auditor<'_, K>, Divergence>,
    until: Option<u64>,
    spread: Spread,
    progress: &mut dyn FnMut(Progress),
) -> Report
where
    S: ByteSource + Send,
    S::Error: Display,
    K: Keep,
{
    let auditor = auditor.and_then(|auditor| match until {
        Some(seq) => auditor.until(seq),
        None => Ok(auditor),
    });
    match auditor {
        Ok(auditor) => run(source, auditor, spread, progress),
        Err(found) => Report::failed(found),
    }
}

fn run<S, K>(
    source: S,
    auditor: Auditor<'_, K>,
    spread: Spread,
    progress: &mut dyn FnMut(Progress),
) -> Report
where
    S: ByteSource + Send,
    S::Error: Display,
    K: Keep,
{
    // Such a target has no threads: the stages run in turn.
    if cfg!(all(target_family = "wasm", not(target_feature = "atomics"))) {
        return crate::audit::in_turn(source, auditor, progress);
    }
    let span = auditor.span();
    thread::scope(|scope| {
        let (mut decoded, mut prepared) = (Vec::new(), Vec::new());
        for _ in 0..spread.preparers.max(1) {
            let (sender, waiting) = sync_channel(QUEUE);
            let (done, receiver) = sync_channel(QUEUE);
            decoded.push(sender);
            prepared.push(receiver);
            scope.spawn(move || prepare_all(&waiting, &done));
        }
        let decoding =
            scope.spawn(move || decode(Decoder::new(source, spread.chunk, span), &decoded));
        // Pieces went out by turns, so that they come back in order by turns.
        let mut turns = prepared.iter().cycle();
        let next = || match turns.next().map(Receiver::recv) {
            Some(Ok(next)) => next,
            Some(Err(_)) | None => Err(unfinished()),
        };
        let report = auditor.audit(next, progress);
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

/// Everything in memory, with the jobs of the store on all cores.
struct Threaded;

/// The store of [`Threaded`].
#[derive(Default)]
struct ThreadedStore(MemoryStore);

impl Keep for Threaded {
    type Store = ThreadedStore;
    type Fault = Infallible;

    fn stores(&mut self) -> (ThreadedStore, ThreadedStore) {
        Default::default()
    }

    fn bounds(&self) -> Option<(usize, u32)> {
        None
    }

    fn save(&mut self, _: Vec<u8>, _: bool) -> Result<(), Infallible> {
        Ok(())
    }
}

impl StateStore for ThreadedStore {
    type Fault = Infallible;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Infallible> {
        self.0.get(key)
    }

    fn scan(
        &self,
        from: &[u8],
        end: &[u8],
        visit: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), Infallible> {
        self.0.scan(from, end, visit)
    }

    fn commit(&mut self, changes: Changes) -> Result<(), Infallible> {
        self.0.commit(changes)
    }

    fn side_by_side<J: Send, R: Send>(&self, jobs: Vec<J>, work: impl Fn(J) -> R + Sync) -> Vec<R> {
        side_by_side(jobs, work)
    }
}

/// Does jobs on as many threads as the machine runs at once, which take the next one whenever they are done; results
/// in the order of the jobs.
pub(super) fn side_by_side<J: Send, R: Send>(jobs: Vec<J>, work: impl Fn(J) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    if threads < 2 {
        return jobs.into_iter().map(work).collect();
    }
    let waiting = Mutex::new(jobs.into_iter().enumerate());
    let take = || {
        let mut done = Vec::new();
        loop {
            // The lock is held for the taking only.
            let next = waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
            let Some((at, job)) = next else { return done };
            done.push((at, work(job)));
        }
    };
    let mut done = thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(take)).collect();
        let mut done = take();
        for helper in helpers {
            done.extend(helper.join().unwrap_or_else(|reason| panic::resume_unwind(reason)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}
