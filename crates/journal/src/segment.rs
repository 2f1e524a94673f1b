//! Bytes of a segment file (`spec/journal.md`, JO-1 to JO-3).
//!
//! ```text
//! header   magic "QFSSEG\0\2" | first seq u64 | hash of the entry before u256 | crc32 u32
//! group    magic "QFSG" | payload length u32 | crc32 of place, length and payload u32 | payload
//! payload  first seq u64 | hash of the entry before u256 | durable u64 | cursor length u16 | cursor
//!          | count u32 | count × ( body length u32 | body )
//! ```
//!
//! Integers are big endian. A group is what one write put there: it is there as a whole or not at all. Its checksum covers
//! the place where it stands, so that a group which the disk put elsewhere is not read as one.

use protocol::{Hash32, limits::MAX_BODY_BYTES};

/// Bytes of a segment's header.
pub const HEADER_LEN: usize = 52;
/// Bytes before a group's payload.
pub const FRAME_LEN: usize = 12;
/// Longest payload of a group.
pub const MAX_PAYLOAD: usize = 64 << 20;
/// Bytes of a payload besides the cursor and the entries with their lengths.
pub const FIXED_PAYLOAD: usize = 54;
/// Shortest payload of a group: no cursor, and one entry without bytes.
pub const MIN_PAYLOAD: usize = FIXED_PAYLOAD + 4;
/// Longest cursor that a sequencer may leave.
pub const MAX_CURSOR: usize = 4_096;

const SEGMENT_MAGIC: [u8; 8] = *b"QFSSEG\0\x02";
/// First bytes of every group.
pub const GROUP_MAGIC: [u8; 4] = *b"QFSG";

/// What a segment begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Seq of its first entry.
    pub first_seq: u64,
    /// Hash of the entry before.
    pub prev_entry_hash: Hash32,
}

impl SegmentHeader {
    /// The header's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..8].copy_from_slice(&SEGMENT_MAGIC);
        bytes[8..16].copy_from_slice(&self.first_seq.to_be_bytes());
        bytes[16..48].copy_from_slice(&self.prev_entry_hash.0);
        let crc = crc32fast::hash(&bytes[..48]);
        bytes[48..].copy_from_slice(&crc.to_be_bytes());
        bytes
    }

    /// The header that `bytes` are; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; HEADER_LEN]) -> Option<Self> {
        let mut first_seq = [0; 8];
        first_seq.copy_from_slice(&bytes[8..16]);
        let mut prev = [0; 32];
        prev.copy_from_slice(&bytes[16..48]);
        let header =
            Self { first_seq: u64::from_be_bytes(first_seq), prev_entry_hash: Hash32(prev) };
        (header.to_bytes() == *bytes).then_some(header)
    }
}

/// What a group says about the log before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupStart {
    /// Seq of the first entry.
    pub first_seq: u64,
    /// Hash of the entry before it.
    pub prev_entry_hash: Hash32,
    /// Number of entries that were known to be durable when the group was written, at most `first_seq`.
    pub durable: u64,
}

/// One group of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Where it continues the log.
    pub start: GroupStart,
    /// What the sequencer wants back after a restart. No entry's bytes depend on it.
    pub cursor: Vec<u8>,
    /// Canonical bytes of the entries' bodies.
    pub bodies: Vec<Vec<u8>>,
}

/// The bytes of a group at offset `at` of its file, frame included; `None` when something in it is longer than
/// a group can hold.
#[must_use]
pub fn encode_group(
    at: u64,
    start: &GroupStart,
    cursor: &[u8],
    bodies: &[Vec<u8>],
) -> Option<Vec<u8>> {
    let len =
        FIXED_PAYLOAD + cursor.len() + bodies.iter().map(|body| 4 + body.len()).sum::<usize>();
    let fits = cursor.len() <= MAX_CURSOR
        && len <= MAX_PAYLOAD
        && bodies.iter().all(|body| body.len() <= MAX_BODY_BYTES);
    if !fits {
        return None;
    }
    let mut bytes = Vec::with_capacity(FRAME_LEN + len);
    bytes.extend(GROUP_MAGIC);
    bytes.extend((len as u32).to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(start.first_seq.to_be_bytes());
    bytes.extend(start.prev_entry_hash.0);
    bytes.extend(start.durable.to_be_bytes());
    bytes.extend((cursor.len() as u16).to_be_bytes());
    bytes.extend(cursor);
    bytes.extend((bodies.len() as u32).to_be_bytes());
    for body in bodies {
        bytes.extend((body.len() as u32).to_be_bytes());
        bytes.extend(body);
    }
    let crc = checksum(at, len as u32, &bytes[FRAME_LEN..]);
    bytes[8..FRAME_LEN].copy_from_slice(&crc.to_be_bytes());
    Some(bytes)
}

impl Group {
    /// The group of a payload whose frame was checked; `None` when it is malformed all the same.
    #[must_use]
    pub fn from_payload(payload: &[u8]) -> Option<Self> {
        let mut input = Input(payload);
        let first_seq = u64::from_be_bytes(input.array()?);
        let prev_entry_hash = Hash32(input.array()?);
        let durable = u64::from_be_bytes(input.array()?);
        let start = GroupStart { first_seq, prev_entry_hash, durable };
        let cursor_len = usize::from(u16::from_be_bytes(input.array()?));
        let cursor = input.take(cursor_len)?.to_vec();
        let count = u32::from_be_bytes(input.array()?) as usize;
        if cursor_len > MAX_CURSOR || durable > first_seq || count == 0 {
            return None;
        }
        let mut bodies = Vec::with_capacity(count.min(payload.len() / 4));
        for _ in 0..count {
            let len = u32::from_be_bytes(input.array()?) as usize;
            if len > MAX_BODY_BYTES {
                return None;
            }
            bodies.push(input.take(len)?.to_vec());
        }
        input.0.is_empty().then_some(Self { start, cursor, bodies })
    }
}

/// A frame: length and checksum of the payload that follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Bytes of the payload.
    pub len: usize,
    crc: u32,
}

