//! Parity of a stripe over GF(2^8) and its way back (rules LA-9 and LA-15 of `spec/layout.md`).
//!
//! The code is the systematic one of `reed-solomon-erasure`: a (k + m) × k Vandermonde matrix, multiplied by
//! the inverse of its upper k × k square. Nothing of that crate shows here, so that it can be replaced
//! by any other implementation of the same matrix.

use alloc::vec::Vec;
use core::fmt;
use protocol::layout::{Profile, ProfileError};
use reed_solomon_erasure::galois_8::ReedSolomon;

/// Computes parity and restores lost cells, for the stripes of one profile.
///
/// All cells of a stripe have one length here: shorter blocks are padded with zeros to the longest, and blocks
/// that the object does not have are all zeros.
pub struct Codec {
    data: usize,
    parity: usize,
    /// None if the profile has no parity.
    code: Option<ReedSolomon>,
}

impl Codec {
    /// The codec of a profile. Building one inverts a k × k matrix: keep it for the whole object.
    ///
    /// # Errors
    /// The profile is refused by rule LA-1.
    pub fn new(profile: Profile) -> Result<Self, ErasureError> {
        profile.validate().map_err(ErasureError::Profile)?;
        let (data, parity) = (usize::from(profile.data), usize::from(profile.parity));
        let code = match parity {
            0 => None,
            _ => Some(ReedSolomon::new(data, parity).map_err(|_| ErasureError::Shape)?),
        };
        Ok(Self { data, parity, code })
    }

    /// The m parity cells of a stripe whose k data cells stand one after the other in `stripe`.
    ///
    /// # Errors
    /// `stripe` is empty or not a multiple of k long.
    pub fn encode(&self, stripe: &[u8]) -> Result<Vec<Vec<u8>>, ErasureError> {
        let Some(code) = &self.code else {
            return Ok(Vec::new());
        };
        let width = stripe.len().checked_div(self.data).unwrap_or(0);
        if width == 0 || !stripe.len().is_multiple_of(self.data) {
            return Err(ErasureError::Shape);
        }
        let cells: Vec<&[u8]> = stripe.chunks_exact(width).collect();
        let mut parity = alloc::vec![alloc::vec![0; width]; self.parity];
        code.encode_sep(&cells, &mut parity).map_err(|_| ErasureError::Shape)?;
        Ok(parity)
    }

    /// Fills in the missing data cells among the k + m `cells` of a stripe; parity cells stay as they are.
    ///
    /// The restored cells are right if the cells given are and the parity was computed from the data:
    /// check them against the shard root where one is at hand.
    ///
    /// # Errors
    /// Fewer than k cells are there, or they are not k + m of one non-zero length.
    pub fn restore_data(&self, cells: &mut [Option<Vec<u8>>]) -> Result<(), ErasureError> {
        self.check(cells)?;
        match &self.code {
            Some(code) => code.reconstruct_data(cells).map_err(|_| ErasureError::Shape),
            None => Ok(()),
        }
    }

    /// Fills in all missing cells, parity too: what the repair of a lost column needs.
    ///
    /// # Errors
    /// As [`Codec::restore_data`].
    pub fn restore_all(&self, cells: &mut [Option<Vec<u8>>]) -> Result<(), ErasureError> {
        self.check(cells)?;
        match &self.code {
            Some(code) => code.reconstruct(cells).map_err(|_| ErasureError::Shape),
            None => Ok(()),
        }
    }

    fn check(&self, cells: &[Option<Vec<u8>>]) -> Result<(), ErasureError> {
        let mut widths = cells.iter().flatten().map(Vec::len);
        let width = widths.next().unwrap_or(0);
        let uniform = width > 0 && widths.all(|other| other == width);
        let have = cells.iter().flatten().count();
        if have < self.data {
            Err(ErasureError::TooFew { have, need: self.data })
        } else if !uniform || cells.len() != self.data.saturating_add(self.parity) {
            Err(ErasureError::Shape)
        } else {
            Ok(())
        }
    }
}

impl fmt::Debug for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Codec({}, {})", self.data, self.parity)
    }
}

/// Why a stripe could not be encoded or restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureError {
    /// The profile is refused.
    Profile(ProfileError),
    /// The cells are not k + m of one non-zero length.
    Shape,
    /// Fewer cells than data columns.
    TooFew {
        /// Cells that are there.
        have: usize,
        /// Cells that are needed: k.
        need: usize,
    },
}

impl fmt::Display for ErasureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(error) => error.fmt(f),
            Self::Shape => {
                f.write_str("the cells of a stripe must be k + m of one non-zero length")
            }
            Self::TooFew { have, need } => {
                write!(f, "{have} cells of the stripe are there, {need} are needed")
            }
        }
    }
}

