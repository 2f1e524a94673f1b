//! What every [`Disk`] must do while nothing fails.

use crate::{Disk, DiskFile};
use std::{io::ErrorKind, path::Path};

/// Runs the suite in `dir`, a directory that exists and is empty. Each implementation calls this in its tests.
///
/// # Panics
/// When `disk` does not conform.
pub fn check<D: Disk>(disk: &D, dir: &Path) {
    directories_are_made_with_their_parents(disk, &dir.join("a/b"));
    files_are_made_once(disk, &dir.join("once"));
    bytes_are_where_they_were_written(disk, &dir.join("bytes"));
    lengths_grow_with_zeros(disk, &dir.join("lengths"));
    names_move_and_replace(disk, &dir.join("names"));
    an_open_file_outlives_its_name(disk, &dir.join("open"));
}

fn read<D: Disk>(disk: &D, path: &Path) -> Vec<u8> {
    let file = disk.open(path).expect("the file opens");
    let mut bytes = vec![0; file.len().expect("the file has a length") as usize];
    file.read_at(0, &mut bytes).expect("the file reads");
    bytes
}

fn write<D: Disk>(disk: &D, path: &Path, bytes: &[u8]) {
    let mut file = disk.create(path).expect("the file is made");
    file.write_at(0, bytes).expect("the file takes bytes");
    file.sync_data().expect("the file syncs");
}

fn kind<T>(result: std::io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn directories_are_made_with_their_parents<D: Disk>(disk: &D, dir: &Path) {
    assert_eq!(kind(disk.list(dir)), Some(ErrorKind::NotFound));
    disk.make_dir(dir).expect("it is made with its parents");
    disk.make_dir(dir).expect("one that exists is left alone");
    assert_eq!(disk.list(dir).expect("it can be listed"), Vec::<String>::new());
}

fn files_are_made_once<D: Disk>(disk: &D, dir: &Path) {
    let path = dir.join("file");
    assert_eq!(kind(disk.create(&path)), Some(ErrorKind::NotFound), "no directory, no file");
    disk.make_dir(dir).expect("the directory is made");
    assert_eq!(kind(disk.open(&path)), Some(ErrorKind::NotFound));
    assert_eq!(kind(disk.modify(&path)), Some(ErrorKind::NotFound));
    assert_eq!(kind(disk.remove(&path)), Some(ErrorKind::NotFound));
    write(disk, &path, b"first");
    assert_eq!(kind(disk.create(&path)), Some(ErrorKind::AlreadyExists));
    assert_eq!(read(disk, &path), b"first", "a refused creation changes nothing");
    disk.remove(&path).expect("it is removed");
    disk.sync_dir(dir).expect("the directory syncs");
    assert_eq!(kind(disk.open(&path)), Some(ErrorKind::NotFound));
    write(disk, &path, b"");
    assert_eq!(read(disk, &path), b"", "a name that was free again begins empty");
}

fn bytes_are_where_they_were_written<D: Disk>(disk: &D, dir: &Path) {
    disk.make_dir(dir).expect("the directory is made");
    let path = dir.join("file");
    write(disk, &path, &[1; 1_000]);
    let mut file = disk.modify(&path).expect("it opens for writing");
    // Across the borders of sectors, at odd places, over what was there and past the end.
    for (at, byte, len) in [(3, 2, 5), (511, 3, 2), (990, 4, 700), (1_690, 5, 1_030)] {
        file.write_at(at, &vec![byte; len]).expect("the file takes bytes");
    }
    let mut expected = vec![1; 2_720];
    expected[3..8].fill(2);
    expected[511..513].fill(3);
    expected[990..1_690].fill(4);
    expected[1_690..].fill(5);
    assert_eq!(read(disk, &path), expected, "what was written is read before it is durable");
    file.sync_data().expect("the file syncs");
    assert_eq!(read(disk, &path), expected);
    let mut part = [0; 4];
    file.read_at(1_688, &mut part).expect("a part reads");
    assert_eq!(part, [4, 4, 5, 5]);
    assert_eq!(kind(file.read_at(2_718, &mut part)), Some(ErrorKind::UnexpectedEof));
    file.write_at(0, &[]).expect("nothing can be written");
    assert_eq!(file.len().expect("it has a length"), 2_720);
}

fn lengths_grow_with_zeros<D: Disk>(disk: &D, dir: &Path) {
    disk.make_dir(dir).expect("the directory is made");
    let path = dir.join("file");
    write(disk, &path, &[7; 600]);
    let mut file = disk.modify(&path).expect("it opens for writing");
    file.set_len(100).expect("it is cut");
    file.set_len(700).expect("it is lengthened");
    file.write_at(800, &[8]).expect("the file takes bytes past its end");
    let mut expected = vec![0; 801];
    expected[..100].fill(7);
    expected[800] = 8;
    assert_eq!(read(disk, &path), expected, "what was cut off does not come back");
    assert_eq!(file.is_empty().ok(), Some(false));
    file.set_len(0).expect("it is cut");
    assert_eq!(file.is_empty().ok(), Some(true));
}

fn names_move_and_replace<D: Disk>(disk: &D, dir: &Path) {
    disk.make_dir(dir).expect("the directory is made");
    let (old, new) = (dir.join("old"), dir.join("new"));
    assert_eq!(kind(disk.rename(&old, &new)), Some(ErrorKind::NotFound));
    write(disk, &new, b"before");
    write(disk, &old, b"after");
    assert_eq!(disk.list(dir).expect("it can be listed"), ["new", "old"], "sorted");
    disk.rename(&old, &new).expect("it moves over the other");
    disk.sync_dir(dir).expect("the directory syncs");
    assert_eq!(disk.list(dir).expect("it can be listed"), ["new"]);
    assert_eq!(read(disk, &new), b"after");
}

fn an_open_file_outlives_its_name<D: Disk>(disk: &D, dir: &Path) {
    disk.make_dir(dir).expect("the directory is made");
    let (path, moved) = (dir.join("file"), dir.join("moved"));
    write(disk, &path, b"one");
    let mut file = disk.modify(&path).expect("it opens for writing");
    disk.rename(&path, &moved).expect("it moves");
    file.write_at(0, b"two").expect("the file takes bytes");
    assert_eq!(read(disk, &moved), b"two", "the file is the same under its new name");
    disk.remove(&moved).expect("it is removed");
    let mut bytes = [0; 3];
    file.read_at(0, &mut bytes).expect("it reads without a name");
    assert_eq!(&bytes, b"two");
}
