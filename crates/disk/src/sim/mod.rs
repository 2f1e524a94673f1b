//! A disk in memory that keeps exactly what [`Disk`] promises, and not a byte more.
//!
//! Every write goes to a cache, which is what readers see. When the power is lost ([`Ending::PowerLost`]), each sector of
//! [`SECTOR`] bytes is what it was at *some* moment since the last sync of its file: at that sync, now, or after any write in
//! between. Each sector is decided by itself, and so is the length, so writes come out torn, short, lost and in another
//! order. A name that was made, changed or removed since the last sync of its directory is so or not, each by itself. When only
//! the process ends ([`Ending::ProcessKilled`]), the cache stays; this is how bytes come to be read that were never synced.
//!
//! [`Faults`] adds what else disks do: syncs that fail and forget, sectors in wrong places, no room. [`SimDisk::rot`]
//! turns bits. A sector is never torn itself; the journal's format builds on that, and says so (JO-5).
//!
//! Each operation that changes something is a *write point*. [`Faults::crash_at`] stops the machine within the one of that number;
//! everything fails until [`SimDisk::restart`]. To break a history everywhere: run it once, read [`SimDisk::points`], run it
//! again for every number up to there. Then do the same to the recovery, which is a history as well.

mod content;
mod names;
mod random;
mod world;

pub use content::SECTOR;
pub use random::Random;

use crate::{Disk, DiskFile};
use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use world::{Point, World, off};

/// What goes wrong, besides a crash at any time. By default nothing does.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Number of the write point at which the machine stops: every operation that changes something is one, counted
    /// by [`SimDisk::points`]. A restart takes it away.
    pub crash_at: Option<u64>,
    /// One sync in so many fails; 0: none. What it should have made durable may be lost, while readers go on seeing it
    /// and the next sync succeeds without it, as on Linux.
    pub failing_sync: u64,
    /// One sync in so many puts one sector in the place of another of the same file; 0: none.
    pub misdirected: u64,
    /// Bytes by which files can still grow. A write beyond them is cut short and fails.
    pub room: Option<u64>,
}

/// How a life of the machine ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The process is gone, the system lives on: what was written is there, synced or not.
    ProcessKilled,
    /// The system is gone: what was not synced is there in part, or not at all.
    PowerLost,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct SimDisk(Arc<Mutex<World>>);

/// A file of a [`SimDisk`], dead after a restart.
#[derive(Debug)]
pub struct SimFile {
    disk: SimDisk,
    file: u64,
    life: u64,
    writable: bool,
}

impl SimDisk {
    /// An empty disk. Everything that chance decides follows from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(World::new(seed))))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on these faults, in place of those before.
    pub fn set_faults(&self, faults: Faults) {
        self.world().faults = faults;
    }

