//! What must hold of every decoder and parser, whatever it is fed.
//!
//! A target is a plain function of bytes, which panics when its promise is broken. Two programs call them: `qfs-fuzz`, in which
//! libFuzzer makes up inputs and follows their coverage, and the tests, which feed them the seeds of `seeds/TARGET/`
//! and so keep every input that was ever worth keeping.
//!
//! Inputs that could never get past a hash or a signature by chance are made in two ways: as they are, and with their hashes
//! made good ([`edit`]), because whoever attacks can compute those as well.

#![forbid(unsafe_code)]

mod base;
mod edit;
pub mod seeds;
mod target;

pub use target::{TARGETS, Target};
