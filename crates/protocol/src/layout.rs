//! The shape of stored content: redundancy profile and layout (rules LA-1 to LA-4 of `spec/layout.md`).

use alloc::{string::ToString, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use core::{fmt, str::FromStr};

use crate::error::{ErrorCode, Refusal};
use crate::hash::Hash32;

/// Bytes of a leaf of the shard tree. Every block is a whole number of leaves.
pub const LEAF_SIZE: u32 = 4096;

/// Bytes of a block in the v13 profile: 256 KiB.
pub const BLOCK_SIZE: u32 = 262_144;

/// The largest block that a layout may have: 16 MiB. It bounds what a reader holds in memory.
pub const MAX_BLOCK_SIZE: u32 = 1 << 24;

/// The largest object: 2^56 bytes. Every sum of shard lengths then fits 64 bits with room to spare.
pub const MAX_OBJECT_SIZE: u64 = 1 << 56;

/// The most columns, data and parity together.
pub const MAX_COLUMNS: u32 = 64;

/// The most copies of one shard.
pub const MAX_REPLICAS: u8 = 4;

/// Redundancy profile (k, m, r): how many data and parity columns, and how many copies of each.
///
/// Printed as `(4,0,3)`; parsed with or without the parentheses. A value is only as good as
/// [`Profile::validate`] says: decoding does not check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct Profile {
    /// k: columns that carry the content itself.
    pub data: u8,
    /// m: columns of parity; any k of the k + m blocks of a stripe restore it.
    pub parity: u8,
    /// r: copies of every column.
    pub replicas: u8,
}

impl Profile {
    /// The v13 profile: four columns, three copies of each, no parity.
    pub const QFS_V13: Self = Self::of(4, 0, 3);
    /// Sixteen data and six parity columns, one copy.
    pub const EC_16_6: Self = Self::of(16, 6, 1);
    /// Ten data and five parity columns, one copy.
    pub const EC_10_5: Self = Self::of(10, 5, 1);

    const fn of(data: u8, parity: u8, replicas: u8) -> Self {
        Self { data, parity, replicas }
    }

    /// Columns of a layout: k + m.
    #[must_use]
    pub fn columns(&self) -> u32 {
        u32::from(self.data).saturating_add(u32::from(self.parity))
    }

    /// Copies that a layout places: columns × replicas.
    #[must_use]
    pub fn copies(&self) -> u32 {
        self.columns().saturating_mul(u32::from(self.replicas))
    }

    /// Checks rule LA-1.
    ///
    /// # Errors
    /// Which bound is broken.
    pub fn validate(&self) -> Result<(), ProfileError> {
        if self.data == 0 {
            Err(ProfileError::NoData)
        } else if self.columns() > MAX_COLUMNS {
            Err(ProfileError::TooManyColumns)
        } else if !(1..=MAX_REPLICAS).contains(&self.replicas) {
            Err(ProfileError::Replicas)
        } else if self.parity > 0 && self.replicas != 1 {
            Err(ProfileError::ParityWithReplicas)
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{},{})", self.data, self.parity, self.replicas)
    }
}

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let bare = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(text);
        let mut numbers = bare.split(',').map(plain_decimal);
        let mut next = || numbers.next().flatten().ok_or(ProfileError::Syntax);
        let profile = Self { data: next()?, parity: next()?, replicas: next()? };
        if numbers.next().is_some() {
            return Err(ProfileError::Syntax);
        }
        profile.validate().map(|()| profile)
    }
}

/// `u8::from_str` would take a sign and leading zeros; a profile has one spelling of each number.
fn plain_decimal(text: &str) -> Option<u8> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { text.parse().ok() } else { None }
}

/// Why a profile is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileError {
    /// Not of the form `k,m,r` in plain decimal.
    Syntax,
    /// k is 0.
    NoData,
    /// k + m is over [`MAX_COLUMNS`].
    TooManyColumns,
    /// r is not in 1..=[`MAX_REPLICAS`].
    Replicas,
    /// m > 0 with r other than 1.
    ParityWithReplicas,
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Syntax => "a profile is written k,m,r in plain decimal, as in (4,0,3)",
            Self::NoData => "a profile needs at least one data column",
            Self::TooManyColumns => "a profile has at most 64 columns",
            Self::Replicas => "a profile has 1 to 4 replicas",
            Self::ParityWithReplicas => "a profile with parity has exactly one replica",
        })
    }
}

impl core::error::Error for ProfileError {}

/// How the bytes of one version lie in shards, and what each shard must hash to.
///
/// Canonical bytes (borsh, rule LA-3): `size` u64, `block_size` u32, three profile bytes, then the count
/// of roots as u32 and the roots, all little-endian.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Layout {
    /// Bytes of the content.
    pub size: u64,
    /// Bytes of a block: the unit that goes round the columns.
    pub block_size: u32,
    /// Columns and copies.
    pub profile: Profile,
    /// Root of each column's shard tree, data columns first.
    pub roots: Vec<Hash32>,
}

impl Layout {
    /// Checks rules LA-1 and LA-2.
    ///
    /// # Errors
    /// Which bound is broken.
    pub fn validate(&self) -> Result<(), LayoutError> {
        validate_shape(self.size, self.block_size, self.profile)?;
        if u32::try_from(self.roots.len()) == Ok(self.profile.columns()) {
            Ok(())
        } else {
            Err(LayoutError::Roots)
        }
    }
}

