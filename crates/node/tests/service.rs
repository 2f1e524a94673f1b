//! The service as its clients see it: over a real connection, on a ledger in a directory.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use api::v1::{
    DeleteObjectRequest, GetAccountRequest, GetCheckpointRequest, GetConsistencyProofRequest,
    GetContentRequest, GetEligibleNodesRequest, GetEpochRequest, GetInclusionProofRequest,
    GetVerifierKeysRequest, ListNodesRequest, ListObjectsRequest, ListVersionsRequest,
    PutContentHead, PutContentRequest, PutContentResponse, ReadEntriesRequest,
    epochs_client::EpochsClient, get_content_response, log_client::LogClient, put_content_request,
    registry_client::RegistryClient, storage_engine_client::StorageEngineClient,
    tokens_client::TokensClient,
};
use eqm_log::{LogProof, VerifierKey, tree};
use journal::{Ledger, ledger::NewNode};
use node::{Node, service};
use protocol::{Hash32, NodeId, Parameters, Profile, Rules, node::FailureDomain};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tokio_stream::iter;
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt;

/// A service that runs until it is told to end.
struct Running {
    channel: Channel,
    stop: oneshot::Sender<()>,
    node: Arc<Node>,
    served: JoinHandle<()>,
}

fn ledger(dir: &Path) -> Ledger {
    let node = |number| NewNode {
        node_id: NodeId(format!("node-{number:03}")),
        domain: FailureDomain::default(),
    };
    let nodes: Vec<NewNode> = (0..5).map(node).collect();
    let parameters = Parameters::v13(Profile::QFS_V13);
    Ledger::create(dir, parameters, Rules::v13(), &nodes).unwrap().0
}

impl Running {
    async fn begin(ledger: Ledger) -> Self {
        let listener = service::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopping = async { drop(stopped.await) };
        let node = Arc::new(Node::new(ledger));
        let served = service::serve(Arc::clone(&node), listener, stopping);
        let served = tokio::spawn(async { served.await.unwrap() });
        let channel = Channel::from_shared(format!("http://{address}")).unwrap();
        Self { channel: channel.connect().await.unwrap(), stop, node, served }
    }

    fn objects(&self) -> StorageEngineClient<Channel> {
        StorageEngineClient::new(self.channel.clone())
    }

    fn log(&self) -> LogClient<Channel> {
        LogClient::new(self.channel.clone())
    }

    async fn end(self) {
        drop(self.channel);
        self.stop.send(()).unwrap();
        self.served.await.unwrap();
        let node = Arc::into_inner(self.node).expect("no call is left");
        node.close().unwrap();
    }
}

fn head(object: &str, key: u8) -> PutContentHead {
    PutContentHead {
        object_id: object.into(),
        version: None,
        metadata_json: r#"{"author":"test"}"#.into(),
        idempotency_key: vec![key; 16],
    }
}

fn messages(head: PutContentHead, content: &[u8]) -> Vec<PutContentRequest> {
    let part = |part| PutContentRequest { part: Some(part) };
    let pieces = content.chunks(100_000);
    let pieces = pieces.map(|piece| part(put_content_request::Part::Content(piece.to_vec())));
    [part(put_content_request::Part::Head(head))].into_iter().chain(pieces).collect()
}

async fn put(
    at: &Running,
    head: PutContentHead,
    content: &[u8],
) -> Result<PutContentResponse, Status> {
    let put = at.objects().put_content(iter(messages(head, content))).await;
    put.map(tonic::Response::into_inner)
}

async fn get(at: &Running, request: GetContentRequest) -> Result<Vec<u8>, Status> {
    let mut stream = at.objects().get_content(request).await?.into_inner();
    let (mut content, mut heads) = (Vec::new(), 0);
    while let Some(message) = stream.message().await? {
        match message.part.unwrap() {
            get_content_response::Part::Head(_) => heads += 1,
            get_content_response::Part::Content(bytes) => content.extend(bytes),
        }
    }
    assert_eq!(heads, 1);
    Ok(content)
}

