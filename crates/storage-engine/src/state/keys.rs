//! Keys of the state map (ST-1). One letter names the kind of a record; the rest orders records
//! within their kind, with integers big endian so that byte order is numeric order.

use alloc::vec::Vec;
use protocol::{
    AccountId, CommandId, Hash32, NodeId, ObjectId, canonical,
    governance::{ProposalNumber, Speaker, Subject},
    keys::KeyHolder,
    node::NodeNumber,
};

/// Separates an object's name, which has no NUL, from its version.
const SEPARATOR: &[u8] = &[0];

/// Kinds of records that the state root does not cover: command ids, the cursor, pages of the tree
/// itself. The first two are facts about the log, which the log proves.
const UNAUTHENTICATED: [u8; 3] = [COMMAND, TREE_PAGE, b'Z'];

/// First byte of the key of a page of the state tree.
pub const TREE_PAGE: u8 = b'T';
/// First byte of the key of an object.
pub const OBJECT: u8 = b'O';
/// First byte of the key of an account.
pub const ACCOUNT: u8 = b'A';
/// First byte of the key of a command id.
pub const COMMAND: u8 = b'C';

/// Whether the state root covers the record at `key`.
#[must_use]
pub fn is_authenticated(key: &[u8]) -> bool {
    key.first().is_some_and(|kind| !UNAUTHENTICATED.contains(kind))
}

/// First bytes of the keys of all records that the state root covers, in order. A store may have keys of its own beside them.
pub(super) const AUTHENTICATED: [u8; 17] = *b"ABEFGHIKLNOPQSUVW";

/// All records of a kind: from, end.
pub(super) const fn kind(first: u8) -> ([u8; 1], [u8; 1]) {
    ([first], [first.saturating_add(1)])
}

/// Genesis, as it was given.
#[must_use]
pub fn genesis() -> Vec<u8> {
    b"G".to_vec()
}

/// Totals and the open epoch.
#[must_use]
pub fn ledger() -> Vec<u8> {
    b"L".to_vec()
}

/// Where in the log the state stands.
#[must_use]
pub fn cursor() -> Vec<u8> {
    b"Z".to_vec()
}

/// A node.
#[must_use]
pub fn node(number: NodeNumber) -> Vec<u8> {
    [b"N", &number.to_be_bytes()[..]].concat()
}

/// A node's public key.
#[must_use]
pub fn node_key(number: NodeNumber) -> Vec<u8> {
    [b"K", &number.to_be_bytes()[..]].concat()
}

/// The keys of a holder.
#[must_use]
pub fn holder(holder: KeyHolder) -> Vec<u8> {
    match holder {
        KeyHolder::Log => b"H\x00".to_vec(),
        KeyHolder::Operator => b"H\x01".to_vec(),
        KeyHolder::Council(seat) => [b"H\x02", &seat.to_be_bytes()[..]].concat(),
        KeyHolder::Node(number) => [b"H\x03", &number.to_be_bytes()[..]].concat(),
    }
}

/// A node's number by its name.
#[must_use]
pub fn node_number(id: &NodeId) -> Vec<u8> {
    [b"I", id.0.as_bytes()].concat()
}

/// An epoch: its eligible nodes, and its accounts once closed.
#[must_use]
pub fn epoch(epoch: u64) -> Vec<u8> {
    [b"E", &epoch.to_be_bytes()[..]].concat()
}

/// An account.
#[must_use]
pub fn account(id: &AccountId) -> Vec<u8> {
    [&[ACCOUNT], id.0.as_ref()].concat()
}

/// Reads a key made by [`account`].
#[must_use]
pub fn parse_account(key: &[u8]) -> Option<AccountId> {
    Some(AccountId(Hash32(key.strip_prefix(&[ACCOUNT])?.try_into().ok()?)))
}

/// An object: its owner and its latest version.
#[must_use]
pub fn object(id: &ObjectId) -> Vec<u8> {
    [&[OBJECT], id.0.as_bytes()].concat()
}

/// One version of an object.
#[must_use]
pub fn version(id: &ObjectId, version: u64) -> Vec<u8> {
    [b"V", id.0.as_bytes(), SEPARATOR, &version.to_be_bytes()].concat()
}

/// All versions of one object: from, end.
#[must_use]
pub fn versions(id: &ObjectId) -> (Vec<u8>, Vec<u8>) {
    ([b"V", id.0.as_bytes(), SEPARATOR].concat(), [b"V", id.0.as_bytes(), &[1]].concat())
}

/// All versions of all objects whose name begins with `prefix`: from, end. UTF-8 has no byte 0xff.
#[must_use]
pub fn versions_with_prefix(prefix: &str) -> (Vec<u8>, Vec<u8>) {
    ([b"V", prefix.as_bytes()].concat(), [b"V", prefix.as_bytes(), &[0xff]].concat())
}

/// Splits a key made by [`version`].
#[must_use]
pub fn parse_version(key: &[u8]) -> Option<(&str, u64)> {
    named(key.strip_prefix(b"V")?)
}

/// Splits a key made by [`score`].
#[must_use]
pub fn parse_score(key: &[u8]) -> Option<(&str, u64)> {
    named(key.strip_prefix(b"Q")?)
}

