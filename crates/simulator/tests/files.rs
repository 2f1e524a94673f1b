//! Files beside the log: whole or not there, whenever the machine stops.

use eqm_log::{Frontier, TreeHash, tree};
use journal::{JournalError, KeyStore, NodeFile, files};
use protocol::signature::{Signer, Suite};
use simulator::{Ending, Faults, SimDisk};
use std::path::Path;

/// What a machine that stops at each write point in turn leaves, until `act` is done without a stop. `check` is told how far
/// `act` came.
fn at_every_point<T>(
    act: impl Fn(&SimDisk, &mut T) -> Result<(), JournalError>,
    check: impl Fn(&SimDisk, T),
) where
    T: Default,
{
    for point in 1.. {
        for seed in 0..20 {
            let disk = SimDisk::new(seed);
            disk.set_faults(Faults { crash_at: Some(point), ..Faults::default() });
            let mut progress = T::default();
            let done = act(&disk, &mut progress).is_ok();
            assert!(done || disk.crashed(), "nothing but the crash makes it fail");
            disk.restart(Ending::PowerLost);
            check(&disk, progress);
            if done && seed == 19 {
                assert!(point > 5, "it has several points");
                return;
            }
        }
    }
}

/// JO-9: a file that is replaced is the old one or the new one; once replaced, the new one.
#[test]
fn jo_9_a_replaced_file_is_one_or_the_other() {
    let path = Path::new("/checkpoint");
    let texts = [&b"first"[..], b"second, longer than a sector: ", &[b'x'; 1_500]];
    at_every_point(
        |disk, replaced: &mut usize| {
            for text in texts {
                files::replace(disk, path, text).map_err(JournalError::io("cannot write", path))?;
                *replaced += 1;
            }
            Ok(())
        },
        |disk, replaced| {
            let found = files::read(disk, path, 4_096).unwrap();
            let found = found.map(|bytes| texts.iter().position(|text| *text == bytes).unwrap());
            let found = found.map_or(0, |text| text + 1);
            assert!(found == replaced || found == replaced + 1, "{found} after {replaced}");
            // What was left beside it is in nobody's way.
            files::replace(disk, path, b"next").unwrap();
        },
    );
}

/// JO-9: a key that was given out once is the same ever after.
#[test]
fn jo_9_a_key_is_whole_and_stays() {
    let dir = Path::new("/ledger/keys");
    at_every_point(
        |disk, given: &mut Vec<_>| {
            let keys = KeyStore::open(disk.clone(), dir)?;
            for suite in [Suite::Ed25519, Suite::MlDsa44] {
                given.push((suite, keys.signer("log", suite)?.public_key()));
            }
            Ok(())
        },
        |disk, given| {
            let keys = KeyStore::open(disk.clone(), dir).unwrap();
            for suite in [Suite::Ed25519, Suite::MlDsa44] {
                let key = keys.signer("log", suite).unwrap().public_key();
                assert_eq!(keys.existing("log", suite).unwrap().public_key(), key);
                for (_, given) in given.iter().filter(|(of, _)| *of == suite) {
                    assert_eq!(*given, key);
                }
            }
        },
    );
}

/// JO-8: what was synced is there after any crash, and the file goes on from there.
#[test]
fn jo_8_synced_nodes_of_the_tree_survive() {
    let path = Path::new("/tree");
    let leaf = |n: u64| tree::leaf_hash(&n.to_be_bytes());
    let root = |size| {
        let mut frontier = Frontier::new();
        (0..size).for_each(|n| frontier.push(leaf(n), |_, _, _| ()));
        frontier.root()
    };
    at_every_point(
        |disk, synced: &mut u64| {
            let mut nodes = NodeFile::open(disk, path)?;
            let mut frontier = Frontier::new();
            for n in 0..90 {
                frontier.push(leaf(n), |_, _, hash| nodes.append(hash));
                if n % 9 == 4 {
                    nodes.flush()?;
                }
                if n % 30 == 20 {
                    nodes.sync()?;
                    *synced = n + 1;
                }
            }
            Ok(())
        },
        |disk, synced| {
            let mut nodes = NodeFile::open(disk, path).unwrap();
            nodes.truncate_to(synced).unwrap();
            for size in 0..=synced {
                assert_eq!(tree::root_at(&nodes, size).unwrap(), root(size), "{size} of {synced}");
            }
            let mut completed: Vec<TreeHash> = Vec::new();
            let mut frontier = Frontier::new();
            (0..synced).for_each(|n| frontier.push(leaf(n), |_, _, _| ()));
            frontier.push(leaf(synced), |_, _, hash| completed.push(hash));
            completed.into_iter().for_each(|hash| nodes.append(hash));
            nodes.sync().unwrap();
            assert_eq!(tree::root_at(&nodes, synced + 1).unwrap(), root(synced + 1));
        },
    );
}
