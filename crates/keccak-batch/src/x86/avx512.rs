//! Eight sponges at a time, with AVX-512F: a rotation and any function of three words are one
//! instruction each, and the 25 words of the states fit into the 32 registers.

use core::arch::x86_64::{
    __m512i, _mm512_and_si512, _mm512_loadu_si512, _mm512_rol_epi64, _mm512_set1_epi64,
    _mm512_shuffle_i64x2, _mm512_storeu_si512, _mm512_ternarylogic_epi64, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use super::permutation::{ROUND_CONSTANTS, round};
use super::{last_word, supported, vector};
use crate::lanes::{Block, Kernel, States, WORDS, blocks_at};

const LANES: usize = 8;

/// The knowledge that AVX-512F may be used.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx512 {
    pub(crate) fn detect() -> Option<Self> {
        supported!("avx512f").then_some(Self(()))
    }
}

impl Kernel<LANES> for Avx512 {
    fn absorb(
        &self,
        states: &mut States<LANES>,
        keep: &[u64; LANES],
        runs: &[&[Block]; LANES],
        count: usize,
    ) {
        // SAFETY: there is an `Avx512` only where `detect` has found AVX-512F.
        unsafe { absorb(states, keep, runs, count) }
    }
}

round!("avx512f", __m512i);

/// Keccak-f[1600] of the state in each lane.
#[inline]
#[target_feature(enable = "avx512f")]
fn permute(mut words: [__m512i; WORDS]) -> [__m512i; WORDS] {
    // Two rounds at a time let the compiler keep every word in its register.
    for [even, odd] in ROUND_CONSTANTS.as_chunks().0 {
        words = round(words, splat(*even));
        words = round(words, splat(*odd));
    }
    words
}

#[target_feature(enable = "avx512f")]
fn absorb(states: &mut States<LANES>, keep: &[u64; LANES], runs: &[&[Block]; LANES], count: usize) {
    let keep = load(keep);
    let mut words = [keep; WORDS];
    for (word, state) in words.iter_mut().zip(&states.words) {
        *word = _mm512_and_si512(load(state), keep);
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
#[target_feature(enable = "avx512f")]
fn add(mut words: [__m512i; WORDS], blocks: [&Block; LANES]) -> [__m512i; WORDS] {
    let parts = [transpose(blocks.map(vector::<64, 0>)), transpose(blocks.map(vector::<64, 1>))];
    for (words, part) in words.as_chunks_mut().0.iter_mut().zip(parts) {
        let words: &mut [__m512i; LANES] = words;
        for (word, added) in words.iter_mut().zip(part) {
            *word = xor(*word, added);
        }
    }
    words[16] = xor(words[16], load(&blocks.map(last_word)));
    words
}

/// From eight words of each lane to eight vectors of one word of all lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(rows: [&[u8; 64]; LANES]) -> [__m512i; LANES] {
    let [a, b, c, d, e, f, g, h] = rows;
    let [a, b, c, d, e, f, g, h] = [
        load_bytes(a),
        load_bytes(b),
        load_bytes(c),
        load_bytes(d),
        load_bytes(e),
        load_bytes(f),
        load_bytes(g),
        load_bytes(h),
    ];
    // A name tells the lanes in a vector, and whether it holds their even or their odd words.
    let (ab_even, ab_odd) = (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let (cd_even, cd_odd) = (_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
    let (ef_even, ef_odd) = (_mm512_unpacklo_epi64(e, f), _mm512_unpackhi_epi64(e, f));
    let (gh_even, gh_odd) = (_mm512_unpacklo_epi64(g, h), _mm512_unpackhi_epi64(g, h));
    let [w0, w2, w4, w6] = transpose_pairs([ab_even, cd_even, ef_even, gh_even]);
    let [w1, w3, w5, w7] = transpose_pairs([ab_odd, cd_odd, ef_odd, gh_odd]);
    [w0, w1, w2, w3, w4, w5, w6, w7]
}

/// The transposition of a 4 × 4 matrix of pairs of words.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose_pairs([a, b, c, d]: [__m512i; 4]) -> [__m512i; 4] {
    // Each constant picks two pairs of the first operand, then two of the second, from the right.
    let ab_01 = _mm512_shuffle_i64x2::<0b01_00_01_00>(a, b);
    let ab_23 = _mm512_shuffle_i64x2::<0b11_10_11_10>(a, b);
    let cd_01 = _mm512_shuffle_i64x2::<0b01_00_01_00>(c, d);
    let cd_23 = _mm512_shuffle_i64x2::<0b11_10_11_10>(c, d);
    [
        _mm512_shuffle_i64x2::<0b10_00_10_00>(ab_01, cd_01),
        _mm512_shuffle_i64x2::<0b11_01_11_01>(ab_01, cd_01),
        _mm512_shuffle_i64x2::<0b10_00_10_00>(ab_23, cd_23),
        _mm512_shuffle_i64x2::<0b11_01_11_01>(ab_23, cd_23),
    ]
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(words: &[u64; LANES]) -> __m512i {
    // SAFETY: the reference is valid for 64 bytes, and the load needs no alignment.
    unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load_bytes(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: the reference is valid for 64 bytes, and the load needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(word: __m512i, words: &mut [u64; LANES]) {
    // SAFETY: the reference is valid for 64 bytes and exclusive; the store needs no alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), word) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn splat(word: u64) -> __m512i {
    _mm512_set1_epi64(word.cast_signed())
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor(a: __m512i, b: __m512i) -> __m512i {
    _mm512_xor_si512(a, b)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor3(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi64::<0b1001_0110>(a, b, c)
}

/// a ⊕ (¬b ∧ c): the truth table holds the result for the bits (a, b, c) at position 4a + 2b + c.
#[inline]
#[target_feature(enable = "avx512f")]
fn chi(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    _mm512_ternarylogic_epi64::<0b1101_0010>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn rotl<const BITS: i32>(word: __m512i) -> __m512i {
    _mm512_rol_epi64::<BITS>(word)
}
