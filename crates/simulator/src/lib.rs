//! A disk that fails in every way.

#![forbid(unsafe_code)]

pub mod disk;
pub mod random;

pub use disk::{Ending, Faults, SimDisk, SimFile};
pub use random::Random;
