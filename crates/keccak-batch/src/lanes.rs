//! Sponges side by side: which message runs in which lane, and what each lane absorbs next.
//!
//! Safe code only. A [`Kernel`] absorbs whole blocks into all lanes; here messages become whole blocks.
//! Blocks that lie whole within a message are absorbed from where they are; only those with prefix
//! bytes or with padding in them are composed in a buffer of the lane.

use core::{array, slice};

use crate::Digest256;

/// Bytes that SHA3-256 absorbs before each permutation: (1600 - 2 × 256) / 8 (FIPS 202, section 6.1).
pub(crate) const RATE: usize = 136;

/// 64-bit words in a Keccak state.
pub(crate) const WORDS: usize = 25;

/// What one permutation absorbs.
pub(crate) type Block = [u8; RATE];

/// The states of `N` sponges, word by word: `words[x + 5 * y][lane]` (FIPS 202, section 3.1.2).
#[repr(align(64))]
pub(crate) struct States<const N: usize> {
    pub(crate) words: [[u64; N]; WORDS],
}

/// `N` sponges that absorb in step.
pub(crate) trait Kernel<const N: usize> {
    /// Absorbs `count` blocks into every lane, each block followed by a permutation.
    ///
    /// `keep` holds, for each lane, all ones to go on from its state or zero to start from the empty
    /// one. Every run has at least `count` blocks.
    fn absorb(&self, states: &mut States<N>, keep: &[u64; N], runs: &[&[Block]; N], count: usize);
}

/// The block at `index` of each run.
#[inline]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no kernel here calls it"))]
pub(crate) fn blocks_at<'b, const N: usize>(
    runs: &[&'b [Block]; N],
    index: usize,
) -> [&'b Block; N] {
    runs.map(|run| run.get(index).unwrap_or(&[0; RATE]))
}

/// What a lane absorbs next.
enum Next {
    /// Blocks of the message, from where they are.
    InPlace,
    /// The composed block, with more to come.
    Composed,
    /// The composed block, which ends the message.
    Last,
}

/// A message on its way through a lane.
struct Lane<'a> {
    prefix: &'a [u8],
    message: &'a [u8],
    digest: &'a mut Digest256,
    next: Next,
}

impl<'a> Lane<'a> {
    fn new(
        prefix: &'a [u8],
        message: &'a [u8],
        digest: &'a mut Digest256,
        block: &mut Block,
    ) -> Self {
        let mut lane = Self { prefix, message, digest, next: Next::InPlace };
        lane.prepare(block);
        lane
    }

    /// Decides what comes next, and composes it in `block` where it does not exist as it is.
    fn prepare(&mut self, block: &mut Block) {
        if self.prefix.is_empty() && self.message.len() >= RATE {
            self.next = Next::InPlace;
            return;
        }
        let room = move_bytes(block, &mut self.prefix);
        let room = move_bytes(room, &mut self.message);
        self.next = match room {
            [] => Next::Composed,
            [first, zeros @ ..] => {
                *first = 0x06;
                zeros.fill(0);
                let [.., last] = block;
                *last |= 0x80;
                Next::Last
            }
        };
    }

    /// The blocks that can be absorbed now; at least one.
    fn run<'b>(&self, block: &'b Block) -> &'b [Block]
    where
        'a: 'b,
    {
        match self.next {
            Next::InPlace => self.message.as_chunks().0,
            Next::Composed | Next::Last => slice::from_ref(block),
        }
    }

    /// Moves past `count` absorbed blocks. False once the message has ended.
    fn advance(&mut self, count: usize, block: &mut Block) -> bool {
        match self.next {
            Next::InPlace => {
                let bytes = count.saturating_mul(RATE);
                self.message = self.message.get(bytes..).unwrap_or_default();
            }
            Next::Composed => {}
            Next::Last => return false,
        }
        self.prepare(block);
        true
    }
}

/// Moves bytes from the front of `source` to the front of `room`. Returns the room that is left.
fn move_bytes<'b>(room: &'b mut [u8], source: &mut &[u8]) -> &'b mut [u8] {
    let (moved, rest) = source.split_at(source.len().min(room.len()));
    *source = rest;
    let (target, room) = room.split_at_mut(moved.len());
    target.copy_from_slice(moved);
    room
}

