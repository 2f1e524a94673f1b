//! The witness over HTTP, asked by its own client and by those who mean no good: rules WI-8 and WI-9.

mod common;

use common::{History, ORIGIN, log_keys, made, policy, witness_keys};
use disk::RealDisk;
use eqm_log::{TreeHash, VerifierKey};
use protocol::signature::{SeedSigner, Signer, Suite};
use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};
use witness::{
    Witness,
    client::{Client, ClientError},
    server::{self, Answered, Limits},
};

const TIME: Duration = Duration::from_secs(10);

/// Shorter times than a real server's, so that tests see them pass.
const LIMITS: Limits = Limits {
    connections: 4,
    head: Duration::from_millis(400),
    body: Duration::from_millis(400),
    connection: Duration::from_secs(3),
};

/// A witness that serves until it is dropped.
struct Served {
    address: SocketAddr,
    witness: Arc<Witness<RealDisk>>,
    answered: Arc<Mutex<Vec<Answered>>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

impl Served {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let witness = Arc::new(made(&RealDisk, dir.path()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answered = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (shared, seen) = (Arc::clone(&witness), Arc::clone(&answered));
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let watch = move |event| seen.lock().unwrap().push(event);
            let stop = async {
                let _ = stopped.await;
            };
            runtime
                .unwrap()
                .block_on(server::serve(listener, shared, LIMITS, watch, stop))
                .unwrap();
        });
        let (stop, thread) = (Some(stop), Some(thread));
        Self { address, witness, answered, stop, thread, _dir: dir }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn submit(&self, history: &History, size: u64, seen: u64) -> Result<String, ClientError> {
        submit(&self.url(), history, size, seen, &witness_keys())
    }

    /// What comes back for these bytes, whatever they are, until the other side closes.
    fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(TIME)).unwrap();
        // The other side may close before it has read everything.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }

    fn post(&self, body: &str) -> String {
        let len = body.len();
        let head = "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\nconnection: close\r\n";
        self.raw(format!("{head}content-length: {len}\r\n\r\n{body}").as_bytes())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || thread::panicking());
    }
}

/// The note with the cosignatures that the witness at `url` gives.
fn submit(
    url: &str,
    history: &History,
    size: u64,
    seen: u64,
    keys: &[VerifierKey],
) -> Result<String, ClientError> {
    let keys: Vec<&VerifierKey> = keys.iter().collect();
    let note = history.note(size);
    let prove = |old| Ok::<Vec<TreeHash>, String>(history.path(old, size));
    let lines = Client::new(TIME).submit(url, &note, &keys, seen, prove)?;
    Ok(note + &lines.iter().map(|line| format!("{line}\n")).collect::<String>())
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).map_or(0, |status| status.parse().unwrap())
}

/// WI-8, WI-9: a log is cosigned as it grows, from whatever it thinks that the witness has seen.
#[test]
fn wi_9_a_growing_log_is_cosigned() {
    let served = Served::new();
    let log = History::new(0, 1, 40);
    for (size, thought) in [(5, 0), (5, 5), (9, 5), (20, 0), (20, 3), (40, 40), (40, 39)] {
        let note = served.submit(&log, size, thought).unwrap();
        let found = policy().check(&note).unwrap();
        assert_eq!((found.checkpoint.size(), found.cosigners.len()), (size, 2));
        // Within a minute of now, by the clock of the machine.
        let age = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() - found.cosigners[0].time;
        assert!(age < 60, "{age}");
    }
    let answered = served.answered.lock().unwrap();
    let statuses: Vec<u16> = answered.iter().map(|event| event.status).collect();
    assert_eq!(statuses, [200, 200, 200, 409, 200, 409, 200, 409, 200, 409, 200]);
    assert_eq!((answered[2].origin.as_deref(), answered[2].size), (Some(ORIGIN), Some(9)));
}

