//! The published log: complete under the checkpoint that is there, whenever the machine stops (JO-10).

use eqm_log::{
    Leaf, LogHead, Tile, TileKind, TileSource, TileTree,
    tile::{push_leaf, tiles_added},
};
use journal::{
    Appender, Disk, JournalError, Log, LoggedEntry, NodeFile, Published, TileDir,
    checkpoint::CheckpointFile, files,
};
use protocol::signature::{SeedSigner, Suite};
use simulator::{Ending, Faults, SimDisk};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
};

const ORIGIN: &str = "qfs.example/published";

/// Sizes that are published one after the other: within a tile, its end and beyond, several at once.
const SIZES: [u64; 5] = [3, 255, 256, 257, 600];

fn dir() -> &'static Path {
    Path::new("/srv/log")
}

/// A log, and its checkpoints at [`SIZES`].
struct Source {
    log: Appender<SimDisk>,
    notes: Vec<String>,
    files: BTreeMap<Tile, Vec<u8>>,
}

impl Source {
    fn new(name: &str, origin: &str) -> Self {
        let disk = SimDisk::new(0);
        let (mut log, _) = Log::open(disk.clone(), Path::new("/log")).unwrap();
        let bodies: Vec<Vec<u8>> =
            (0..SIZES[4]).map(|seq| format!("{name} {seq}").into_bytes()).collect();
        log.append(b"", &bodies, true).unwrap();
        let nodes = NodeFile::open(&disk, Path::new("/tree")).unwrap();
        let mut log = Appender::new(log, nodes, LogHead::new()).unwrap();
        let [ed, pq] =
            [Suite::Ed25519, Suite::MlDsa44].map(|suite| SeedSigner::from_seed(suite, [1; 32]));
        let mut notes = Vec::new();
        for body in &bodies {
            log.catch_up(&[body]).unwrap();
            if SIZES.contains(&log.head().size()) {
                notes.push(log.head().checkpoint(origin).sign(origin, &ed, &pq).unwrap());
            }
        }
        let mut entries = Vec::new();
        let keep = |entry| -> Result<bool, JournalError> {
            entries.push(entry);
            Ok(true)
        };
        log.log().read(0, keep).unwrap();
        let tiles: BTreeSet<Tile> =
            SIZES.into_iter().flat_map(|size| tiles_added(0, size)).collect();
        let files = tiles.into_iter().map(|tile| (tile, file(&log, &entries, &tile))).collect();
        Self { log, notes, files }
    }

    fn publish(&self, disk: &SimDisk, step: usize) -> Result<Published, JournalError> {
        TileDir::new(disk.clone(), dir()).publish(&self.log, &self.notes[step], |_| ())
    }
}

/// Bytes that a file must have.
fn file(log: &Appender<SimDisk>, entries: &[LoggedEntry], tile: &Tile) -> Vec<u8> {
    if tile.kind() != TileKind::Entries {
        return tile.read_hashes(log).unwrap();
    }
    let mut bytes = Vec::new();
    for entry in tile.items().map(|seq| &entries[seq as usize]) {
        let leaf = Leaf { prev_entry_hash: entry.prev_entry_hash, body: &entry.body };
        push_leaf(&mut bytes, &leaf).unwrap();
    }
    bytes
}

struct Served<'a>(&'a SimDisk);

impl TileSource for Served<'_> {
    type Error = io::Error;

    fn read(&self, tile: &Tile) -> io::Result<Option<Vec<u8>>> {
        files::read(self.0, &dir().join(tile.to_string()), 1 << 24)
    }
}

