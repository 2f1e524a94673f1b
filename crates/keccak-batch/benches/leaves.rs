//! Hashing rates of every available back end on what QFS hashes most, in batches of 64: prefixed
//! 4 KiB leaves of a Merkle tree, its 65-byte nodes, and short texts; each beside the `sha3` crate
//! hashing the same messages one by one in the same run.
//!
//! `cargo bench -p keccak-batch --features std`: without the feature only what the target was compiled for
//! is measured.
#![allow(clippy::disallowed_types, reason = "a benchmark needs a clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use keccak_batch::{Digest256, available, hash_many_with};
use sha3::{Digest, Sha3_256};

/// Messages that are given at once.
const BATCH: usize = 64;

/// How often each figure is measured; the best counts.
const REPEATS: usize = 5;

/// The least duration of one measurement.
const SPAN: Duration = Duration::from_millis(100);

fn main() {
    if !cfg!(feature = "std") {
        println!("built without `--features std`: the processor is not asked what it can");
    }
    for (what, prefix, len) in
        [("leaf, 4097 B", 0, 4096), ("node, 65 B", 1, 64), ("text, 160 B", 2, 159)]
    {
        compare(what, prefix, len);
    }
}

/// Prints one line for each back end.
fn compare(what: &str, prefix: u8, len: usize) {
    let bytes: Vec<u8> = (0..BATCH * len).map(|i| (i % 251) as u8).collect();
    let messages: Vec<&[u8]> = bytes.chunks(len).collect();
    let mut digests: Vec<Digest256> = vec![[0; 32]; BATCH];
    let hashed = BATCH * (len + 1);
    let base = rate(hashed, || {
        for (message, digest) in messages.iter().zip(&mut digests) {
            let hasher = Sha3_256::new_with_prefix([prefix]);
            *digest = hasher.chain_update(black_box(message)).finalize().into();
        }
        black_box(&digests);
    });
    println!("{what:<12}  {:<9} {base:>6.3} GB/s", "sha3");
    for backend in available() {
        let rate = rate(hashed, || {
            hash_many_with(backend, &[prefix], black_box(&messages), &mut digests)
                .expect("it is available");
            black_box(&digests);
        });
        println!("{what:<12}  {:<9} {rate:>6.3} GB/s  {:>5.2} x", backend.name(), rate / base);
    }
}

/// The best rate of `work`, which hashes so many bytes, in 10^9 bytes a second.
fn rate(bytes: usize, mut work: impl FnMut()) -> f64 {
    let mut best = 0.0_f64;
    for _ in 0..REPEATS {
        let start = Instant::now();
        let mut rounds = 0_u32;
        while start.elapsed() < SPAN {
            for _ in 0..16 {
                work();
            }
            rounds += 16;
        }
        let bytes = bytes as f64 * f64::from(rounds);
        best = best.max(bytes / start.elapsed().as_secs_f64() / 1e9);
    }
    best
}
