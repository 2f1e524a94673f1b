//! Hashing rates of every available back end on what a Merkle tree hashes: prefixed 4 KiB leaves and
//! pairs of digests, beside hashing them one by one. Needs the feature `std` for the wide back ends.

use std::hint::black_box;
use std::time::{Duration, Instant};

use keccak_batch::{Backend, Digest256, available, hash_many_with, hash_parts};

/// Messages that are given at once.
const BATCH: usize = 64;

/// How often each figure is measured; the best counts.
const REPEATS: usize = 5;

/// The least duration of one measurement.
const SPAN: Duration = Duration::from_millis(100);

fn main() {
    if !cfg!(feature = "std") {
        println!("built without `--features std`: wide back ends are not looked for");
    }
    for (what, prefix, len) in
        [("leaf 4 KiB", 0, 4096), ("node 64 B", 1, 64), ("text 160 B", 2, 160)]
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
            *digest = hash_parts(&[&[prefix], black_box(message)]);
        }
        black_box(&digests);
    });
    println!("{what:<11} one by one  {base:>6.3} GB/s");
    for backend in available().filter(|backend| *backend != Backend::Portable) {
        let rate = rate(hashed, || {
            hash_many_with(backend, &[prefix], black_box(&messages), &mut digests)
                .expect("it is available");
            black_box(&digests);
        });
        println!("{what:<11} {:<10}  {rate:>6.3} GB/s  {:>5.2} x", backend.name(), rate / base);
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
