//! Placements as the published rules give them. They were computed by a program in another language, from the
//! text of `spec/placement.md`; a change here moves the shards of every ledger.

use protocol::{Profile, node::FailureDomain, rules::DomainKind};
use storage_engine::placement::{Ring, domain_classes, place, replacement, start_hashes};

struct Case {
    profile: Profile,
    /// Whether nodes 3, 7 and 11 are outside of the object's regions.
    fence: bool,
    kind: DomainKind,
    assignment: &'static [u32],
    /// Who takes over, once the node at place 4 of the assignment is lost.
    replacement: u32,
}

const EC_3_2: Profile = Profile { data: 3, parity: 2, replicas: 1 };

const CASES: [Case; 8] = [
    Case {
        profile: Profile::QFS_V13,
        fence: false,
        kind: DomainKind::None,
        assignment: &[7, 6, 5, 4, 3, 2, 1, 0, 12, 7, 6, 5],
        replacement: 12,
    },
    Case {
        profile: Profile::QFS_V13,
        fence: false,
        kind: DomainKind::Asn,
        assignment: &[7, 5, 2, 4, 2, 12, 1, 12, 11, 7, 5, 2],
        replacement: 11,
    },
    Case {
        profile: Profile::QFS_V13,
        fence: true,
        kind: DomainKind::None,
        assignment: &[8, 6, 5, 4, 2, 1, 1, 0, 12, 5, 4, 2],
        replacement: 12,
    },
    Case {
        profile: Profile::QFS_V13,
        fence: true,
        kind: DomainKind::Asn,
        assignment: &[8, 5, 2, 4, 2, 12, 1, 12, 10, 5, 2, 12],
        replacement: 10,
    },
    Case {
        profile: EC_3_2,
        fence: false,
        kind: DomainKind::None,
        assignment: &[7, 6, 5, 4, 3],
        replacement: 9,
    },
    Case {
        profile: EC_3_2,
        fence: false,
        kind: DomainKind::Asn,
        assignment: &[7, 5, 2, 12, 11],
        replacement: 10,
    },
    Case {
        profile: EC_3_2,
        fence: true,
        kind: DomainKind::None,
        assignment: &[8, 6, 5, 4, 2],
        replacement: 1,
    },
    Case {
        profile: EC_3_2,
        fence: true,
        kind: DomainKind::Asn,
        assignment: &[8, 5, 2, 12, 10],
        replacement: 9,
    },
];

/// Object `obj_a`, version 1, on nodes 12 to 0 in this order, three neighbours in each domain; node 0 is leaving.
#[test]
fn pl_9_pl_10_pl_11_published_placements() {
    let domain = |node: u32| FailureDomain { asn: 100 + node / 3, ..Default::default() };
    let domains: Vec<FailureDomain> = (0..13).map(domain).collect();
    let nodes: Vec<u32> = (0..13).rev().collect();
    for Case { profile, fence, kind, assignment, replacement: expected } in CASES {
        let case = format!("{profile}, fence {fence}, {kind}");
        let classes = domain_classes(domains.iter(), kind);
        let ring = Ring::new(&nodes, classes.as_deref());
        let ring = if fence { ring.within(|node| node % 4 != 3) } else { ring };
        assert_eq!(place("obj_a", 1, profile, &ring).as_deref(), Ok(assignment), "{case}");

        let starts = start_hashes("obj_a", 1, profile);
        let ring = ring.within(|node| node != assignment[4]);
        let (column, copy) = if profile.parity == 0 { (1, 1) } else { (4, 0) };
        let to = replacement(&starts, profile, assignment, column, copy, &ring, |node| node == 0);
        assert_eq!(to, Some(expected), "{case}");
    }
}
