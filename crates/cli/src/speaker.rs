//! In whose name a command is signed, as people write it: `operator`, `council-N`, or the name of a node.

use crate::{
    app::App,
    error::{CliError, Result},
};
use protocol::{Action, Command, ErrorCode, NodeId, governance::Speaker, node::NodeNumber};
use storage_engine::state::{State, StateStore};

/// The speaker of this name.
pub fn parse<S: StateStore>(state: &State<S>, name: &str) -> Result<Speaker> {
    if name == "operator" {
        return Ok(Speaker::Operator);
    }
    let Some(member) = name.strip_prefix("council-").and_then(|member| member.parse().ok()) else {
        return Ok(Speaker::Node(node_number(state, name)?));
    };
    let members = state.council().len();
    if member as usize >= members {
        let detail = format!("the council has {members} members, from council-0");
        return Err(CliError::failed(ErrorCode::NotFound, detail));
    }
    Ok(Speaker::Council(member))
}

/// The number of the node of this name.
pub fn node_number<S: StateStore>(state: &State<S>, name: &str) -> Result<NodeNumber> {
    state
        .node_number(&NodeId(name.to_owned()))?
        .ok_or_else(|| CliError::failed(ErrorCode::NotFound, format!("there is no node {name}")))
}

/// The name of a node.
pub fn node_name<S: StateStore>(state: &State<S>, number: NodeNumber) -> String {
    state.node(number).map_or_else(String::new, |node| node.node_id.0.clone())
}

/// The name of a speaker.
pub fn name<S: StateStore>(state: &State<S>, speaker: Speaker) -> String {
    match speaker {
        Speaker::Node(number) => node_name(state, number),
        Speaker::Operator | Speaker::Council(_) => speaker.to_string(),
    }
}

/// A command signed in the name of a speaker whose key is kept here.
pub fn signed(app: &mut App, speaker: Speaker, action: Action) -> Result<Command> {
    let ledger = app.ledger()?;
    let Some(signer) = ledger.speaker(speaker)? else {
        let name = name(ledger.state(), speaker);
        let detail = format!("the key of {name} is not in this data directory");
        return Err(CliError::failed(ErrorCode::Unauthorized, detail));
    };
    app.signed_by(action, &signer)
}
