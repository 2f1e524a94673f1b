//! x
pub fn history(_: &[u8]) {}