impl Frame {
    /// The frame that `bytes` are; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; FRAME_LEN]) -> Option<Self> {
        let mut input = Input(bytes);
        let magic: [u8; 4] = input.array()?;
        let len = u32::from_be_bytes(input.array()?) as usize;
        let crc = u32::from_be_bytes(input.array()?);
        (magic == GROUP_MAGIC && (MIN_PAYLOAD..=MAX_PAYLOAD).contains(&len))
            .then_some(Self { len, crc })
    }

    /// Whether `payload` is the one that the frame at offset `at` was made for.
    #[must_use]
    pub fn holds(&self, at: u64, payload: &[u8]) -> bool {
        payload.len() == self.len && checksum(at, self.len as u32, payload) == self.crc
    }
}

fn checksum(at: u64, len: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&at.to_be_bytes());
    hasher.update(&len.to_be_bytes());
    hasher.update(payload);
    hasher.finalize()
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::hash::hex_encode;

    const GOLDEN_HEADER: &str = "51465353454700020000000000000007ababababababababababababababababababababababababababababababababb6b65b58";
    const GOLDEN_GROUP: &str = "5146534700000050b998af6f0000000000000007abababababababababababababababababababababababababababababababab00000000000000050006637572736f7200000003000000036f6e6500000000000000057468726565";

    const AT: u64 = 52;

    fn group() -> Group {
        Group {
            start: GroupStart { first_seq: 7, prev_entry_hash: Hash32([0xab; 32]), durable: 5 },
            cursor: b"cursor".to_vec(),
            bodies: vec![b"one".to_vec(), vec![], b"three".to_vec()],
        }
    }

    fn encode(group: &Group) -> Vec<u8> {
        encode_group(AT, &group.start, &group.cursor, &group.bodies).unwrap()
    }

    #[test]
    fn jo_2_groups_go_there_and_back() {
        let bytes = encode(&group());
        let (frame, payload) = bytes.split_first_chunk().unwrap();
        let frame = Frame::from_bytes(frame).unwrap();
        assert!(frame.holds(AT, payload));
        assert!(!frame.holds(AT + 512, payload), "a group belongs to its place");
        assert_eq!(Group::from_payload(payload), Some(group()));
    }

    /// JO-2: the checksum catches every flipped bit, so that a torn write is never read as a group.
    #[test]
    fn jo_2_every_flipped_bit_is_seen() {
        let bytes = encode(&group());
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (frame, payload) = flipped.split_first_chunk().unwrap();
            let seen = Frame::from_bytes(frame).is_none_or(|frame| !frame.holds(AT, payload));
            assert!(seen, "bit {bit}");
        }
    }

    /// JO-2: what could not be read back is not made.
    #[test]
    fn jo_2_what_is_too_long_is_no_group() {
        let start = group().start;
        let encode = |cursor: usize, bodies: &[Vec<u8>]| {
            encode_group(AT, &start, &vec![0; cursor], bodies).is_some()
        };
        assert!(encode(MAX_CURSOR, &[vec![0; MAX_BODY_BYTES]]));
        assert!(!encode(MAX_CURSOR + 1, &[]));
        assert!(!encode(0, &[vec![0; MAX_BODY_BYTES + 1]]));
        assert!(!encode(0, &vec![vec![0; 1 << 16 >> 1]; 2_048]));
    }

    /// JO-2: a group cannot know more entries durable than come before it.
    #[test]
    fn jo_2_groups_do_not_vouch_for_themselves() {
        let mut group = group();
        group.start.durable = 8;
        assert_eq!(Group::from_payload(&encode(&group)[FRAME_LEN..]), None);
    }

    /// JO-2: a group has an entry; what it knows is durable is counted in entries.
    #[test]
    fn jo_2_a_group_without_entries_is_none() {
        let group = Group { bodies: Vec::new(), ..group() };
        assert_eq!(Group::from_payload(&encode(&group)[FRAME_LEN..]), None);
    }

    /// JO-1, JO-2: golden bytes, from an independent computation (Python's struct and zlib).
    #[test]
    fn jo_1_jo_2_golden_bytes() {
        let header = SegmentHeader { first_seq: 7, prev_entry_hash: Hash32([0xab; 32]) };
        assert_eq!(hex_encode(&header.to_bytes()), GOLDEN_HEADER);
        assert_eq!(hex_encode(&encode(&group())), GOLDEN_GROUP);
    }

    #[test]
    fn jo_1_headers_go_there_and_back() {
        let header = SegmentHeader { first_seq: 9, prev_entry_hash: Hash32::of(b"x") };
        let mut bytes = header.to_bytes();
        assert_eq!(SegmentHeader::from_bytes(&bytes), Some(header));
        bytes[20] ^= 1;
        assert_eq!(SegmentHeader::from_bytes(&bytes), None);
    }
}
