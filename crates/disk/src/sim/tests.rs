use super::*;
use std::collections::BTreeSet;

fn contents(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
    let file = disk.open(Path::new(path)).ok()?;
    let mut bytes = vec![0; file.len().unwrap() as usize];
    file.read_at(0, &mut bytes).unwrap();
    Some(bytes)
}

/// A disk whose file `/f` has three sectors of 1, synced, its name too.
fn prepared(seed: u64) -> (SimDisk, SimFile) {
    let disk = SimDisk::new(seed);
    let mut file = disk.create(Path::new("/f")).unwrap();
    file.write_at(0, &[1; 3 * SECTOR]).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    (disk, file)
}

/// What is left of `/f` after `act` and a loss of power, over many seeds.
fn outcomes(act: impl Fn(&SimDisk, &mut SimFile)) -> BTreeSet<Option<Vec<u8>>> {
    let outcome = |seed| {
        let (disk, mut file) = prepared(seed);
        act(&disk, &mut file);
        disk.restart(Ending::PowerLost);
        contents(&disk, "/f")
    };
    (0..200).map(outcome).collect()
}

fn sectors(values: [u8; 3]) -> Option<Vec<u8>> {
    Some(values.iter().flat_map(|value| [*value; SECTOR]).collect())
}

#[test]
fn the_simulated_disk_conforms() {
    crate::conformance::check(&SimDisk::new(1), Path::new("/"));
    let disk = SimDisk::new(1);
    disk.make_dir(Path::new("/some/dir")).unwrap();
    crate::conformance::check(&disk, Path::new("/some/dir"));
}

#[test]
fn unsynced_sectors_are_lost_each_by_itself() {
    let lost = outcomes(|_, file| {
        file.write_at(0, &[2; 2 * SECTOR]).unwrap();
        file.write_at(SECTOR as u64, &[3; SECTOR]).unwrap();
    });
    let expected = [[1, 1, 1], [2, 1, 1], [1, 2, 1], [2, 2, 1], [1, 3, 1], [2, 3, 1]];
    assert_eq!(lost, expected.map(sectors).into(), "any moment of each sector, and nothing else");
    let kept = outcomes(|_, file| {
        file.write_at(0, &[2; 3 * SECTOR]).unwrap();
        file.sync_data().unwrap();
    });
    assert_eq!(kept, [sectors([2; 3])].into());
}

#[test]
fn unsynced_lengths_are_lost() {
    let lengths = outcomes(|_, file| {
        file.write_at(3 * SECTOR as u64, &[2; 10]).unwrap();
        file.set_len(5).unwrap();
    });
    let lengths: BTreeSet<_> = lengths.into_iter().map(|bytes| bytes.unwrap().len()).collect();
    assert_eq!(lengths, [5, 3 * SECTOR, 3 * SECTOR + 10].into());
}

#[test]
fn unsynced_names_are_undone_each_by_itself() {
    let both = |seed| {
        let (disk, _file) = prepared(seed);
        disk.rename(Path::new("/f"), Path::new("/g")).unwrap();
        disk.create(Path::new("/h")).unwrap();
        disk.restart(Ending::PowerLost);
        disk.list(Path::new("/")).unwrap().concat()
    };
    let seen: BTreeSet<String> = (0..50).map(both).collect();
    assert_eq!(seen, ["f", "fh", "g", "gh"].map(String::from).into());
    let gone = outcomes(|disk, _| {
        disk.remove(Path::new("/f")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
    });
    assert_eq!(gone, [None].into());
}

#[test]
fn a_killed_process_loses_its_files_but_no_bytes() {
    let (disk, mut file) = prepared(1);
    file.write_at(0, &[9]).unwrap();
    disk.restart(Ending::ProcessKilled);
    assert_eq!(contents(&disk, "/f").unwrap()[0], 9);
    assert!(file.write_at(0, &[8]).is_err() && file.len().is_err(), "the old handle is dead");
}

/// As on Linux: readers see what a failed sync lost, and the next sync says that all is well.
#[test]
fn a_failed_sync_forgets() {
    let outcomes = outcomes(|disk, file| {
        file.write_at(0, &[2; SECTOR]).unwrap();
        disk.set_faults(Faults { failing_sync: 1, ..Faults::default() });
        assert!(file.sync_data().is_err());
        disk.set_faults(Faults::default());
        file.sync_data().unwrap();
        assert_eq!(contents(disk, "/f"), sectors([2, 1, 1]));
    });
    assert_eq!(outcomes, [sectors([1, 1, 1]), sectors([2, 1, 1])].into());
}

#[test]
fn a_misdirected_sector_is_somewhere_else() {
    let outcomes = outcomes(|disk, file| {
        disk.set_faults(Faults { misdirected: 1, ..Faults::default() });
        file.write_at(0, &[2; SECTOR]).unwrap();
        file.sync_data().unwrap();
    });
    assert_eq!(outcomes, [[2, 1, 1], [1, 2, 1], [1, 1, 2]].map(sectors).into());
}

#[test]
fn a_full_disk_takes_a_part() {
    let (disk, mut file) = prepared(1);
    disk.set_faults(Faults { room: Some(10), ..Faults::default() });
    let at = 3 * SECTOR as u64 - 5;
    let error = file.write_at(at, &[2; 20]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.len().unwrap(), at + 15, "what fits is written");
    file.write_at(0, &[3; 100]).unwrap();
    file.set_len(at).unwrap();
    file.write_at(at, &[4; 15]).unwrap();
}

/// Every operation that changes something can be the last; nothing works after it.
#[test]
fn a_crash_can_be_at_every_point() {
    let history = |disk: &SimDisk| -> io::Result<()> {
        disk.make_dir(Path::new("/d"))?;
        let mut file = disk.create(Path::new("/d/f"))?;
        file.write_at(0, &[1; 600])?;
        file.set_len(700)?;
        file.sync_data()?;
        disk.rename(Path::new("/d/f"), Path::new("/d/g"))?;
        disk.sync_dir(Path::new("/d"))?;
        disk.remove(Path::new("/d/g"))
    };
    let disk = SimDisk::new(1);
    history(&disk).unwrap();
    assert_eq!(disk.points(), 8);
    for point in 1..=8 {
        let disk = SimDisk::new(point);
        disk.set_faults(Faults { crash_at: Some(point), ..Faults::default() });
        assert!(history(&disk).is_err());
        assert!(disk.crashed() && disk.list(Path::new("/")).is_err());
        disk.restart(Ending::PowerLost);
        assert!(disk.list(Path::new("/")).is_ok());
        assert_eq!(disk.points(), point);
    }
}

#[test]
fn rot_turns_one_bit() {
    let (disk, _file) = prepared(1);
    let bit = disk.rot(Path::new("/f")).unwrap() as usize;
    let mut expected = sectors([1; 3]).unwrap();
    expected[bit / 8] ^= 1 << (bit % 8);
    for _ in 0..2 {
        assert_eq!(contents(&disk, "/f"), Some(expected.clone()));
        disk.restart(Ending::PowerLost);
    }
}
