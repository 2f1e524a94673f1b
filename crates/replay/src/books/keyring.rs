//! The keys that were ever in force, told by genesis and accepted entries alone (KY-8).

use alloc::{collections::BTreeMap, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use protocol::{
    Genesis, Hash32,
    keys::{FIRST_GENERATION, KeyHolder, RevokeKeys, RotateKeys},
    signature::PublicKey,
};

use super::{difference, same};
use crate::compare::Difference;

/// One generation of a holder's keys.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Generation {
    /// Seq of the entry that began it; 0 for the first.
    pub from: u64,
    /// Its keys.
    pub keys: Vec<PublicKey>,
    /// Whether the keys before vouch for it; `None` for the first.
    pub endorsed: Option<bool>,
    /// Seq of the entry that declared it void.
    pub revoked: Option<u64>,
}

/// Every holder's generations, the first one first. A node is here from its first rotation on.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Keyring(BTreeMap<KeyHolder, Vec<Generation>>);

impl Keyring {
    /// The keys of a ledger that `genesis` has just opened.
    pub(crate) fn open(genesis: &Genesis) -> Self {
        let one = |key: &PublicKey| Vec::from([first(Vec::from([key.clone()]))]);
        let mut holders = BTreeMap::from([
            (KeyHolder::Log, Vec::from([first(genesis.log_keys.clone())])),
            (KeyHolder::Operator, one(&genesis.operator)),
        ]);
        let seats = (0..).map(KeyHolder::Council).zip(&genesis.council);
        holders.extend(seats.map(|(seat, key)| (seat, one(key))));
        Self(holders)
    }

    /// The log's generations.
    pub(crate) fn log(&self) -> &[Generation] {
        self.0.get(&KeyHolder::Log).map_or(&[], Vec::as_slice)
    }

    /// Whether `key` is the one in force of the operator or a seat.
    pub(crate) fn is_in_force(&self, holder: KeyHolder, key: &PublicKey) -> bool {
        let last = self.0.get(&holder).and_then(|generations| generations.last());
        last.is_some_and(|last| last.revoked.is_none() && last.keys.first() == Some(key))
    }

    /// Seats that somebody speaks for.
    pub(crate) fn seats(&self) -> impl Iterator<Item = u32> {
        self.0.iter().filter_map(|(holder, generations)| match holder {
            KeyHolder::Council(seat) if generations.last()?.revoked.is_none() => Some(*seat),
            _ => None,
        })
    }

    /// Holds an accepted rotation against the rules and enters it (KY-4). `signer` is the holder's key until now.
    pub(crate) fn rotate(
        &mut self,
        seq: u64,
        ledger_id: &Hash32,
        rotation: &RotateKeys,
        signer: &PublicKey,
    ) -> Result<(), Difference> {
        let log = self.log().last().map_or(Vec::new(), |last| last.keys.clone());
        let generations = self
            .0
            .entry(rotation.holder)
            .or_insert_with(|| Vec::from([first(Vec::from([signer.clone()]))]));
        same("keys.generation", number(generations).saturating_add(1), rotation.generation)?;
        let known = |key| generations.iter().any(|generation| generation.keys.contains(key));
        if rotation.keys.iter().any(known) {
            return Err(difference(
                "keys.keys",
                "keys that the holder never had",
                "an earlier key",
            ));
        }
        let message = rotation.message(ledger_id);
        check_signed("keys.possession", &rotation.keys, &message, &rotation.possession)?;
        if rotation.is_endorsed() {
            check_signed("keys.endorsement", &log, &message, &rotation.endorsement)?;
        }
        generations.push(Generation {
            from: seq,
            keys: rotation.keys.clone(),
            endorsed: Some(rotation.is_endorsed()),
            revoked: None,
        });
        Ok(())
    }

    /// Holds an accepted revocation against the rules and enters it (KY-6).
    pub(crate) fn revoke(&mut self, seq: u64, revocation: &RevokeKeys) -> Result<(), Difference> {
        let RevokeKeys { holder, generation, .. } = *revocation;
        let seats = self.seats().count();
        let generations = self.0.get_mut(&holder).map_or(&mut [][..], Vec::as_mut_slice);
        let is_last = number(generations) == generation;
        let fits = match holder {
            KeyHolder::Log => !is_last,
            KeyHolder::Council(_) => is_last && seats > 1,
            KeyHolder::Operator | KeyHolder::Node(_) => false,
        };
        let at = generation.checked_sub(FIRST_GENERATION).and_then(|at| usize::try_from(at).ok());
        let named = at.and_then(|at| generations.get_mut(at));
        match named.filter(|named| fits && named.revoked.is_none()) {
            Some(named) => named.revoked = Some(seq),
            None => {
                let expected = "a generation that can be revoked";
                return Err(difference("keys.generation", expected, generation));
            }
        }
        Ok(())
    }
}

fn first(keys: Vec<PublicKey>) -> Generation {
    Generation { from: 0, keys, endorsed: None, revoked: None }
}

fn number(generations: &[Generation]) -> u32 {
    u32::try_from(generations.len()).unwrap_or(u32::MAX)
}

fn check_signed(
    what: &str,
    keys: &[PublicKey],
    message: &[u8],
    signatures: &[Vec<u8>],
) -> Result<(), Difference> {
    let mut pairs = keys.iter().zip(signatures);
    if keys.len() == signatures.len() && pairs.all(|(key, by)| key.verify(message, by).is_ok()) {
        return Ok(());
    }
    Err(difference(what, "a signature by every key", "another signature"))
}
