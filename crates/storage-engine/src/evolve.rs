//! Evolution: what an accepted entry changes (ST-8). Writes only; nothing here can be refused, because
//! [`crate::decide`] has refused whatever does not fit.

mod governance;
mod rotation;

use aegis_registry::{Facts, lifecycle::pushed, verify};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use protocol::{
    AccountId, Action, Amount, Command, EntryBody, Event, Genesis, Hash32, ObjectId, Outcome,
    command::{AdvanceEpoch, Content, Reassign, RecordAudit, RegisterNode, Store},
    event::EpochClosed,
    node::{NodeNumber, NodeStatus, Reading, RegistryFact, Standing, TelemetryFact},
};
use token_state::Treasury;

use crate::{
    content::shard_id,
    decide::{Forces, coming, copy_index},
    layout::Geometry,
    state::{
        Hot, KeysInForce, State, StateError, StateResult, StateStore, domain_classes, keys,
        records::{
            AuditRecord, CommandRecord, EpochRecord, LedgerRecord, NewStored, NewVersion,
            NodeRecord, ObjectRecord, ScoreRecord, VersionRecord,
        },
    },
};

/// Applies an entry, whose command hashes to `command_hash`: its command's id is remembered, and if it was accepted its event happens.
///
/// # Errors
/// A fault of the store, or a state that contradicts the event.
pub fn evolve<S: StateStore>(
    state: &mut State<S>,
    entry: &EntryBody,
    command_hash: Hash32,
) -> StateResult<(), S> {
    if let Outcome::Accepted(event) = &entry.outcome {
        happen(state, entry, event)?;
    }
    // Remembered under the epoch after the entry, so that a closing's own id lives as long as any other.
    let record = CommandRecord { seq: entry.seq, hash: command_hash };
    state.put(keys::command(state.epoch(), &entry.command.id), &record);
    Ok(())
}

fn happen<S: StateStore>(
    state: &mut State<S>,
    entry: &EntryBody,
    event: &Event,
) -> StateResult<(), S> {
    let command = &entry.command;
    match (&command.action, event) {
        (Action::Genesis(genesis), Event::LedgerOpened { ledger_id }) => {
            open_ledger(state, genesis, *ledger_id, entry.seq)
        }
        (Action::RegisterNode(node), Event::NodeRegistered { node: number }) => {
            register(state, node, *number)
        }
        (Action::RegisterNode(node), Event::NodeKeyDisclosed { node: number }) => {
            state.put(keys::node_key(*number), &node.public_key);
            Ok(())
        }
        (Action::AdvanceEpoch(advance), Event::EpochClosed(closed)) => {
            close_epoch(state, advance, closed, entry.seq)
        }
        (Action::Store(store), Event::Stored { .. }) => store_version(state, entry, store, event),
        (Action::DeleteMarker { object, version }, Event::DeleteMarked) => {
            add_version(state, command, object, *version, &marker(entry));
            Ok(())
        }
        (Action::Purge { object, version }, Event::Purged) => end_version(state, object, *version),
        (Action::Reassign(reassign), Event::Reassigned) => move_copy(state, reassign),
        (Action::OpenAudit(scope), Event::AuditOpened) => {
            let hot = state.hot_mut()?;
            hot.ledger.audit =
                Some(AuditRecord { seq: entry.seq, scope: *scope, beacon: Hash32::ZERO });
            hot.each_node(|node| node.answers = 0);
            Ok(())
        }
        (Action::RecordAudit(record), Event::AuditRecorded { counted, failed }) => {
            record_audit(state, record, *counted, *failed)
        }
        (Action::Exit { node }, Event::Exiting) => {
            let hot = state.hot_mut()?;
            let epoch = hot.ledger.epoch;
            hot.node_mut(*node, |node| (node.standing, node.since) = (Standing::Draining, epoch))
        }
        (Action::Propose(propose), Event::Proposed { .. }) => {
            governance::open(state, entry.seq, propose, event)
        }
        (Action::Vote(vote), Event::Voted { weight }) => {
            governance::count(state, entry.seq, vote, *weight)
        }
        (Action::Activate { proposal, .. }, Event::Activated { effective }) => {
            governance::schedule(state, entry.seq, *proposal, *effective)
        }
        (Action::Credit { account, amount }, Event::Credited { .. }) => {
            let hot = state.hot_mut()?;
            let sum = hot.ledger.credited_by_operator.0.add(amount.0);
            hot.ledger.credited_by_operator = Amount(sum.map_err(|_| unfit())?);
            credit(state, account, *amount)
        }
        (Action::RecordScore(record), Event::Scored) => {
            let score = ScoreRecord { score: record.score, scorer: command.payer, seq: entry.seq };
            state.put(keys::score(&record.object, record.version), &score);
            Ok(())
        }
        (Action::RotateKeys(rotation), Event::KeysRotated) => {
            rotation::rotate(state, entry.seq, command, rotation)
        }
        (Action::RevokeKeys(revocation), Event::KeysRevoked) => {
            rotation::revoke(state, entry.seq, command, revocation)
        }
        _ => Err(StateError::Broken("an event does not belong to its command")),
    }
}

