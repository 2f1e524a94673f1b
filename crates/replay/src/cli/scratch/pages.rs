//! The pages of the state tree, each at a place of its own in a sparse file, where it is changed in place.
//!
//! Nobody goes on from these files: an audit that does makes them anew from the records (see [`super::check`]), so that
//! nothing in them need be durable or outlive a crash.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io,
    path::PathBuf,
    sync::{PoisonError, RwLock},
};

use redb::{StorageBackend, backends::FileBackend};
use storage_engine::state::{
    Changes,
    tree::{Broken, Pages},
};

use super::Fault;
use crate::cli::threads::side_by_side;

/// Bytes of a place: a block of most file systems, and more than a page has whose leaves nobody has searched for.
const PLACE: usize = 4_096;

/// The same, as a distance in the file.
const PLACE_BYTES: u64 = 4_096;

/// Bytes before a page: its length, 0 where there is none.
const HEAD: usize = 2;

/// The last level with places in the file, which then end at about 1.2 TB, nearly all of it holes. A page below has
/// leaves that share 32 bits.
const LAST_LEVEL: u8 = 7;

/// Files, which threads write to at the same time: a file system lets one thread write to a file.
const FILES: u8 = 1 << FILE_BITS;
const FILE_BITS: u32 = 2;

/// The files, and the pages that have no place in them.
pub(super) struct PageFiles {
    folder: PathBuf,
    files: Vec<FileBackend>,
    /// Levels that the files have room for.
    levels: u8,
    /// Pages that are too long or too deep. Each cost whoever made its leaves billions of hashes.
    odd: RwLock<BTreeMap<Vec<u8>, Vec<u8>>>,
}

/// Where a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    level: u8,
    file: u8,
    offset: u64,
}

impl PageFiles {
    /// Empty files in place of what may be there.
    pub(super) fn create(folder: PathBuf) -> Result<Self, Fault> {
        fs::create_dir_all(&folder).map_err(Fault::of)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        let create = |at: u8| {
            let file = options.open(folder.join(format!("{at}"))).map_err(Fault::of)?;
            Ok::<_, Fault>(FileBackend::new(file)?)
        };
        let files = (0..FILES).map(create).collect::<Result<_, _>>()?;
        Ok(Self { folder, files, levels: 0, odd: RwLock::default() })
    }

    /// Writes pages, or ends them.
    pub(super) fn write(&mut self, pages: &Changes) -> Result<(), Fault> {
        let level = pages.keys().filter_map(|key| Some(place(key)?.level)).max();
        self.make_room(level.map_or(0, |level| level.saturating_add(1))).map_err(Fault::of)?;
        let file = |key: &[u8]| place(key).map_or(0, |place| place.file);
        let put = |at: u8| {
            let mut pages = pages.iter().filter(|(key, _)| file(key) == at);
            pages.try_for_each(|(key, page)| self.put(key, page.as_deref()))
        };
        let done = side_by_side((0..FILES).collect(), put);
        done.into_iter().collect::<io::Result<()>>().map_err(Fault::of)
    }

    fn make_room(&mut self, levels: u8) -> io::Result<()> {
        if levels > self.levels {
            let len = before(levels).saturating_mul(PLACE_BYTES);
            self.files.iter().try_for_each(|file| file.set_len(len))?;
            self.levels = levels;
        }
        Ok(())
    }

    fn put(&self, key: &[u8], page: Option<&[u8]>) -> io::Result<()> {
        let page = page.unwrap_or_default();
        let place = place(key);
        let fits = place.is_some() && page.len() <= PLACE.saturating_sub(HEAD);
        if let Some(place) = place
            && let Some(file) = self.files.get(usize::from(place.file))
        {
            let page = if fits { page } else { &[] };
            let len = u16::try_from(page.len()).map_err(io::Error::other)?;
            file.write(place.offset, &[&len.to_be_bytes(), page].concat())?;
        }
        let is_odd = || self.odd.read().unwrap_or_else(PoisonError::into_inner).contains_key(key);
        if !fits || is_odd() {
            let mut odd = self.odd.write().unwrap_or_else(PoisonError::into_inner);
            match fits || page.is_empty() {
                true => odd.remove(key),
                false => odd.insert(key.to_vec(), page.to_vec()),
            };
        }
        Ok(())
    }

