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
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    /// The transaction on its way.
    task: Option<JoinHandle<Result<(), Fault>>>,
    /// The first fault, after which nothing is written or believed any more.
    failed: Option<Fault>,
}

impl Writer {
    pub(super) fn new(database: Database, layers: [Arc<Layers>; 2]) -> Self {
        Self { database: Arc::new(database), layers, now: Mutex::default() }
    }

    /// Begins a transaction with all that is staged and `progress`. A crash before it is durable leaves the last one
    /// that was.
    pub(super) fn begin(&self, progress: Vec<u8>, durability: Durability) -> Result<(), Fault> {
        self.wait()?;
        let (database, layers) = (Arc::clone(&self.database), self.layers.clone());
        let task = move || write(&database, &layers, &progress, durability);
        self.now().task = Some(thread::spawn(task));
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
