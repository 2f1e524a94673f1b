//! Hashing of many messages, beside one message after the other.

use super::{Figure, noise, per_second, repeat};
use crate::error::Result;
use protocol::Hash32;
use storage_engine::shard_tree::{leaf_hashes, parents};

const LEAVES: usize = 512;

/// Leaves of 4 KiB, as shards are hashed.
pub fn leaves() -> Result<Figure> {
    let bytes = noise(1, LEAVES * 4096);
    let (rounds, time) = repeat(|_| {
        std::hint::black_box(leaf_hashes(&bytes));
        Ok(())
    })?;
    let (plain_rounds, plain_time) = repeat(|_| {
        bytes.chunks(4096).for_each(|leaf| {
            std::hint::black_box(Hash32::of(leaf));
        });
        Ok(())
    })?;
    let rate = |rounds: u64, time| per_second(rounds * LEAVES as u64, time);
    Ok(figure(rate(rounds, time), rate(plain_rounds, plain_time)))
}

/// Inner nodes of a shard tree.
pub fn nodes() -> Result<Figure> {
    let level: Vec<Hash32> = (0..LEAVES as u64).map(|n| Hash32::of(&n.to_be_bytes())).collect();
    let (rounds, time) = repeat(|_| {
        std::hint::black_box(parents(&level));
        Ok(())
    })?;
    let (plain_rounds, plain_time) = repeat(|_| {
        level.chunks(2).for_each(|pair| {
            std::hint::black_box(Hash32::of_parts(&[&[1], &pair[0].0, &pair[1].0]));
        });
        Ok(())
    })?;
    let rate = |rounds: u64, time| per_second(rounds * LEAVES as u64 / 2, time);
    Ok(figure(rate(rounds, time), rate(plain_rounds, plain_time)))
}

fn figure(value: f64, plain: f64) -> Figure {
    let beside = ("one by one", plain);
    Figure {
        part: String::new(),
        value,
        unit: "hashes/s",
        batch: LEAVES as u64,
        durable: false,
        beside,
    }
}
