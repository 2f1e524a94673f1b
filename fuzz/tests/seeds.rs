//! Every seed through its target, without libFuzzer: what was found once stays found.

use std::{collections::BTreeSet, fs, path::Path};

use fuzz::{
    TARGETS,
    seeds::{folder, made, name},
};

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("a readable folder").path();
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        (file, fs::read(&path).expect("a readable seed"))
    };
    let mut files: Vec<_> = fs::read_dir(folder).expect("a folder of seeds").map(read).collect();
    files.sort();
    files
}

#[test]
fn every_target_keeps_its_promise_for_every_seed() {
    for target in TARGETS {
        let seeds = files(&folder(target.name));
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        for (file, seed) in seeds {
            eprintln!("{}/{file}", target.name);
            (target.run)(&seed);
        }
    }
}

#[test]
fn seeds_are_named_by_their_hash_and_stay_few() {
    let mut total = 0;
    for target in TARGETS {
        for (file, seed) in files(&folder(target.name)) {
            assert_eq!(file, name(&seed), "{}", target.name);
            total += seed.len();
        }
    }
    assert!(total < 1 << 20, "{total} bytes of seeds");
}

/// What is made anew is what is there: formats have not changed, and no seed was lost.
#[test]
fn the_seeds_that_are_made_are_there() {
    for (target, seed) in made() {
        let file = folder(target).join(name(&seed));
        assert!(file.exists(), "run `cargo run -p fuzz --example seeds`: {}", file.display());
    }
}

#[test]
fn targets_and_folders_and_dictionaries_belong_together() {
    let root = folder("");
    let folders: BTreeSet<String> = fs::read_dir(&root)
        .expect("a folder of folders")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    let names: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(folders, names);
    for dictionary in TARGETS.iter().filter_map(|target| target.dictionary) {
        let file = root.with_file_name("dictionaries").join(dictionary).with_extension("dict");
        assert!(file.is_file(), "{}", file.display());
    }
}
