//! Content: where its bytes lie, how they are restored, and proofs that a node has them.

use core::convert::Infallible;

use arbitrary::{Result, Unstructured};
use protocol::{Hash32, Layout, Profile, layout::MAX_OBJECT_SIZE};
use storage_engine::{
    erasure::Codec,
    layout::{Geometry, LayoutBuilder, shard_len},
    shard_tree::{
        LEAF_SIZE, LevelReader, TreeBuilder, leaf_count, leaf_hashes, parents, path, root_of_run,
        verify_path,
    },
};

/// A stripe of some profile, with cells lost or spoilt in length. Up to m lost cells come back as they were (LA-15);
/// more than that, and cells that do not fit together, are refused.
pub fn erasure(data: &[u8]) {
    let _used_up = stripes(&mut Unstructured::new(data));
}

fn stripes(input: &mut Unstructured<'_>) -> Result<()> {
    let profile = Profile {
        data: input.int_in_range(0..=64)?,
        parity: input.int_in_range(0..=64)?,
        replicas: input.int_in_range(0..=5)?,
    };
    let Ok(codec) = Codec::new(profile) else {
        assert!(profile.validate().is_err());
        return Ok(());
    };
    let (k, m) = (usize::from(profile.data), usize::from(profile.parity));
    let width = input.int_in_range(1..=64_usize)?;
    let lost: u64 = input.arbitrary()?;
    let spoilt: Option<(u8, u8)> = input.arbitrary()?;
    let mut stripe = input.bytes(input.len())?.to_vec();
    stripe.resize(k * width, 0x5a);
    let parity = codec.encode(&stripe).expect("k cells of one length");
    assert_eq!(parity.len(), m);
    let honest: Vec<Vec<u8>> =
        stripe.chunks(width).map(<[u8]>::to_vec).chain(parity.iter().cloned()).collect();
    let is_lost = |at: usize| lost >> at & 1 == 1;
    let mut cells: Vec<Option<Vec<u8>>> =
        honest.iter().enumerate().map(|(at, cell)| (!is_lost(at)).then(|| cell.clone())).collect();
    if let Some((at, length)) = spoilt {
        let at = usize::from(at) % cells.len();
        cells[at] = Some(vec![0; usize::from(length)]);
        let others = cells.iter().enumerate().filter(|(other, _)| *other != at);
        let fits = others.flat_map(|(_, cell)| cell).all(|cell| cell.len() == usize::from(length));
        let _any = codec.restore_data(&mut cells.clone());
        assert!(fits && length > 0 || codec.restore_all(&mut cells).is_err());
        return Ok(());
    }
    let missing = cells.iter().filter(|cell| cell.is_none()).count();
    let mut data_only = cells.clone();
    let restored = codec.restore_data(&mut data_only);
    assert_eq!(codec.restore_all(&mut cells), restored);
    assert_eq!(restored.is_ok(), missing <= m);
    if restored.is_ok() {
        assert!(cells.iter().flatten().eq(&honest));
        assert!(data_only.iter().take(k).flatten().eq(&honest[..k]));
    }
    Ok(())
}

/// Content that arrives in pieces, and a byte range of an object of any size. The layout does not depend on the pieces; the cells
/// fill each shard to the byte; and the runs of a range are the range, in its order (LA-7, LA-8, LA-14).
pub fn layout(data: &[u8]) {
    let _used_up = layouts(&mut Unstructured::new(data));
}

fn layouts(input: &mut Unstructured<'_>) -> Result<()> {
    let profile = Profile {
        data: input.int_in_range(1..=20)?,
        parity: input.int_in_range(0..=8)?,
        replicas: input.int_in_range(1..=4)?,
    };
    let block_size = if input.ratio(7, 8)? {
        4_096 << input.int_in_range(0..=3_u32)?
    } else {
        input.arbitrary()?
    };
    let size = input.arbitrary::<u64>()? >> input.int_in_range(0..=63_u32)?;
    let Ok(geometry) = Geometry::new(size, block_size, profile) else { return Ok(()) };
    assert!(size <= MAX_OBJECT_SIZE);
    let sum: u128 = (0..u32::from(profile.data)).map(|c| u128::from(geometry.shard_len(c))).sum();
    assert_eq!(sum, u128::from(size), "data columns hold the content once");
    let start = input.int_in_range(0..=size)?;
    let end = start.saturating_add(input.int_in_range(0..=200_000)?);
    ranges(&geometry, start, end);
    let length = input.int_in_range(0..=120_000_usize)?;
    if block_size <= 32_768 {
        let whole = laid_out(block_size, profile, length, length.max(1));
        let step = input.int_in_range(1..=40_000)?;
        assert_eq!(laid_out(block_size, profile, length, step), whole);
    }
    Ok(())
}