impl core::error::Error for ErasureError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::ToString, vec};

    fn stripe(len: usize) -> Vec<u8> {
        (0..len).map(|i| ((i * 31) ^ (i >> 5)) as u8).collect()
    }

    fn cells(codec: &Codec, stripe: &[u8]) -> Vec<Option<Vec<u8>>> {
        let data = stripe.chunks(stripe.len() / codec.data).map(<[u8]>::to_vec);
        data.chain(codec.encode(stripe).unwrap()).map(Some).collect()
    }

    /// LA-9: the matrix is systematic and frozen; these parity bytes are part of the format.
    #[test]
    fn la_9_parity_bytes_are_frozen() {
        let codec = Codec::new(Profile { data: 3, parity: 2, replicas: 1 }).unwrap();
        let parity = codec.encode(&[1, 0, 7, 0, 1, 7]).unwrap();
        assert_eq!(parity, GOLDEN);
        assert!(Codec::new(Profile::QFS_V13).unwrap().encode(&[1; 8]).unwrap().is_empty());
    }
    /// Computed by an independent implementation of the matrix that rule LA-9 describes.
    const GOLDEN: [[u8; 2]; 2] = [[7, 7], [49, 18]];

    /// LA-15: any k of the k + m cells restore all others; fewer are refused.
    #[test]
    fn la_15_any_k_cells_restore_the_stripe() {
        let codec = Codec::new(Profile { data: 4, parity: 3, replicas: 1 }).unwrap();
        let whole = cells(&codec, &stripe(4 * 50));
        for lost in 0_u32..1 << 7 {
            let mut some: Vec<_> = whole.clone();
            (0..7).filter(|i| lost >> i & 1 == 1).for_each(|i| some[i] = None);
            let have = 7 - lost.count_ones() as usize;
            let mut data_only = some.clone();
            if have < 4 {
                assert_eq!(
                    codec.restore_all(&mut some),
                    Err(ErasureError::TooFew { have, need: 4 })
                );
            } else {
                codec.restore_all(&mut some).unwrap();
                codec.restore_data(&mut data_only).unwrap();
                assert_eq!(some, whole, "lost {lost:07b}");
                assert_eq!(data_only[..4], whole[..4]);
            }
        }
    }

    #[test]
    fn la_15_every_published_profile_restores_its_limit() {
        for profile in [Profile::EC_16_6, Profile::EC_10_5] {
            let codec = Codec::new(profile).unwrap();
            let whole = cells(&codec, &stripe(usize::from(profile.data) * 33));
            for first in 0..whole.len() {
                let mut some = whole.clone();
                for i in 0..usize::from(profile.parity) {
                    some[(first + i * 3) % whole.len()] = None;
                }
                codec.restore_all(&mut some).unwrap();
                assert_eq!(some, whole, "{profile} from {first}");
            }
        }
    }

    /// Without parity there is nothing to compute: all cells must be there, and stay as they are.
    #[test]
    fn a_profile_without_parity_restores_nothing() {
        let codec = Codec::new(Profile { data: 2, parity: 0, replicas: 3 }).unwrap();
        let whole = vec![Some(vec![1, 2]), Some(vec![3, 4])];
        for restore in [Codec::restore_data, Codec::restore_all] {
            let mut cells = whole.clone();
            assert_eq!((restore(&codec, &mut cells), &cells), (Ok(()), &whole));
        }
    }

    #[test]
    fn errors_say_what_is_missing() {
        let profile = ErasureError::Profile(ProfileError::NoData);
        for (error, text) in [
            (profile, "a profile needs at least one data column"),
            (ErasureError::Shape, "the cells of a stripe must be k + m of one non-zero length"),
            (
                ErasureError::TooFew { have: 3, need: 4 },
                "3 cells of the stripe are there, 4 are needed",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
        let codec = Codec::new(Profile::EC_16_6).unwrap();
        assert_eq!(alloc::format!("{codec:?}"), "Codec(16, 6)");
    }

    #[test]
    fn misshapen_stripes_are_refused() {
        let codec = Codec::new(Profile { data: 2, parity: 1, replicas: 1 }).unwrap();
        assert_eq!(codec.encode(&[]), Err(ErasureError::Shape));
        assert_eq!(codec.encode(&[1, 2, 3]), Err(ErasureError::Shape));
        for mut cells in [
            vec![Some(vec![1]), Some(vec![2, 3]), None],
            vec![Some(vec![]), Some(vec![]), None],
            vec![Some(vec![1]), Some(vec![2])],
        ] {
            assert_eq!(codec.restore_data(&mut cells), Err(ErasureError::Shape));
        }
        for misshapen in [vec![Some(vec![1]), Some(vec![2])], vec![Some(vec![1]); 4]] {
            assert_eq!(codec.restore_all(&mut misshapen.clone()), Err(ErasureError::Shape));
        }
        let unsound = Profile { data: 0, parity: 0, replicas: 1 };
        assert!(matches!(Codec::new(unsound), Err(ErasureError::Profile(_))));
        let mirror = Codec::new(Profile::QFS_V13).unwrap();
        let mut lost = vec![Some(vec![1]), None, Some(vec![1]), Some(vec![1])];
        assert_eq!(mirror.restore_data(&mut lost), Err(ErasureError::TooFew { have: 3, need: 4 }));
    }
}
