//! The one source of chance: SplitMix64, seeded by whoever runs a simulation.

/// A generator whose whole future follows from its seed (Steele, Lea and Flood: SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 when there is none. The slight bias of the remainder does not matter here.
    pub const fn below(&mut self, bound: u64) -> u64 {
        let bits = self.bits();
        if bound == 0 { 0 } else { bits % bound }
    }

    /// True once in `times`; never when that is 0.
    pub const fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0 && times > 0
    }

    /// Bytes of a length below `bound`, most of them short.
    pub fn bytes(&mut self, bound: u64) -> Vec<u8> {
        let longest = self.below(bound) + 1;
        let len = self.below(longest);
        (0..len).map(|_| self.bits() as u8).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the published generator with seed 1234567.
    #[test]
    fn it_is_the_published_generator() {
        let mut random = Random::new(1_234_567);
        let first = [random.bits(), random.bits(), random.bits()];
        assert_eq!(
            first,
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
        assert_eq!((random.below(0), random.one_in(0), random.one_in(1)), (0, false, true));
    }
}
