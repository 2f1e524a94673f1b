//! Whoever changes a file is found, however much of it he makes anew: nothing, the hash at its end, chain and
//! tree, or everything under keys of his own.

mod common;

use std::{ops::Range, sync::LazyLock};

use common::{SMALL, audited, failing, forged, pinned};
use eqm_log::{Checkpoint, VerifierKey, export::Place};
use protocol::{
    Action, EntryBody, Event, Hash32, Outcome,
    signature::{SeedSigner, Signer, Suite},
};
use replay::workload::{LEDGER_NAME, Log, keys};

static LOG: LazyLock<Log> = LazyLock::new(|| Log::generate(&SMALL).unwrap());
static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| LOG.export().unwrap());

/// SplitMix64, so that every run makes the same changes.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % n as u64) as usize
    }

    fn flip(&mut self, bytes: &mut [u8]) -> usize {
        let at = self.below(bytes.len());
        bytes[at] ^= 1 << self.below(8);
        at
    }
}

/// Where the frames of the file stand, length and body.
fn frames() -> Vec<Range<usize>> {
    let first = [&(LOG.bodies[0].len() as u32).to_be_bytes()[..], &LOG.bodies[0]].concat();
    let mut start = FILE.windows(first.len()).position(|window| window == first).unwrap();
    let mut frames = Vec::new();
    for body in &LOG.bodies {
        let end = start + 4 + body.len();
        frames.push(start..end);
        start = end;
    }
    frames
}

/// The file with the hash at its end made anew.
fn rehashed(mut file: Vec<u8>) -> Vec<u8> {
    let end = file.len() - 32;
    let hash = Hash32::of(&file[..end]);
    file[end..].copy_from_slice(&hash.0);
    file
}

/// That a change of this byte is not reported before the entry that it stands in.
fn check_place(at: usize, file: &[u8]) {
    let found = failing(file);
    assert!(!found.field.is_empty() && found.expected != found.got, "{found}");
    let changed = frames().iter().position(|frame| frame.contains(&at));
    match (changed, found.place) {
        (Some(seq), Place::Frame { seq: named }) => assert!(named >= seq as u64, "{at}: {found}"),
        (Some(_), Place::Header) => panic!("{at}: {found}"),
        _ => {}
    }
}

fn flips(seed: u64, count: usize, finish: fn(Vec<u8>) -> Vec<u8>) {
    let mut rng = Rng(seed);
    for _ in 0..count {
        let mut file = FILE.clone();
        let end = file.len() - 32;
        let at = rng.flip(&mut file[..end]);
        check_place(at, &finish(file));
    }
}

#[test]
fn rp_9_flipped_bits() {
    flips(11, 1_000, |file| file);
}

#[test]
fn rp_9_flipped_bits_with_the_hash_made_anew() {
    flips(12, 1_000, rehashed);
}

#[test]
fn rp_9_flipped_bits_of_the_trailing_hash() {
    let mut rng = Rng(13);
    for _ in 0..20 {
        let mut file = FILE.clone();
        let end = file.len() - 32;
        rng.flip(&mut file[end..]);
        let found = failing(&file);
        assert_eq!((found.place, found.field.as_str()), (Place::Trailer, "export.hash"));
    }
}

#[test]
fn rp_9_truncated_and_extended_files() {
    let mut rng = Rng(14);
    for _ in 0..150 {
        let len = rng.below(FILE.len());
        let cut = &FILE[..len];
        let found = failing(cut);
        assert!(
            ["export.length", "header.magic"].contains(&found.field.as_str()),
            "{len}: {found}"
        );
        if len > 64 {
            let found = failing(&rehashed(cut.to_vec()));
            assert!(!found.field.is_empty(), "{found}");
        }
    }
    for added in [&[0][..], &FILE] {
        let found = failing(&[&FILE, added].concat());
        assert_eq!(found.field, "export.length");
    }
}

