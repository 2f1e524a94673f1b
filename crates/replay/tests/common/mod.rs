//! Generated logs, shared by the tests.

#![allow(dead_code)]

pub mod vectors;

use eqm_log::VerifierKey;
use protocol::{EntryBody, Profile};
use replay::{
    Divergence, Report, audit,
    cli::threads::{self, Spread},
    workload,
};
use workload::{Log, Spec};

/// A log that is audited in a few milliseconds.
pub const SMALL: Spec = Spec {
    seed: 5,
    nodes: 4,
    epochs: 2,
    objects_per_epoch: 4,
    profile: Profile::QFS_V13,
    sample: 24,
    council_epochs: 0,
    governed: false,
};

/// A log of a few epochs with proposals, moves, exits and credits.
pub const GOVERNED: Spec = Spec {
    seed: 7,
    nodes: 9,
    epochs: 12,
    objects_per_epoch: 4,
    sample: 4,
    council_epochs: 4,
    governed: true,
    ..SMALL
};

/// A log with parity.
pub const ERASURE: Spec = Spec {
    seed: 2,
    nodes: 28,
    epochs: 6,
    objects_per_epoch: 6,
    profile: Profile::EC_16_6,
    ..GOVERNED
};

/// A log in which everything happens.
pub const LARGE: Spec = Spec {
    seed: 1,
    nodes: 20,
    epochs: 34,
    objects_per_epoch: 12,
    sample: 16,
    council_epochs: 4,
    governed: true,
    ..SMALL
};

pub fn pinned() -> Vec<VerifierKey> {
    workload::keys::verifier_keys().unwrap()
}

/// The report of an audit, which is the same however it is spread over threads (RP-1).
#[track_caller]
pub fn audited(file: &[u8], pinned: &[VerifierKey]) -> Report {
    let report = audit(file, pinned, &mut |_| ());
    for (preparers, chunk) in [(1, 64), (3, 2)] {
        let spread = Spread { preparers, chunk };
        let again = threads::audit_spread(file, pinned, spread, &mut |_| ());
        assert_eq!(format!("{again:?}"), format!("{report:?}"), "{spread:?}");
    }
    report
}

/// The divergence of a file that must fail, with the test keys pinned.
#[track_caller]
pub fn failing(file: &[u8]) -> Divergence {
    let report = audited(file, &pinned());
    assert!(!report.passed());
    report.divergence.expect("a report that fails says why")
}

/// The log with one body changed, chain, tree and signatures made anew with the true keys: what an operator
/// who lies can do.
pub fn forged(log: &Log, seq: usize, change: impl FnOnce(&mut EntryBody)) -> Vec<u8> {
    let mut log = log.clone();
    let mut body = EntryBody::from_bytes(&log.bodies[seq]).unwrap();
    change(&mut body);
    log.bodies[seq] = body.to_bytes();
    log.export().unwrap()
}
