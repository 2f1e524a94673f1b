//! Somebody else's implementation of the C2SP formats (crates `signed_note`, `tlog_tiles`) reads what ours writes:
//! rules EL-4, EL-6 to EL-9, EL-12, EL-14 and EL-21 to EL-24.

mod common;
#[path = "common/tiled.rs"]
mod tiled;

use common::{ORIGIN, ed, keys, pq};
use eqm_log::{
    Checkpoint, ConsistencyProof, LogProof, TileKind, VerifierKey,
    tile::tiles_added,
    tree::{consistency_proof, inclusion_proof},
};
use proptest::prelude::*;
use protocol::signature::{SeedSigner, Signer, Suite};
use signed_note::{Note, StandardVerifier, Verifier, VerifierList};
use std::sync::LazyLock;
use tiled::{Files, Log};
use tlog_tiles::{
    Error, Hash, HashReader, Tile, TileHashReader, TileReader, check_record, check_tree,
    record_hash, stored_hash_index, tree_hash,
};

const SIZE: u64 = 65_536 + 1;

static LOG: LazyLock<Log> = LazyLock::new(|| Log::new(SIZE));

fn hash(hash: eqm_log::TreeHash) -> Hash {
    Hash(hash.0)
}

/// Their path has the height of tiles in it, as the Go checksum database has; C2SP tlog-tiles leaves it out.
fn path(tile: &Tile) -> String {
    let path = tile.path();
    let kind = if tile.is_data() { path.strip_prefix("tile/8/data/") } else { None };
    kind.map_or_else(|| path.replacen("tile/8/", "tile/", 1), |rest| format!("tile/entries/{rest}"))
}

impl TileReader for Files {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile| self.0.get(&path(tile)).cloned().ok_or(Error::InvalidTile);
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn note(size: u64) -> String {
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size, root: LOG.root(size) };
    checkpoint.sign(ORIGIN, &ed(), &pq()).unwrap()
}

/// What their note and checkpoint parsers make of ours, its Ed25519 signature verified by them.
fn accepted(note: &str) -> (u64, Hash) {
    let verifier = StandardVerifier::new(&keys()[0].to_string()).unwrap();
    let parsed = Note::from_bytes(note.as_bytes()).unwrap();
    assert_eq!(parsed.to_bytes(), note.as_bytes());
    let (verified, unknown) = parsed.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    let ids = |signatures: &[signed_note::Signature]| -> Vec<u32> {
        signatures.iter().map(signed_note::Signature::id).collect()
    };
    assert_eq!(ids(&verified), [keys()[0].key_id()]);
    assert_eq!(ids(&unknown), [keys()[1].key_id()], "a type that they have no verifier for");
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(parsed.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.extension()), (ORIGIN, ""));
    (checkpoint.size(), *checkpoint.hash())
}

/// Root, leaves and proofs at one size: theirs from our tiles, ours checked by them, files and checkpoint included.
fn check_size(size: u64, indices: impl Iterator<Item = u64>) {
    let (accepted_size, root) = accepted(&note(size));
    assert_eq!((accepted_size, root), (size, hash(LOG.root(size))));
    let files = LOG.files(size);
    let theirs = TileHashReader::new(size, root, &files);
    if size > 0 {
        assert_eq!(tree_hash(size, &theirs).unwrap(), root, "{size}");
    }
    for index in indices {
        let leaf = record_hash(&LOG.leaf(index).to_bytes());
        let read = theirs.read_hashes(&[stored_hash_index(0, index)]).unwrap();
        assert_eq!(read, [leaf], "{index} of {size}");
        let file = LogProof {
            extra: LOG.leaf(index).to_bytes(),
            index,
            path: inclusion_proof(&*LOG, index, size).unwrap(),
            checkpoint: note(size),
        };
        check_proof_file(&file.to_string(), index);
        assert_eq!(
            file.path.into_iter().map(hash).collect::<Vec<_>>(),
            theirs_of(&theirs, size, index)
        );
        check_growth(index, size, &root);
    }
}

fn theirs_of(reader: &TileHashReader<'_>, size: u64, index: u64) -> Vec<Hash> {
    tlog_tiles::prove_record(size, index, reader).unwrap()
}

/// A proof file, taken apart by hand and by them.
fn check_proof_file(file: &str, index: u64) {
    let (head, checkpoint) = file.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("c2sp.org/tlog-proof@v1"));
    assert!(lines.next().unwrap().starts_with("extra "));
    assert_eq!(lines.next(), Some(&*format!("index {index}")));
    let path: Vec<Hash> = lines.map(|line| Hash::parse_hash(line).unwrap()).collect();
    let (size, root) = accepted(checkpoint);
    let leaf = record_hash(&LOG.leaf(index).to_bytes());
    check_record(&path, size, root, index, leaf).unwrap();
    assert!(check_record(&path, size, root, index, record_hash(b"another")).is_err());
}

/// A consistency proof, taken apart by hand and by them.
fn check_growth(old: u64, size: u64, root: &Hash) {
    let path = consistency_proof(&*LOG, old, size).unwrap();
    let file = ConsistencyProof { old, path, checkpoint: note(size) }.to_string();
    let (head, _) = file.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some(&*format!("old {old}")));
    let path: Vec<Hash> = lines.map(|line| Hash::parse_hash(line).unwrap()).collect();
    if old > 0 {
        check_tree(&path, size, *root, old, hash(LOG.root(old))).unwrap();
        assert!(check_tree(&path, size, *root, old, Hash([7; 32])).is_err());
    }
}