    /// The faults of now.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.world().faults
    }

    /// Write points passed since the beginning.
    #[must_use]
    pub fn points(&self) -> u64 {
        self.world().points
    }

    /// Whether the machine stopped; then everything fails until [`SimDisk::restart`].
    #[must_use]
    pub fn crashed(&self) -> bool {
        self.world().crashed
    }

    /// Ends this life, crashed or not, and begins the next.
    pub fn restart(&self, ending: Ending) {
        self.world().restart(ending);
    }

    /// From here on chance follows from `seed`, whatever happened before.
    pub fn reseed(&self, seed: u64) {
        self.world().random = Random::new(seed);
    }

    /// Another disk: what would be left of this one if the power went now and nothing unsynced had reached it. What
    /// is in there is durable, whoever says so or not.
    #[must_use]
    pub fn durable(&self) -> Self {
        Self(Arc::new(Mutex::new(self.world().durable())))
    }

    /// Turns one bit of a file over, also what was synced; tells which.
    ///
    /// # Errors
    /// When there is no such file, or nothing in it.
    pub fn rot(&self, path: &Path) -> io::Result<u64> {
        let mut world = self.world();
        let file = world.find(path)?;
        let (content, random) = world.content(file)?;
        if content.len() == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let bit = random.below(content.len() as u64 * 8);
        content.rot(bit as usize);
        world.trace.push(format!("rot {} bit {bit}", path.display()));
        Ok(bit)
    }

    /// What was done so far, one line each.
    #[must_use]
    pub fn trace(&self) -> Vec<String> {
        self.world().trace.clone()
    }

    fn opened(&self, file: u64, life: u64, writable: bool) -> SimFile {
        SimFile { disk: self.clone(), file, life, writable }
    }

    fn find(&self, path: &Path, writable: bool) -> io::Result<SimFile> {
        let mut world = self.world();
        world.powered()?;
        let (file, life) = (world.find(path)?, world.life);
        Ok(self.opened(file, life, writable))
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        let mut ancestors: Vec<&Path> = path.ancestors().collect();
        ancestors.reverse();
        for path in ancestors {
            let mut world = self.world();
            world.powered()?;
            if !world.is_dir(path) {
                world.atomic(format!("make directory {}", path.display()), |world| {
                    world.make_dir(path);
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut world = self.world();
        world.powered()?;
        Ok(world.directory(dir)?.list())
    }

    fn open(&self, path: &Path) -> io::Result<SimFile> {
        self.find(path, false)
    }

    fn modify(&self, path: &Path) -> io::Result<SimFile> {
        self.find(path, true)
    }

    fn create(&self, path: &Path) -> io::Result<SimFile> {
        let mut world = self.world();
        world.powered()?;
        let (names, name) = world.entry(path)?;
        if names.get(name).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let (file, life) = (world.make(), world.life);
        world.atomic(format!("create {}", path.display()), |world| {
            let (names, name) = world.entry(path)?;
            names.change(vec![(name.into(), Some(file))]);
            Ok(())
        })?;
        Ok(self.opened(file, life, true))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if from.parent() != to.parent() {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        let mut world = self.world();
        let file = world.find(from)?;
        world.atomic(format!("rename {} to {}", from.display(), to.display()), |world| {
            let (names, old) = world.entry(from)?;
            let new = to.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            names.change(vec![(old.into(), None), (new.into(), Some(file))]);
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.find(path)?;
        world.atomic(format!("remove {}", path.display()), |world| {
            let (names, name) = world.entry(path)?;
            names.change(vec![(name.into(), None)]);
            Ok(())
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.atomic(format!("sync directory {}", dir.display()), |world| {
            world.directory(dir)?.sync();
            Ok(())
        })
    }
}

impl SimFile {
    /// The disk, while the life in which the file was opened goes on.
    fn world(&self) -> io::Result<MutexGuard<'_, World>> {
        let world = self.disk.world();
        world.powered()?;
        if world.life == self.life { Ok(world) } else { Err(off()) }
    }

    fn writing(&self) -> io::Result<MutexGuard<'_, World>> {
        if self.writable { self.world() } else { Err(io::ErrorKind::PermissionDenied.into()) }
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, at: u64, buf: &mut [u8]) -> io::Result<()> {
        let mut world = self.world()?;
        world.content(self.file)?.0.read(at as usize, buf)
    }

    fn write_at(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.writing()?;
        let point = world.point(format!("file {}: write {} at {at}", self.file, bytes.len()))?;
        let room = world.faults.room;
        let (content, random) = world.content(self.file)?;
        if point == Point::Crash {
            let written = random.below(bytes.len() as u64 + 1) as usize;
            content.write(at as usize, &bytes[..written]);
            return Err(off());
        }
        let old = content.len() as u64;
        let end = at + bytes.len() as u64;
        let possible = room.map_or(end, |room| end.min(old + room));
        let written = possible.saturating_sub(at).min(bytes.len() as u64);
        content.write(at as usize, &bytes[..written as usize]);
        let grown = content.len() as u64 - old;
        world.faults.room = room.map(|room| room - grown);
        if written == bytes.len() as u64 { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn len(&self) -> io::Result<u64> {
        let mut world = self.world()?;
        Ok(world.content(self.file)?.0.len() as u64)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let mut world = self.writing()?;
        let file = self.file;
        world.atomic(format!("file {file}: set length {len}"), |world| {
            let (content, _) = world.content(file)?;
            let freed = (content.len() as u64).saturating_sub(len);
            content.set_len(len as usize);
            world.faults.room = world.faults.room.map(|room| room + freed);
            Ok(())
        })
    }

    fn sync_data(&mut self) -> io::Result<()> {
        let mut world = self.writing()?;
        // At a crash within, what has reached the disk is decided with the loss of power.
        if world.point(format!("file {}: sync", self.file))? == Point::Crash {
            return Err(off());
        }
        let Faults { failing_sync, misdirected, .. } = world.faults;
        let (content, random) = world.content(self.file)?;
        if random.one_in(failing_sync) {
            content.sync_failed(random);
            world.trace.push("that sync fails".into());
            return Err(io::Error::other("the disk did not take it"));
        }
        if random.one_in(misdirected) {
            content.sync_misdirected(random);
            world.trace.push("that sync puts a sector elsewhere".into());
        } else {
            content.sync();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
