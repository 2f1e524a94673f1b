//! Choices that a seed determines.

use protocol::Hash32;

/// A sequence of choices: H(seed ‖ position).
pub struct Draw {
    seed: u64,
    position: u64,
}

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self { seed, position: 0 }
    }

    pub fn next(&mut self) -> u64 {
        self.position += 1;
        let hash = Hash32::of_parts(&[&self.seed.to_be_bytes()[..], &self.position.to_be_bytes()]);
        u64::from_be_bytes(*hash.0.first_chunk().unwrap())
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn number(&mut self, n: u32) -> u32 {
        self.below(u64::from(n)) as u32
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize].clone()
    }
}
