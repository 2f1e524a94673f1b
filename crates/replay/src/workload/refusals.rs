//! Commands that are refused in the log: one of each kind that consensus could have committed.

use alloc::format;
use protocol::{
    Action, Authorization, Hash32, ObjectId,
    command::{Content, Reassign, RegisterNode, Store},
};

use super::{WorkloadError, content::Content as Generated, scenario::Scenario};

impl Scenario<'_> {
    /// Asks for what is refused, each for another reason.
    pub(super) fn refusals(&mut self) -> Result<(), WorkloadError> {
        self.refuse_objects()?;
        self.refuse_frames()?;
        self.refuse_nodes()?;
        if self.spec.governed { self.refuse_others() } else { Ok(()) }
    }

    /// Versions, owners, names, metadata.
    fn refuse_objects(&mut self) -> Result<(), WorkloadError> {
        let Some((object, client, latest)) = self.some_object() else {
            return Ok(());
        };
        let stranger = client.wrapping_add(1);
        self.store(client, &object, latest)?;
        self.store(client, &object, 0)?;
        self.store(stranger, &object, latest.saturating_add(1))?;
        let missing = ObjectId(format!("missing/{latest}"));
        let delete = Action::DeleteMarker { object: missing, version: 1 };
        self.ask(client, delete)?;
        let purge = Action::Purge { object: object.clone(), version: latest.saturating_add(9) };
        self.ask(client, purge)?;

        let good = self.a_store(&object, latest.saturating_add(1))?;
        let bad = [
            Store { metadata: br#"{"tags":["b","a"]}"#.to_vec(), ..good.clone() },
            Store {
                content: Content::Manifest { root: Hash32::ZERO, count: 2, size: 9 },
                ..good.clone()
            },
            Store { epoch: good.epoch.saturating_add(1), ..good.clone() },
        ];
        for store in bad {
            self.ask(client, Action::Store(store))?;
        }
        if self.rng.one_in(4) {
            let long = format!(r#"{{"long":"{}"}}"#, "x".repeat(16_384));
            let metadata = long.into_bytes();
            self.ask(client, Action::Store(Store { metadata, ..good }))?;
        }
        Ok(())
    }

    /// Lifetimes, signatures, authority.
    fn refuse_frames(&mut self) -> Result<(), WorkloadError> {
        let delete = Action::DeleteMarker { object: ObjectId("nothing".into()), version: 1 };
        let epoch = self.ledger.state.epoch();
        let payer = self.operators_account();
        for valid_until_epoch in [epoch.saturating_sub(1), epoch.saturating_add(2)] {
            let mut command = self.ledger.unsigned(payer, delete.clone());
            command.valid_until_epoch = valid_until_epoch;
            self.ledger.submit_signed(self.operator, command)?;
        }
        // Unsigned, where the operator's signature is needed.
        let advance = self.closing();
        let command = self.ledger.unsigned(payer, advance);
        self.ledger.commit(command)?;
        // Signed, and then changed.
        let command = self.ledger.unsigned(payer, delete);
        let Some(ledger_id) = self.ledger.state.ledger_id() else {
            return Ok(());
        };
        let mut command = command.sign(&ledger_id, self.operator);
        if let Authorization::Signature { signature, .. } = &mut command.authorization
            && let Some(first) = signature.first_mut()
        {
            *first ^= 1;
        }
        self.ledger.commit(command)?;
        Ok(())
    }

    /// Genesis, names of nodes, and nodes that are not eligible.
    fn refuse_nodes(&mut self) -> Result<(), WorkloadError> {
        if let Some(genesis) = self.ledger.state.genesis().cloned() {
            self.operate(Action::Genesis(genesis.into()))?;
        }
        let nodes = self.ledger.state.nodes();
        let taken = nodes.first().map(|node| node.node_id.clone());
        if let Some(node_id) = taken {
            self.operate(Action::RegisterNode(RegisterNode {
                node_id,
                scheme: "ML-DSA-44".into(),
                public_key: alloc::vec![7; 1_312],
                domain: Default::default(),
            }))?;
        }
        let Some((object, _, version)) = self.some_object() else {
            return Ok(());
        };
        let record = self.ledger.state.version(&object, version).map_err(WorkloadError::from)?;
        let from = record
            .and_then(|record| record.stored)
            .and_then(|stored| stored.assignment.first().copied());
        if let Some(from) = from {
            self.operate(Action::Reassign(Reassign {
                object,
                version,
                column: 0,
                copy: 0,
                from,
                to: u32::MAX,
            }))?;
        }
        Ok(())
    }

    /// A store that would be accepted.
    fn a_store(&mut self, object: &ObjectId, version: u64) -> Result<Store, WorkloadError> {
        let tick = self.ledger.state.cursor().tick;
        let profile = self.profile();
        let content = Generated::generate(&mut self.rng, profile, tick)?;
        Ok(self.store_of(object, version, &content))
    }
}
