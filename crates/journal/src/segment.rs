//! Bytes of a segment file (`spec/journal.md`, JO-1 to JO-3).
//!
//! ```text
//! header   magic "QFSSEG\0\1" | first seq u64 | hash of the entry before u256 | crc32 u32
//! group    magic "QFSG" | payload length u32 | crc32 of length and payload u32 | payload
//! payload  first seq u64 | hash of the entry before u256 | cursor length u16 | cursor
//!          | count u32 | count × ( body length u32 | body )
//! ```
//!
//! Integers are big endian. A group is what one write and one fdatasync made durable: it is there as a whole or not at all.

use protocol::{Hash32, limits::MAX_BODY_BYTES};

/// Bytes of a segment's header.
pub const HEADER_LEN: usize = 52;
/// Bytes before a group's payload.
pub const FRAME_LEN: usize = 12;
/// Longest payload of a group.
pub const MAX_PAYLOAD: usize = 64 << 20;
/// Longest cursor that a sequencer may leave.
pub const MAX_CURSOR: usize = 4_096;

const SEGMENT_MAGIC: [u8; 8] = *b"QFSSEG\0\x01";
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

/// One group of entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Seq of the first entry.
    pub first_seq: u64,
    /// Hash of the entry before it.
    pub prev_entry_hash: Hash32,
    /// What the sequencer wants back after a restart. No entry's bytes depend on it.
    pub cursor: Vec<u8>,
    /// Canonical bytes of the entries' bodies.
    pub bodies: Vec<Vec<u8>>,
}

impl Group {
    /// The group's bytes, frame included.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut payload =
            Vec::with_capacity(64 + self.bodies.iter().map(|b| b.len() + 4).sum::<usize>());
        payload.extend(self.first_seq.to_be_bytes());
        payload.extend(self.prev_entry_hash.0);
        payload.extend((self.cursor.len() as u16).to_be_bytes());
        payload.extend(&self.cursor);
        payload.extend((self.bodies.len() as u32).to_be_bytes());
        for body in &self.bodies {
            payload.extend((body.len() as u32).to_be_bytes());
            payload.extend(body);
        }
        let mut bytes = Vec::with_capacity(FRAME_LEN + payload.len());
        bytes.extend(GROUP_MAGIC);
        let len = (payload.len() as u32).to_be_bytes();
        bytes.extend(len);
        bytes.extend(checksum(len, &payload).to_be_bytes());
        bytes.extend(payload);
        bytes
    }

    /// The group of a payload whose frame was checked; `None` when it is malformed all the same.
    #[must_use]
    pub fn from_payload(payload: &[u8]) -> Option<Self> {
        let mut input = Input(payload);
        let first_seq = u64::from_be_bytes(input.array()?);
        let prev_entry_hash = Hash32(input.array()?);
        let cursor_len = usize::from(u16::from_be_bytes(input.array()?));
        let cursor = input.take(cursor_len)?.to_vec();
        let count = u32::from_be_bytes(input.array()?) as usize;
        let mut bodies = Vec::with_capacity(count.min(payload.len() / 4));
        for _ in 0..count {
            let len = u32::from_be_bytes(input.array()?) as usize;
            if len > MAX_BODY_BYTES {
                return None;
            }
            bodies.push(input.take(len)?.to_vec());
        }
        input.0.is_empty().then_some(Self { first_seq, prev_entry_hash, cursor, bodies })
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
        (magic == GROUP_MAGIC && (46..=MAX_PAYLOAD).contains(&len)).then_some(Self { len, crc })
    }

    /// Whether `payload` is the one that the frame was made for.
    #[must_use]
    pub fn holds(&self, payload: &[u8]) -> bool {
        payload.len() == self.len && checksum((self.len as u32).to_be_bytes(), payload) == self.crc
    }
}

fn checksum(len: [u8; 4], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&len);
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

    fn group() -> Group {
        Group {
            first_seq: 7,
            prev_entry_hash: Hash32::of(b"before"),
            cursor: b"cursor".to_vec(),
            bodies: vec![b"one".to_vec(), vec![], b"three".to_vec()],
        }
    }

    #[test]
    fn jo_2_groups_go_there_and_back() {
        let bytes = group().to_bytes();
        let (frame, payload) = bytes.split_first_chunk().unwrap();
        let frame = Frame::from_bytes(frame).unwrap();
        assert!(frame.holds(payload));
        assert_eq!(Group::from_payload(payload), Some(group()));
    }

    /// JO-2: the checksum catches every flipped bit, so that a torn write is never read as a group.
    #[test]
    fn jo_2_every_flipped_bit_is_seen() {
        let bytes = group().to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let (frame, payload) = flipped.split_first_chunk().unwrap();
            let seen = Frame::from_bytes(frame).is_none_or(|frame| !frame.holds(payload));
            assert!(seen, "bit {bit}");
        }
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
