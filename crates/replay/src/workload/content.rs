//! Content, small ones real and large ones by their layout only.

use alloc::{format, string::String, vec::Vec};
use core::convert::Infallible;
use protocol::{Hash32, Layout, Profile};
use storage_engine::{
    content::hash_commit,
    layout::{Geometry, LayoutBuilder},
    shard_tree::{LevelReader, empty_root, parents},
};

use super::{WorkloadError, rng::Rng};

/// Block size of the v13 profile.
const BLOCK: u32 = 262_144;

/// What a generated store stores.
pub(super) struct Content {
    pub(super) hash_commit: Hash32,
    pub(super) layout: Layout,
    pub(super) metadata: String,
    /// Leaf hashes by column; `None` for content that exists by its layout only, which no node can prove.
    pub(super) leaves: Option<Vec<Vec<Hash32>>>,
}

impl Content {
    /// Content of a size that the generator chooses: empty, small, of several blocks, or up to 64 GiB.
    pub(super) fn generate(
        rng: &mut Rng,
        profile: Profile,
        tick: u64,
    ) -> Result<Self, WorkloadError> {
        let metadata = metadata(rng, tick);
        let size = match rng.below(80) {
            0 | 1 => 0,
            2..=58 => rng.between(1, 16_384),
            59..=75 => rng.between(16_385, 131_072),
            76 | 77 => rng.between(262_145, 1_200_000),
            // Mostly such that an epoch's pool stays below its cap.
            _ => {
                let size = rng.between(1 << 20, 1 << 24);
                return Self::by_layout(rng, size, profile, metadata);
            }
        };
        let mut bytes = Vec::new();
        while u64::try_from(bytes.len()).is_ok_and(|len| len < size) {
            bytes.extend(rng.next().to_be_bytes());
        }
        bytes.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        Self::real(&bytes, profile, metadata)
    }

    fn real(bytes: &[u8], profile: Profile, metadata: String) -> Result<Self, WorkloadError> {
        let columns = usize::try_from(profile.columns()).unwrap_or(usize::MAX);
        let mut leaves = alloc::vec![Vec::new(); columns];
        let mut sink = |column: u32, _: &[u8], hashes: &[Hash32]| -> Result<(), Infallible> {
            let slot = usize::try_from(column).ok().and_then(|at| leaves.get_mut(at));
            if let Some(slot) = slot {
                slot.extend_from_slice(hashes);
            }
            Ok(())
        };
        let mut builder = LayoutBuilder::new(BLOCK, profile).map_err(WorkloadError::from)?;
        builder.push(bytes, &mut sink).map_err(WorkloadError::from)?;
        let layout = builder.finish(&mut sink).map_err(WorkloadError::from)?;
        Ok(Self {
            hash_commit: hash_commit(bytes, metadata.as_bytes()),
            layout,
            metadata,
            leaves: Some(leaves),
        })
    }

    /// Content of tens of gigabytes, whose fee takes an epoch's pool beyond its cap.
    pub(super) fn large(rng: &mut Rng, profile: Profile, tick: u64) -> Result<Self, WorkloadError> {
        let size = rng.between(1 << 37, 1 << 38);
        let metadata = metadata(rng, tick);
        Self::by_layout(rng, size, profile, metadata)
    }

    fn by_layout(
        rng: &mut Rng,
        size: u64,
        profile: Profile,
        metadata: String,
    ) -> Result<Self, WorkloadError> {
        let geometry = Geometry::new(size, BLOCK, profile).map_err(WorkloadError::from)?;
        let roots = (0..profile.columns()).map(|column| {
            if geometry.shard_len(column) == 0 {
                empty_root()
            } else {
                Hash32::of(&rng.next().to_be_bytes())
            }
        });
        let layout = Layout { size, block_size: BLOCK, profile, roots: roots.collect() };
        Ok(Self {
            hash_commit: Hash32::of(&rng.next().to_be_bytes()),
            layout,
            metadata,
            leaves: None,
        })
    }
}

/// Canonical metadata with none to five keys.
fn metadata(rng: &mut Rng, tick: u64) -> String {
    let score = rng.below(1_000_001);
    match rng.below(6) {
        4 => format!(r#"{{"placement.region":"region-{}"}}"#, rng.below(4)),
        5 => format!(
            r#"{{"openagi_score":{score},"placement":{{"region":["region-0","region-{}"]}}}}"#,
            rng.between(1, 3)
        ),
        0 => "{}".into(),
        1 => format!(r#"{{"openagi_score":{score}}}"#),
        2 => format!(
            r#"{{"author_node_id":"author-{}","created_at_tick":{tick},"tags":["a","b{}"]}}"#,
            rng.below(9),
            rng.below(9)
        ),
        _ => format!(
            r#"{{"aegis_telemetry_stub":{{"at_epoch":1,"node_id":"node-000","proof_result":true}},"atr_fee_events":["fee-{}"],"author_node_id":"author-{}","created_at_tick":{tick},"openagi_score":{score}}}"#,
            rng.below(99),
            rng.below(9)
        ),
    }
}

/// The levels of a shard's tree, for paths.
pub(super) struct Levels(Vec<Vec<Hash32>>);

impl Levels {
    pub(super) fn of(leaves: &[Hash32]) -> Self {
        let mut levels = Vec::from([leaves.to_vec()]);
        while let Some(last) = levels.last().filter(|last| last.len() > 1) {
            let above = parents(last);
            levels.push(above);
        }
        Self(levels)
    }
}

impl LevelReader for Levels {
    type Error = WorkloadError;

    fn node(&self, level: u32, index: u64) -> Result<Hash32, WorkloadError> {
        let at = |number: u64| usize::try_from(number).ok();
        at(u64::from(level))
            .and_then(|level| self.0.get(level)?.get(at(index)?))
            .copied()
            .ok_or_else(|| WorkloadError("no such node in a shard's tree".into()))
    }
}