fn open_ledger<S: StateStore>(
    state: &mut State<S>,
    genesis: &Genesis,
    ledger_id: Hash32,
    seq: u64,
) -> StateResult<(), S> {
    state.put(keys::genesis(), genesis);
    let mut nodes = Vec::new();
    for (number, node) in (0..).zip(&genesis.nodes) {
        state.put(keys::node_number(&node.node_id), &number);
        nodes.push(NodeRecord {
            status: Some(NodeStatus::Verified),
            registry: Some(RegistryFact {
                node: number,
                key: Some(node.key_hash),
                scheme: node.scheme.clone(),
                revoked: false,
                reason: Default::default(),
            }),
            telemetry: Some(TelemetryFact { node: number, reading: Some(perfect_reading()) }),
            uptime_bucket: 10,
            standing: Standing::Active,
            ..new_node(&node.node_id, &node.scheme, node.key_hash, &node.domain, 1)
        });
    }
    let changed_nodes: BTreeSet<NodeNumber> = (0..).take(nodes.len()).collect();
    let rules = &genesis.rules;
    let eligible = sorted_by_id(&nodes, |_, node| rules.allows(&node.domain.region));
    let failure_domain = rules.failure_domain;
    state.put(
        keys::epoch(1),
        &EpochRecord { eligible: eligible.clone(), failure_domain, opened_at: seq, closed: None },
    );
    let ledger = LedgerRecord {
        epoch: 1,
        parameters: genesis.parameters.clone(),
        rules: rules.clone(),
        code_version: 1,
        treasury: Treasury::default(),
        credited_by_operator: Amount::ZERO,
        pending_credits: Amount::ZERO,
        bytes_stored: 0,
        audit: None,
        registry_hash: Hash32::ZERO,
        telemetry_hash: Hash32::ZERO,
        proposals: 0,
        open: Vec::new(),
        scheduled: Vec::new(),
    };
    let domains = domain_classes(&nodes, failure_domain);
    let genesis = genesis.clone();
    let operator = AccountId::of(&genesis.operator);
    let accounts = BTreeMap::new();
    state.set_hot(Hot {
        keys: KeysInForce::of(&genesis),
        genesis,
        operator,
        ledger_id,
        ledger,
        nodes,
        eligible,
        domains,
        changed_nodes,
        accounts,
    });
    Ok(())
}

/// Epoch 1 begins with nodes that are verified with uptime 1.
fn perfect_reading() -> Reading {
    let one = Amount(certified_math::BigNum128::ONE);
    Reading {
        uptime_ratio: one,
        health_score: one,
        conflict_detected: false,
        latency_bands: Default::default(),
        error_count: None,
    }
}

fn new_node(
    id: &protocol::NodeId,
    scheme: &str,
    key_hash: Hash32,
    domain: &protocol::node::FailureDomain,
    epoch: u64,
) -> NodeRecord {
    NodeRecord {
        node_id: id.clone(),
        scheme: scheme.into(),
        key_hash,
        domain: domain.clone(),
        status: None,
        registry: None,
        telemetry: None,
        uptime_bucket: 0,
        bytes_stored: 0,
        proofs: 0,
        answers: 0,
        nod: Amount::ZERO,
        standing: Standing::Probation,
        since: epoch,
        failed: 0,
        failures: Vec::new(),
    }
}

