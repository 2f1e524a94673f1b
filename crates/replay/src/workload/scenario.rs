//! The story of a generated log.

use alloc::{collections::BTreeMap, format, vec::Vec};
use protocol::{
    Action, Genesis, Hash32, NodeId, ObjectId, Parameters, Rules,
    command::{Content as Stored, Custody, OpenAudit, Reassign, RegisterNode, Store},
    genesis::GenesisNode,
    node::FailureDomain,
    signature::{SeedSigner, Signer, Suite},
};

use super::{
    LEDGER_NAME, Spec, WorkloadError,
    content::Content,
    facts,
    keys::{log_ed25519, log_ml_dsa, signer},
    ledger::{Done, Ledger},
    rng::Rng,
};

/// The epoch whose audit challenges every shard; the others draw a sample.
const FULL_AUDIT_EPOCH: u64 = 3;

/// Shards of a node that the other audits challenge.
const SAMPLE: u32 = 24;

/// An object that was stored.
#[derive(Clone, Debug)]
struct Known {
    object: ObjectId,
    client: usize,
    latest: u64,
}

pub(super) struct Scenario<'a> {
    pub(super) spec: &'a Spec,
    pub(super) rng: Rng,
    pub(super) ledger: Ledger,
    pub(super) operator: &'a dyn Signer,
    clients: &'a [SeedSigner],
    objects: Vec<Known>,
    /// Leaf hashes of what nodes can prove.
    pub(super) leaves: BTreeMap<(ObjectId, u64), Vec<Vec<Hash32>>>,
}

/// The bodies of the log.
pub(super) fn run(spec: &Spec) -> Result<Vec<Vec<u8>>, WorkloadError> {
    let operator = signer("operator", Suite::Ed25519);
    let clients = [
        signer("client-ed25519", Suite::Ed25519),
        signer("client-ed25519-2", Suite::Ed25519),
        signer("client-ml-dsa-44", Suite::MlDsa44),
    ];
    let mut scenario = Scenario {
        spec,
        rng: Rng::new(spec.seed),
        ledger: Ledger::new(spec.seed)?,
        operator: &operator,
        clients: &clients,
        objects: Vec::new(),
        leaves: BTreeMap::new(),
    };
    scenario.open()?;
    for epoch in 1..=spec.epochs {
        scenario.epoch(epoch)?;
    }
    // The log ends inside of an epoch, as logs do.
    scenario.stores(2)?;
    Ok(scenario.ledger.bodies)
}