/// Frames swapped, repeated and left out, with the count in the header adjusted and not.
#[test]
fn rp_9_moved_frames() {
    let frames = frames();
    let last = frames.len() - 1;
    let (header, trailer) = (&FILE[..frames[0].start], &FILE[frames[last].end..]);
    let assemble = |order: &[usize], adjust: bool| {
        let mut header = header.to_vec();
        if adjust {
            header[12..20].copy_from_slice(&(order.len() as u64).to_be_bytes());
        }
        let bodies = order.iter().map(|at| &FILE[frames[*at].clone()]);
        let file = [header, bodies.collect::<Vec<_>>().concat(), trailer.to_vec()].concat();
        if adjust { rehashed(file) } else { file }
    };
    let straight: Vec<usize> = (0..frames.len()).collect();
    assert_eq!(assemble(&straight, true), *FILE);
    let mut rng = Rng(15);
    for round in 0..120 {
        let mut order = straight.clone();
        let (a, b) = (rng.below(order.len()), rng.below(last));
        match round % 3 {
            0 => order.swap(a, if a == b { last } else { b }),
            1 => order.insert(b, a),
            _ => drop(order.remove(a)),
        }
        if order == straight {
            continue;
        }
        let first = order.iter().zip(&straight).position(|(a, b)| a != b);
        for adjust in [false, true] {
            let found = failing(&assemble(&order, adjust));
            if let (Place::Frame { seq }, Some(first)) = (found.place, first) {
                assert_eq!(seq, first as u64, "{order:?}: {found}");
            }
        }
    }
}

/// The export of changed bodies, chain, tree and trailer made anew, under the old signatures.
fn unsigned(log: &Log) -> Vec<u8> {
    let keys = pinned();
    let head = LOG.head().checkpoint(LEDGER_NAME);
    let note = head.sign(LEDGER_NAME, &keys::log_ed25519(), &keys::log_ml_dsa());
    let signatures = note.unwrap().split_off(head.text().len());
    let text = log.head().checkpoint(LEDGER_NAME).text();
    log.export_with_note(&keys, &format!("{text}{signatures}")).unwrap()
}

#[test]
fn rp_4_whoever_cannot_sign_is_found() {
    assert_eq!(unsigned(&LOG), *FILE);
    let mut rng = Rng(16);
    for _ in 0..300 {
        let mut log = LOG.clone();
        let seq = rng.below(log.bodies.len());
        rng.flip(&mut log.bodies[seq]);
        failing(&unsigned(&log));
    }
    // What re-execution cannot object to: the tick of the last entry, and a log that ends earlier.
    let mut later = LOG.clone();
    let last = later.bodies.last_mut().unwrap();
    let mut body = EntryBody::from_bytes(last).unwrap();
    body.tick += 1;
    *last = body.to_bytes();
    let mut shorter = LOG.clone();
    shorter.bodies.pop();
    for log in [later, shorter] {
        let found = failing(&unsigned(&log));
        assert_eq!((found.place, found.field.as_str()), (Place::Trailer, "checkpoint.signature"));
    }
}

fn stranger() -> (SeedSigner, SeedSigner, Vec<VerifierKey>) {
    let ed = keys::signer("stranger-ed25519", Suite::Ed25519);
    let pq = keys::signer("stranger-ml-dsa-44", Suite::MlDsa44);
    let vkeys =
        [ed.public_key(), pq.public_key()].map(|key| VerifierKey::new(LEDGER_NAME, &key).unwrap());
    (ed, pq, vkeys.to_vec())
}

#[test]
fn rp_4_whoever_signs_with_other_keys_is_found() {
    let (ed, pq, theirs) = stranger();
    let ours = pinned();
    // Their keys in the header: genesis names others. Ours in the header: they cannot sign for them.
    for (header, pins, place, field) in [
        (&theirs, &ours[..], Place::Header, "header.keys"),
        (&theirs, &[], Place::Header, "header.keys"),
        (&theirs, &theirs[..], Place::Header, "header.keys"),
        (&ours, &ours[..], Place::Trailer, "checkpoint.signature"),
        (&ours, &[], Place::Trailer, "checkpoint.signature"),
    ] {
        let file = LOG.export_signed(header, &ed, &pq).unwrap();
        let found = audited(&file, pins).divergence.unwrap();
        assert_eq!((found.place, found.field.as_str()), (place, field), "{found}");
    }
    // The true log, audited by someone who pinned other keys, or only one of the two.
    for pins in [&theirs[..], &ours[..1], &ours[1..]] {
        let found = audited(&FILE, pins).divergence.unwrap();
        assert_eq!((found.seq(), found.field.as_str()), (Some(0), "log_keys"));
    }
}