/// Numbers of the nodes that `keep` keeps, sorted by the bytes of their ids.
fn sorted_by_id(
    nodes: &[NodeRecord],
    keep: impl Fn(usize, &NodeRecord) -> bool,
) -> Vec<NodeNumber> {
    let mut kept: Vec<(&str, NodeNumber)> = (0..)
        .zip(nodes.iter().enumerate())
        .filter(|(_, (at, node))| keep(*at, node))
        .map(|(number, (_, node))| (node.node_id.0.as_str(), number))
        .collect();
    kept.sort_unstable();
    kept.into_iter().map(|(_, number)| number).collect()
}

fn register<S: StateStore>(
    state: &mut State<S>,
    node: &RegisterNode,
    number: NodeNumber,
) -> StateResult<(), S> {
    state.put(keys::node_number(&node.node_id), &number);
    state.put(keys::node_key(number), &node.public_key);
    let key_hash = Hash32::of(&node.public_key);
    let hot = state.hot_mut()?;
    let epoch = hot.ledger.epoch;
    hot.nodes.push(new_node(&node.node_id, &node.scheme, key_hash, &node.domain, epoch));
    hot.domains = domain_classes(&hot.nodes, hot.ledger.rules.failure_domain);
    hot.changed_nodes.insert(number);
    Ok(())
}

fn close_epoch<S: StateStore>(
    state: &mut State<S>,
    advance: &AdvanceEpoch,
    closed: &EpochClosed,
    seq: u64,
) -> StateResult<(), S> {
    let epoch = closed.epoch;
    let next = epoch.checked_add(1).ok_or(StateError::Broken("there is no later epoch"))?;
    let hot = state.hot_mut()?;
    hot.ledger.treasury = hot
        .ledger
        .treasury
        .settled(&closed.settlement)
        .map_err(|_| StateError::Broken("a settlement is not of the open fees"))?;
    come_into_force(state)?;
    let hot = state.hot_mut()?;
    close_nodes(hot, advance, closed, next)?;
    hot.ledger.registry_hash = advance.registry_hash;
    hot.ledger.telemetry_hash = advance.telemetry_hash;
    hot.ledger.audit = None;
    hot.ledger.epoch = next;
    hot.ledger.credited_by_operator = Amount::ZERO;
    hot.ledger.open.retain(|open| open.closes >= next);
    hot.domains = domain_classes(&hot.nodes, hot.ledger.rules.failure_domain);
    let opened = EpochRecord {
        eligible: hot.eligible.clone(),
        failure_domain: hot.ledger.rules.failure_domain,
        opened_at: seq,
        closed: None,
    };
    let mut record =
        state.epoch_record(epoch)?.ok_or(StateError::Broken("no record of the open epoch"))?;
    record.closed = Some(closed.clone());
    state.put(keys::epoch(epoch), &record);
    state.put(keys::epoch(next), &opened);
    forget(state, epoch)
}

/// Parameters, rules and credits of the proposals whose epoch begins (GV-10). What becomes of nodes is in the event.
fn come_into_force<S: StateStore>(state: &mut State<S>) -> StateResult<(), S> {
    let ledger = state.ledger().ok_or(StateError::Broken("no genesis"))?;
    if ledger.scheduled.is_empty() {
        return Ok(());
    }
    let Forces { parameters, rules, code_version, credits, proposals, .. } = coming(state, ledger)?;
    for (account, amount) in credits {
        let hot = state.hot_mut()?;
        let waiting = hot.ledger.pending_credits.0.sub(amount.0);
        hot.ledger.pending_credits = Amount(waiting.map_err(|_| unfit())?);
        credit(state, &account, amount)?;
    }
    let ledger = &mut state.hot_mut()?.ledger;
    ledger.parameters = parameters;
    ledger.rules = rules;
    ledger.code_version = code_version;
    ledger.scheduled.retain(|scheduled| !proposals.contains(&scheduled.proposal));
    Ok(())
}