impl Scenario<'_> {
    fn open(&mut self) -> Result<(), WorkloadError> {
        let council = (0..3).map(|at| signer(&format!("council-{at}"), Suite::Ed25519));
        let nodes = (0..self.spec.nodes).map(|number| GenesisNode {
            node_id: node_id(number),
            scheme: "ML-DSA-44".into(),
            key_hash: Hash32::of(&node_key(number)),
            domain: domain(number),
        });
        let genesis = Genesis {
            name: LEDGER_NAME.into(),
            log_keys: Vec::from([log_ed25519().public_key(), log_ml_dsa().public_key()]),
            operator: self.operator.public_key(),
            council: council.map(|key| key.public_key()).collect(),
            parameters: Parameters::v13(self.spec.profile),
            rules: Rules::v13(),
            nodes: nodes.collect(),
        };
        let done = self.operate(Action::Genesis(genesis.into()))?;
        if done.accepted() { Ok(()) } else { Err(WorkloadError("genesis was refused".into())) }
    }

    fn epoch(&mut self, epoch: u64) -> Result<(), WorkloadError> {
        self.nodes(epoch)?;
        self.stores(self.spec.objects_per_epoch)?;
        self.end_versions()?;
        self.move_copies()?;
        self.refusals()?;
        self.audit(if epoch == FULL_AUDIT_EPOCH {
            OpenAudit::All
        } else {
            OpenAudit::Sample(SAMPLE)
        })?;
        let advance = self.closing();
        if self.operate(advance)?.accepted() {
            Ok(())
        } else {
            Err(WorkloadError(format!("epoch {epoch} did not close")))
        }
    }

    /// A genesis node discloses its key; every third epoch a node joins.
    fn nodes(&mut self, epoch: u64) -> Result<(), WorkloadError> {
        let disclosing = u32::try_from(epoch.saturating_sub(1)).unwrap_or(u32::MAX);
        let joining = u32::try_from(self.ledger.state.nodes().len()).unwrap_or(u32::MAX);
        let joins = epoch.checked_rem(3) == Some(2);
        for number in
            [(disclosing < self.spec.nodes).then_some(disclosing), joins.then_some(joining)]
                .into_iter()
                .flatten()
        {
            self.operate(Action::RegisterNode(RegisterNode {
                node_id: node_id(number),
                scheme: "ML-DSA-44".into(),
                public_key: node_key(number),
                domain: domain(number),
            }))?;
        }
        Ok(())
    }

    /// New objects, and now and then a new version of one that is there. Versions may leave gaps.
    pub(super) fn stores(&mut self, count: u32) -> Result<(), WorkloadError> {
        let few = u32::try_from(self.ledger.state.eligible().len())
            .is_ok_and(|eligible| eligible < u32::from(self.spec.profile.replicas).max(3));
        // Where nothing can be stored, a few refusals say so as well as many.
        for _ in 0..(if few { count.min(3) } else { count }) {
            let known = self.rng.pick(&self.objects).cloned();
            match known.filter(|_| self.rng.one_in(5)) {
                Some(known) => {
                    let step = self.rng.between(1, 3);
                    let version = known.latest.saturating_add(step);
                    self.store(known.client, &known.object, version)?;
                }
                None => {
                    let client = usize::try_from(self.rng.below(7)).unwrap_or(0) / 3;
                    let object = ObjectId(format!(
                        "shelf-{}/object-{:05}",
                        self.rng.below(7),
                        self.ledger.state.cursor().next_seq
                    ));
                    self.store(client, &object, 1)?;
                }
            }
        }
        Ok(())
    }

    /// Stores content as `client`, and remembers it if the ledger takes it.
    pub(super) fn store(
        &mut self,
        client: usize,
        object: &ObjectId,
        version: u64,
    ) -> Result<(), WorkloadError> {
        let tick = self.ledger.state.cursor().tick;
        let content = Content::generate(&mut self.rng, self.spec.profile, tick)?;
        let action = Action::Store(self.store_of(object, version, &content));
        if !self.ask(client, action)?.accepted() {
            return Ok(());
        }
        self.objects.retain(|known| known.object != *object);
        self.objects.push(Known { object: object.clone(), client, latest: version });
        if let Some(leaves) = content.leaves {
            self.leaves.insert((object.clone(), version), leaves);
        }
        Ok(())
    }

    pub(super) fn store_of(&self, object: &ObjectId, version: u64, content: &Content) -> Store {
        Store {
            object: object.clone(),
            version,
            epoch: self.ledger.state.epoch(),
            hash_commit: content.hash_commit,
            metadata: content.metadata.clone().into_bytes(),
            content: Stored::Single(content.layout.clone()),
            custody: Custody::Claimed,
        }
    }

    /// Delete markers, and versions that end.
    fn end_versions(&mut self) -> Result<(), WorkloadError> {
        for purge in [false, true, false] {
            let Some(known) = self.rng.pick(&self.objects).cloned() else {
                return Ok(());
            };
            let Known { object, client, latest } = known;
            let (action, latest) = if purge {
                let version = latest;
                let object = object.clone();
                (Action::Purge { object, version }, latest)
            } else {
                let version = latest.saturating_add(1);
                let object = object.clone();
                (Action::DeleteMarker { object, version }, version)
            };
            if self.ask(client, action)?.accepted() {
                self.objects.retain(|known| known.object != object);
                if !purge {
                    self.objects.push(Known { object, client, latest });
                }
            }
        }
        Ok(())
    }

    /// Moves copies to nodes that hold none of the object yet.
    fn move_copies(&mut self) -> Result<(), WorkloadError> {
        for _ in 0..2 {
            let Some((object, _, version)) = self.some_object() else {
                return Ok(());
            };
            let record =
                self.ledger.state.version(&object, version).map_err(WorkloadError::from)?;
            let Some(assignment) =
                record.and_then(|record| record.stored).map(|stored| stored.assignment)
            else {
                continue;
            };
            let free: Vec<u32> = self
                .ledger
                .state
                .eligible()
                .iter()
                .copied()
                .filter(|node| !assignment.contains(node))
                .collect();
            if let (Some(from), Some(to)) = (assignment.first(), self.rng.pick(&free)) {
                self.operate(Action::Reassign(Reassign {
                    object,
                    version,
                    column: 0,
                    copy: 0,
                    from: *from,
                    to: *to,
                }))?;
            }
        }
        Ok(())
    }

    /// An object with its owner and latest version.
    pub(super) fn some_object(&mut self) -> Option<(ObjectId, usize, u64)> {
        let known = self.rng.pick(&self.objects)?;
        Some((known.object.clone(), known.client, known.latest))
    }

    /// The command that closes the open epoch.
    pub(super) fn closing(&mut self) -> Action {
        let state = &self.ledger.state;
        Action::AdvanceEpoch(facts::closing(&mut self.rng, state.epoch(), state.nodes()))
    }

    /// A command of a client.
    pub(super) fn ask(&mut self, client: usize, action: Action) -> Result<Done, WorkloadError> {
        let client = client.checked_rem(self.clients.len()).unwrap_or(0);
        match self.clients.get(client) {
            Some(signer) => self.ledger.submit(signer, action),
            None => Err(WorkloadError("there are no clients".into())),
        }
    }

    /// A command of the operator.
    pub(super) fn operate(&mut self, action: Action) -> Result<Done, WorkloadError> {
        self.ledger.submit(self.operator, action)
    }
}

fn node_id(number: u32) -> NodeId {
    NodeId(format!("node-{number:03}"))
}

/// A stand-in for an ML-DSA-44 public key: entries only hold its length and hash.
fn node_key(number: u32) -> Vec<u8> {
    let seed = Hash32::of(format!("qfs test node key {number}").as_bytes());
    seed.0.into_iter().cycle().take(1_312).collect()
}

fn domain(number: u32) -> FailureDomain {
    FailureDomain {
        region: format!("region-{}", number.checked_rem(4).unwrap_or(0)),
        operator: format!("operator-{}", number.checked_rem(3).unwrap_or(0)),
        asn: 64_512u32.saturating_add(number),
    }
}
