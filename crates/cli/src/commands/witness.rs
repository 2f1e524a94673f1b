//! `witness`: a witness of other people's logs.

use crate::{
    app::App,
    args::witness::{WitnessCommand, WitnessDir},
    error::{CliError, Result},
};
use disk::{DirLock, RealDisk};
use eqm_log::VerifierKey;
use journal::{JournalError, KeyStore};
use protocol::{ErrorCode, signature::Suite};
use serde_json::json;
use std::{
    io,
    net::TcpListener,
    path::Path,
    sync::{Arc, mpsc},
    thread,
};
use witness::{
    KnownLog, Signers, Witness, WitnessError,
    server::{self, Answered, Limits},
};

/// Name of the key files.
const KEY: &str = "witness";

/// Rows that may wait to be shown.
const ROWS: usize = 1_024;

pub fn run(app: &App, command: &WitnessCommand) -> Result<()> {
    match command {
        WitnessCommand::Init { dir, name } => init(app, dir, name),
        WitnessCommand::Trust { dir, keys } => {
            let keys = replay::cli::read_keys(keys).map_err(CliError::Usage)?;
            let (_lock, mut witness) = open(dir)?;
            witness.trust(&keys)?;
            show(app, &witness)
        }
        WitnessCommand::Show { dir } => show(app, &open(dir)?.1),
        WitnessCommand::Serve { dir, listen, plain_http } => {
            if !listen.ip().is_loopback() && !plain_http {
                return Err(CliError::Usage(format!(
                    "{listen} can be reached by others, and this is plain HTTP: put a proxy with TLS in front, and give --plain-http"
                )));
            }
            let (_lock, witness) = open(dir)?;
            let listener = TcpListener::bind(listen).map_err(|error| {
                CliError::failed(
                    ErrorCode::InvalidInput,
                    format!("cannot listen at {listen}: {error}"),
                )
            })?;
            serve(app, witness, listener)
        }
    }
}

fn init(app: &App, dir: &WitnessDir, name: &str) -> Result<()> {
    let dir = &dir.path;
    journal::files::make_dir(dir)?;
    let _lock = witness::lock(dir)?;
    if dir.join("log").exists() {
        let detail = format!("{} is the directory of a ledger", dir.display());
        return Err(CliError::failed(ErrorCode::Conflict, detail));
    }
    let signers = signers(dir, KeyStore::signer)?;
    Witness::create(&RealDisk, dir, name, &signers)?;
    show(app, &Witness::open(RealDisk, dir, signers)?)
}

fn open(dir: &WitnessDir) -> Result<(DirLock, Witness<RealDisk>)> {
    let dir = &dir.path;
    if !dir.join("witness").is_file() {
        return Err(WitnessError::Missing(dir.clone()).into());
    }
    let lock = witness::lock(dir)?;
    let signers = signers(dir, KeyStore::existing)?;
    Ok((lock, Witness::open(RealDisk, dir, signers)?))
}

/// The signers of a witness: ML-DSA-44, and Ed25519 for readers that know no other.
fn signers(
    dir: &Path,
    get: impl Fn(
        &KeyStore,
        &str,
        Suite,
    ) -> std::result::Result<protocol::signature::SeedSigner, JournalError>,
) -> Result<Signers> {
    let keys = KeyStore::open(RealDisk, &dir.join("keys"))?;
    let mut signers = Signers::new();
    for suite in [Suite::MlDsa44, Suite::Ed25519] {
        signers.push(Box::new(get(&keys, KEY, suite)?));
    }
    Ok(signers)
}

fn vkeys(witness: &Witness<RealDisk>) -> Result<Vec<String>> {
    let keys = witness.vkeys().map_err(WitnessError::from)?;
    Ok(keys.iter().map(VerifierKey::to_string).collect())
}

fn show(app: &App, witness: &Witness<RealDisk>) -> Result<()> {
    let (keys, logs) = (vkeys(witness)?, witness.logs());
    let known = |log: &KnownLog| {
        let conflict = log.conflict.as_deref().map(|path| path.display().to_string());
        json!({ "origin": log.origin, "size": log.size, "conflict": conflict })
    };
    let known: Vec<_> = logs.iter().map(known).collect();
    let document = json!({ "name": witness.name(), "vkeys": keys, "logs": known });
    app.out.row(&document, || {
        let logs: String = logs.iter().map(line).collect();
        format!("witness {}\n{}{logs}", witness.name(), keys.join("\n"))
    })
}

fn line(log: &KnownLog) -> String {
    let conflict = log.conflict.as_deref().map_or(String::new(), |path| {
        format!("; its keys have also signed another history: {}", path.display())
    });
    format!("\nlog {}, {} entries cosigned{conflict}", log.origin, log.size)
}

fn serve(app: &App, witness: Witness<RealDisk>, listener: TcpListener) -> Result<()> {
    let broken = |error: io::Error| CliError::failed(ErrorCode::Internal, error);
    let url = format!("http://{}", listener.local_addr().map_err(broken)?);
    let document = json!({ "name": witness.name(), "url": url, "vkeys": vkeys(&witness)? });
    app.out.row(&document, || format!("witness {} at {url}", witness.name()))?;
    // Rows that nobody reads, or not fast enough, are dropped: they are no reason to stop cosigning.
    let (rows, shown) = mpsc::sync_channel(ROWS);
    let watch = move |event| drop(rows.try_send(event));
    let server =
        thread::spawn(move || server::run(listener, Arc::new(witness), Limits::default(), watch));
    shown.into_iter().for_each(|event| drop(row(app, event)));
    let ended = server.join();
    ended.unwrap_or_else(|_| Err(io::Error::other("the server stopped"))).map_err(broken)
}

fn row(app: &App, event: Answered) -> Result<()> {
    let Answered { status, origin, size, detail, .. } = event;
    let document = json!({ "status": status, "origin": origin, "size": size, "detail": detail });
    app.out.row(&document, || {
        let origin = origin.map_or(String::new(), |origin| format!("  {origin}"));
        format!("{status}{origin}  {detail}").replace(char::is_control, "\u{fffd}")
    })
}
