//! The journal's segment files. Their parser knows nothing of RocksDB, which the crate around it would bring along; so it is
//! taken as the file that it is.

#[path = "../../../crates/journal/src/segment.rs"]
#[expect(clippy::cast_possible_truncation, dead_code, reason = "the journal's source, under its own lints")]
mod format;

use format::{FRAME_LEN, Frame, Group, HEADER_LEN, MAX_PAYLOAD, SegmentHeader, encode_group};

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
    let bytes = encode_group(AT, &group.start, &group.cursor, &group.bodies).expect("it is a group");
    let (frame, payload) = bytes.split_first_chunk().expect("longer than a frame");
    assert_eq!(payload, data);
    let frame = Frame::from_bytes(frame).expect("a frame");
    assert!(frame.holds(AT, payload) && !frame.holds(AT + 1, payload));
}