/// WI-9: what a refusal means to a log is said in words.
#[test]
fn wi_9_a_fork_is_told_so() {
    let served = Served::new();
    let (log, fork) = (History::new(8, 1, 40), History::new(8, 2, 40));
    served.submit(&log, 20, 0).unwrap();
    for (size, thought) in [(20, 0), (20, 20), (40, 20), (40, 0)] {
        let error = served.submit(&fork, size, thought).unwrap_err();
        assert!(matches!(error, ClientError::OtherHistory(20)), "{error}");
        assert!(error.to_string().starts_with("the witness has seen another history: "));
    }
    let error = served.submit(&log, 10, 0).unwrap_err();
    assert!(matches!(error, ClientError::Ahead { seen: 20, size: 10 }), "{error}");
    served.submit(&log, 40, 20).unwrap();

    let stranger = SeedSigner::from_seed(Suite::Ed25519, [77; 32]).public_key();
    let keys = [VerifierKey::cosigner("witness.example/one", &stranger).unwrap()];
    let error = submit(&served.url(), &log, 40, 40, &keys).unwrap_err();
    assert!(matches!(error, ClientError::NotCosigned), "{error}");
    let unsigned = log.note(40).replace("\n40\n", "\n39\n");
    let answer = served.post(&format!("old 0\n\n{unsigned}"));
    assert_eq!(status(&answer), 403, "{answer}");
}

/// WI-8: the answers of the protocol, byte by byte.
#[test]
fn wi_8_answers() {
    let served = Served::new();
    let log = History::new(0, 1, 40);
    let answer = served.post(&log.request(0, 5));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("=\n"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(body.lines().all(|line| line.starts_with("— witness.example/one ")));
    assert_eq!(body.lines().count(), 2);
    let answer = served.post(&log.request(3, 9));
    assert!(answer.starts_with("HTTP/1.1 409 Conflict\r\n"), "{answer}");
    assert!(
        answer.contains("content-type: text/x.tlog.size\r\n") && answer.ends_with("\r\n\r\n5\n")
    );
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n", 200),
        ("POST / HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", 405),
        ("GET /add-checkpoint HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n", 405),
        ("GET /other HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n", 404),
        (
            "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\nconnection: close\r\ncontent-length: 3\r\n\r\nold",
            400,
        ),
    ] {
        assert_eq!(status(&served.raw(request.as_bytes())), expected, "{request}");
    }
    let about = served.raw(b"GET / HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n");
    assert!(witness_keys().iter().all(|key| about.contains(&format!("{key}\n"))), "{about}");
}

/// WI-8: what is malformed, too long, too slow or broken off costs its sender an answer, and nobody else anything.
#[test]
fn wi_8_hostile_requests() {
    let served = Served::new();
    let log = History::new(0, 1, 40);
    let head = "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\n";
    let long = "x".repeat(70_000);
    for (what, request, expected) in [
        ("no HTTP", "hello\r\n\r\n".into(), 400),
        ("a long body", format!("{head}content-length: 69633\r\n\r\n{long}"), 400),
        (
            "a body said to be endless",
            format!("{head}content-length: 99999999999999\r\n\r\nold"),
            400,
        ),
        (
            "a long chunk",
            format!("{head}transfer-encoding: chunked\r\n\r\n11170\r\n{long}\r\n0\r\n\r\n"),
            400,
        ),
        ("a long head", format!("{head}x: {long}\r\n\r\n"), 431),
        ("half a body", format!("{head}content-length: 10\r\n\r\nold"), 408),
        ("two lengths", format!("{head}content-length: 3\r\ncontent-length: 4\r\n\r\nold"), 400),
    ] {
        let answer = served.raw(request.as_bytes());
        assert_eq!(status(&answer), expected, "{what}: {answer}");
    }
    // Half a head, and nothing at all: closed after their time, without an answer or with 408.
    for request in [&b"POST /add-check"[..], b""] {
        let begun = Instant::now();
        assert!(matches!(status(&served.raw(request)), 0 | 408));
        assert!(begun.elapsed() < LIMITS.connection, "{:?}", begun.elapsed());
    }
    // One fewer slow clients than there are places; one that is gone within its request.
    let slow = || {
        let mut stream = TcpStream::connect(served.address).unwrap();
        stream
            .write_all(b"POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 9\r\n\r\no")
            .unwrap();
        stream
    };
    let held: Vec<TcpStream> = (1..LIMITS.connections).map(|_| slow()).collect();
    let begun = Instant::now();
    served.submit(&log, 5, 0).unwrap();
    assert!(begun.elapsed() < LIMITS.body, "{:?}", begun.elapsed());
    drop((held, slow()));
    // More of them than places: others wait for no longer than the slow ones may take.
    let held: Vec<TcpStream> = (0..LIMITS.connections).map(|_| slow()).collect();
    served.submit(&log, 9, 5).unwrap();
    drop(held);
    assert_eq!(served.witness.logs()[0].size, 9);
}

