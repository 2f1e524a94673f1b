//! The server process: a ledger with the stores of its nodes ([`Node`]), and the service over it ([`service`]).
//!
//! What does not depend on who asks is here too, for the command line without a server: how an object gets to its nodes
//! ([`objects`]), where the stores are ([`fleet`]), and what collects shards that no entry names ([`uploads`]).

pub mod failure;
pub mod fleet;
pub mod node;
pub mod objects;
pub mod service;
pub mod uploads;

pub use failure::Failure;
pub use fleet::LocalFleet;
pub use node::Node;
pub use uploads::Uploads;