/// Checks everything of a layout but its roots (rules LA-1 and LA-2).
///
/// # Errors
/// Which bound is broken.
pub fn validate_shape(size: u64, block_size: u32, profile: Profile) -> Result<(), LayoutError> {
    profile.validate().map_err(LayoutError::Profile)?;
    if size > MAX_OBJECT_SIZE {
        return Err(LayoutError::Size);
    }
    let whole_leaves = block_size.is_multiple_of(LEAF_SIZE);
    if block_size == 0 || block_size > MAX_BLOCK_SIZE || !whole_leaves {
        return Err(LayoutError::BlockSize);
    }
    Ok(())
}

/// Why a layout is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// The profile is refused.
    Profile(ProfileError),
    /// The size is over [`MAX_OBJECT_SIZE`].
    Size,
    /// The block size is 0, over [`MAX_BLOCK_SIZE`] or not a multiple of [`LEAF_SIZE`].
    BlockSize,
    /// There is not exactly one root for each column.
    Roots,
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(error) => error.fmt(f),
            Self::Size => f.write_str("an object has at most 2^56 bytes"),
            Self::BlockSize => {
                f.write_str("a block size is a multiple of 4096 bytes, from 4096 to 16777216")
            }
            Self::Roots => f.write_str("a layout has one root for each column"),
        }
    }
}

impl core::error::Error for LayoutError {}

impl From<ProfileError> for Refusal {
    fn from(error: ProfileError) -> Self {
        Self::with(ErrorCode::InvalidInput, error.to_string())
    }
}

impl From<LayoutError> for Refusal {
    fn from(error: LayoutError) -> Self {
        Self::with(ErrorCode::InvalidInput, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn layout(size: u64, block_size: u32, profile: Profile) -> Layout {
        let roots = vec![Hash32::ZERO; profile.columns() as usize];
        Layout { size, block_size, profile, roots }
    }

    /// LA-1: the bounds of a profile.
    #[test]
    fn la_1_profile_bounds() {
        for good in [(4, 0, 3), (16, 6, 1), (10, 5, 1), (1, 0, 1), (64, 0, 4), (32, 32, 1)] {
            assert_eq!(Profile::of(good.0, good.1, good.2).validate(), Ok(()), "{good:?}");
        }
        for (k, m, r, error) in [
            (0, 0, 1, ProfileError::NoData),
            (0, 1, 1, ProfileError::NoData),
            (64, 1, 1, ProfileError::TooManyColumns),
            (255, 255, 1, ProfileError::TooManyColumns),
            (4, 0, 0, ProfileError::Replicas),
            (4, 0, 5, ProfileError::Replicas),
            (4, 2, 2, ProfileError::ParityWithReplicas),
        ] {
            assert_eq!(Profile::of(k, m, r).validate(), Err(error), "({k},{m},{r})");
        }
    }

    /// LA-4: one spelling for each profile, the parentheses optional.
    #[test]
    fn la_4_profile_text() {
        for profile in [Profile::QFS_V13, Profile::EC_16_6, Profile::EC_10_5] {
            let printed = profile.to_string();
            assert_eq!(printed.parse(), Ok(profile));
            assert_eq!(printed.trim_matches(['(', ')']).parse(), Ok(profile));
        }
        for bad in [
            "", "4,0", "4,0,3,1", "4,,3", "04,0,3", "+4,0,3", "4,0,-3", " 4,0,3", "(4,0,3",
            "4,0,256",
        ] {
            assert_eq!(bad.parse::<Profile>(), Err(ProfileError::Syntax), "{bad:?}");
        }
        assert_eq!("4,2,3".parse::<Profile>(), Err(ProfileError::ParityWithReplicas));
    }

    /// LA-2: size, block size and number of roots.
    #[test]
    fn la_2_layout_bounds() {
        let v13 = Profile::QFS_V13;
        for good in [(0, 4096), (MAX_OBJECT_SIZE, BLOCK_SIZE), (1, MAX_BLOCK_SIZE)] {
            assert_eq!(layout(good.0, good.1, v13).validate(), Ok(()), "{good:?}");
        }
        assert_eq!(layout(MAX_OBJECT_SIZE + 1, 4096, v13).validate(), Err(LayoutError::Size));
        for bad in [0, 1, 4095, 4097, MAX_BLOCK_SIZE + 4096] {
            assert_eq!(layout(1, bad, v13).validate(), Err(LayoutError::BlockSize), "{bad}");
        }
        let mut short = layout(1, 4096, v13);
        short.roots.pop();
        assert_eq!(short.validate(), Err(LayoutError::Roots));
        let unsound = layout(1, 4096, Profile::of(0, 0, 1));
        assert_eq!(unsound.validate(), Err(LayoutError::Profile(ProfileError::NoData)));
    }

    /// LA-3: the canonical bytes, frozen.
    #[test]
    fn la_3_canonical_bytes() {
        let mut one = layout(5, 4096, Profile::of(1, 0, 2));
        one.roots[0] = Hash32([7; 32]);
        let bytes = borsh::to_vec(&one).unwrap();
        let head = [5, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 1, 0, 2, 1, 0, 0, 0];
        assert_eq!(bytes, [&head[..], &[7; 32]].concat());
        assert_eq!(borsh::from_slice::<Layout>(&bytes).unwrap(), one);
        assert!(borsh::from_slice::<Layout>(&bytes[..bytes.len() - 1]).is_err());
    }
}