fn close_nodes<F>(
    hot: &mut Hot,
    advance: &AdvanceEpoch,
    closed: &EpochClosed,
    next: u64,
) -> Result<(), StateError<F>> {
    let number_of_nodes = u32::try_from(hot.nodes.len()).unwrap_or(u32::MAX);
    let facts = Facts::checked(advance, number_of_nodes)
        .map_err(|_| StateError::Broken("facts were accepted that are malformed"))?;
    for ((number, node), account) in (0..).zip(&mut hot.nodes).zip(&closed.nodes) {
        let (registry, telemetry) = (facts.registry(number), facts.telemetry(number));
        node.status = Some(verify(registry, telemetry, &hot.ledger.rules));
        (node.registry, node.telemetry) = (registry.cloned(), telemetry.cloned());
        node.uptime_bucket = account.uptime_bucket;
        let nod = node.nod.0.add(account.reward.0);
        node.nod = Amount(nod.map_err(|_| StateError::Broken("NOD overflows"))?);
        node.failures = match (node.standing, account.standing) {
            (Standing::Quarantined, Standing::Probation) => Vec::new(),
            _ => pushed(node.failed, &node.failures),
        };
        (node.proofs, node.failed) = (0, 0);
        if node.standing != account.standing {
            (node.standing, node.since) = (account.standing, next);
        }
        hot.changed_nodes.insert(number);
    }
    let eligible = |at: usize, _: &NodeRecord| closed.nodes.get(at).is_some_and(|a| a.eligible);
    hot.eligible = sorted_by_id(&hot.nodes, eligible);
    Ok(())
}

fn credit<S: StateStore>(
    state: &mut State<S>,
    id: &AccountId,
    amount: Amount,
) -> StateResult<(), S> {
    let (account, _) = state.account(id)?.credited(amount).map_err(|_| unfit())?;
    let hot = state.hot_mut()?;
    hot.ledger.treasury = hot.ledger.treasury.credited(amount).map_err(|_| unfit())?;
    hot.accounts.insert(*id, account);
    Ok(())
}

const fn unfit<F>() -> StateError<F> {
    StateError::Broken("an amount was accepted that does not fit")
}

/// What only mattered in the epoch that closed, and command ids that are two epochs old.
fn forget<S: StateStore>(state: &mut State<S>, epoch: u64) -> StateResult<(), S> {
    for (from, end) in [keys::proofs(epoch), keys::failed_proofs(epoch)] {
        state.remove_range(&from, &end)?;
    }
    let kept = protocol::limits::COMMAND_ID_EPOCHS;
    if let Some(old) = epoch.saturating_add(1).checked_sub(kept) {
        let (from, end) = keys::commands(old);
        state.end_range(from, end);
    }
    Ok(())
}

fn store_version<S: StateStore>(
    state: &mut State<S>,
    entry: &EntryBody,
    store: &Store,
    event: &Event,
) -> StateResult<(), S> {
    let Event::Stored { fee, assignment, .. } = event else {
        return Err(StateError::Broken("an event does not belong to its command"));
    };
    let payer = entry.command.payer;
    let account = state.account(&payer)?;
    let hot = state.hot_mut()?;
    let prepaid = hot.ledger.parameters.prepaid;
    let broken = |_| StateError::Broken("a fee was accepted that does not fit");
    hot.ledger.treasury = hot.ledger.treasury.charged(*fee).map_err(broken)?;
    hot.accounts.insert(payer, account.charged(*fee, prepaid).map_err(broken)?);
    count_bytes(state, &store.content, assignment, u64::checked_add)?;
    let stored = NewStored {
        hash_commit: &store.hash_commit,
        metadata: &store.metadata,
        content: &store.content,
        custody: &store.custody,
        fee: *fee,
        assignment,
    };
    let record = NewVersion { stored: Some(stored), ..marker(entry) };
    add_version(state, &entry.command, &store.object, store.version, &record);
    Ok(())
}

const fn marker(entry: &EntryBody) -> NewVersion<'static> {
    NewVersion { seq: entry.seq, created_at_tick: entry.tick, stored: None }
}

/// The command's payer owns the object: it is new, or was decided to be theirs.
fn add_version<S: StateStore>(
    state: &mut State<S>,
    command: &Command,
    id: &ObjectId,
    version: u64,
    record: &NewVersion<'_>,
) {
    let object = ObjectRecord { owner: command.payer, latest: version, current: Some(version) };
    state.put(keys::object(id), &object);
    state.put(keys::version(id, version), record);
}

