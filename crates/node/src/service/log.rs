//! `Log`: everything that an auditor needs, for anyone.

use std::sync::Arc;

use api::v1::{
    GetCheckpointRequest, GetCheckpointResponse, GetConsistencyProofRequest,
    GetConsistencyProofResponse, GetInclusionProofRequest, GetInclusionProofResponse,
    GetVerifierKeysRequest, GetVerifierKeysResponse, ReadEntriesRequest, ReadEntriesResponse,
    log_server::Log,
};
use protocol::ErrorCode;
use tokio::{
    sync::mpsc::{Sender, channel},
    task,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, async_trait};

use super::{Api, status};
use crate::{Failure, Node};

/// Entries that are read from the log at a time, and messages on their way to a client.
const TOGETHER: usize = 64;

#[async_trait]
impl Log for Api {
    type ReadEntriesStream = ReceiverStream<Result<ReadEntriesResponse, Status>>;

    async fn get_checkpoint(
        &self,
        _: Request<GetCheckpointRequest>,
    ) -> Result<Response<GetCheckpointResponse>, Status> {
        let note = self.blocking(|node| Ok(node.ledger().checkpoint()?)).await?;
        Ok(Response::new(GetCheckpointResponse { note }))
    }

    async fn get_verifier_keys(
        &self,
        _: Request<GetVerifierKeysRequest>,
    ) -> Result<Response<GetVerifierKeysResponse>, Status> {
        let keys = self.blocking(|node| Ok(node.ledger().verifier_keys()?)).await?;
        let keys = keys.iter().map(ToString::to_string).collect();
        Ok(Response::new(GetVerifierKeysResponse { keys }))
    }

    async fn read_entries(
        &self,
        request: Request<ReadEntriesRequest>,
    ) -> Result<Response<Self::ReadEntriesStream>, Status> {
        let ReadEntriesRequest { start, limit } = request.into_inner();
        let most = if limit == 0 { u64::MAX } else { limit };
        let (sender, receiver) = channel(TOGETHER);
        let node = Arc::clone(&self.0);
        task::spawn_blocking(move || {
            if let Err(failure) = send_entries(&node, start, most, &sender) {
                // Nobody may be there to hear it.
                let _ = sender.blocking_send(Err(status::of(&failure)));
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<GetInclusionProofRequest>,
    ) -> Result<Response<GetInclusionProofResponse>, Status> {
        let seq = request.into_inner().seq;
        let proof = self.blocking(move |node| {
            let missing = || Failure::new(ErrorCode::NotFound, format!("there is no entry {seq}"));
            node.ledger().prove(seq)?.ok_or_else(missing)
        });
        let proof = proof.await?;
        Ok(Response::new(GetInclusionProofResponse { proof: proof.to_string() }))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<GetConsistencyProofRequest>,
    ) -> Result<Response<GetConsistencyProofResponse>, Status> {
        let GetConsistencyProofRequest { old_size, new_size } = request.into_inner();
        let path = self.blocking(move |node| {
            let detail = "old_size is at most new_size, and new_size at most the number of entries";
            let missing = || Failure::new(ErrorCode::NotFound, detail);
            node.ledger().consistency_path(old_size, new_size)?.ok_or_else(missing)
        });
        let hashes = path.await?.iter().map(|hash| hash.0.to_vec()).collect();
        Ok(Response::new(GetConsistencyProofResponse { hashes }))
    }
}

/// Sends entries that are durable until there are none, enough, or nobody listens.
fn send_entries(
    node: &Node,
    start: u64,
    most: u64,
    to: &Sender<Result<ReadEntriesResponse, Status>>,
) -> Result<(), Failure> {
    let (mut seq, end) = (start, start.saturating_add(most).min(node.entry_count()?));
    while seq < end {
        let together = usize::try_from(end - seq).unwrap_or(TOGETHER).min(TOGETHER);
        for entry in node.entries(seq, together)? {
            seq = entry.seq + 1;
            let (prev_entry_hash, body) = (entry.prev_entry_hash.0.to_vec(), entry.body);
            let message = ReadEntriesResponse { seq: entry.seq, prev_entry_hash, body };
            if to.blocking_send(Ok(message)).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
