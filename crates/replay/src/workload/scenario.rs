//! The story of a generated log.

use alloc::{
    collections::{BTreeMap, VecDeque},
    format,
    vec::Vec,
};
use protocol::{
    AccountId, Action, Amount, Genesis, Hash32, ObjectId, Parameters, Profile, Rules,
    command::{Content as Stored, Custody, OpenAudit, Store},
    signature::{SeedSigner, Signer, Suite},
};

use super::{
    LEDGER_NAME, Spec, WorkloadError,
    content::Content,
    facts,
    keys::{log_ed25519, log_ml_dsa, signer},
    ledger::{Done, Ledger},
    nodes::{LATE_EXIT, NodeKeys},
    parliament::Motion,
    rng::Rng,
    rotation::Officers,
};

/// So many epochs begin with refusals of every kind, and later one in as many.
const REFUSING_EPOCHS: u64 = 16;

/// Versions with content that are kept, for each that is stored in an epoch; older ones are purged.
const KEPT_EPOCHS: u32 = 20;

/// Epochs between stores of very large content.
const LARGE_INTERVAL: u64 = 13;

/// Units of one ATR.
const ATR: u128 = 1_000_000_000_000_000_000;

/// An object that was stored.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) object: ObjectId,
    pub(super) client: usize,
    pub(super) latest: u64,
}

pub(super) struct Scenario<'a> {
    pub(super) spec: &'a Spec,
    pub(super) rng: Rng,
    pub(super) ledger: Ledger,
    pub(super) operator: &'a dyn Signer,
    pub(super) officers: &'a Officers,
    pub(super) council: Vec<&'a SeedSigner>,
    pub(super) clients: &'a [SeedSigner],
    pub(super) nodes: NodeKeys,
    pub(super) motions: Vec<Motion>,
    objects: Vec<Known>,
    /// Versions with content, the oldest first.
    kept: VecDeque<Known>,
    /// Leaf hashes of what nodes can prove.
    pub(super) leaves: BTreeMap<(ObjectId, u64), Vec<Vec<Hash32>>>,
}