/// One signature of the two is not enough.
#[test]
fn rp_4_both_signatures_count() {
    let (ed, pq, _) = stranger();
    for file in [
        LOG.export_signed(&pinned(), &keys::log_ed25519(), &pq),
        LOG.export_signed(&pinned(), &ed, &keys::log_ml_dsa()),
    ] {
        assert_eq!(failing(&file.unwrap()).field, "checkpoint.signature");
    }
}

/// A whole ledger of somebody else is sound in itself; only pinned keys tell it from ours.
#[test]
fn rp_4_only_pinned_keys_tell_ledgers_apart() {
    let (ed, pq, theirs) = stranger();
    let mut log = LOG.clone();
    log.bodies.truncate(1);
    let mut body = EntryBody::from_bytes(&log.bodies[0]).unwrap();
    let Action::Genesis(genesis) = &mut body.command.action else { panic!("not genesis") };
    genesis.log_keys = vec![ed.public_key(), pq.public_key()];
    let ledger_id = genesis.ledger_id();
    body.outcome = Outcome::Accepted(Event::LedgerOpened { ledger_id });
    log.bodies = vec![body.to_bytes()];
    let file = log.export_signed(&theirs, &ed, &pq).unwrap();
    assert_eq!(audited(&file, &[]).divergence, None);
    assert_eq!(failing(&file).field, "log_keys");
}

/// The origin is the ledger's name.
#[test]
fn rp_4_the_origin_is_the_ledgers_name() {
    let file = forged(&LOG, 0, |body| {
        let Action::Genesis(genesis) = &mut body.command.action else { panic!("not genesis") };
        genesis.name = "qfs.test/other".into();
        let ledger_id = genesis.ledger_id();
        body.outcome = Outcome::Accepted(Event::LedgerOpened { ledger_id });
    });
    let found = failing(&file);
    assert_eq!((found.place, found.field.as_str()), (Place::Header, "header.origin"));
}

/// A checkpoint that is signed by the true keys, but is of another log.
#[test]
fn rp_4_the_checkpoint_is_of_these_entries() {
    let mut earlier = LOG.clone();
    earlier.bodies.pop();
    let checkpoint: Checkpoint = earlier.head().checkpoint(LEDGER_NAME);
    let note = checkpoint.sign(LEDGER_NAME, &keys::log_ed25519(), &keys::log_ml_dsa()).unwrap();
    let frames = frames();
    let trailer = frames.last().unwrap().end;
    let length = (note.len() as u32).to_be_bytes();
    let file = [&FILE[..trailer + 32], &length, note.as_bytes(), &[0; 32]].concat();
    let found = failing(&rehashed(file));
    assert_eq!((found.place, found.field.as_str()), (Place::Trailer, "checkpoint.size"));
}

/// RP-2: a source that fails is not a forged file, and no pass either.
#[test]
fn rp_2_a_source_that_fails() {
    let mut rest = &FILE[..FILE.len() / 2];
    let report = replay::audit(
        |buf: &mut [u8]| {
            let taken = rest.len().min(buf.len());
            buf[..taken].copy_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            if taken == 0 { Err("the disk is gone") } else { Ok(taken) }
        },
        &pinned(),
        &mut |_| (),
    );
    let found = report.divergence.clone().unwrap();
    assert_eq!(found.code.name(), "SE_ERR_INTERNAL");
    assert_eq!((found.seq(), found.field.as_str()), (Some(report.entries), "export.read"));
}
