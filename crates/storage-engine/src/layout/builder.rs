//! Cuts a stream of content into cells and computes the roots, one stripe at a time.

use alloc::vec::Vec;
use core::fmt;
use protocol::Hash32;
use protocol::layout::{Layout, LayoutError, MAX_OBJECT_SIZE, Profile, validate_shape};

use crate::erasure::{Codec, ErasureError};
use crate::shard_tree::{TreeBuilder, leaf_hashes};

/// Receives the cells of a layout as they are made.
pub trait BlockSink {
    /// Why the sink refuses a cell.
    type Error;

    /// Takes the next cell of `column` and the hashes of its leaves. Cells of one column come in order.
    ///
    /// # Errors
    /// Ends the layout; the builder is of no further use.
    fn block(&mut self, column: u32, bytes: &[u8], leaves: &[Hash32]) -> Result<(), Self::Error>;
}

impl<E, F: FnMut(u32, &[u8], &[Hash32]) -> Result<(), E>> BlockSink for F {
    type Error = E;

    fn block(&mut self, column: u32, bytes: &[u8], leaves: &[Hash32]) -> Result<(), E> {
        self(column, bytes, leaves)
    }
}

/// Lays out content that arrives in pieces of any size; holds one stripe and one frontier for each column.
pub struct LayoutBuilder {
    block_size: u32,
    profile: Profile,
    codec: Codec,
    trees: Vec<TreeBuilder>,
    /// Content of the stripe that is being filled.
    stripe: Vec<u8>,
    /// Bytes of content in a full stripe: k × block size.
    stripe_size: usize,
    size: u64,
}

impl LayoutBuilder {
    /// A builder that has seen no content.
    ///
    /// # Errors
    /// Rules LA-1 and LA-2, or a stripe that does not fit the memory of this machine.
    pub fn new(block_size: u32, profile: Profile) -> Result<Self, LayoutError> {
        validate_shape(0, block_size, profile)?;
        let stripe_size = usize::try_from(block_size)
            .ok()
            .and_then(|block| block.checked_mul(usize::from(profile.data)))
            .ok_or(LayoutError::BlockSize)?;
        // The codec refuses only what `validate_shape` has refused already.
        let codec = Codec::new(profile).map_err(|_| LayoutError::BlockSize)?;
        let trees = (0..profile.columns()).map(|_| TreeBuilder::new()).collect();
        Ok(Self { block_size, profile, codec, trees, stripe: Vec::new(), stripe_size, size: 0 })
    }

    /// Takes the next bytes of the content; whole stripes go to `sink`.
    ///
    /// # Errors
    /// The content grows past the largest object, or the sink refuses a cell.
    pub fn push<S: BlockSink>(
        &mut self,
        mut bytes: &[u8],
        sink: &mut S,
    ) -> Result<(), BuildError<S::Error>> {
        self.size = u64::try_from(bytes.len())
            .ok()
            .and_then(|more| self.size.checked_add(more))
            .filter(|size| *size <= MAX_OBJECT_SIZE)
            .ok_or(BuildError::Layout(LayoutError::Size))?;
        while !bytes.is_empty() {
            let room = self.stripe_size.saturating_sub(self.stripe.len());
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.stripe.extend_from_slice(now);
            bytes = later;
            if self.stripe.len() == self.stripe_size {
                self.flush(sink)?;
            }
        }
        Ok(())
    }

    /// Sends what is left to `sink` and gives the layout, whose `size` is the bytes taken.
    ///
    /// # Errors
    /// The sink refuses a cell.
    pub fn finish<S: BlockSink>(mut self, sink: &mut S) -> Result<Layout, BuildError<S::Error>> {
        if !self.stripe.is_empty() {
            self.flush(sink)?;
        }
        Ok(Layout {
            size: self.size,
            block_size: self.block_size,
            profile: self.profile,
            roots: self.trees.iter().map(TreeBuilder::root).collect(),
        })
    }

