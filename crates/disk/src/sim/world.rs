//! Everything on the simulated disk, and what is to go wrong with it.

use super::{Ending, Faults, Random, content::Content, names::Names};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

/// What a write point leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    /// The operation is done.
    Pass,
    /// The machine stops within it.
    Crash,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) random: Random,
    pub(super) faults: Faults,
    pub(super) points: u64,
    pub(super) crashed: bool,
    /// Counts restarts: files that were opened before the last are dead.
    pub(super) life: u64,
    pub(super) trace: Vec<String>,
    directories: BTreeMap<PathBuf, Names>,
    contents: BTreeMap<u64, Content>,
    made: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            faults: Faults::default(),
            points: 0,
            crashed: false,
            life: 0,
            trace: Vec::new(),
            // The root of all paths, absolute and relative.
            directories: [PathBuf::from("/"), PathBuf::new()]
                .map(|root| (root, Names::default()))
                .into(),
            contents: BTreeMap::new(),
            made: 0,
        }
    }

    /// What would be left if the power went now and no unsynced byte or name had reached the disk.
    pub(super) fn durable(&self) -> Self {
        let names = self.directories.iter();
        let directories: BTreeMap<PathBuf, Names> =
            names.map(|(path, names)| (path.clone(), names.durable())).collect();
        let named: BTreeSet<u64> = directories.values().flat_map(Names::files).collect();
        let contents = self.contents.iter().filter(|(file, _)| named.contains(file));
        let contents = contents.map(|(file, content)| (*file, content.durable())).collect();
        Self { directories, contents, made: self.made, ..Self::new(0) }
    }

    pub(super) fn powered(&self) -> io::Result<()> {
        if self.crashed { Err(off()) } else { Ok(()) }
    }

    /// Counts and records an operation that changes something.
    pub(super) fn point(&mut self, what: String) -> io::Result<Point> {
        self.powered()?;
        self.points += 1;
        let crash = self.faults.crash_at.is_some_and(|at| self.points >= at);
        self.crashed = crash;
        self.trace.push(format!("{}{what}", if crash { "crash: " } else { "" }));
        Ok(if crash { Point::Crash } else { Point::Pass })
    }

    /// As [`World::point`], for what happens as a whole or not at all: at a crash, chance says which.
    pub(super) fn atomic(
        &mut self,
        what: String,
        act: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        match self.point(what)? {
            Point::Pass => act(self),
            Point::Crash => {
                if self.random.one_in(2) {
                    act(self)?;
                }
                Err(off())
            }
        }
    }

    pub(super) fn is_dir(&self, path: &Path) -> bool {
        self.directories.contains_key(path)
    }

    pub(super) fn make_dir(&mut self, path: &Path) {
        self.directories.entry(path.to_path_buf()).or_default();
    }

    pub(super) fn directory(&mut self, path: &Path) -> io::Result<&mut Names> {
        self.directories.get_mut(path).ok_or_else(missing)
    }

    /// The directory of a file, and the file's name in it.
    pub(super) fn entry<'a>(&mut self, path: &'a Path) -> io::Result<(&mut Names, &'a str)> {
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(missing)?;
        let parent = path.parent().unwrap_or(Path::new(""));
        Ok((self.directory(parent)?, name))
    }

    pub(super) fn find(&mut self, path: &Path) -> io::Result<u64> {
        let (names, name) = self.entry(path)?;
        names.get(name).ok_or_else(missing)
    }

    /// A number for a new file, empty and without a name.
    pub(super) fn make(&mut self) -> u64 {
        self.made += 1;
        self.contents.insert(self.made, Content::default());
        self.made
    }

    pub(super) fn content(&mut self, file: u64) -> io::Result<(&mut Content, &mut Random)> {
        let content = self.contents.get_mut(&file).ok_or_else(missing)?;
        Ok((content, &mut self.random))
    }

    pub(super) fn restart(&mut self, ending: Ending) {
        self.trace.push(format!("restart: {ending:?}"));
        (self.crashed, self.life, self.faults.crash_at) = (false, self.life + 1, None);
        if ending == Ending::PowerLost {
            self.lose_power();
        }
    }

    fn lose_power(&mut self) {
        self.directories.values_mut().for_each(|names| names.lose_power(&mut self.random));
        self.contents.values_mut().for_each(|content| content.lose_power(&mut self.random));
        // Only now: until a directory is synced, a file without a name may get its name back.
        let named: BTreeSet<u64> = self.directories.values().flat_map(Names::files).collect();
        self.contents.retain(|file, _| named.contains(file));
    }
}

pub(super) fn off() -> io::Error {
    io::Error::other("the machine is off")
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}
