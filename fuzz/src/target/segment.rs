//! The journal's segment files. Their parser knows nothing of RocksDB, which the crate around it would bring along; so it is
//! taken as the file that it is.

#[path = "../../../crates/journal/src/segment.rs"]
#[expect(clippy::wrong_self_convention, reason = "the journal's source, where these are public")]
mod format;

use protocol::Hash32;

use format::{
    FRAME_LEN, Frame, Group, GroupStart, HEADER_LEN, MAX_PAYLOAD, SegmentHeader, encode_group,
};

/// Where groups stand in the fuzzed file.
const AT: u64 = 512;

/// Bytes of a segment: a header has one encoding, a payload that is a group has one encoding, and a frame holds for its own place and
/// payload only (JO-1, JO-2).
pub fn segment(data: &[u8]) {
    if let Some((header, _)) = data.split_first_chunk::<HEADER_LEN>()
        && let Some(parsed) = SegmentHeader::from_bytes(header)
    {
        assert_eq!(parsed.to_bytes(), *header);
    }
    if let Some((frame, payload)) = data.split_first_chunk::<FRAME_LEN>()
        && let Some(frame) = Frame::from_bytes(frame)
    {
        assert!(frame.len <= MAX_PAYLOAD);
        assert!(!frame.holds(AT, payload) || frame.len == payload.len());
    }
    let Some(group) = Group::from_payload(data) else { return };
    let bytes =
        encode_group(AT, &group.start, &group.cursor, &group.bodies).expect("it is a group");
    let (frame, payload) = bytes.split_first_chunk().expect("longer than a frame");
    assert_eq!(payload, data);
    let frame = Frame::from_bytes(frame).expect("a frame");
    assert!(frame.holds(AT, payload) && !frame.holds(AT + 1, payload));
}

/// The payload of a group of two entries.
pub fn payload() -> Vec<u8> {
    let start = GroupStart { first_seq: 7, prev_entry_hash: Hash32::of(b"entry 6"), durable: 5 };
    let bodies = [b"one".to_vec(), b"three".to_vec()];
    let bytes = encode_group(AT, &start, b"cursor", &bodies).expect("a short group");
    bytes[FRAME_LEN..].to_vec()
}