/// EL-4, EL-6 to EL-9, EL-12, EL-14, EL-22: every size up to 1,000, one entry each; then the edges of tiles, with many.
#[test]
fn el_22_others_read_our_logs() {
    (0..=1_000).for_each(|size| {
        check_size(size, (0..size).skip((size as usize * 7) % size.max(1) as usize).take(1))
    });
    for size in [255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537] {
        let indices = [0, 1, 254, 255, 256, size / 2, size - 2, size - 1];
        check_size(size, indices.into_iter().filter(|index| *index < size));
    }
}

/// EL-21: their list of the tiles that a step of growth needs is ours, and so are the paths.
#[test]
fn el_21_others_name_the_same_tiles() {
    let sizes = (0..300).chain([511, 512, 1_000, 65_535, 65_536, 65_537, 1_000_000, 300_000_000]);
    let sizes: Vec<u64> = sizes.collect();
    let mut compared = 0;
    for pair in sizes.windows(2) {
        // A step of at most a million entries keeps the lists short.
        let (old, new) = (pair[0].max(pair[1].saturating_sub(1_000_000)), pair[1]);
        let mut theirs: Vec<String> = Tile::new_tiles(8, old, new).iter().map(path).collect();
        let data = Tile::new_tiles(8, old, new).into_iter().filter(|tile| tile.level() == 0);
        theirs.extend(data.map(|mut tile| {
            tile.set_is_data();
            path(&tile)
        }));
        let mut ours: Vec<String> = tiles_added(old, new).map(|tile| tile.to_string()).collect();
        theirs.sort_unstable();
        ours.sort_unstable();
        assert_eq!(ours, theirs, "{old} to {new}");
        compared += ours.len();
    }
    assert!(compared > 9_000, "{compared}");
}

/// EL-23: each entry of a bundle hashes to its leaf in the tile, by their hash.
#[test]
fn el_23_bundles_are_the_leaves_of_tiles() {
    let files = LOG.files(600);
    for bundle in tiles_added(0, 600).filter(|tile| tile.kind() == TileKind::Entries) {
        let tile = bundle.to_string().replacen("entries", "0", 1);
        let (mut rest, mut hashes) = (&files.0[&bundle.to_string()][..], Vec::new());
        while let Some((length, data)) = rest.split_first_chunk::<2>() {
            let (data, after) = data.split_at(u16::from_be_bytes(*length).into());
            hashes.extend(record_hash(data).0);
            rest = after;
        }
        assert!(hashes == files.0[&tile], "{bundle}");
    }
}

/// Their verifier seam, filled with an Ed25519 cosignature (type 0x04) as C2SP tlog-cosignature describes it.
struct Cosignature {
    key: VerifierKey,
    ed25519: StandardVerifier,
}

impl Cosignature {
    fn new(key: &VerifierKey) -> Self {
        // The same public key as one that signs texts, which they know.
        let standard = VerifierKey::new(key.name(), key.public_key()).unwrap().to_string();
        Self { key: key.clone(), ed25519: StandardVerifier::new(&standard).unwrap() }
    }
}

impl Verifier for Cosignature {
    fn name(&self) -> &str {
        self.key.name()
    }

    fn key_id(&self) -> u32 {
        let material = [&[4][..], &self.key.public_key().bytes].concat();
        signed_note::key_id(self.key.name(), &material)
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        let Some((time, signature)) = signature.split_first_chunk::<8>() else { return false };
        let head = format!("cosignature/v1\ntime {}\n", u64::from_be_bytes(*time));
        self.ed25519.verify(&[head.as_bytes(), text].concat(), signature)
    }
}

/// WI-1: they read a note with cosignatures, and verify the Ed25519 one by its key id.
#[test]
fn wi_1_others_verify_cosignatures() {
    let signer = |suite| SeedSigner::from_seed(suite, [3; 32]);
    let checkpoint = Checkpoint { origin: ORIGIN.into(), size: 300, root: LOG.root(300) };
    let mut text = note(300);
    for suite in [Suite::MlDsa44, Suite::Ed25519] {
        let line = checkpoint.cosign("witness.example/w1", &signer(suite), 1_679_315_147).unwrap();
        text += &format!("{line}\n");
    }
    let key = VerifierKey::cosigner("witness.example/w1", &signer(Suite::Ed25519).public_key());
    let key = key.unwrap();
    let verify = |text: &str| {
        let verifier = VerifierList::new(vec![Box::new(Cosignature::new(&key))]);
        let (verified, unknown) = Note::from_bytes(text.as_bytes()).unwrap().verify(&verifier)?;
        Ok::<_, signed_note::NoteError>((verified.len(), unknown.len(), verified[0].id()))
    };
    assert_eq!(verify(&text).unwrap(), (1, 3, key.key_id()));
    assert!(verify(&text.replacen("\n300\n", "\n301\n", 1)).is_err());
    assert_eq!(Note::from_bytes(text.as_bytes()).unwrap().to_bytes(), text.as_bytes());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// EL-6, EL-7, EL-22: any entry of any size.
    #[test]
    fn el_22_others_read_any_log(size in 1..=SIZE, picks in proptest::collection::vec(any::<u64>(), 4)) {
        check_size(size, picks.into_iter().map(|pick| pick % size));
    }
}
