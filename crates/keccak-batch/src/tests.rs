//! Every back end against the standard's examples and against the `sha3` crate, one message at a time.

use std::format;
use std::vec::Vec;

use super::*;

/// Bytes without a short period, so that no two places of a message are alike.
fn bytes(len: usize) -> Vec<u8> {
    let mut random = Random(7);
    (0..len).map(|_| random.below(256) as u8).collect()
}

/// A xorshift generator: arbitrary, and the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }
}

/// Hashes a batch on every back end and compares with the messages hashed one by one.
fn check(prefix: &[u8], messages: &[&[u8]]) {
    let expected: Vec<Digest256> = messages
        .iter()
        .map(|message| Sha3_256::digest([prefix, message].concat()).into())
        .collect();
    for backend in available() {
        let mut digests = std::vec![[0xee; DIGEST_LEN]; messages.len()];
        hash_many_with(backend, prefix, messages, &mut digests).unwrap();
        let wrong = (0..messages.len()).find(|&index| digests[index] != expected[index]);
        if let Some(index) = wrong {
            let lens: Vec<usize> = messages.iter().map(|message| message.len()).take(50).collect();
            panic!("{backend}: message {index}, prefix of {} bytes, {lens:?}", prefix.len());
        }
    }
}

fn hex(digest: Digest256) -> std::string::String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The example values that NIST publishes for SHA3-256: no bits, 24 bits and 1600 bits.
#[test]
fn fips_202_examples() {
    for (message, expected) in [
        (&b""[..], "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"),
        (&b"abc"[..], "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
        (&[0xa3; 200][..], "79f38adec5c20307a98ef76e8324afbfd46cfd81b22e3973c65fa1bd9de31787"),
    ] {
        assert_eq!(hex(hash(message)), expected);
        for backend in available() {
            let mut digests = [[0; DIGEST_LEN]; 8];
            hash_many_with(backend, &[], &[message; 8], &mut digests).unwrap();
            assert_eq!(digests.map(hex), [expected; 8], "{backend}");
        }
    }
}

#[test]
fn pieces_equal_the_whole() {
    let message = bytes(700);
    for cut in [0, 1, 135, 136, 137, 699, 700] {
        let (a, b) = message.split_at(cut);
        assert_eq!(hash_parts(&[a, b]), hash(&message), "cut at {cut}");
    }
}

/// In an order that puts unlike lengths side by side, each from an address of its own alignment.
#[test]
fn every_length_to_20_000_in_one_batch() {
    const LENGTHS: usize = 20_001;
    let data = bytes(LENGTHS + 64);
    let messages: Vec<&[u8]> =
        (0..LENGTHS).map(|index| &data[index % 64..][..index * 7_919 % LENGTHS]).collect();
    check(&[], &messages);
}

#[test]
fn equal_lengths_side_by_side() {
    let data = bytes(20_136 + 8);
    let around_blocks = (8..148).flat_map(|blocks| [-1, 0, 1].map(|by| blocks * 136 + by));
    for len in (0..8 * 136).chain(around_blocks.map(|len| usize::try_from(len).unwrap())) {
        let messages: [&[u8]; 8] = core::array::from_fn(|lane| &data[lane..][..len]);
        check(&[], &messages);
    }
}

#[test]
fn random_mixes() {
    let data = bytes(6_000);
    let mut random = Random(1);
    for _ in 0..500 {
        let bound = [2, 70, 140, 300, 5_000][random.below(5)];
        let prefix = &data[..[0, 1, 1, 9, 135, 136, 137, 272, 300][random.below(9)]];
        let messages: Vec<&[u8]> = (0..random.below(40))
            .map(|_| &data[random.below(900)..][..random.below(bound)])
            .collect();
        check(prefix, &messages);
    }
}

#[test]
fn every_number_of_messages() {
    let data = bytes(4_096 + 40);
    for len in [0, 64, 4_096] {
        for count in 0..=33 {
            let messages: Vec<&[u8]> = (0..count).map(|index| &data[index..][..len]).collect();
            check(&[0], &messages);
        }
    }
}

/// One long message among short ones: the lanes beside it take many, and then run idle.
#[test]
fn a_long_message_among_short_ones() {
    let data = bytes(100_000);
    for place in [0, 3, 40] {
        let mut messages: Vec<&[u8]> = (0..41).map(|index| &data[index..][..index * 3]).collect();
        messages[place] = &data;
        check(&[1], &messages);
    }
}

#[test]
fn the_widest_back_end_is_used_alike() {
    let data = bytes(2_000);
    for count in [0, 1, 2, 9] {
        let messages: Vec<&[u8]> = (0..count).map(|index| &data[index * 9..]).collect();
        let mut digests = std::vec![[0; DIGEST_LEN]; count];
        hash_many(&messages, &mut digests);
        for (message, digest) in messages.iter().zip(&digests) {
            assert_eq!(*digest, hash(message));
        }
        hash_many_prefixed(&[1, 2], &messages, &mut digests);
        for (message, digest) in messages.iter().zip(&digests) {
            assert_eq!(*digest, hash_parts(&[&[1, 2], message]));
        }
    }
}

#[test]
fn the_shorter_list_decides() {
    let messages: [&[u8]; 5] = [b"a", b"b", b"c", b"d", b"e"];
    for backend in available() {
        let mut few = [[0xee; DIGEST_LEN]; 3];
        hash_many_with(backend, &[], &messages, &mut few).unwrap();
        assert_eq!(few, [hash(b"a"), hash(b"b"), hash(b"c")], "{backend}");
        let mut many = [[0xee; DIGEST_LEN]; 7];
        hash_many_with(backend, &[], &messages, &mut many).unwrap();
        assert_eq!(many[4], hash(b"e"), "{backend}");
        assert_eq!(many[5..], [[0xee; DIGEST_LEN]; 2], "{backend}");
    }
}

#[test]
fn what_cannot_run_is_refused() {
    assert_eq!(available().next(), Some(Backend::Portable));
    for backend in Backend::ALL {
        let mut digests = [[0xee; DIGEST_LEN]];
        let result = hash_many_with(backend, &[], &[b"abc"], &mut digests);
        if backend.is_available() {
            assert_eq!((result, digests), (Ok(()), [hash(b"abc")]));
        } else {
            assert_eq!((result, digests), (Err(Unavailable(backend)), [[0xee; DIGEST_LEN]]));
        }
    }
    assert_eq!(
        format!("{}", Unavailable(Backend::Avx512)),
        "the SHA3-256 back end avx512 is not available here"
    );
}
