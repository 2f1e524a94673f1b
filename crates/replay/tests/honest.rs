//! Honest logs pass, and give the same evidence every time.

mod common;

use common::{LARGE, SMALL, audited, pinned};
use protocol::{Hash32, Profile};
use replay::{Verdict, evidence, workload};

#[test]
fn rp_1_honest_logs_pass() {
    let erasure = workload::Spec {
        nodes: 24,
        epochs: 3,
        objects_per_epoch: 8,
        profile: Profile::EC_16_6,
        ..LARGE
    };
    for spec in [SMALL, LARGE, erasure] {
        let file = workload::generate(&spec).unwrap();
        let report = audited(&file, &pinned());
        assert_eq!(report.divergence, None);
        assert_eq!(report.verdict, Verdict::Pinned);
        assert_eq!(report.log_hash, Hash32::of(&file[..file.len() - 32]));
        assert_eq!(report.log_hash.0, file[file.len() - 32..]);
        assert_eq!(report.epochs.len() as u64, spec.epochs);
        assert_eq!(report.signatures.len(), 2);
    }
}

#[test]
fn show() {
    let t = std::time::Instant::now();
    let file = workload::generate(&workload::Spec {
        epochs: 12,
        objects_per_epoch: 60,
        ..LARGE
    })
    .unwrap();
    println!("gen {:?} bytes {}", t.elapsed(), file.len());
    let t = std::time::Instant::now();
    let report = audited(&file, &pinned());
    println!("audit {:?}", t.elapsed());
    println!("{:?}", report.divergence);
    for d in evidence::documents(&report) {
        println!("{}", d.to_text());
    }
    let file = workload::generate(&SMALL).unwrap();
    let t = std::time::Instant::now();
    let report = audited(&file, &pinned());
    println!(
        "small audit {:?} {} {}",
        t.elapsed(),
        file.len(),
        report.entries
    );
}