    fn flush<S: BlockSink>(&mut self, sink: &mut S) -> Result<(), BuildError<S::Error>> {
        let block = usize::try_from(self.block_size).unwrap_or(usize::MAX);
        let mut trees = (0..).zip(&mut self.trees);
        for (bytes, (column, tree)) in self.stripe.chunks(block).zip(trees.by_ref()) {
            emit(column, tree, bytes, sink)?;
        }
        if self.profile.parity > 0 {
            // The first block is the longest: padding all to it leaves every block at a multiple of its length.
            let width = self.stripe.len().min(block);
            self.stripe.resize(width.saturating_mul(usize::from(self.profile.data)), 0);
            let parity = self.codec.encode(&self.stripe).map_err(BuildError::Erasure)?;
            let columns = (0..).zip(&mut self.trees).skip(usize::from(self.profile.data));
            for (bytes, (column, tree)) in parity.iter().zip(columns) {
                emit(column, tree, bytes, sink)?;
            }
        }
        self.stripe.clear();
        Ok(())
    }
}

fn emit<S: BlockSink>(
    column: u32,
    tree: &mut TreeBuilder,
    bytes: &[u8],
    sink: &mut S,
) -> Result<(), BuildError<S::Error>> {
    let leaves = leaf_hashes(bytes);
    tree.extend(&leaves);
    sink.block(column, bytes, &leaves).map_err(BuildError::Sink)
}

/// Why content could not be laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildError<E> {
    /// The content or the shape is refused.
    Layout(LayoutError),
    /// The parity of a stripe could not be computed.
    Erasure(ErasureError),
    /// The sink refused a cell.
    Sink(E),
}

