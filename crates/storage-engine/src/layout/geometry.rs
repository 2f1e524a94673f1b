//! The arithmetic of a layout.

use core::num::NonZeroU64;
use core::ops::Range;
use protocol::layout::{Layout, LayoutError, Profile, validate_shape};

/// Shape of an object: everything about its layout but the roots.
///
/// A *block* is `block_size` bytes of content, the last one shorter. A *stripe* is a row of k blocks. A *cell*
/// is what one column holds of one stripe: a block, a parity block, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    size: u64,
    block_size: u32,
    profile: Profile,
    // Divisors, non-zero by validation.
    block: NonZeroU64,
    data: NonZeroU64,
}

/// A run of content bytes inside one cell of a data column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Row of the block matrix.
    pub stripe: u64,
    /// Data column, 0..k.
    pub column: u32,
    /// Offset of the run in the shard, in bytes.
    pub shard_offset: u64,
    /// Offset of the run in its cell, in bytes.
    pub cell_offset: u32,
    /// Bytes of the run, at least 1.
    pub len: u32,
}

impl Geometry {
    /// The shape of an object of `size` bytes.
    ///
    /// # Errors
    /// Rules LA-1 and LA-2.
    pub fn new(size: u64, block_size: u32, profile: Profile) -> Result<Self, LayoutError> {
        validate_shape(size, block_size, profile)?;
        let block = NonZeroU64::new(u64::from(block_size)).ok_or(LayoutError::BlockSize)?;
        // Validation has refused k = 0.
        let data = NonZeroU64::new(u64::from(profile.data)).ok_or(LayoutError::Roots)?;
        Ok(Self { size, block_size, profile, block, data })
    }

    /// The shape of a layout, whose roots are checked to be one for each column.
    ///
    /// # Errors
    /// Rules LA-1 and LA-2.
    pub fn of(layout: &Layout) -> Result<Self, LayoutError> {
        layout.validate()?;
        Self::new(layout.size, layout.block_size, layout.profile)
    }

    /// Bytes of the content.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of a full block.
    #[must_use]
    pub const fn block_size(&self) -> u32 {
        self.block_size
    }

    /// Columns and copies.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Columns, data first, then parity.
    #[must_use]
    pub fn columns(&self) -> u32 {
        self.profile.columns()
    }

    /// Blocks of the content: `ceil(size / block_size)`.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        self.size.div_ceil(self.block.get())
    }

    /// Rows of the block matrix: `ceil(blocks / k)`.
    #[must_use]
    pub fn stripes(&self) -> u64 {
        self.blocks().div_ceil(self.data.get())
    }

    /// Stripe and column of block `block` (rule LA-7).
    #[must_use]
    pub fn position(&self, block: u64) -> (u64, u32) {
        let column = u32::try_from(block % self.data).unwrap_or(u32::MAX);
        (block / self.data, column)
    }

    /// Bytes of block `block`; 0 if the object does not reach it.
    #[must_use]
    pub fn block_len(&self, block: u64) -> u32 {
        let start = block.saturating_mul(self.block.get());
        let rest = self.size.saturating_sub(start);
        u32::try_from(rest).map_or(self.block_size, |rest| rest.min(self.block_size))
    }

    /// Bytes of the longest block of a stripe, which is its first: the length of its parity cells.
    #[must_use]
    pub fn stripe_width(&self, stripe: u64) -> u32 {
        self.block_len(stripe.saturating_mul(self.data.get()))
    }

    /// Blocks of content in a stripe: k but for the last stripe. That many cells restore the stripe.
    #[must_use]
    pub fn stripe_blocks(&self, stripe: u64) -> u32 {
        let before = stripe.saturating_mul(self.data.get());
        let here = self.blocks().saturating_sub(before).min(self.data.get());
        u32::try_from(here).unwrap_or(u32::MAX)
    }

    /// Bytes that `column` holds of `stripe` (rule LA-8).
    #[must_use]
    pub fn cell_len(&self, stripe: u64, column: u32) -> u32 {
        if column >= self.columns() {
            0
        } else if column >= u32::from(self.profile.data) {
            self.stripe_width(stripe)
        } else {
            let first = stripe.saturating_mul(self.data.get());
            self.block_len(first.saturating_add(u64::from(column)))
        }
    }

    /// Offset of the cell of `stripe` in every shard that has one: only the last cell of a shard can be short.
    #[must_use]
    pub fn cell_offset(&self, stripe: u64) -> u64 {
        stripe.saturating_mul(self.block.get())
    }

    /// Bytes of the shard of `column` (rule LA-8); 0 for a column without blocks.
    #[must_use]
    pub fn shard_len(&self, column: u32) -> u64 {
        let Some(last) = self.stripes().checked_sub(1) else {
            return 0;
        };
        let reaches_last = u64::from(self.cell_len(last, column));
        let full = if column < self.columns() { last } else { 0 };
        self.cell_offset(full).saturating_add(reaches_last)
    }

    /// Bytes of one copy of all shards together, parity included.
    #[must_use]
    pub fn stored_len(&self) -> u64 {
        (0..self.columns()).fold(0, |sum, column| self.shard_len(column).saturating_add(sum))
    }

    /// Stripes that a byte range of the object touches; none for an empty range or one past the end.
    #[must_use]
    pub fn stripes_of(&self, range: &Range<u64>) -> Range<u64> {
        let end = range.end.min(self.size);
        if range.start >= end {
            return 0..0;
        }
        let row = |byte: u64| self.position(byte / self.block).0;
        row(range.start)..row(end.saturating_sub(1)).saturating_add(1)
    }

    /// The runs of a byte range that lie in one stripe, in the order of the content (rule LA-14).
    pub fn spans(&self, stripe: u64, range: &Range<u64>) -> impl Iterator<Item = Span> + use<> {
        let shape = *self;
        let wanted = range.start..range.end.min(self.size);
        (0..u32::from(self.profile.data))
            .filter_map(move |column| shape.span(stripe, column, &wanted))
    }

    fn span(&self, stripe: u64, column: u32, range: &Range<u64>) -> Option<Span> {
        let block = stripe.checked_mul(self.data.get())?.checked_add(u64::from(column))?;
        let start = block.checked_mul(self.block.get())?;
        let end = start.checked_add(u64::from(self.cell_len(stripe, column)))?;
        let from = start.max(range.start);
        let len = end.min(range.end).checked_sub(from).filter(|len| *len > 0)?;
        let cell_offset = from.checked_sub(start)?;
        Some(Span {
            stripe,
            column,
            shard_offset: self.cell_offset(stripe).checked_add(cell_offset)?,
            cell_offset: u32::try_from(cell_offset).ok()?,
            len: u32::try_from(len).ok()?,
        })
    }
}