fn whole(object: &str) -> GetContentRequest {
    GetContentRequest { object_id: object.into(), ..GetContentRequest::default() }
}

/// The ledger's code in the details of a status.
fn code(status: &Status) -> String {
    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.domain, "qfs.v1");
    assert!(info.metadata["number"].parse::<u16>().unwrap() > 0);
    info.reason
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_are_stored_read_listed_and_deleted() {
    let dir = TempDir::new().unwrap();
    let at = Running::begin(ledger(dir.path())).await;
    for (name, len) in [("a/empty", 0), ("a/small", 5), ("b/large", 3_000_000)] {
        let content: Vec<u8> = (0..len).map(|n: usize| (n % 251) as u8).collect();
        let stored = put(&at, head(name, len as u8), &content).await.unwrap();
        assert_eq!((stored.version, stored.size), (1, len as u64));
        assert_eq!(stored.shards.len(), 4);
        assert!(stored.shards.iter().all(|shard| shard.node_ids.len() == 3));
        assert_eq!(get(&at, whole(name)).await.unwrap(), content, "{name}");
        if len > 0 {
            let (start, end) = (len as u64 / 3, len as u64 - 1);
            let range = GetContentRequest { start: Some(start), end: Some(end), ..whole(name) };
            assert_eq!(get(&at, range).await.unwrap(), content[start as usize..end as usize]);
        }
    }
    put(&at, head("a/small", 9), b"second").await.unwrap();
    assert_eq!(get(&at, whole("a/small")).await.unwrap(), b"second");
    let first = GetContentRequest { version: Some(1), ..whole("a/small") };
    assert_eq!(get(&at, first).await.unwrap().len(), 5);

    let list = |request| async { at.objects().list_objects(request).await.unwrap().into_inner() };
    let all = list(ListObjectsRequest::default()).await.objects;
    let names: Vec<_> = all.iter().map(|row| (row.object_id.as_str(), row.version)).collect();
    assert_eq!(names, [("a/empty", 1), ("a/small", 2), ("b/large", 1)]);
    let filters = [("author".to_owned(), "nobody".to_owned())].into();
    let none = list(ListObjectsRequest { filters, ..ListObjectsRequest::default() }).await;
    assert!(none.objects.is_empty() && none.next_page_token.is_empty());
    // A page at a time, with every version.
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request =
            ListObjectsRequest { versions: true, page_size: 1, page_token, ..Default::default() };
        let page = list(request).await;
        seen.extend(page.objects.into_iter().map(|row| (row.object_id, row.version)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 4);
    assert!(seen.is_sorted());
    let request = ListVersionsRequest { object_id: "a/small".into(), ..Default::default() };
    let versions = at.objects().list_versions(request).await.unwrap().into_inner().versions;
    assert_eq!(versions.iter().map(|row| row.version).collect::<Vec<_>>(), [1, 2]);

    let delete = DeleteObjectRequest {
        object_id: "b/large".into(),
        version: None,
        idempotency_key: vec![77; 16],
    };
    for repeated in [false, true] {
        let done = at.objects().delete_object(delete.clone()).await.unwrap().into_inner();
        assert_eq!((done.version, done.receipt.unwrap().repeated), (2, repeated));
    }
    let gone = get(&at, whole("b/large")).await.unwrap_err();
    assert_eq!((gone.code(), code(&gone).as_str()), (Code::NotFound, "SE_ERR_NOT_FOUND"));
    at.end().await;
}

/// The same key and content twice are one command, whatever happened to the first answer; with other content it is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_used_once() {
    let dir = TempDir::new().unwrap();
    let at = Running::begin(ledger(dir.path())).await;
    let first = put(&at, head("x", 1), b"content").await.unwrap();
    let again = put(&at, head("x", 1), b"content").await.unwrap();
    let (first, again) = (first.receipt.unwrap(), again.receipt.unwrap());
    assert_eq!((first.seq, &first.entry_hash), (again.seq, &again.entry_hash));
    assert!(!first.repeated && again.repeated);
    for (head, content) in [(head("x", 1), b"other".as_slice()), (head("y", 1), b"content")] {
        let refused = put(&at, head, content).await.unwrap_err();
        assert_eq!((refused.code(), code(&refused).as_str()), (Code::Aborted, "SE_ERR_CONFLICT"));
    }
    // Also after the server has ended and begun again.
    at.end().await;
    let at = Running::begin(Ledger::open(dir.path()).unwrap().0).await;
    let again = put(&at, head("x", 1), b"content").await.unwrap().receipt.unwrap();
    assert_eq!((again.seq, again.repeated), (first.seq, true));
    let epoch = EpochsClient::new(at.channel.clone()).get_epoch(GetEpochRequest {}).await;
    assert_eq!(epoch.unwrap().into_inner().entries, first.seq + 1);
    at.end().await;
}