impl<E: fmt::Display> fmt::Display for BuildError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout(error) => error.fmt(f),
            Self::Erasure(error) => error.fmt(f),
            Self::Sink(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for BuildError<E> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Geometry;
    use crate::shard_tree::{empty_root, leaf_hash};
    use alloc::{string::ToString, vec};
    use core::convert::Infallible;
    use protocol::layout::BLOCK_SIZE;

    fn content(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
    }

    /// Layout and shards of content that arrives in pieces of `step` bytes.
    fn lay_out(
        content: &[u8],
        block: u32,
        profile: Profile,
        step: usize,
    ) -> (Layout, Vec<Vec<u8>>) {
        let mut shards = vec![Vec::new(); profile.columns() as usize];
        let mut sink = |column: u32, bytes: &[u8], leaves: &[Hash32]| {
            assert_eq!(leaves, bytes.chunks(4096).map(leaf_hash).collect::<Vec<_>>());
            shards[column as usize].extend_from_slice(bytes);
            Ok::<(), Infallible>(())
        };
        let mut builder = LayoutBuilder::new(block, profile).unwrap();
        for piece in content.chunks(step) {
            builder.push(piece, &mut sink).unwrap();
        }
        let layout = builder.finish(&mut sink).unwrap();
        (layout, shards)
    }

    fn root(shard: &[u8]) -> Hash32 {
        let mut tree = TreeBuilder::new();
        tree.extend(&leaf_hashes(shard));
        tree.root()
    }

    /// LA-7, LA-8: the shards are those of the geometry, whatever the pieces.
    #[test]
    fn la_8_shards_match_the_geometry() {
        let ec = Profile { data: 3, parity: 2, replicas: 1 };
        for profile in [Profile::QFS_V13, ec] {
            for size in [0, 1, 4095, 4096, 4097, 12_288, 16_384, 16_385, 50_000] {
                let bytes = content(size);
                let (layout, shards) = lay_out(&bytes, 4096, profile, 1_000);
                assert_eq!(layout, lay_out(&bytes, 4096, profile, usize::MAX).0);
                let geometry = Geometry::of(&layout).unwrap();
                assert_eq!(geometry.size(), size as u64);
                for (column, shard) in (0..).zip(&shards) {
                    assert_eq!(shard.len() as u64, geometry.shard_len(column));
                    assert_eq!(layout.roots[column as usize], root(shard));
                }
                let mut joined = Vec::new();
                for block in 0..geometry.blocks() {
                    let (stripe, column) = geometry.position(block);
                    let from = geometry.cell_offset(stripe) as usize;
                    let to = from + geometry.block_len(block) as usize;
                    joined.extend_from_slice(&shards[column as usize][from..to]);
                }
                assert_eq!(joined, bytes, "{profile} {size}");
            }
        }
    }

    /// LA-8: columns without blocks are empty shards, with the root of nothing.
    #[test]
    fn la_8_empty_columns() {
        let (layout, _) = lay_out(b"x", BLOCK_SIZE, Profile::QFS_V13, 1);
        assert_eq!(layout.roots[0], leaf_hash(b"x"));
        assert_eq!(layout.roots[1..], [empty_root(); 3]);
        let (nothing, _) = lay_out(b"", BLOCK_SIZE, Profile::EC_16_6, 1);
        assert_eq!(nothing.roots, [empty_root(); 22]);
    }

    /// LA-9: a short stripe is padded with zeros to its longest block, and no further.
    #[test]
    fn la_9_parity_of_a_short_stripe() {
        let profile = Profile { data: 3, parity: 2, replicas: 1 };
        let bytes = content(4096 + 100);
        let (_, shards) = lay_out(&bytes, 4096, profile, usize::MAX);
        let mut padded = bytes.clone();
        padded.resize(3 * 4096, 0);
        assert_eq!(shards[3..], Codec::new(profile).unwrap().encode(&padded).unwrap());
        let (_, small) = lay_out(&bytes[..10], 4096, profile, usize::MAX);
        assert_eq!((small[3].len(), small[4].len()), (10, 10));
    }

    /// Memory stays at one stripe for content of any size.
    #[test]
    fn forty_mebibytes_in_one_stripe_of_memory() {
        let piece = content(1 << 20);
        let mut stored = 0;
        let mut sink = |_: u32, bytes: &[u8], _: &[Hash32]| {
            stored += bytes.len();
            Ok::<(), Infallible>(())
        };
        let mut builder = LayoutBuilder::new(BLOCK_SIZE, Profile::QFS_V13).unwrap();
        for _ in 0..40 {
            builder.push(&piece, &mut sink).unwrap();
            assert!(builder.stripe.capacity() <= builder.stripe_size);
        }
        builder.push(&piece[..17], &mut sink).unwrap();
        let layout = builder.finish(&mut sink).unwrap();
        assert_eq!((layout.size, stored), ((40 << 20) + 17, (40 << 20) + 17));
    }

    /// LA-2: content ends at 2^56 bytes; the byte after is refused before it is hashed.
    #[test]
    fn la_2_content_past_the_largest_object() {
        let mut refusing = |_: u32, _: &[u8], _: &[Hash32]| Err("hashed");
        for (taken, fits) in
            [(MAX_OBJECT_SIZE - 1, true), (MAX_OBJECT_SIZE, false), (u64::MAX, false)]
        {
            let mut builder = LayoutBuilder::new(4096, Profile::QFS_V13).unwrap();
            builder.size = taken;
            let refused = Err(BuildError::Layout(LayoutError::Size));
            assert_eq!(builder.push(b"x", &mut refusing), if fits { Ok(()) } else { refused });
        }
    }

    #[test]
    fn errors_are_those_of_their_cause() {
        let errors = [
            (BuildError::Layout(LayoutError::Size), "an object has at most 2^56 bytes"),
            (
                BuildError::Erasure(ErasureError::TooFew { have: 1, need: 2 }),
                "1 cells of the stripe are there, 2 are needed",
            ),
            (BuildError::Sink("the disk is full"), "the disk is full"),
        ];
        for (error, text) in errors {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn a_refusing_sink_ends_the_layout() {
        let mut builder = LayoutBuilder::new(4096, Profile::QFS_V13).unwrap();
        let mut sink = |_: u32, _: &[u8], _: &[Hash32]| Err("full");
        assert_eq!(builder.push(&content(4 * 4096), &mut sink), Err(BuildError::Sink("full")));
    }
}
