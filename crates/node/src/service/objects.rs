//! `StorageEngine`.

use api::v1::{
    DeleteObjectRequest, DeleteObjectResponse, GetContentHead, GetContentRequest,
    GetContentResponse, ListObjectsRequest, ListObjectsResponse, ListVersionsRequest,
    ListVersionsResponse, PutContentHead, PutContentRequest, PutContentResponse, ShardPlacement,
    get_content_response, put_content_request, storage_engine_server::StorageEngine,
};
use protocol::{CommandId, ObjectId};
use storage_engine::query::ObjectFilter;
use tokio::{
    sync::mpsc::{Sender, channel},
    task,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::{
    Api,
    content::{Outgoing, Piece, pieces},
    ledger::receipt,
    pages::Page,
    status,
};
use crate::{
    node::{Put, Readable, Stored},
    objects::PlacedShard,
};

/// Messages of content on their way to a client.
const AHEAD: usize = 4;

#[async_trait]
impl StorageEngine for Api {
    type GetContentStream = ReceiverStream<Result<GetContentResponse, Status>>;

    async fn put_content(
        &self,
        request: Request<Streaming<PutContentRequest>>,
    ) -> Result<Response<PutContentResponse>, Status> {
        let mut messages = request.into_inner();
        let first = messages.message().await?.and_then(|message| message.part);
        let Some(put_content_request::Part::Head(head)) = first else {
            return Err(status::invalid("the first message has the head"));
        };
        let put = put_of(head)?;
        let (sender, mut content) = pieces();
        let storing = self.blocking(move |node| node.put(&put, &mut content));
        let (stored, fed) = tokio::join!(storing, feed(messages, sender));
        // A call that was cut off says so itself; what storing says of it then follows from that.
        fed?;
        Ok(Response::new(put_response(stored?)))
    }

    async fn get_content(
        &self,
        request: Request<GetContentRequest>,
    ) -> Result<Response<Self::GetContentStream>, Status> {
        let GetContentRequest { object_id, version, start, end } = request.into_inner();
        let object = ObjectId(object_id);
        let id = object.0.clone();
        let from = self.blocking(move |node| node.open(&object, version)).await?;
        let size = from.found.layout.size;
        let range = (start.is_some() || end.is_some())
            .then(|| start.unwrap_or(0)..end.unwrap_or(size).min(size));
        if range.as_ref().is_some_and(|range| range.start > range.end) {
            return Err(status::invalid(format!("the object has {size} bytes")));
        }
        let (sender, receiver) = channel(AHEAD);
        let head = get_head(id, &from, range.clone().unwrap_or(0..size));
        let head = GetContentResponse { part: Some(get_content_response::Part::Head(head)) };
        // The channel is empty and its other end here.
        let _ = sender.try_send(Ok(head));
        let node = std::sync::Arc::clone(&self.0);
        task::spawn_blocking(move || {
            let message = |bytes| {
                let part = Some(get_content_response::Part::Content(bytes));
                Ok(GetContentResponse { part })
            };
            let mut out = Outgoing::new(sender.clone(), message);
            let sent = node.get(&from, range, &mut out);
            if let Err(failure) = sent {
                // Nobody may be there to hear it.
                let _ = sender.blocking_send(Err(status::of(&failure)));
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn list_objects(
        &self,
        request: Request<ListObjectsRequest>,
    ) -> Result<Response<ListObjectsResponse>, Status> {
        let ListObjectsRequest { prefix, filters, versions, page_size, page_token } =
            request.into_inner();
        let mut metadata: Vec<(String, String)> = filters.into_iter().collect();
        metadata.sort_unstable();
        let filter = ObjectFilter { prefix, versions, metadata, object: None };
        let page = Page::of(filter, page_size, &page_token)?;
        let read = self.blocking(move |node| node.read(|state| page.read(state))?).await;
        let (objects, next_page_token) = read?;
        Ok(Response::new(ListObjectsResponse { objects, next_page_token }))
    }

    async fn list_versions(
        &self,
        request: Request<ListVersionsRequest>,
    ) -> Result<Response<ListVersionsResponse>, Status> {
        let ListVersionsRequest { object_id, page_size, page_token } = request.into_inner();
        let object = Some(ObjectId(object_id));
        let filter = ObjectFilter { object, versions: true, ..ObjectFilter::default() };
        let page = Page::of(filter, page_size, &page_token)?;
        let read = self.blocking(move |node| node.read(|state| page.read(state))?).await;
        let (versions, next_page_token) = read?;
        Ok(Response::new(ListVersionsResponse { versions, next_page_token }))
    }

    async fn delete_object(
        &self,
        request: Request<DeleteObjectRequest>,
    ) -> Result<Response<DeleteObjectResponse>, Status> {
        let DeleteObjectRequest { object_id, version, idempotency_key } = request.into_inner();
        let (object, id) = (ObjectId(object_id), command_id(&idempotency_key)?);
        let deleted = self.blocking(move |node| node.delete(&object, version, id)).await?;
        let (version, done, repeated) = deleted;
        let receipt = Some(receipt(&done, repeated));
        Ok(Response::new(DeleteObjectResponse { version, receipt }))
    }
}

/// Passes content on until the client ends it. Ends without [`Piece::End`] when the call is cut off.
async fn feed(mut messages: Streaming<PutContentRequest>, to: Sender<Piece>) -> Result<(), Status> {
    while let Some(message) = messages.message().await? {
        let Some(put_content_request::Part::Content(bytes)) = message.part else {
            return Err(status::invalid("after the head there is content only"));
        };
        if to.send(Piece::Bytes(bytes)).await.is_err() {
            // It is not read any more: storing has an answer already.
            return Ok(());
        }
    }
    let _ = to.send(Piece::End).await;
    Ok(())
}

fn put_of(head: PutContentHead) -> Result<Put, Status> {
    let PutContentHead { object_id, version, metadata_json, idempotency_key } = head;
    let metadata = if metadata_json.is_empty() { "{}".to_owned() } else { metadata_json };
    Ok(Put {
        object: ObjectId(object_id),
        version,
        metadata: metadata.into_bytes(),
        id: command_id(&idempotency_key)?,
    })
}

fn command_id(key: &[u8]) -> Result<CommandId, Status> {
    let id = key.try_into().map_err(|_| {
        status::invalid("idempotency_key has 16 bytes: make them at random, and send the same when you try again")
    })?;
    Ok(CommandId(id))
}

fn put_response(stored: Stored) -> PutContentResponse {
    let receipt = Some(receipt(&stored.receipt, stored.repeated));
    PutContentResponse {
        object_id: stored.store.object.0,
        version: stored.store.version,
        hash_commit: stored.store.hash_commit.0.to_vec(),
        size: stored.size,
        shards: stored.shards.into_iter().map(placement).collect(),
        atr_cost: stored.fee.to_string(),
        receipt,
    }
}

fn placement(shard: PlacedShard) -> ShardPlacement {
    ShardPlacement {
        shard_id: shard.shard_id.0.to_vec(),
        root: shard.root.0.to_vec(),
        node_ids: shard.nodes,
    }
}

fn get_head(object_id: String, from: &Readable, range: std::ops::Range<u64>) -> GetContentHead {
    let (stored, layout) = (&from.found.stored, &from.found.layout);
    GetContentHead {
        object_id,
        version: from.found.version,
        hash_commit: stored.hash_commit.0.to_vec(),
        size: layout.size,
        start: range.start,
        end: range.end,
        metadata_json: String::from_utf8_lossy(&stored.metadata).into_owned(),
        seq: from.found.seq,
        shards: from.shards.iter().cloned().map(placement).collect(),
        block_size: u64::from(layout.block_size),
        data_columns: u32::from(layout.profile.data),
        parity_columns: u32::from(layout.profile.parity),
    }
}
