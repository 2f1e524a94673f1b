//! Where an audit keeps what grows with its log: in memory, or in a scratch that outlives it (RP-17).

use alloc::vec::Vec;
use core::{convert::Infallible, fmt::Display};
use storage_engine::state::{MemoryStore, StateStore};

/// Two maps, and what was reached with them.
pub(crate) trait Keep {
    /// One of the maps.
    type Store: StateStore;
    /// What can go wrong: the machine, never the log.
    type Fault: Display;

    /// The maps for the state of the ledger and for the accounts of the books; asked for once.
    fn stores(&mut self) -> (Self::Store, Self::Store);

    /// Bytes of entries after which the maps are to be given what waits in memory, so that it stays small, and after
    /// how many times that [`Keep::save`] is to be called; `None` where it is all in memory anyway.
    fn bounds(&self) -> Option<(usize, u32)>;

    /// Keeps what both maps were given since the last time, and `progress` with it, durably, all or nothing. With
    /// `last` it is done when this returns.
    ///
    /// # Errors
    /// A fault of the machine.
    fn save(&mut self, progress: Vec<u8>, last: bool) -> Result<(), Self::Fault>;
}

/// Everything in memory, and nothing afterwards.
pub(crate) struct InMemory;

impl Keep for InMemory {
    type Store = MemoryStore;
    type Fault = Infallible;

    fn stores(&mut self) -> (MemoryStore, MemoryStore) {
        Default::default()
    }

    fn bounds(&self) -> Option<(usize, u32)> {
        None
    }

    fn save(&mut self, _: Vec<u8>, _: bool) -> Result<(), Infallible> {
        Ok(())
    }
}