/// Bad input is refused in words, a call that is cut off stores nothing, and the service goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_refused() {
    let dir = TempDir::new().unwrap();
    let at = Running::begin(ledger(dir.path())).await;
    let good = head("x", 1);
    let cases = [
        (PutContentHead { idempotency_key: vec![1; 15], ..good.clone() }, "SE_ERR_INVALID_INPUT"),
        (PutContentHead { object_id: String::new(), ..good.clone() }, "SE_ERR_INVALID_INPUT"),
        (
            PutContentHead { metadata_json: "{\"a\":1.5}".into(), ..good.clone() },
            "SE_ERR_INVALID_INPUT",
        ),
        (PutContentHead { version: Some(0), ..good.clone() }, "SE_ERR_INVALID_VERSION"),
    ];
    for (head, expected) in cases {
        let refused = put(&at, head.clone(), b"content").await.unwrap_err();
        assert_eq!(code(&refused), expected, "{head:?}");
    }
    let pieces = messages(good.clone(), b"content");
    for wrong in [&pieces[1..], &[pieces[0].clone(), pieces[0].clone()][..], &[]] {
        let refused = at.objects().put_content(iter(wrong.to_vec())).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{wrong:?}");
    }
    // The client goes away in the middle: what it sent is no shorter object.
    {
        use tokio_stream::StreamExt;
        let endless = iter(pieces.clone()).chain(tokio_stream::pending());
        let mut objects = at.objects();
        let call = objects.put_content(endless);
        assert!(tokio::time::timeout(Duration::from_millis(300), call).await.is_err());
    }
    let missing = get(&at, whole("x")).await.unwrap_err();
    assert_eq!(code(&missing), "SE_ERR_NOT_FOUND");
    let stored = put(&at, good, b"content").await.unwrap();
    assert!(!stored.receipt.unwrap().repeated);
    let page = ListObjectsRequest { page_size: 1_001, ..Default::default() };
    assert_eq!(code(&at.objects().list_objects(page).await.unwrap_err()), "SE_ERR_INVALID_INPUT");
    let page = ListObjectsRequest { page_token: "nonsense".into(), ..Default::default() };
    assert_eq!(code(&at.objects().list_objects(page).await.unwrap_err()), "SE_ERR_INVALID_INPUT");
    at.end().await;
}

/// Many clients at once: every answer is the entry of its own object, and there are no others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_share_the_log() {
    let dir = TempDir::new().unwrap();
    let at = Running::begin(ledger(dir.path())).await;
    let before = EpochsClient::new(at.channel.clone()).get_epoch(GetEpochRequest {}).await;
    let before = before.unwrap().into_inner().entries;
    let clients = (0..16u8).map(|client| {
        let mut objects = at.objects();
        tokio::spawn(async move {
            let mut seqs = Vec::new();
            for n in 0..4u8 {
                let head = head(&format!("{client}/{n}"), client * 4 + n);
                let stored = objects.put_content(iter(messages(head, &[client; 4_096]))).await;
                seqs.push(stored.unwrap().into_inner().receipt.unwrap().seq);
            }
            seqs
        })
    });
    let mut seqs = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        seqs.extend(client.await.unwrap());
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (before..before + 64).collect::<Vec<_>>());
    at.end().await;
}

