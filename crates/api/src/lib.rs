//! The service's interface, package `qfs.v1`: what `proto/` says, for clients and servers.

/// Messages, clients and servers.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "generated from proto/, which has the words"
)]
pub mod v1 {
    tonic::include_proto!("qfs.v1");
}

/// Descriptors of all files, for reflection and for those who compare interfaces.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));
