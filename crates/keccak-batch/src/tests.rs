use super::*;
use std::vec::Vec;

/// FIPS 202 example values: the empty message, and 1600 bits of 0xa3.
#[test]
fn fips_202_examples() {
    assert_eq!(hash(b"")[..8], [0xa7, 0xff, 0xc6, 0xf8, 0xbf, 0x1e, 0xd7, 0x66]);
    assert_eq!(hash(&[0xa3; 200])[..8], [0x79, 0xf3, 0x8a, 0xde, 0xc5, 0xc2, 0x03, 0x07]);
}

#[test]
fn quick() {
    let data: Vec<u8> = (0..20000u32).map(|i| (i * 7 % 251) as u8).collect();
    for backend in available() {
        for n in 0..40 {
            let messages: Vec<&[u8]> = (0..n).map(|i| &data[i..i + i * 67]).collect();
            let mut digests = std::vec![[0; 32]; n];
            hash_many_with(backend, &[1], &messages, &mut digests).unwrap();
            for (m, d) in messages.iter().zip(&digests) {
                assert_eq!(*d, hash_parts(&[&[1], m]), "{backend} {n} {}", m.len());
            }
        }
    }
    assert_eq!(available().count(), 3);
}