/// Whoever has the log's keys need not trust the service: entries, checkpoint and proofs fit together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_proves_itself() {
    let dir = TempDir::new().unwrap();
    let at = Running::begin(ledger(dir.path())).await;
    for n in 0..5u8 {
        put(&at, head(&format!("{n}"), n), &[n]).await.unwrap();
    }
    let mut log = at.log();
    let keys = log.get_verifier_keys(GetVerifierKeysRequest {}).await.unwrap().into_inner().keys;
    let keys: Vec<VerifierKey> = keys.iter().map(|key| key.parse().unwrap()).collect();
    assert_eq!(keys.len(), 2);
    let mut stream =
        log.read_entries(ReadEntriesRequest { start: 2, limit: 0 }).await.unwrap().into_inner();
    let mut entries = Vec::new();
    while let Some(entry) = stream.message().await.unwrap() {
        entries.push(entry);
    }
    let epoch = EpochsClient::new(at.channel.clone()).get_epoch(GetEpochRequest {}).await;
    let size = epoch.unwrap().into_inner().entries;
    assert_eq!(
        entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(),
        (2..size).collect::<Vec<_>>()
    );
    for entry in &entries {
        let request = GetInclusionProofRequest { seq: entry.seq };
        let proof = log.get_inclusion_proof(request).await.unwrap().into_inner().proof;
        let proof: LogProof = proof.parse().unwrap();
        let prev = Hash32(entry.prev_entry_hash.clone().try_into().unwrap());
        let checkpoint = proof.verify(&tree::entry_leaf(&prev, &entry.body), &keys).unwrap();
        assert_eq!(checkpoint.size(), size);
    }
    let note = log.get_checkpoint(GetCheckpointRequest {}).await.unwrap().into_inner().note;
    assert!(note.starts_with("qfs.local/"));
    let request = GetConsistencyProofRequest { old_size: 3, new_size: size };
    assert!(!log.get_consistency_proof(request).await.unwrap().into_inner().hashes.is_empty());
    let beyond = GetInclusionProofRequest { seq: size };
    assert_eq!(code(&log.get_inclusion_proof(beyond).await.unwrap_err()), "SE_ERR_NOT_FOUND");
    let beyond = GetConsistencyProofRequest { old_size: 3, new_size: size + 1 };
    assert_eq!(code(&log.get_consistency_proof(beyond).await.unwrap_err()), "SE_ERR_NOT_FOUND");
    at.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_and_accounts_are_told() {
    let dir = TempDir::new().unwrap();
    let at = Running::begin(ledger(dir.path())).await;
    put(&at, head("x", 1), &[7; 10_000]).await.unwrap();
    let mut registry = RegistryClient::new(at.channel.clone());
    let eligible = registry.get_eligible_nodes(GetEligibleNodesRequest {}).await.unwrap();
    let eligible = eligible.into_inner();
    assert_eq!((eligible.epoch, eligible.node_ids.len()), (1, 5));
    assert!(eligible.node_ids.is_sorted());
    let nodes = registry.list_nodes(ListNodesRequest {}).await.unwrap().into_inner().nodes;
    assert!(nodes.iter().all(|node| node.eligible && node.pqc_scheme == "ML-DSA-44"));
    assert_eq!(nodes.iter().map(|node| node.bytes_stored).sum::<u64>(), 30_000);
    let account =
        TokensClient::new(at.channel.clone()).get_account(GetAccountRequest::default()).await;
    let account = account.unwrap().into_inner();
    assert_eq!(account.account_id.len(), 32);
    assert_eq!(account.debt, account.fees, "fees accrue as debt");
    at.end().await;
}

/// Nobody is asked who he is, so nobody else's machine may ask.
#[tokio::test]
async fn it_listens_on_this_machine_alone() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let address: SocketAddr = address.parse().unwrap();
        let refused = service::listen(address).await.unwrap_err();
        assert_eq!(refused.0.code.name(), "SE_ERR_UNAUTHORIZED");
    }
    let taken: TcpListener = service::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    assert!(service::listen(taken.local_addr().unwrap()).await.is_err());
}