    /// The page at a key, as it was last written.
    pub(super) fn get(&self, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        if let Some(place) = place(key).filter(|place| place.level < self.levels)
            && let Some(file) = self.files.get(usize::from(place.file))
        {
            let mut bytes = [0; PLACE];
            file.read(place.offset, &mut bytes)?;
            let (head, rest) = bytes.split_first_chunk::<HEAD>().unwrap_or((&[0; HEAD], &[]));
            let len = usize::from(u16::from_be_bytes(*head));
            if len > 0 {
                return Ok(Some(rest.get(..len).unwrap_or_default().to_vec()));
            }
        }
        Ok(self.odd.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }
}

impl Drop for PageFiles {
    fn drop(&mut self) {
        // They are of no use to anybody; a failure leaves files that the next audit here replaces.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Why the tree cannot be brought up to changes.
pub(super) struct Unreadable(pub(super) Fault);

impl From<Broken> for Unreadable {
    fn from(broken: Broken) -> Self {
        Self(Fault::of(broken))
    }
}

impl Pages for PageFiles {
    type Error = Unreadable;

    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Unreadable> {
        self.get(key).map_err(|fault| Unreadable(Fault::of(fault)))
    }
}

/// The place of the page of this key: level after level, in each by path; neighbours in different files. See
/// [`storage_engine::state::keys::tree_page`].
fn place(key: &[u8]) -> Option<Place> {
    let [_, level @ ..=LAST_LEVEL, path @ ..] = key else { return None };
    let halves = path.iter().fold(0u64, |all, byte| (all << 8) | u64::from(*byte));
    let halves = if level % 2 == 1 { halves >> 4 } else { halves };
    let file = u8::try_from(halves & u64::from(FILES.saturating_sub(1))).ok()?;
    let place = before(*level).saturating_add(halves >> FILE_BITS);
    Some(Place { level: *level, file, offset: place.checked_mul(PLACE_BYTES)? })
}

/// Room for the pages of all levels above this one in each file: 1 + 16 + 16² + …, in quarters.
fn before(level: u8) -> u64 {
    (0..level).fold(0, |all: u64, level| {
        let pages = 1u64 << level.saturating_mul(4);
        all.saturating_add((pages >> FILE_BITS).max(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Hash32;
    use std::collections::BTreeSet;
    use storage_engine::state::keys::tree_page;

    fn page(len: usize) -> Option<Vec<u8>> {
        Some(vec![7; len])
    }

    #[test]
    fn every_page_has_its_own_place() {
        let mut seen = BTreeSet::new();
        for level in 0..4 {
            for first in 0..1u16 << (4 * level) {
                let mut path = [0; 32];
                path[..2].copy_from_slice(&(first << (16 - 4 * level).min(15)).to_be_bytes());
                let Some(place) = place(&tree_page(level, &Hash32(path))) else {
                    panic!("{level}")
                };
                assert!(place.offset < before(level + 1) * PLACE_BYTES);
                assert!(place.offset >= before(level) * PLACE_BYTES);
                seen.insert((place.file, place.offset));
            }
        }
        assert_eq!(seen.len(), 1 + 16 + 256 + 4_096);
        assert_eq!(place(&tree_page(LAST_LEVEL + 1, &Hash32::ZERO)), None);
        let last = place(&tree_page(LAST_LEVEL, &Hash32([255; 32]))).unwrap();
        assert_eq!(last.offset + PLACE_BYTES, before(LAST_LEVEL + 1) * PLACE_BYTES);
    }

    /// Pages of every length and level are read as they were last written, whether they have a place or not.
    #[test]
    #[cfg_attr(target_os = "wasi", ignore = "there is no directory for temporary files")]
    fn pages_are_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = PageFiles::create(folder.path().join("tree")).unwrap();
        let key = |level| tree_page(level, &Hash32([0xab; 32]));
        assert_eq!(files.get(&key(3)).unwrap(), None);
        let longest = PLACE - HEAD;
        for level in [0, 3, 4, LAST_LEVEL + 1, 60] {
            for page in [page(1), page(longest), page(longest + 1), page(70_000), page(2), None] {
                files.write(&Changes::from([(key(level), page.clone())])).unwrap();
                assert_eq!(files.get(&key(level)).unwrap(), page, "level {level}");
            }
            files.write(&Changes::from([(key(level), page(longest + 1))])).unwrap();
            files.write(&Changes::from([(key(level), None)])).unwrap();
            assert_eq!(files.get(&key(level)).unwrap(), None, "level {level}");
        }
        assert!(files.odd.read().unwrap().is_empty());
        drop(files);
        assert!(!folder.path().join("tree").exists());
    }
}
