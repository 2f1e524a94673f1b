//! Four sponges at a time, with AVX2.

use core::arch::x86_64::{
    __m256i, _mm_cvtsi32_si128, _mm256_and_si256, _mm256_andnot_si256, _mm256_loadu_si256,
    _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set1_epi64x, _mm256_slli_epi64,
    _mm256_srl_epi64, _mm256_storeu_si256, _mm256_unpackhi_epi64, _mm256_unpacklo_epi64,
    _mm256_xor_si256,
};

use super::permutation::{ROUND_CONSTANTS, round};
use super::{last_word, supported, vector};
use crate::lanes::{Block, Kernel, States, WORDS, blocks_at};

const LANES: usize = 4;

/// The knowledge that AVX2 may be used.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

impl Avx2 {
    pub(crate) fn detect() -> Option<Self> {
        supported!("avx2").then_some(Self(()))
    }
}

impl Kernel<LANES> for Avx2 {
    fn absorb(
        &self,
        states: &mut States<LANES>,
        keep: &[u64; LANES],
        runs: &[&[Block]; LANES],
        count: usize,
    ) {
        // SAFETY: there is an `Avx2` only where `detect` has found AVX2.
        unsafe { absorb(states, keep, runs, count) }
    }
}

round!("avx2", __m256i);

/// Keccak-f[1600] of the state in each lane.
#[inline]
#[target_feature(enable = "avx2")]
fn permute(mut words: [__m256i; WORDS]) -> [__m256i; WORDS] {
    for constant in &ROUND_CONSTANTS {
        words = round(words, splat(*constant));
    }
    words
}

#[target_feature(enable = "avx2")]
fn absorb(states: &mut States<LANES>, keep: &[u64; LANES], runs: &[&[Block]; LANES], count: usize) {
    let keep = load(keep);
    let mut words = [keep; WORDS];
    for (word, state) in words.iter_mut().zip(&states.words) {
        *word = _mm256_and_si256(load(state), keep);
    }
    for index in 0..count {
        words = permute(add(words, blocks_at(runs, index)));
    }
    for (word, state) in words.into_iter().zip(&mut states.words) {
        store(word, state);
    }
}

/// The states with the block of each lane added to their first 17 words.
#[inline]
#[target_feature(enable = "avx2")]
fn add(mut words: [__m256i; WORDS], blocks: [&Block; LANES]) -> [__m256i; WORDS] {
    let parts = [
        transpose(blocks.map(vector::<32, 0>)),
        transpose(blocks.map(vector::<32, 1>)),
        transpose(blocks.map(vector::<32, 2>)),
        transpose(blocks.map(vector::<32, 3>)),
    ];
    for (words, part) in words.as_chunks_mut().0.iter_mut().zip(parts) {
        let words: &mut [__m256i; LANES] = words;
        for (word, added) in words.iter_mut().zip(part) {
            *word = xor(*word, added);
        }
    }
    words[16] = xor(words[16], load(&blocks.map(last_word)));
    words
}

/// From four words of each lane to four vectors of one word of all lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose(rows: [&[u8; 32]; LANES]) -> [__m256i; LANES] {
    let [a, b, c, d] = rows;
    let [a, b, c, d] = [load_bytes(a), load_bytes(b), load_bytes(c), load_bytes(d)];
    const LOW: i32 = 0x20;
    const HIGH: i32 = 0x31;
    let (ab_even, ab_odd) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    let (cd_even, cd_odd) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
    [
        _mm256_permute2x128_si256::<LOW>(ab_even, cd_even),
        _mm256_permute2x128_si256::<LOW>(ab_odd, cd_odd),
        _mm256_permute2x128_si256::<HIGH>(ab_even, cd_even),
        _mm256_permute2x128_si256::<HIGH>(ab_odd, cd_odd),
    ]
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(words: &[u64; LANES]) -> __m256i {
    // SAFETY: the reference is valid for 32 bytes, and the load needs no alignment.
    unsafe { _mm256_loadu_si256(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn load_bytes(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: the reference is valid for 32 bytes, and the load needs no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(word: __m256i, words: &mut [u64; LANES]) {
    // SAFETY: the reference is valid for 32 bytes and exclusive; the store needs no alignment.
    unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), word) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn splat(word: u64) -> __m256i {
    _mm256_set1_epi64x(word.cast_signed())
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor(a: __m256i, b: __m256i) -> __m256i {
    _mm256_xor_si256(a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor3(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    xor(xor(a, b), c)
}

/// a ⊕ (¬b ∧ c).
#[inline]
#[target_feature(enable = "avx2")]
fn chi(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    xor(a, _mm256_andnot_si256(b, c))
}

#[inline]
#[target_feature(enable = "avx2")]
fn rotl<const BITS: i32>(word: __m256i) -> __m256i {
    let wrapped = _mm_cvtsi32_si128(64_i32.wrapping_sub(BITS));
    _mm256_or_si256(_mm256_slli_epi64::<BITS>(word), _mm256_srl_epi64(word, wrapped))
}
