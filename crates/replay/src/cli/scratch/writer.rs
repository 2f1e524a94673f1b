//! Transactions of a scratch, one after the other on a thread of their own.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use redb::{Database, Durability, ReadableDatabase, ReadableTable};

use super::{
    ACCOUNTS, Fault, PROGRESS, STATE, check,
    map::{Layers, Staged},
};

/// Bytes that may wait for a transaction while another one is on its way; whoever brings more waits too.
const MOST_WAITING: usize = 16 << 20;

/// The one who writes to a database.
pub(super) struct Writer(Arc<Desk>);

/// What the writer shares with its thread.
struct Desk {
    database: Database,
    layers: [Arc<Layers>; 2],
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Default)]
struct Now {
    /// Whether transactions are on their way.
    busy: bool,
    /// The first fault, after which nothing is written or believed any more.
    failed: Option<Fault>,
}

impl Writer {
    pub(super) fn new(database: Database, layers: [Arc<Layers>; 2]) -> Self {
        let (now, changed) = Default::default();
        Self(Arc::new(Desk { database, layers, now, changed }))
    }

    /// Has all that waits written, now or after what is on its way. It is there to take memory off: after a crash the
    /// database stands where it was last saved.
    pub(super) fn relieve(&self) -> Result<(), Fault> {
        let mut now = self.0.now();
        while now.busy && self.0.layers.iter().any(|layers| layers.waiting() > MOST_WAITING) {
            now = self.0.changed.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
        let fault = now.failed.clone();
        if fault.is_none() && !now.busy {
            self.0.launch(&mut now, None);
        }
        fault.map_or(Ok(()), Err)
    }

    /// Has all that waits written with `progress`, durably: from there an audit goes on.
    pub(super) fn save(&self, progress: Vec<u8>) -> Result<(), Fault> {
        self.wait()?;
        self.0.launch(&mut self.0.now(), Some(progress));
        Ok(())
    }

    /// Waits until nothing is on its way.
    pub(super) fn wait(&self) -> Result<(), Fault> {
        let mut now = self.0.now();
        while now.busy {
            now = self.0.changed.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
        now.failed.clone().map_or(Ok(()), Err)
    }

    /// Remembers a fault, and gives it back.
    pub(super) fn fail(&self, fault: Fault) -> Fault {
        self.0.now().failed.get_or_insert(fault).clone()
    }

    /// The first fault.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.0.now().failed.clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A transaction that is not awaited would be cut off; its fault was told or does not matter any more.
        let _ = self.wait();
    }
}

impl Desk {
    fn launch(self: &Arc<Self>, now: &mut Now, progress: Option<Vec<u8>>) {
        now.busy = true;
        let (desk, staged) = (Arc::clone(self), self.take_off());
        thread::spawn(move || desk.work(staged, progress));
    }

    /// Writes until nothing waits.
    fn work(&self, mut staged: [Arc<Staged>; 2], mut progress: Option<Vec<u8>>) {
        loop {
            let progress = progress.take();
            let done = check::damage_is_a_fault(|| self.write(&staged, progress.as_deref()));
            let mut now = self.now();
            if let Err(fault) = done {
                now.failed.get_or_insert(fault);
            }
            staged = self.take_off();
            now.busy = now.failed.is_none() && staged.iter().any(|staged| !staged.is_empty());
            self.changed.notify_all();
            if !now.busy {
                return;
            }
        }
    }

    fn take_off(&self) -> [Arc<Staged>; 2] {
        self.layers.each_ref().map(|layers| layers.take_off())
    }

    fn write(&self, staged: &[Arc<Staged>; 2], progress: Option<&[u8]>) -> Result<(), Fault> {
        let mut transaction = self.database.begin_write()?;
        if progress.is_none() {
            transaction.set_durability(Durability::None)?;
        }
        for (layers, staged) in self.layers.iter().zip(staged) {
            staged.write(&transaction, layers.definition())?;
        }
        let mut table = transaction.open_table(PROGRESS)?;
        match progress {
            Some(progress) => table.insert((), progress).map(drop)?,
            None => table.remove(()).map(drop)?,
        }
        drop(table);
        transaction.commit()?;
        let now = self.database.begin_read()?;
        self.layers.iter().try_for_each(|layers| layers.land(&now))
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was saved beside the maps. A database that nobody could go on from is taken for a new one.
pub(super) fn progress(database: &Database) -> Result<Option<Vec<u8>>, Fault> {
    let transaction = database.begin_write()?;
    let saved = transaction.open_table(PROGRESS)?.get(())?.map(|bytes| bytes.value().to_vec());
    if saved.is_none() {
        transaction.delete_table(STATE)?;
        transaction.delete_table(ACCOUNTS)?;
    }
    transaction.open_table(STATE)?;
    transaction.open_table(ACCOUNTS)?;
    transaction.commit()?;
    Ok(saved)
}
