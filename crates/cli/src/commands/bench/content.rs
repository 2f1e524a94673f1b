//! Content to its nodes and back, beside a plain SHA3-256 of the same bytes.

use super::{Figure, broken, noise};
use crate::error::Result;
use protocol::{Hash32, Profile};
use shard_store::{
    DirStore, ShardStore,
    fleet::{Fleet, ObjectCopy, UploadPlan, download, sync_all, upload},
};
use std::{path::Path, time::Instant};
use storage_engine::placement::{Ring, place};

/// Nodes beyond those that one object needs.
const SPARE: u32 = 2;
/// The least number of them.
const NODES: u32 = 7;

struct Nodes(Vec<DirStore>);

impl Fleet for Nodes {
    fn store(&self, node: u32) -> Option<&dyn ShardStore> {
        self.0.get(node as usize).map(|store| store as &dyn ShardStore)
    }
}

struct Stored {
    nodes: Nodes,
    objects: Vec<ObjectCopy>,
    put: f64,
    plain: f64,
}

const MIB: f64 = 1_048_576.0;

/// Stores `count` objects of `size` bytes in one batch, and syncs once.
fn store(dir: &Path, profile: Profile, size: usize, count: u64) -> Result<Stored> {
    let nodes = NODES.max(profile.columns() + SPARE);
    let stores: std::result::Result<Vec<_>, _> =
        (0..nodes).map(|n| DirStore::open(&dir.join(n.to_string()), None)).collect();
    let eligible: Vec<u32> = (0..nodes).collect();
    let nodes = Nodes(stores?);
    let contents: Vec<Vec<u8>> = (0..count).map(|n| noise(n, size)).collect();
    let began = Instant::now();
    let sum = contents.iter().fold(0u8, |sum, content| sum ^ Hash32::of(content).0[0]);
    std::hint::black_box(sum);
    let plain = (size as u64 * count) as f64 / MIB / began.elapsed().as_secs_f64();
    let mut objects = Vec::new();
    let began = Instant::now();
    for (number, content) in contents.iter().enumerate() {
        let object_id = format!("bench/{number}");
        let assignment = place(&object_id, 1, profile, &Ring::new(&eligible, None))?;
        let plan = UploadPlan {
            object_id: object_id.clone(),
            version: 1,
            profile,
            block_size: 262_144,
            assignment: assignment.clone(),
        };
        let uploaded = upload(&nodes, &plan, &mut content.as_slice(), b"{}", &mut |_| ())?;
        objects.push(ObjectCopy { object_id, version: 1, layout: uploaded.layout, assignment });
    }
    sync_all(&nodes, eligible)?;
    let put = (size as u64 * count) as f64 / MIB / began.elapsed().as_secs_f64();
    Ok(Stored { nodes, objects, put, plain })
}

pub fn put(dir: &Path, profile: Profile, size: usize, count: u64) -> Result<Figure> {
    let stored = store(dir, profile, size, count)?;
    Ok(figure(stored.put, stored.plain, count, true))
}

pub fn get(dir: &Path, profile: Profile, size: usize, count: u64) -> Result<Figure> {
    let stored = store(dir, profile, size, count)?;
    let mut out = Vec::with_capacity(size);
    let began = Instant::now();
    for object in &stored.objects {
        out.clear();
        download(&stored.nodes, object, None, &mut out, &mut |_| ())?;
        if out.len() != size {
            return Err(broken("the content came back with another length"));
        }
    }
    let value = (size as u64 * count) as f64 / MIB / began.elapsed().as_secs_f64();
    Ok(figure(value, stored.plain, count, false))
}

fn figure(value: f64, plain: f64, batch: u64, durable: bool) -> Figure {
    Figure {
        part: String::new(),
        value,
        unit: "MiB/s",
        batch,
        durable,
        beside: ("plain SHA3-256", plain),
    }
}
