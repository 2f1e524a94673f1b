//! The witness over HTTP (C2SP tlog-witness): `POST /add-checkpoint`, and `GET /` for people.
//!
//! Plain HTTP/1.1: an address that others reach needs a proxy in front that speaks TLS. Nothing here trusts the other
//! side: sizes, times and the number of connections are bounded, and a slow client holds up nobody but itself.

use crate::{Refusal, Witness};
use disk::Disk;
use eqm_log::consistency::MAX_CONSISTENCY_LEN;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};

/// The content type of a refusal that says how many entries were cosigned.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// Most bytes of a request's head.
const MAX_HEAD_LEN: usize = 16 * 1024;

/// Rest after a failed accept, which for want of file descriptors would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What one client, and all of them, may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; more wait to be accepted.
    pub connections: usize,
    /// Time for the head of a request, from the connection or the answer before.
    pub head: Duration,
    /// Time for its body.
    pub body: Duration,
    /// Time for a connection as a whole, however many requests it carries.
    pub connection: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 64,
            head: Duration::from_secs(5),
            body: Duration::from_secs(10),
            connection: Duration::from_secs(60),
        }
    }
}

/// A request that was answered, for those who watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Who asked.
    pub peer: SocketAddr,
    /// The status of the answer.
    pub status: u16,
    /// The log, if one was named; anybody's text.
    pub origin: Option<String>,
    /// Entries under the checkpoint that was cosigned.
    pub size: Option<u64>,
    /// What happened, in words.
    pub detail: String,
}

/// Answers until `stop` is ready; connections that are open then end with their current request. `watch` is told of
/// every request to `add-checkpoint`, and of what goes wrong with connections it is not.
///
/// # Errors
/// When the listener cannot be used.
pub async fn serve<D: Disk>(
    listener: std::net::TcpListener,
    witness: Arc<Witness<D>>,
    limits: Limits,
    watch: impl Fn(Answered) + Send + Sync + 'static,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(limits.connections));
    let service = Arc::new(Service { witness, limits, watch });
    let accepting = async {
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            let Ok((stream, peer)) = listener.accept().await else {
                sleep(ACCEPT_PAUSE).await;
                continue;
            };
            let service = Arc::clone(&service);
            tokio::spawn(async move {
                service.connection(stream, peer).await;
                drop(place);
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stop => {}
    }
    // Whoever is being answered still gets the answer: all places free again means that nobody is.
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let _ = timeout(limits.body, places.acquire_many(all)).await;
    Ok(())
}

/// [`serve`] on a runtime of its own, until the process is asked to end (SIGINT, SIGTERM).
///
/// # Errors
/// When the listener or signals cannot be used.
pub fn run<D: Disk>(
    listener: std::net::TcpListener,
    witness: Arc<Witness<D>>,
    limits: Limits,
    watch: impl Fn(Answered) + Send + Sync + 'static,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let stop = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        };
        serve(listener, witness, limits, watch, stop).await
    })
}

struct Service<D: Disk, W> {
    witness: Arc<Witness<D>>,
    limits: Limits,
    watch: W,
}

impl<D: Disk, W: Fn(Answered) + Send + Sync + 'static> Service<D, W> {
    async fn connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let limits = self.limits;
        let answer = service_fn(|request| {
            let service = Arc::clone(&self);
            async move { Ok::<_, Infallible>(service.answer(request, peer).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(MAX_HEAD_LEN)
            .serve_connection(TokioIo::new(stream), answer);
        // What a client breaks off, sends wrongly or does not take in time is its own loss.
        let _ = timeout(limits.connection, connection).await;
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        match (request.uri().path(), request.method()) {
            ("/add-checkpoint", &Method::POST) => {}
            ("/add-checkpoint", _) => return not_allowed("POST"),
            ("/", &Method::GET) => return self.about(),
            ("/", _) => return not_allowed("GET"),
            _ => return text(StatusCode::NOT_FOUND, "there is nothing here\n".into()),
        }
        if request.body().size_hint().lower() > MAX_CONSISTENCY_LEN as u64 {
            return self.refuse(&Refusal::NotAText, peer);
        }
        let body = Limited::new(request.into_body(), MAX_CONSISTENCY_LEN);
        let body = match timeout(self.limits.body, body.collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                return self.refuse(&Refusal::NotAText, peer);
            }
            Ok(Err(_)) => return text(StatusCode::BAD_REQUEST, "the request broke off\n".into()),
            Err(_) => {
                return text(StatusCode::REQUEST_TIMEOUT, "the request took too long\n".into());
            }
        };
        // Signatures and the disk take milliseconds in which this thread serves others.
        let (service, now) = (Arc::clone(&self), seconds_since_1970());
        let judged =
            tokio::task::spawn_blocking(move || service.witness.add_checkpoint(&body, now)).await;
        match judged {
            Ok(Ok(cosigned)) => {
                (self.watch)(Answered {
                    peer,
                    status: 200,
                    detail: format!("cosigned {} entries", cosigned.checkpoint.size),
                    size: Some(cosigned.checkpoint.size),
                    origin: Some(cosigned.checkpoint.origin),
                });
                text(StatusCode::OK, cosigned.lines)
            }
            Ok(Err(refusal)) => self.refuse(&refusal, peer),
            Err(_) => self.refuse(&Refusal::Broken, peer),
        }
    }

    fn refuse(&self, refusal: &Refusal, peer: SocketAddr) -> Answer {
        (self.watch)(Answered {
            peer,
            status: refusal.status(),
            origin: None,
            size: None,
            detail: refusal.to_string(),
        });
        let status = StatusCode::from_u16(refusal.status()).unwrap_or_default();
        match refusal.seen() {
            Some(size) => typed(status, format!("{size}\n"), SIZE_TYPE),
            None => text(status, format!("{refusal}\n")),
        }
    }

    fn about(&self) -> Answer {
        let keys = self.witness.vkeys().unwrap_or_default();
        let keys: String = keys.iter().map(|key| format!("{key}\n")).collect();
        text(StatusCode::OK, format!("witness {}\n{keys}", self.witness.name()))
    }
}

type Answer = Response<Full<Bytes>>;

fn text(status: StatusCode, body: String) -> Answer {
    typed(status, body, "text/plain; charset=utf-8")
}

fn typed(status: StatusCode, body: String, content_type: &'static str) -> Answer {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn not_allowed(method: &'static str) -> Answer {
    let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, format!("only {method}\n"));
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    answer
}

/// The time of a cosignature. A clock before 1970 makes no statement.
fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