fn end_version<S: StateStore>(
    state: &mut State<S>,
    id: &ObjectId,
    version: u64,
) -> StateResult<(), S> {
    let broken = StateError::Broken("a version that ends does not exist");
    let (Some(object), Some(record)) = (state.object(id)?, state.version(id, version)?) else {
        return Err(broken);
    };
    if let Some(stored) = record.stored {
        count_bytes(state, &stored.content, &stored.assignment, u64::checked_sub)?;
    }
    state.remove(keys::version(id, version));
    if state.score(id, version)?.is_some() {
        state.remove(keys::score(id, version));
    }
    let mut current = None;
    state.visit_versions_of(id, &mut |_, version, _| {
        current = Some(version);
        true
    })?;
    state.put(keys::object(id), &ObjectRecord { current, ..object });
    Ok(())
}

/// Adds the copies of a version to, or takes them from, what their nodes hold.
fn count_bytes<S: StateStore>(
    state: &mut State<S>,
    content: &Content,
    assignment: &[NodeNumber],
    count: fn(u64, u64) -> Option<u64>,
) -> StateResult<(), S> {
    let Content::Single(layout) = content else {
        return Ok(());
    };
    let broken = || StateError::Broken("stored bytes do not add up");
    let geometry = Geometry::of(layout).map_err(|_| StateError::Broken("a layout is damaged"))?;
    let hot = state.hot_mut()?;
    for (column, nodes) in (0..).zip(assignment.chunks(usize::from(layout.profile.replicas))) {
        let bytes = geometry.shard_len(column);
        for node in nodes {
            let mut sum = None;
            hot.node_mut(*node, |node| {
                sum = count(node.bytes_stored, bytes);
                node.bytes_stored = sum.unwrap_or(node.bytes_stored);
            })?;
            sum.ok_or_else(broken)?;
            hot.ledger.bytes_stored = count(hot.ledger.bytes_stored, bytes).ok_or_else(broken)?;
        }
    }
    Ok(())
}

fn move_copy<S: StateStore>(state: &mut State<S>, reassign: &Reassign) -> StateResult<(), S> {
    let broken = || StateError::Broken("a copy that moves does not exist");
    let record = state.version(&reassign.object, reassign.version)?.ok_or_else(broken)?;
    let VersionRecord { stored: Some(mut stored), seq, created_at_tick } = record else {
        return Err(broken());
    };
    count_bytes(state, &stored.content, &stored.assignment, u64::checked_sub)?;
    let Content::Single(layout) = &stored.content else {
        return Err(broken());
    };
    let copy = copy_index(reassign.column, reassign.copy, layout.profile.replicas);
    *copy.and_then(|at| stored.assignment.get_mut(at)).ok_or_else(broken)? = reassign.to;
    count_bytes(state, &stored.content, &stored.assignment, u64::checked_add)?;
    let record = VersionRecord { seq, created_at_tick, stored: Some(stored) };
    state.put(keys::version(&reassign.object, reassign.version), &record);
    Ok(())
}

fn record_audit<S: StateStore>(
    state: &mut State<S>,
    record: &RecordAudit,
    counted: u32,
    failed: u32,
) -> StateResult<(), S> {
    let epoch = state.epoch();
    for answer in &record.answers {
        let shard = shard_id(&answer.object.0, answer.version, answer.column);
        let key = if answer.proof.is_some() { keys::proof } else { keys::failed_proof };
        state.put(key(epoch, record.node, &shard), &());
    }
    let answers = u32::try_from(record.answers.len()).unwrap_or(u32::MAX);
    let hot = state.hot_mut()?;
    hot.node_mut(record.node, |node| {
        node.answers = node.answers.saturating_add(answers);
        node.proofs = node.proofs.saturating_add(u64::from(counted));
        node.failed = node.failed.saturating_add(failed);
    })
}

impl Hot {
    fn node_mut<F>(
        &mut self,
        number: NodeNumber,
        change: impl FnOnce(&mut NodeRecord),
    ) -> Result<(), StateError<F>> {
        let node = usize::try_from(number).ok().and_then(|at| self.nodes.get_mut(at));
        change(node.ok_or(StateError::Broken("an entry names a node that is not registered"))?);
        self.changed_nodes.insert(number);
        Ok(())
    }

    fn each_node(&mut self, change: impl Fn(&mut NodeRecord)) {
        for (number, node) in (0..).zip(&mut self.nodes) {
            change(node);
            self.changed_nodes.insert(number);
        }
    }
}
