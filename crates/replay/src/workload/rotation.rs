//! Keys of operator, council and nodes that change in a generated log; those of the log do not.

use alloc::{format, vec::Vec};
use protocol::{
    Action, Hash32,
    command::OpenAudit,
    governance::Speaker,
    keys::{KeyHolder, RevokeKeys, RotateKeys},
    signature::{SeedSigner, Signer, Suite},
};

use super::{WorkloadError, keys::signer, scenario::Scenario};

/// Seats of the council.
pub(super) const SEATS: usize = 3;

/// Every key that operator and council ever have, by generation.
pub(super) struct Officers {
    operators: [SeedSigner; 3],
    council: [[SeedSigner; SEATS]; 2],
}

impl Officers {
    pub(super) fn new() -> Self {
        let named = |name: &str, generation: usize| {
            let later = format!("{name}@{generation}");
            signer(if generation == 1 { name } else { &later }, Suite::Ed25519)
        };
        let seats =
            |generation| [0, 1, 2].map(|seat: usize| named(&format!("council-{seat}"), generation));
        Self {
            operators: [1, 2, 3].map(|generation| named("operator", generation)),
            council: [seats(1), seats(2)],
        }
    }

    /// The operator's key of a generation, counted from 0 here.
    pub(super) fn operator(&self, at: usize) -> Option<&SeedSigner> {
        self.operators.get(at)
    }

    /// The keys that the council begins with.
    pub(super) fn council(&self) -> Vec<&SeedSigner> {
        self.council.first().into_iter().flatten().collect()
    }

    fn second(&self, seat: usize) -> Option<&SeedSigner> {
        self.council.get(1)?.get(seat)
    }
}

impl Scenario<'_> {
    /// What happens to keys in an epoch, with the refusals around it.
    pub(super) fn rotations(&mut self, epoch: u64) -> Result<(), WorkloadError> {
        match epoch {
            3 => self.rotate_operator(1),
            5 => self.rotate_seat(1),
            7 => self.rotate_node(3),
            9 => self.rotate_operator(2),
            11 => self.revoke_seat(2),
            _ => Ok(()),
        }
    }

    fn rotation(&self, holder: KeyHolder, generation: u32, new: &dyn Signer) -> Action {
        let ledger_id = self.ledger.state.ledger_id().unwrap_or(Hash32::ZERO);
        Action::RotateKeys(RotateKeys::signed(&ledger_id, holder, generation, &[new], &[]).into())
    }

    fn rotate_operator(&mut self, at: usize) -> Result<(), WorkloadError> {
        let Some(new) = self.officers.operator(at) else { return Ok(()) };
        let generation = u32::try_from(at).unwrap_or(0).saturating_add(1);
        let rotation = self.rotation(KeyHolder::Operator, generation, new);
        // Nobody else's to give, and not out of turn.
        self.ask(0, rotation.clone())?;
        let late = self.rotation(KeyHolder::Operator, generation.saturating_add(1), new);
        self.operate(late)?;
        self.operate(rotation)?;
        // The old key tries once more.
        self.operate(Action::OpenAudit(OpenAudit::All))?;
        self.operator = new;
        Ok(())
    }

    fn rotate_seat(&mut self, seat: usize) -> Result<(), WorkloadError> {
        let Some(new) = self.officers.second(seat) else { return Ok(()) };
        let number = u32::try_from(seat).unwrap_or(0);
        let rotation = self.rotation(KeyHolder::Council(number), 2, new);
        self.speak(Speaker::Council(number), rotation)?;
        if let Some(key) = self.council.get_mut(seat) {
            *key = new;
        }
        Ok(())
    }

    fn rotate_node(&mut self, number: u32) -> Result<(), WorkloadError> {
        let new = signer(&format!("node-{number}@2"), Suite::MlDsa65);
        let rotation = self.rotation(KeyHolder::Node(number), 2, &new);
        self.speak(Speaker::Node(number), rotation)?;
        self.nodes.replace(number, new);
        Ok(())
    }

    fn revoke_seat(&mut self, seat: u32) -> Result<(), WorkloadError> {
        let holder = KeyHolder::Council(seat);
        let revoke = |generation| {
            Action::RevokeKeys(RevokeKeys { holder, generation, reason: "key lost".into() })
        };
        for generation in [2, 1, 1] {
            self.speak(Speaker::Council(seat), revoke(generation))?;
        }
        Ok(())
    }
}
