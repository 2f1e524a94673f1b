//! Commands as clients send them, from what they know.

use super::{Checked, History};
use crate::stack::{client, plan::Ask};
use protocol::{
    Action, Authorization, Command, CommandId, Hash32, ObjectId, command::Content, error::ErrorCode,
};
use storage_engine::admit_all;

impl History<'_> {
    // --- clients ---

    pub(super) fn ask(&mut self, number: u64, client: u8, ask: Ask) -> Checked {
        let Some((command, refused)) = self.command(number, client, ask) else {
            return Ok(());
        };
        self.sent.push(command.clone());
        let ledger_id = self.parties.ledger_id();
        let admitted = admit_all(Some(&ledger_id), vec![command]).pop();
        match (admitted, refused) {
            (Some(Ok(admitted)), None) => self.line.push_back(admitted),
            (Some(Err(found)), Some(code)) if found.refusal().code == code => {}
            (found, wanted) => {
                return Err(format!("admission says {found:?}, and must refuse with {wanted:?}"));
            }
        }
        Ok(())
    }

    /// The command, and how admission must refuse it if it must.
    pub(super) fn command(
        &self,
        number: u64,
        client: u8,
        ask: Ask,
    ) -> Option<(Command, Option<ErrorCode>)> {
        let rules = self.model.now();
        let epoch = rules.epoch.max(1);
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        let id = CommandId(id);
        let name = |object: u8| ObjectId(format!("object-{object}"));
        let latest =
            |object: u8| rules.objects.get(&name(object).0).map_or(0, |object| object.latest);
        let back = |count: u8| {
            self.sent.len().checked_sub(1 + usize::from(count)).and_then(|at| self.sent.get(at))
        };
        let make = |action| self.parties.command(id, epoch, client, action);
        let command = match ask {
            Ask::Store { object, gap, size, keys, behind } => {
                let version = (latest(object) + u64::from(gap)).max(1);
                let placed = epoch.saturating_sub(behind.into());
                make(client::store(name(object), version, placed, size.into(), keys))
            }
            Ask::Delete(object) => {
                make(Action::DeleteMarker { object: name(object), version: latest(object) + 1 })
            }
            Ask::Purge(object, before) => {
                let version = latest(object).saturating_sub(before.into()).max(1);
                make(Action::Purge { object: name(object), version })
            }
            Ask::Advance(faults, wrong) => make(client::advance(epoch + u64::from(wrong), faults)),
            Ask::OpenAudit => make(client::open_audit()),
            Ask::Answer(object, node, shown) => {
                make(self.audit_answer(&name(object), u32::from(node), shown)?)
            }
            Ask::Again(count) => {
                let command = back(count)?.clone();
                let refused = admit_all(Some(&self.parties.ledger_id()), vec![command.clone()]);
                let code = refused.first()?.as_ref().err().map(|found| found.refusal().code);
                return Some((command, code));
            }
            Ask::Conflict(count) => {
                let earlier = back(count)?;
                let action = Action::DeleteMarker { object: name(9), version: number + 1 };
                self.parties.command(earlier.id, epoch, client, action)
            }
            Ask::Inadmissible(kind) => return Some(self.inadmissible(id, epoch, kind)),
            Ask::Lifetime(early) => {
                let valid_until = if early { epoch + 2 } else { epoch - 1 };
                let action = Action::DeleteMarker { object: name(0), version: latest(0) + 1 };
                self.parties.command(id, valid_until, client, action)
            }
        };
        Some((command, None))
    }

    pub(super) fn inadmissible(
        &self,
        id: CommandId,
        epoch: u64,
        kind: u8,
    ) -> (Command, Option<ErrorCode>) {
        let object = |name: &str| ObjectId(name.into());
        let make = |client, action| self.parties.command(id, epoch, client, action);
        let (command, code) = match kind {
            0 => {
                let action = Action::DeleteMarker { object: object("x"), version: 0 };
                (make(0, action), ErrorCode::InvalidVersion)
            }
            1 => {
                let action = Action::Purge { object: object(""), version: 1 };
                (make(0, action), ErrorCode::InvalidInput)
            }
            2 => {
                let mut action = client::store(object("x"), 1, epoch, 1, 0);
                if let Action::Store(store) = &mut action {
                    store.content = Content::Manifest { root: Hash32::ZERO, count: 1, size: 1 };
                }
                (make(0, action), ErrorCode::InvalidInput)
            }
            _ => {
                let action = Action::Purge { object: object("x"), version: 1 };
                let mut command = make(1, action);
                if let Authorization::Signature { signature, .. } = &mut command.authorization {
                    signature[0] ^= 1;
                }
                (command, ErrorCode::Unauthorized)
            }
        };
        (command, Some(code))
    }

    /// What a node shows to the last audit whose opening has a receipt.
    pub(super) fn audit_answer(&self, object: &ObjectId, node: u32, shown: bool) -> Option<Action> {
        let (audit, beacon) =
            self.model.now().audit().filter(|(s, _)| *s < self.model.acknowledged)?;
        let versions = &self.model.now().objects.get(&object.0)?.versions;
        let (version, stored) = versions
            .iter()
            .filter_map(|(version, record)| Some((*version, record.stored.as_ref()?)))
            .next_back()?;
        Some(client::record_audit(
            audit,
            &beacon?,
            node,
            object.clone(),
            version,
            stored.size,
            shown,
        ))
    }
}
