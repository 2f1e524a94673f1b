//! `qfs serve` as a process: what was acknowledged is there afterwards, however it ends.

mod common;

use api::v1::{
    PutContentHead, PutContentRequest, PutContentResponse, put_content_request,
    storage_engine_client::StorageEngineClient,
};
use common::Qfs;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
};
use tokio::runtime::{Builder, Runtime};
use tokio_stream::iter;
use tonic::transport::Channel;

/// A service that serves until it is dropped.
struct Service {
    process: Child,
    client: StorageEngineClient<Channel>,
    runtime: Runtime,
}

impl Service {
    fn start(qfs: &Qfs) -> Self {
        let arguments = ["serve", "--listen", "127.0.0.1:0"];
        let mut process = qfs.command(&arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let first: Value = serde_json::from_str(&first).unwrap();
        let url = format!("http://{}", first["listening"].as_str().unwrap());
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let client = runtime.block_on(StorageEngineClient::connect(url)).unwrap();
        Self { process, client, runtime }
    }

    fn put(&mut self, object: &str, key: u8) -> PutContentResponse {
        let head = PutContentHead {
            object_id: object.into(),
            idempotency_key: vec![key; 16],
            ..PutContentHead::default()
        };
        let parts = [
            put_content_request::Part::Head(head),
            put_content_request::Part::Content(object.as_bytes().to_vec()),
        ];
        let messages = parts.map(|part| PutContentRequest { part: Some(part) });
        self.runtime.block_on(self.client.put_content(iter(messages))).unwrap().into_inner()
    }

    /// Ends by a signal; clients that are connected do not hold it.
    fn end(mut self, signal: &str) -> ExitStatus {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        self.process.wait().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn what_was_acknowledged_is_there_however_it_ends() {
    let qfs = Qfs::init(&["--nodes", "5"]);
    let mut acknowledged = Vec::new();
    for (round, signal) in (0u8..).zip(["-TERM", "-KILL", "-INT", "-KILL"]) {
        let mut service = Service::start(&qfs);
        for n in 0..5 {
            let (name, key) = (format!("{round}/{n}"), round * 5 + n);
            let stored = service.put(&name, key);
            acknowledged.push((name.clone(), stored.receipt.unwrap().seq));
            let repeated = service.put(&name, key).receipt.unwrap();
            assert!(repeated.repeated && repeated.seq == acknowledged.last().unwrap().1);
        }
        // One process holds a ledger.
        assert_eq!(qfs.refused(&["ls"]), "SE_ERR_BUSY");
        let status = service.end(signal);
        assert_eq!(status.success(), signal != "-KILL", "{signal}: {status}");
        let rows = qfs.ok(&["ls"]);
        let found: Vec<&str> = rows.iter().map(|row| row["object_id"].as_str().unwrap()).collect();
        let names: Vec<&str> = acknowledged.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(found, names, "{signal}");
    }
    assert_eq!(qfs.one(&["log", "verify"])["ok"], true);
}

#[test]
fn other_machines_are_not_served() {
    let qfs = Qfs::init(&["--nodes", "3"]);
    assert_eq!(qfs.refused(&["serve", "--listen", "0.0.0.0:0"]), "SE_ERR_UNAUTHORIZED");
}
