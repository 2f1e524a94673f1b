//! `Registry`, `Epochs` and `Tokens`.

use api::v1::{
    GetAccountRequest, GetAccountResponse, GetEligibleNodesRequest, GetEligibleNodesResponse,
    GetEpochRequest, GetEpochResponse, ListNodesRequest, ListNodesResponse, Node, Receipt,
    epochs_server::Epochs, registry_server::Registry, tokens_server::Tokens,
};
use protocol::{AccountId, ErrorCode, Hash32};
use storage_engine::state::{State, StateStore};
use tonic::{Request, Response, Status, async_trait};

use super::{Api, status};
use crate::Failure;

pub(super) fn receipt(receipt: &protocol::Receipt, repeated: bool) -> Receipt {
    Receipt { seq: receipt.seq, entry_hash: receipt.entry_hash.0.to_vec(), repeated }
}

#[async_trait]
impl Registry for Api {
    async fn list_nodes(
        &self,
        _: Request<ListNodesRequest>,
    ) -> Result<Response<ListNodesResponse>, Status> {
        let nodes = self.blocking(|node| node.read(nodes)).await?;
        Ok(Response::new(ListNodesResponse { nodes }))
    }

    async fn get_eligible_nodes(
        &self,
        _: Request<GetEligibleNodesRequest>,
    ) -> Result<Response<GetEligibleNodesResponse>, Status> {
        let names = |node: &crate::Node| {
            node.read(|state| {
                let name = |number| state.node(number).map(|node| node.node_id.0.clone());
                let names = state.eligible().iter().copied().filter_map(name).collect();
                (state.epoch(), names)
            })
        };
        let (epoch, node_ids) = self.blocking(names).await?;
        Ok(Response::new(GetEligibleNodesResponse { epoch, node_ids }))
    }
}

fn nodes<S: StateStore>(state: &State<S>) -> Vec<Node> {
    let row = |(number, node): (u32, &storage_engine::state::records::NodeRecord)| Node {
        node_id: node.node_id.0.clone(),
        pqc_scheme: node.scheme.clone(),
        status: node.status.map_or_else(String::new, |status| status.to_string()),
        standing: node.standing.to_string(),
        eligible: state.eligible().contains(&number),
        region: node.domain.region.clone(),
        operator: node.domain.operator.clone(),
        asn: node.domain.asn.to_string(),
        bytes_stored: node.bytes_stored,
        nod: node.nod.to_string(),
    };
    (0..).zip(state.nodes()).map(row).collect()
}

#[async_trait]
impl Epochs for Api {
    async fn get_epoch(
        &self,
        _: Request<GetEpochRequest>,
    ) -> Result<Response<GetEpochResponse>, Status> {
        let ask = |node: &crate::Node| {
            node.read(|state| {
                let fees = state.ledger().map(|ledger| ledger.treasury.open_fees);
                (state.epoch(), state.cursor().next_seq, fees.unwrap_or_default())
            })
        };
        let (epoch, entries, fees) = self.blocking(ask).await?;
        Ok(Response::new(GetEpochResponse { epoch, entries, open_fees: fees.to_string() }))
    }
}

#[async_trait]
impl Tokens for Api {
    async fn get_account(
        &self,
        request: Request<GetAccountRequest>,
    ) -> Result<Response<GetAccountResponse>, Status> {
        let asked = request.into_inner().account_id;
        let asked = match asked.as_slice() {
            [] => None,
            bytes => {
                let hash =
                    bytes.try_into().map_err(|_| status::invalid("account_id has 32 bytes"))?;
                Some(AccountId(Hash32(hash)))
            }
        };
        let ask = move |node: &crate::Node| {
            node.read(|state| {
                let none =
                    || Failure::new(ErrorCode::AegisContextMissing, "the ledger has no genesis");
                let id = asked.or_else(|| state.operator()).ok_or_else(none)?;
                Ok((id, state.account(&id)?))
            })?
        };
        let (id, account) = self.blocking(ask).await?;
        Ok(Response::new(GetAccountResponse {
            account_id: id.0.0.to_vec(),
            balance: account.balance.to_string(),
            debt: account.debt.to_string(),
            fees: account.fees.to_string(),
            credits: account.credits.to_string(),
        }))
    }
}
