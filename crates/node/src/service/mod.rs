//! The service over a [`Node`]: package `qfs.v1` over gRPC, with health and reflection.
//!
//! Every call that waits for a disk does so on a thread for blocking work, never on one that serves connections.

mod content;
mod ledger;
mod log;
mod objects;
mod pages;
mod status;

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use api::v1::{
    epochs_server::EpochsServer, log_server::LogServer, registry_server::RegistryServer,
    storage_engine_server::StorageEngineServer, tokens_server::TokensServer,
};
use protocol::ErrorCode;
use tokio::{net::TcpListener, sync::oneshot, task, time::sleep};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Status, transport::Server};

use crate::{Failure, Node};

/// Longest message that is read: a piece of content, and what frames it.
const MAX_MESSAGE_BYTES: usize = (1 << 20) + (64 << 10);

/// Calls of one connection at a time.
const MAX_STREAMS: u32 = 256;

/// Bytes of headers.
const MAX_HEADER_BYTES: u32 = 16 << 10;

/// How long a connection may take to answer a ping, and how often it gets one while it is silent.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long calls may go on after the service was told to end. A client that is silent would hold it for ever.
pub const GRACE: Duration = Duration::from_secs(5);

/// The services of one node.
#[derive(Clone)]
struct Api(Arc<Node>);

impl Api {
    /// Does what waits for disks.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Node) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Status> {
        let node = Arc::clone(&self.0);
        let done = task::spawn_blocking(move || work(&node)).await;
        let done = done.unwrap_or_else(|_| {
            Err(Failure::new(ErrorCode::Internal, "the call ended early; see the server's log"))
        });
        done.map_err(|failure| status::of(&failure))
    }
}

/// An address to listen on, and the listener.
///
/// # Errors
/// When it is not an address of this machine alone, or cannot be had.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    if !address.ip().is_loopback() {
        let detail = format!(
            "{address} can be reached from other machines, and this service asks nobody who they are: listen on 127.0.0.1 or [::1]"
        );
        return Err(Failure::new(ErrorCode::Unauthorized, detail));
    }
    let failed = |error| {
        Failure::new(ErrorCode::InvalidInput, format!("cannot listen on {address}: {error}"))
    };
    TcpListener::bind(address).await.map_err(failed)
}

/// Serves `node` until `stop` ends. Calls that have begun then have some seconds to end; whatever has not is cut off with
/// the runtime. Nothing that was acknowledged depends on that.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    node: Arc<Node>,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let api = Api(node);
    let internal = |error: &dyn std::fmt::Display| Failure::new(ErrorCode::Internal, error);
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(api::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| internal(&error))?;
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<StorageEngineServer<Api>>().await;
    health.set_serving::<LogServer<Api>>().await;
    let (stopping, stopped) = oneshot::channel();
    let stop = async {
        stop.await;
        // Nobody waits when the listener has failed already.
        let _ = stopping.send(());
    };
    let served = Server::builder()
        .max_concurrent_streams(Some(MAX_STREAMS))
        .http2_max_header_list_size(Some(MAX_HEADER_BYTES))
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .add_service(reflection)
        .add_service(health_service)
        .add_service(
            StorageEngineServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES),
        )
        .add_service(RegistryServer::new(api.clone()))
        .add_service(EpochsServer::new(api.clone()))
        .add_service(TokensServer::new(api.clone()))
        .add_service(LogServer::new(api))
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop);
    let overdue = async {
        if stopped.await.is_ok() {
            sleep(GRACE).await;
        }
    };
    tokio::select! {
        served = served => served.map_err(|error| internal(&error)),
        () = overdue => Ok(()),
    }
}
