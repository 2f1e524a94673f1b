//! Entry bundles: the leaf data of up to 256 entries, each behind its length.

use super::Tile;
use crate::leaf::{Leaf, MAX_LEAF_LEN, MIN_LEAF_LEN};
use alloc::vec::Vec;
use core::{error::Error, fmt};

/// Bytes of the length before each entry.
const PREFIX_LEN: usize = 2;

/// Why bytes are not the bundle that they should be, or a leaf cannot stand in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// The bytes end within the entry at this place of the bundle, or before it.
    Truncated {
        /// Place of the entry in the bundle, from zero.
        item: u16,
    },
    /// Leaf data is shorter than [`MIN_LEAF_LEN`] or longer than [`MAX_LEAF_LEN`].
    BadLength {
        /// The length.
        length: usize,
    },
    /// There are bytes after the last entry.
    TrailingBytes,
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { item } => write!(f, "the bundle ends in its entry {item}"),
            Self::BadLength { length } => write!(
                f,
                "the leaf data of an entry has {MIN_LEAF_LEN} to {MAX_LEAF_LEN} bytes, not {length}"
            ),
            Self::TrailingBytes => f.write_str("there are bytes after the bundle's last entry"),
        }
    }
}

impl Error for BundleError {}

/// Appends an entry to the bytes of a bundle: length of the leaf data (u16), leaf data (EL-23).
///
/// # Errors
/// [`BundleError::BadLength`] for a body that no log can have; nothing is appended then.
pub fn push_leaf(bundle: &mut Vec<u8>, leaf: &Leaf<'_>) -> Result<(), BundleError> {
    let length = leaf.data_len();
    let fits = u16::try_from(length).ok().filter(|_| length >= MIN_LEAF_LEN);
    let prefix = fits.ok_or(BundleError::BadLength { length })?;
    bundle.extend_from_slice(&prefix.to_be_bytes());
    bundle.extend_from_slice(&leaf.prev_entry_hash.0);
    bundle.extend_from_slice(leaf.body);
    Ok(())
}

/// A bundle whose lengths were checked, with the seqs that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    tile: Tile,
    bytes: Vec<u8>,
}

impl Bundle {
    /// Checks the form of a bundle: as many entries as `tile` is wide, each within its bounds, nothing after them.
    ///
    /// # Errors
    /// [`BundleError`] says where it ends or what is too long.
    pub fn parse(tile: Tile, bytes: Vec<u8>) -> Result<Self, BundleError> {
        let mut rest = &bytes[..];
        for item in 0..tile.width() {
            rest = split_leaf(rest).ok_or(BundleError::Truncated { item })??.1;
        }
        if rest.is_empty() { Ok(Self { tile, bytes }) } else { Err(BundleError::TrailingBytes) }
    }

    /// [`Bundle::parse`] of a longer bundle, of which the entries after those of `tile` are dropped.
    pub(super) fn parse_prefix(
        tile: Tile,
        wider: Tile,
        bytes: Vec<u8>,
    ) -> Result<Self, BundleError> {
        let mut bundle = Self::parse(wider, bytes)?;
        let kept = bundle.leaves().take(tile.width().into());
        let kept = kept.map(|(_, leaf)| leaf.data_len().saturating_add(PREFIX_LEN)).sum();
        bundle.bytes.truncate(kept);
        bundle.tile = tile;
        Ok(bundle)
    }

    /// The entries with their seqs.
    pub fn leaves(&self) -> impl Iterator<Item = (u64, Leaf<'_>)> {
        let mut rest = &self.bytes[..];
        self.tile.items().map_while(move |seq| {
            let (leaf, after) = split_leaf(rest)?.ok()?;
            rest = after;
            Some((seq, leaf))
        })
    }
}

/// The first entry and what follows it; `None` where the bytes end too early.
fn split_leaf(bytes: &[u8]) -> Option<Result<(Leaf<'_>, &[u8]), BundleError>> {
    let (length, rest) = bytes.split_first_chunk::<PREFIX_LEN>()?;
    let length = u16::from_be_bytes(*length).into();
    let (data, rest) = rest.split_at_checked(length)?;
    let leaf = Leaf::parse(data).ok_or(BundleError::BadLength { length });
    Some(leaf.map(|leaf| (leaf, rest)))
}