/// The bodies of the log.
pub(super) fn run(spec: &Spec) -> Result<Vec<Vec<u8>>, WorkloadError> {
    let officers = Officers::new();
    let Some(operator) = officers.operator(0) else {
        return Err(WorkloadError("there is no operator".into()));
    };
    let clients = [
        signer("client-ed25519", Suite::Ed25519),
        signer("client-ed25519-2", Suite::Ed25519),
        signer("client-ml-dsa-44", Suite::MlDsa44),
    ];
    let mut scenario = Scenario {
        spec,
        rng: Rng::new(spec.seed),
        ledger: Ledger::new(spec.seed)?,
        operator,
        officers: &officers,
        council: officers.council(),
        clients: &clients,
        nodes: NodeKeys::default(),
        motions: Vec::new(),
        objects: Vec::new(),
        kept: VecDeque::new(),
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
        let nodes = (0..self.spec.nodes).map(|number| self.nodes.of_genesis(number)).collect();
        let genesis = Genesis {
            name: LEDGER_NAME.into(),
            log_keys: Vec::from([log_ed25519().public_key(), log_ml_dsa().public_key()]),
            operator: self.operator.public_key(),
            council: self.council.iter().map(|key| key.public_key()).collect(),
            parameters: Parameters::v13(self.spec.profile),
            rules: Rules::v13(),
            nodes,
        };
        let done = self.operate(Action::Genesis(genesis.into()))?;
        if done.accepted() { Ok(()) } else { Err(WorkloadError("genesis was refused".into())) }
    }

    fn epoch(&mut self, epoch: u64) -> Result<(), WorkloadError> {
        self.nodes(epoch)?;
        if self.spec.governed {
            self.rotations(epoch)?;
        }
        self.govern(epoch)?;
        self.credits(epoch)?;
        self.stores(self.spec.objects_per_epoch)?;
        self.store_large(epoch)?;
        self.end_versions()?;
        self.move_copies()?;
        if self.spec.governed && epoch == LATE_EXIT {
            self.exits(epoch)?;
        }
        if epoch <= REFUSING_EPOCHS || epoch.is_multiple_of(REFUSING_EPOCHS) {
            self.refusals()?;
        }
        let first = self.spec.council_epochs.saturating_add(1);
        if epoch >= first {
            self.audit(if epoch == first.saturating_add(2) {
                OpenAudit::All
            } else {
                OpenAudit::Sample(self.spec.sample)
            })?;
        }
        let advance = self.closing();
        if self.operate(advance)?.accepted() {
            Ok(())
        } else {
            Err(WorkloadError(format!("epoch {epoch} did not close")))
        }
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
        let (tick, profile) = (self.ledger.state.cursor().tick, self.profile());
        let content = Content::generate(&mut self.rng, profile, tick)?;
        let action = Action::Store(self.store_of(object, version, &content));
        if !self.ask(client, action)?.accepted() {
            return Ok(());
        }
        self.objects.retain(|known| known.object != *object);
        let known = Known { object: object.clone(), client, latest: version };
        self.objects.push(known.clone());
        self.kept.push_back(known);
        if let Some(leaves) = content.leaves {
            self.leaves.insert((object.clone(), version), leaves);
        }
        Ok(())
    }

    /// Now and then something whose fee takes the pool beyond its cap. It ends at once: no node could prove it.
    fn store_large(&mut self, epoch: u64) -> Result<(), WorkloadError> {
        if epoch.checked_rem(LARGE_INTERVAL) != Some(3) {
            return Ok(());
        }
        let (tick, profile) = (self.ledger.state.cursor().tick, self.profile());
        let content = Content::large(&mut self.rng, profile, tick)?;
        let (object, version) = (ObjectId(format!("large/{epoch}")), 1);
        let store = self.store_of(&object, version, &content);
        self.ask(1, Action::Store(store))?;
        self.ask(1, Action::Purge { object, version })?;
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

    /// The operator credits clients, so that they can store where fees are prepaid; one gets little. A scorer scores.
    fn credits(&mut self, epoch: u64) -> Result<(), WorkloadError> {
        if !self.spec.governed {
            return Ok(());
        }
        if epoch.is_multiple_of(3) {
            for (client, most) in [(0, 9_000_000), (1, 90_000_000), (2, 20_000)] {
                let Some(signer) = self.clients.get(client) else { continue };
                let account = AccountId::of(&signer.public_key());
                let atr = u128::from(self.rng.between(1, most));
                let amount = Amount::from_raw(atr.saturating_mul(ATR));
                self.operate(Action::Credit { account, amount })?;
            }
        }
        self.score()
    }

    /// Versions beyond those that are kept end, so that an audit's work does not grow with the log.
    fn end_old_versions(&mut self) -> Result<(), WorkloadError> {
        let most = self.spec.objects_per_epoch.saturating_mul(KEPT_EPOCHS);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        while self.kept.len() > most
            && let Some(Known { object, client, latest: version }) = self.kept.pop_front()
        {
            self.leaves.remove(&(object.clone(), version));
            self.objects.retain(|known| known.object != object || known.latest > version);
            self.ask(client, Action::Purge { object, version })?;
        }
        Ok(())
    }

    /// Delete markers, and versions that end.
    fn end_versions(&mut self) -> Result<(), WorkloadError> {
        self.end_old_versions()?;
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
                self.kept
                    .retain(|known| !purge || known.object != object || known.latest != latest);
                if !purge {
                    self.objects.push(Known { object, client, latest });
                }
            }
        }
        Ok(())
    }

    /// The operator's account, which outlives the operator's keys.
    pub(super) fn operators_account(&self) -> AccountId {
        let account = self.ledger.state.operator();
        account.unwrap_or_else(|| AccountId::of(&self.operator.public_key()))
    }

    /// The profile in force.
    pub(super) fn profile(&self) -> Profile {
        self.ledger.state.ledger().map_or(self.spec.profile, |ledger| ledger.parameters.profile)
    }

    /// An object that is there.
    pub(super) fn some_known(&mut self) -> Option<Known> {
        self.rng.pick(&self.objects).cloned()
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
