//! The scratch of an audit: a directory for what grows with a log, and for going on later (RP-17, RP-18).
//!
//! One database with three tables: records of the state, accounts of the books, and how far the audit was; what is kept
//! of the three is of one moment. Beside it the pages of the state's tree, which are of use to the running audit only.
//! It is a cache of a log that anyone can read again: at any doubt it is thrown away.

mod check;
mod map;
mod pages;
mod writer;

use std::{
    fmt,
    fs::{self, OpenOptions},
    path::Path,
    sync::Arc,
};

use redb::{Builder, Database, ReadableDatabase, TableDefinition};

pub use self::map::Map;
use self::{
    map::{Definition, Layers},
    pages::PageFiles,
    writer::Writer,
};
use crate::{keep::Keep, saved::Saved};

const STATE: Definition = TableDefinition::new("state");
const ACCOUNTS: Definition = TableDefinition::new("accounts");
const PROGRESS: TableDefinition<'static, (), &'static [u8]> = TableDefinition::new("progress");

/// Name of the database within the directory.
const FILE: &str = "scratch.redb";

/// A fault of the machine, or a scratch that no audit has left so.
#[derive(Clone, Debug)]
pub struct Fault(String);

impl Fault {
    fn of(error: impl fmt::Display) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(error.into().to_string())
    }
}

/// How much a scratch holds in memory, and how often it is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of entries after which what waits in memory is handed to the database.
    pub interval: usize,
    /// Intervals after which all of it is durable, and an audit that was killed goes on.
    pub durable_every: u32,
    /// Bytes of the database that are kept in memory.
    pub cache: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { interval: 2 << 20, durable_every: 4, cache: 32 << 20 }
    }
}

/// An open scratch.
pub struct Scratch {
    layers: [Arc<Layers>; 2],
    tree: Option<PageFiles>,
    writer: Arc<Writer>,
    bounds: Bounds,
    saved: Option<Saved>,
}

impl Scratch {
    /// Opens the scratch in `folder`, which is made if missing. What an earlier audit has left there is checked as a
    /// whole before any of it is believed.
    ///
    /// # Errors
    /// A fault of the machine, a damaged scratch, or one of another version.
    pub fn open(folder: &Path, bounds: Bounds) -> Result<Self, Fault> {
        let path = folder.join(FILE);
        let named = |fault: Fault| Fault(format!("{}: {fault}", path.display()));
        fs::create_dir_all(folder).map_err(Fault::of).map_err(named)?;
        let opened = check::damage_is_a_fault(|| open(&path, bounds.cache)).map_err(named)?;
        let (database, tree, saved) = opened;
        let now = database.begin_read()?;
        let layers = |table| Ok::<_, Fault>(Arc::new(Layers::open(table, &now)?));
        let layers = [layers(STATE)?, layers(ACCOUNTS)?];
        let writer = Arc::new(Writer::new(database, layers.clone()));
        Ok(Self { layers, tree: Some(tree), writer, bounds, saved })
    }

    /// Where an earlier audit stood.
    pub(crate) fn take_saved(&mut self) -> Option<Saved> {
        self.saved.take()
    }

    /// The map for the state of a log that is being made, which nobody goes on with later.
    #[must_use]
    pub fn into_store(mut self) -> Map {
        self.stores().0
    }

    /// Tells of faults after the scratch was handed over.
    pub(crate) fn witness(&self) -> Witness {
        Witness(Arc::clone(&self.writer))
    }
}

/// Whoever asks for faults.
pub(crate) struct Witness(Arc<Writer>);

impl Witness {
    /// The first fault, after which nothing that was found about the log counts.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.0.fault()
    }
}

impl Keep for Scratch {
    type Store = Map;
    type Fault = Fault;

    /// What is committed to the accounts goes with the next transaction of the state.
    fn stores(&mut self) -> (Map, Map) {
        let [state, accounts] = &self.layers;
        let map = |of: &Arc<Layers>, tree| Map::new(Arc::clone(of), self.writer.clone(), tree);
        (map(state, self.tree.take()), map(accounts, None))
    }

    fn bounds(&self) -> Option<(usize, u32)> {
        Some((self.bounds.interval, self.bounds.durable_every))
    }

    fn save(&mut self, progress: Vec<u8>, last: bool) -> Result<(), Fault> {
        self.writer.save(progress)?;
        if last { self.writer.wait() } else { Ok(()) }
    }
}

/// The database at `path`, the state's tree and what was saved. A crash while it is made leaves an empty file, or a database
/// without tables; both are taken for a new scratch.
fn open(path: &Path, cache: usize) -> Result<(Database, PageFiles, Option<Saved>), Fault> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
    let mut database =
        Builder::new().set_cache_size(cache).create_file(file.map_err(Fault::of)?)?;
    if !database.check_integrity()? {
        return Err(Fault::of("the file is damaged"));
    }
    let saved = writer::progress(&database)?;
    let saved = saved.map(|bytes| Saved::from_bytes(&bytes)).transpose().map_err(Fault::of)?;
    let mut tree = PageFiles::create(path.with_extension("tree"))?;
    if let Some(saved) = &saved {
        check::plant(&database, saved.state_root, &mut tree, &path.with_extension("check"))?;
    }
    Ok((database, tree, saved))
}