/// Bytes of the shard of `column` in a layout (rule LA-8); 0 for a column without blocks.
///
/// # Errors
/// The layout breaks rules LA-1 or LA-2.
pub fn shard_len(layout: &Layout, column: u32) -> Result<u64, LayoutError> {
    Geometry::of(layout).map(|geometry| geometry.shard_len(column))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use protocol::layout::{BLOCK_SIZE, MAX_OBJECT_SIZE};

    const BLOCK: u64 = BLOCK_SIZE as u64;

    fn shape(size: u64, profile: Profile) -> Geometry {
        Geometry::new(size, BLOCK_SIZE, profile).unwrap()
    }

    fn lens(geometry: &Geometry) -> Vec<u64> {
        (0..geometry.columns()).map(|column| geometry.shard_len(column)).collect()
    }

    /// LA-7: block b lies in stripe b / k, column b mod k.
    #[test]
    fn la_7_blocks_go_round_the_columns() {
        let geometry = shape(10 * BLOCK, Profile::QFS_V13);
        let positions: Vec<_> = (0..6).map(|block| geometry.position(block)).collect();
        assert_eq!(positions, [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1)]);
        assert_eq!((geometry.blocks(), geometry.stripes()), (10, 3));
    }

    /// LA-8: shard lengths at the boundaries of blocks and stripes.
    #[test]
    fn la_8_shard_lengths() {
        for (size, expected) in [
            (0, [0, 0, 0, 0]),
            (1, [1, 0, 0, 0]),
            (BLOCK - 1, [BLOCK - 1, 0, 0, 0]),
            (BLOCK, [BLOCK, 0, 0, 0]),
            (BLOCK + 1, [BLOCK, 1, 0, 0]),
            (4 * BLOCK, [BLOCK; 4]),
            (4 * BLOCK + 1, [BLOCK + 1, BLOCK, BLOCK, BLOCK]),
            (21 * BLOCK + 17, [6 * BLOCK, 5 * BLOCK + 17, 5 * BLOCK, 5 * BLOCK]),
        ] {
            assert_eq!(lens(&shape(size, Profile::QFS_V13)), expected, "{size}");
        }
        let ec = Profile { data: 2, parity: 2, replicas: 1 };
        for (size, expected) in [
            (0, [0, 0, 0, 0]),
            (1, [1, 0, 1, 1]),
            (BLOCK + 1, [BLOCK, 1, BLOCK, BLOCK]),
            (2 * BLOCK + 5, [BLOCK + 5, BLOCK, BLOCK + 5, BLOCK + 5]),
        ] {
            assert_eq!(lens(&shape(size, ec)), expected, "{size}");
        }
        assert_eq!(shape(BLOCK, ec).shard_len(4), 0);
    }

    /// LA-8: the shard length is the sum of its cells, and the data shards are the object.
    #[test]
    fn la_8_lengths_add_up() {
        for profile in [Profile::QFS_V13, Profile::EC_10_5, Profile::EC_16_6] {
            for size in (0..40 * BLOCK).step_by(99_991) {
                let geometry = shape(size, profile);
                for column in 0..geometry.columns() {
                    let cells =
                        (0..geometry.stripes()).map(|s| u64::from(geometry.cell_len(s, column)));
                    assert_eq!(geometry.shard_len(column), cells.sum::<u64>());
                }
                let data = u32::from(profile.data);
                assert_eq!((0..data).map(|c| geometry.shard_len(c)).sum::<u64>(), size);
                let blocks = (0..geometry.stripes()).map(|s| u64::from(geometry.stripe_blocks(s)));
                assert_eq!(blocks.sum::<u64>(), geometry.blocks());
            }
        }
    }

    /// LA-8: sizes far beyond memory, by arithmetic.
    #[test]
    fn la_8_huge_objects() {
        let hundred_gib = 100 << 30;
        let geometry = shape(hundred_gib + 1, Profile::QFS_V13);
        assert_eq!((geometry.blocks(), geometry.stripes()), (409_601, 102_401));
        assert_eq!(lens(&geometry), [(25 << 30) + 1, 25 << 30, 25 << 30, 25 << 30]);
        assert_eq!(geometry.stripes_of(&(hundred_gib..u64::MAX)), 102_400..102_401);
        for profile in [Profile::QFS_V13, Profile::EC_16_6] {
            let geometry = shape(MAX_OBJECT_SIZE, profile);
            let data = u32::from(profile.data);
            assert_eq!((0..data).map(|c| geometry.shard_len(c)).sum::<u64>(), MAX_OBJECT_SIZE);
            let parity = u64::from(profile.parity) * (MAX_OBJECT_SIZE / u64::from(profile.data));
            assert_eq!(geometry.stored_len(), MAX_OBJECT_SIZE + parity);
            let last = MAX_OBJECT_SIZE - 1..MAX_OBJECT_SIZE;
            let stripe = geometry.stripes() - 1;
            assert_eq!(geometry.stripes_of(&last), stripe..stripe + 1);
            assert_eq!(geometry.spans(stripe, &last).map(|span| span.len).collect::<Vec<_>>(), [1]);
        }
    }

    /// LA-14: the spans of a range are exactly its bytes, in order, each where the block matrix puts it.
    #[test]
    fn la_14_ranges() {
        let geometry =
            Geometry::new(100_001, 4096, Profile { data: 3, parity: 1, replicas: 1 }).unwrap();
        for start in (0..100_100).step_by(1_777) {
            for len in [0, 1, 4095, 4096, 4097, 30_000, 200_000] {
                let range = start..start + len;
                let mut at = start;
                for stripe in geometry.stripes_of(&range) {
                    for span in geometry.spans(stripe, &range) {
                        let block = at / 4096;
                        assert_eq!((span.stripe, span.column), (block / 3, (block % 3) as u32));
                        assert_eq!(span.shard_offset, block / 3 * 4096 + at % 4096);
                        assert_eq!(u64::from(span.cell_offset), at % 4096);
                        at += u64::from(span.len);
                    }
                }
                assert_eq!(at, range.end.min(100_001).max(start), "{range:?}");
            }
        }
        assert_eq!(geometry.spans(u64::MAX, &(0..u64::MAX)).count(), 0);
        assert_eq!(geometry.stripes_of(&(5..5)), 0..0);
    }

    #[test]
    fn unsound_shapes_are_refused() {
        assert_eq!(Geometry::new(1, 0, Profile::QFS_V13), Err(LayoutError::BlockSize));
        assert_eq!(Geometry::new(u64::MAX, 4096, Profile::QFS_V13), Err(LayoutError::Size));
        let none =
            Layout { size: 1, block_size: 4096, profile: Profile::QFS_V13, roots: Vec::new() };
        assert_eq!(shard_len(&none, 0), Err(LayoutError::Roots));
        let roots = alloc::vec![protocol::Hash32::ZERO; 4];
        let sound = Layout { roots, ..none };
        assert_eq!(shard_len(&sound, 0), Ok(1));
        let shape = Geometry::of(&sound).unwrap();
        assert_eq!((shape.block_size(), shape.profile()), (4096, Profile::QFS_V13));
    }
}
