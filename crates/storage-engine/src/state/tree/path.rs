//! Bits of a path, counted from the most significant.

use protocol::Hash32;

/// Bits of a path.
pub(super) const BITS: u16 = 256;

#[inline]
fn mask(depth: u16) -> u8 {
    0x80u8.checked_shr(u32::from(depth % 8)).unwrap_or(0)
}

/// The bit at `depth`; false beyond the end.
#[inline]
pub(super) fn bit(path: &Hash32, depth: u16) -> bool {
    path.0.get(usize::from(depth / 8)).is_some_and(|byte| byte & mask(depth) != 0)
}

/// Sets the bit at `depth`; beyond the end there is none.
#[inline]
pub(super) fn set_bit(path: &mut Hash32, depth: u16, one: bool) {
    if let Some(byte) = path.0.get_mut(usize::from(depth / 8)) {
        *byte = if one { *byte | mask(depth) } else { *byte & !mask(depth) };
    }
}

/// Whether the first `depth` bits of both are the same.
#[inline]
pub(super) fn share(a: &Hash32, b: &Hash32, depth: u16) -> bool {
    let whole = usize::from(depth / 8);
    let ahead = !mask(depth).wrapping_shl(1).wrapping_sub(1);
    let beginning = |path: &Hash32| path.0.get(whole).map_or(0, |byte| byte & ahead);
    a.0.get(..whole) == b.0.get(..whole) && beginning(a) == beginning(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_are_counted_in_bits() {
        let (zeros, mut other) = (Hash32::ZERO, Hash32::ZERO);
        for depth in 0..BITS {
            set_bit(&mut other, depth, true);
            assert!(bit(&other, depth) && !bit(&zeros, depth));
            assert!(share(&zeros, &other, depth), "{depth}");
            assert!(!share(&zeros, &other, depth + 1), "{depth}");
            set_bit(&mut other, depth, false);
            assert_eq!(other, zeros);
        }
    }
}