/// Size of the checkpoint that is there, once everything that it speaks of was found and read.
fn verified(source: &Source, disk: &SimDisk) -> u64 {
    let file = CheckpointFile::in_dir(disk.clone(), dir());
    let Some((note, checkpoint)) = file.read().unwrap() else {
        return 0;
    };
    assert!(source.notes.contains(&note));
    for tile in tiles_added(0, checkpoint.size) {
        let bytes = Served(disk).read(&tile).unwrap();
        assert!(bytes.is_some_and(|bytes| bytes == source.files[&tile]), "{tile}");
    }
    let tree = TileTree::open_at(Served(disk), checkpoint.size, &checkpoint.root).unwrap();
    assert_eq!(tree.read_all(|_, _| ()).unwrap().root(), checkpoint.root);
    checkpoint.size
}

/// Names left in the places of partial tiles whose full ones are there.
fn superseded(disk: &SimDisk, size: u64) -> Vec<String> {
    tiles_added(0, size)
        .filter(|tile| !tile.is_partial())
        .flat_map(|tile| disk.list(&dir().join(format!("{tile}.p"))).unwrap_or_default())
        .collect()
}

/// JO-10: file by file, what each publication adds, and that it adds nothing twice.
#[test]
fn jo_10_publishing_adds_what_is_new() {
    let (source, disk) = (Source::new("entry", ORIGIN), SimDisk::new(1));
    let mut before = 0;
    for (step, size) in SIZES.into_iter().enumerate() {
        let written = tiles_added(before, size).count() as u64;
        assert_eq!(source.publish(&disk, step).unwrap(), Published { size, before, written });
        assert_eq!(verified(&source, &disk), size);
        assert!(superseded(&disk, size).is_empty());
        let points = disk.points();
        let again = Published { size, before: size, written: 0 };
        assert_eq!(source.publish(&disk, step).unwrap(), again);
        assert_eq!(disk.points(), points, "nothing was touched");
        before = size;
    }
}

/// JO-10: a machine that stops at any write leaves a directory that holds, and that the next publication completes.
#[test]
fn jo_10_a_crash_at_any_write_leaves_a_whole_log() {
    let source = Source::new("entry", ORIGIN);
    for ending in [Ending::ProcessKilled, Ending::PowerLost] {
        for point in 1.. {
            let disk = SimDisk::new(point);
            disk.set_faults(Faults { crash_at: Some(point), ..Faults::default() });
            let mut told = 0;
            let done = (0..SIZES.len())
                .try_for_each(|step| source.publish(&disk, step).map(|made| told = made.size));
            assert!(done.is_ok() || disk.crashed(), "nothing but the crash makes it fail");
            disk.restart(ending);
            let there = verified(&source, &disk);
            assert!(there >= told, "{there} after {told} was told, point {point}");
            let last = SIZES.len() - 1;
            assert_eq!(source.publish(&disk, last).unwrap().before, there);
            assert_eq!(verified(&source, &disk), SIZES[last], "point {point}");
            if done.is_ok() {
                assert!(point > 100, "it has many points");
                break;
            }
        }
    }
}

/// JO-10: nothing is published over the files of another log, of another history or of a longer one.
#[test]
fn jo_10_other_histories_are_refused() {
    let source = Source::new("entry", ORIGIN);
    for (other, step) in
        [(Source::new("entry", "qfs.example/other"), 3), (Source::new("other", ORIGIN), 3)]
    {
        let disk = SimDisk::new(2);
        other.publish(&disk, step).unwrap();
        let points = disk.points();
        assert!(matches!(source.publish(&disk, 4), Err(JournalError::Damaged(_))));
        assert_eq!(disk.points(), points, "nothing was touched");
    }
    let disk = SimDisk::new(3);
    source.publish(&disk, 0).unwrap();
    let path = dir().join("tile/0/000.p/255");
    files::replace(&disk, &path, b"something else").unwrap();
    let error = source.publish(&disk, 1).unwrap_err().to_string();
    assert!(error.contains("tile/0/000.p/255: this is not what the log has there"), "{error}");
    assert_eq!(verified(&source, &disk), 3);
    disk.remove(&path).unwrap();
    assert_eq!(source.publish(&disk, 1).unwrap().size, 255);
    assert_eq!(verified(&source, &disk), 255);
}
