//! Transactions of a scratch, each on a thread of its own, one at a time.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    thread::{self, JoinHandle},
};

use redb::{Database, Durability, ReadableDatabase};

use super::{
    Fault, PROGRESS,
    map::{Layers, Staged},
};

/// The one who writes to a database.
pub(super) struct Writer {
    database: Arc<Database>,
    layers: [Arc<Layers>; 2],
    /// Transactions of which one is durable. The database remembers what those in between have freed.
    durable_every: u32,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    /// The transaction on its way.
    task: Option<JoinHandle<Result<(), Fault>>>,
    /// Transactions that were begun.
    begun: u32,
    /// The first fault, after which nothing is written or believed any more.
    failed: Option<Fault>,
}

impl Writer {
    pub(super) fn new(database: Database, layers: [Arc<Layers>; 2], durable_every: u32) -> Self {
        let database = Arc::new(database);
        Self { database, layers, durable_every: durable_every.max(1), now: Mutex::default() }
    }

    /// Begins a transaction with all that is staged and `progress`; the last one is durable in any case. A crash
    /// before it is durable leaves the last one that was.
    pub(super) fn begin(&self, progress: Vec<u8>, last: bool) -> Result<(), Fault> {
        self.wait()?;
        let (database, layers) = (Arc::clone(&self.database), self.layers.clone());
        let mut now = self.now();
        now.begun = now.begun.wrapping_add(1);
        let durable = last || now.begun.is_multiple_of(self.durable_every);
        let durability = if durable { Durability::Immediate } else { Durability::None };
        now.task = Some(thread::spawn(move || write(&database, &layers, &progress, durability)));
        Ok(())
    }

    /// Waits for the transaction on its way.
    pub(super) fn wait(&self) -> Result<(), Fault> {
        let mut now = self.now();
        if let Some(task) = now.task.take() {
            let ended = task.join().unwrap_or_else(|_| Err(Fault::of("the writer panicked")));
            if let Err(fault) = ended {
                now.failed.get_or_insert(fault);
            }
        }
        now.failed.clone().map_or(Ok(()), Err)
    }

    /// Remembers a fault, and gives it back.
    pub(super) fn fail(&self, fault: Fault) -> Fault {
        self.now().failed.get_or_insert(fault).clone()
    }

    /// The first fault.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.now().failed.clone()
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A transaction that is not awaited would be cut off; its fault was told or does not matter any more.
        let _ = self.wait();
    }
}

fn write(
    database: &Database,
    layers: &[Arc<Layers>; 2],
    progress: &[u8],
    durability: Durability,
) -> Result<(), Fault> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(durability)?;
    for layers in layers {
        let staged: Arc<Staged> = layers.staged();
        staged.write(&transaction, layers.definition())?;
    }
    transaction.open_table(PROGRESS)?.insert((), progress)?;
    transaction.commit()?;
    let now = database.begin_read()?;
    layers.iter().try_for_each(|layers| layers.turn(&now))
}

/// What the last transaction kept beside the maps.
pub(super) fn progress(database: &Database) -> Result<Option<Vec<u8>>, Fault> {
    let table = database.begin_read()?.open_table(PROGRESS)?;
    Ok(table.get(())?.map(|bytes| bytes.value().to_vec()))
}