/// SHA3-256 of `prefix ‖ message` for each message, in order.
pub(crate) fn hash_many<const N: usize>(
    kernel: impl Kernel<N>,
    prefix: &[u8],
    messages: &[&[u8]],
    digests: &mut [Digest256],
) {
    let mut waiting = messages.iter().zip(digests);
    let mut lanes: [Option<Lane<'_>>; N] = array::from_fn(|_| None);
    let mut blocks = [[0; RATE]; N];
    let mut states = States { words: [[0; N]; WORDS] };
    loop {
        let mut keep = [u64::MAX; N];
        for ((lane, block), keep) in lanes.iter_mut().zip(&mut blocks).zip(&mut keep) {
            if lane.is_none() {
                *keep = 0;
                *lane = waiting
                    .next()
                    .map(|(message, digest)| Lane::new(prefix, message, digest, block));
            }
        }
        let Some((runs, count)) = runs(&lanes, &blocks) else { return };
        kernel.absorb(&mut states, &keep, &runs, count);
        for (index, (slot, block)) in lanes.iter_mut().zip(&mut blocks).enumerate() {
            let Some(lane) = slot else { continue };
            if !lane.advance(count, block) {
                squeeze(&states, index, lane.digest);
                *slot = None;
            }
        }
    }
}

/// What each lane absorbs now, and how many blocks all can; `None` once every lane is idle.
///
/// An idle lane goes along with a busy one, and its state is thrown away.
fn runs<'b, const N: usize>(
    lanes: &[Option<Lane<'b>>; N],
    blocks: &'b [Block; N],
) -> Option<([&'b [Block]; N], usize)> {
    let run = |(lane, block): (&Option<Lane<'b>>, &'b Block)| Some(lane.as_ref()?.run(block));
    let busy = lanes.iter().zip(blocks).find_map(run)?;
    let mut runs = [busy; N];
    for (own, lane) in runs.iter_mut().zip(lanes.iter().zip(blocks)) {
        *own = run(lane).unwrap_or(busy);
    }
    let count = runs.iter().map(|run| run.len()).min()?;
    Some((runs, count))
}

/// The digest in a lane: the first 256 bits of its state, in little-endian words.
fn squeeze<const N: usize>(states: &States<N>, lane: usize, digest: &mut Digest256) {
    for (bytes, words) in digest.as_chunks_mut().0.iter_mut().zip(&states.words) {
        *bytes = words.get(lane).copied().unwrap_or_default().to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;
    use std::vec;
    use std::vec::Vec;

    use super::*;

    /// Absorbs nothing, and counts the permutations that a kernel would run.
    struct Counter<'a>(&'a Cell<usize>);

    impl<const N: usize> Kernel<N> for Counter<'_> {
        fn absorb(&self, _: &mut States<N>, _: &[u64; N], runs: &[&[Block]; N], count: usize) {
            assert!(count > 0 && runs.iter().all(|run| run.len() >= count));
            self.0.set(self.0.get() + count);
        }
    }

    /// Permutations on `N` lanes for messages of so many blocks, padding included.
    fn permutations<const N: usize>(blocks: &[usize]) -> usize {
        let data = vec![0; 10 * RATE];
        let messages: Vec<&[u8]> = blocks.iter().map(|count| &data[..count * RATE - 1]).collect();
        let count = Cell::new(0);
        let mut digests = vec![[0; 32]; blocks.len()];
        hash_many::<N>(Counter(&count), &[], &messages, &mut digests);
        count.get()
    }

    #[test]
    fn a_lane_takes_the_next_message_at_once() {
        assert_eq!(permutations::<2>(&[3, 1, 1, 1, 1]), 4);
        assert_eq!(permutations::<2>(&[1, 1, 1, 1, 3]), 5);
        assert_eq!(permutations::<4>(&[5, 1, 2, 2, 4, 3, 3]), 5);
        assert_eq!(permutations::<8>(&[7; 16]), 14);
        assert_eq!(permutations::<8>(&[]), 0);
    }

    #[test]
    fn only_mixed_blocks_are_composed() {
        let data: Vec<u8> = (0..=255).cycle().take(3 * RATE).collect();
        let mut digest = [0; 32];
        let mut block = [0xee; RATE];
        let mut lane = Lane::new(&[1], &data, &mut digest, &mut block);
        assert_eq!(lane.run(&block), [array::from_fn(|i| if i == 0 { 1 } else { i as u8 - 1 })]);
        assert!(lane.advance(1, &mut block));
        assert_eq!(lane.run(&block).as_flattened().as_ptr(), data[RATE - 1..].as_ptr());
        assert_eq!(lane.run(&block).len(), 2);
        assert!(lane.advance(2, &mut block));
        let last = array::from_fn(|i| match i {
            0 => data[3 * RATE - 1],
            1 => 0x06,
            135 => 0x80,
            _ => 0,
        });
        assert_eq!(lane.run(&block), [last]);
        assert!(!lane.advance(1, &mut block));
    }
}