fn named(rest: &[u8]) -> Option<(&str, u64)> {
    let (name, number) = rest.split_last_chunk::<8>()?;
    let name = core::str::from_utf8(name.strip_suffix(SEPARATOR)?).ok()?;
    Some((name, u64::from_be_bytes(*number)))
}

/// That a shard was proved by a node in an epoch.
#[must_use]
pub fn proof(epoch: u64, node: NodeNumber, shard_id: &Hash32) -> Vec<u8> {
    [b"S", &epoch.to_be_bytes()[..], &node.to_be_bytes(), shard_id.as_ref()].concat()
}

/// All proofs of an epoch: from, end.
#[must_use]
pub fn proofs(epoch: u64) -> (Vec<u8>, Vec<u8>) {
    range(b'S', epoch)
}

/// That a node failed to prove a shard in an epoch.
#[must_use]
pub fn failed_proof(epoch: u64, node: NodeNumber, shard_id: &Hash32) -> Vec<u8> {
    [b"F", &epoch.to_be_bytes()[..], &node.to_be_bytes(), shard_id.as_ref()].concat()
}

/// All failed proofs of an epoch: from, end.
#[must_use]
pub fn failed_proofs(epoch: u64) -> (Vec<u8>, Vec<u8>) {
    range(b'F', epoch)
}

/// A proposal.
#[must_use]
pub fn proposal(number: ProposalNumber) -> Vec<u8> {
    [b"P", &number.to_be_bytes()[..]].concat()
}

/// Who votes on a proposal, with what weight.
#[must_use]
pub fn electors(number: ProposalNumber) -> Vec<u8> {
    [b"W", &number.to_be_bytes()[..]].concat()
}

/// A vote on a proposal.
#[must_use]
pub fn ballot(number: ProposalNumber, speaker: Speaker) -> Vec<u8> {
    [b"B", &number.to_be_bytes()[..], &canonical::encode(&speaker)].concat()
}

/// All votes on a proposal: from, end.
#[must_use]
pub fn ballots(number: ProposalNumber) -> (Vec<u8>, Vec<u8>) {
    range(b'B', number)
}

/// A subject of proposals; emergencies have their own.
#[must_use]
pub fn subject(emergency: bool, subject: Subject) -> Vec<u8> {
    [b"U", canonical::encode(&(emergency, subject)).as_slice()].concat()
}

/// The score of a version.
#[must_use]
pub fn score(id: &ObjectId, version: u64) -> Vec<u8> {
    [b"Q", id.0.as_bytes(), SEPARATOR, &version.to_be_bytes()].concat()
}

/// That a command id was used in an epoch.
#[must_use]
pub fn command(epoch: u64, id: &CommandId) -> Vec<u8> {
    [&[COMMAND], &epoch.to_be_bytes()[..], &id.0].concat()
}

/// All command ids of an epoch: from, end.
#[must_use]
pub fn commands(epoch: u64) -> (Vec<u8>, Vec<u8>) {
    range(COMMAND, epoch)
}

fn range(kind: u8, epoch: u64) -> (Vec<u8>, Vec<u8>) {
    let bound = |epoch: u64| [&[kind], &epoch.to_be_bytes()[..]].concat();
    (bound(epoch), epoch.checked_add(1).map_or_else(|| [kind.saturating_add(1)].to_vec(), bound))
}

/// A page of the state tree (ST-4): the subtree of all paths that begin with the first `level` half bytes of `path`.
#[must_use]
pub fn tree_page(level: u8, path: &Hash32) -> Vec<u8> {
    let whole = usize::from(level / 2);
    let mut key = Vec::with_capacity(whole.saturating_add(3));
    key.extend_from_slice(&[TREE_PAGE, level]);
    key.extend(path.0.iter().take(whole));
    if level % 2 == 1 {
        key.extend(path.0.get(whole).map(|byte| byte & 0xf0));
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn st_1_order_is_by_name_then_version() {
        let key = |name: &str, number| version(&ObjectId(name.into()), number);
        let ordered = [
            key("a", 1),
            key("a", 256),
            key("a\u{1}", 1),
            key("a/b", 1),
            key("ab", 0),
            key("b", 1),
        ];
        assert!(ordered.is_sorted());
        assert_eq!(parse_version(&key("a/b", 7)), Some(("a/b", 7)));
        let (from, end) = versions(&ObjectId("a".into()));
        assert!(from <= key("a", 0) && key("a", u64::MAX) < end && end <= key("a\u{1}", 0));
    }

    #[test]
    fn st_11_the_kinds_are_those_under_the_root() {
        assert!(AUTHENTICATED.is_sorted());
        assert!(AUTHENTICATED.iter().all(|kind| is_authenticated(&[*kind])));
        assert!(UNAUTHENTICATED.iter().all(|kind| !AUTHENTICATED.contains(kind)));
    }

    #[test]
    fn st_4_tree_pages_are_named_by_their_half_bytes() {
        let ones = Hash32([0xff; 32]);
        assert_eq!(tree_page(0, &ones), [b'T', 0]);
        assert_eq!(tree_page(1, &ones), [b'T', 1, 0xf0]);
        assert_eq!(tree_page(2, &ones), [b'T', 2, 0xff]);
        assert_eq!(tree_page(3, &ones), [b'T', 3, 0xff, 0xf0]);
        assert_eq!(tree_page(63, &ones).len(), 34);
    }
}