/// The runs of a range follow each other and lie within their shards.
fn ranges(geometry: &Geometry, start: u64, end: u64) {
    let range = start..end;
    let mut at = start;
    for stripe in geometry.stripes_of(&range) {
        for span in geometry.spans(stripe, &range) {
            let block = at / u64::from(geometry.block_size());
            assert_eq!(geometry.position(block), (span.stripe, span.column));
            assert!(span.shard_offset + u64::from(span.len) <= geometry.shard_len(span.column));
            assert_eq!(
                span.shard_offset,
                geometry.cell_offset(stripe) + u64::from(span.cell_offset)
            );
            at += u64::from(span.len);
        }
    }
    assert_eq!(at, end.min(geometry.size()).max(start));
}

fn laid_out(block_size: u32, profile: Profile, length: usize, step: usize) -> Layout {
    let content: Vec<u8> = (0..251_u8).cycle().take(length).collect();
    let mut lengths = vec![0_u64; profile.columns() as usize];
    let mut sink = |column: u32, bytes: &[u8], leaves: &[Hash32]| {
        lengths[column as usize] += bytes.len() as u64;
        assert_eq!(leaves.len() as u64, leaf_count(bytes.len() as u64));
        Ok::<(), Infallible>(())
    };
    let mut builder = LayoutBuilder::new(block_size, profile).expect("its geometry is sound");
    for piece in content.chunks(step) {
        builder.push(piece, &mut sink).expect("short content");
    }
    let layout = builder.finish(&mut sink).expect("short content");
    for (column, length) in (0..).zip(lengths) {
        assert_eq!(shard_len(&layout, column), Ok(length));
    }
    layout
}

/// A shard of some leaves, a proof of one of them, and a change. The honest proof verifies; another leaf, place or path does
/// not (LA-13); and a run of leaves leads to the same root.
pub fn shard_proof(data: &[u8]) {
    let _used_up = shard_proofs(&mut Unstructured::new(data));
}

struct Levels(Vec<Vec<Hash32>>);

impl LevelReader for Levels {
    type Error = Infallible;

    fn node(&self, level: u32, index: u64) -> core::result::Result<Hash32, Infallible> {
        Ok(self.0[level as usize][index as usize])
    }
}

fn shard_proofs(input: &mut Unstructured<'_>) -> Result<()> {
    let leaves = input.int_in_range(1..=80_usize)?;
    let length = leaves * LEAF_SIZE - input.int_in_range(0..=LEAF_SIZE - 1)?;
    let seed: u8 = input.arbitrary()?;
    let shard: Vec<u8> = (0..length).map(|at| (at / LEAF_SIZE) as u8 ^ seed).collect();
    let leaves = leaf_hashes(&shard);
    let count = leaf_count(length as u64);
    assert_eq!(leaves.len() as u64, count);
    let mut builder = TreeBuilder::new();
    builder.extend(&leaves);
    let root = builder.root();
    let mut levels = vec![leaves.clone()];
    while let Some(level) = levels.last().filter(|level| level.len() > 1) {
        levels.push(parents(level));
    }
    assert_eq!(levels.last().map(Vec::as_slice), Some(&[root][..]));
    let levels = Levels(levels);

    let index = input.int_in_range(0..=count - 1)?;
    let leaf = leaves[index as usize];
    let Ok(honest) = path(&levels, count, index);
    assert!(verify_path(&root, &leaf, index, count, &honest));
    let end = input.int_in_range(index + 1..=count)?;
    let Ok(run) = root_of_run(&levels, count, index, &leaves[index as usize..end as usize]);
    assert_eq!(run, Some(root));

    let mut changed = honest.clone();
    let (mut other_leaf, mut other_index) = (leaf, index);
    match input.int_in_range(0..=4_u8)? {
        0 => other_leaf.0[0] ^= input.int_in_range(1..=255)?,
        1 => other_index = input.arbitrary()?,
        2 => changed.push(Hash32(input.arbitrary()?)),
        3 => drop(changed.pop()),
        _ => {
            let at = input.choose_index(changed.len().max(1))?;
            changed.iter_mut().skip(at).take(1).for_each(|hash| hash.0[31] ^= 1);
        }
    }
    let same = (other_leaf, other_index, &changed) == (leaf, index, &honest);
    assert_eq!(verify_path(&root, &other_leaf, other_index, count, &changed), same);
    Ok(())
}