/// WI-5, WI-8: many at a time, for two histories: one of them is cosigned.
#[test]
fn wi_8_concurrent_forks() {
    let served = Served::new();
    let forks = [History::new(4, 1, 40), History::new(4, 2, 40)];
    let cosigned = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for number in 0..8_u64 {
            let (fork, served, cosigned) = (&forks[number as usize % 2], &served, &cosigned);
            scope.spawn(move || {
                for size in (6 + number..40).step_by(5) {
                    if served.submit(fork, size, 0).is_ok() {
                        cosigned.lock().unwrap().insert((size, fork.root(size)));
                    }
                }
            });
        }
    });
    let cosigned = cosigned.into_inner().unwrap();
    let of = |fork: &History| cosigned.iter().all(|(size, root)| fork.root(*size) == *root);
    assert!(cosigned.len() > 3 && (of(&forks[0]) || of(&forks[1])), "{cosigned:?}");
}

/// Answers each connection with the next of these, whatever is asked.
fn impostor(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/prefix/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            let mut request = Vec::new();
            let _ = stream.read_to_end(&mut request);
            assert!(request.starts_with(b"POST /prefix/add-checkpoint HTTP/1.1\r\n"));
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

fn http(status: &str, content_type: &str, body: &str) -> String {
    let len = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len}\r\nconnection: close\r\n\r\n{body}"
    )
}

/// WI-9: nothing that a witness says is believed without its signature, and no answer is too long.
#[test]
fn wi_9_a_lying_witness() {
    let log = History::new(0, 1, 40);
    let other = made(&disk::sim::SimDisk::new(1), std::path::Path::new("/w"));
    let other = other.add_checkpoint(log.request(0, 7).as_bytes(), 7).unwrap().lines;
    let size = "text/x.tlog.size";
    let ask =
        |answers: Vec<String>| submit(&impostor(answers), &log, 9, 0, &witness_keys()).unwrap_err();
    for (what, answers, expected) in [
        (
            "another checkpoint's cosignature",
            vec![http("200 OK", "text/plain", &other)],
            "makes no sense",
        ),
        ("no lines", vec![http("200 OK", "text/plain", "")], "makes no sense"),
        ("no signature lines", vec![http("200 OK", "text/plain", "hello\n")], "makes no sense"),
        (
            "lines of others",
            vec![http("200 OK", "text/plain", "— k AAAAAQI=\n")],
            "without a cosignature",
        ),
        ("a long answer", vec![http("200 OK", "text/plain", &"x".repeat(70_000))], "limit"),
        (
            "a size of another type",
            vec![http("409 Conflict", "text/plain", "5\n")],
            "refused with status 409: 5",
        ),
        ("a size that is none", vec![http("409 Conflict", size, "five\n")], "makes no sense: five"),
        (
            "sizes that move",
            vec![http("409 Conflict", size, "5\n"), http("409 Conflict", size, "6\n")],
            "makes no sense: it has cosigned 5 entries, then 6",
        ),
        (
            "elsewhere",
            vec![http("302 Found\r\nlocation: http://127.0.0.1:1/", "text/plain", "")],
            "refused with status 302",
        ),
        (
            "control characters",
            vec![http("500 Oops", "text/plain", "\u{1b}[2Jx")],
            "refused with status 500:  [2Jx",
        ),
        ("no HTTP", vec!["hello\r\n\r\n".into()], ""),
    ] {
        let error = ask(answers).to_string();
        assert!(error.contains(expected), "{what}: {error}");
    }
    let nobody = submit("http://127.0.0.1:1", &log, 9, 0, &witness_keys()).unwrap_err();
    assert!(matches!(nobody, ClientError::Unreachable(_)), "{nobody}");
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", slow.local_addr().unwrap());
    let (keys, begun) = (witness_keys(), Instant::now());
    let client = Client::new(Duration::from_millis(300));
    let prove = |_| Ok::<Vec<TreeHash>, String>(Vec::new());
    let error = client.submit(&url, &log.note(9), &[&keys[0]], 0, prove).unwrap_err();
    assert!(matches!(error, ClientError::Unreachable(_)) && begun.elapsed() < TIME, "{error}");
    assert_eq!(log_keys().len(), 2);
}
