//! The strict pieces of the text formats: base64, decimal numbers, lines and names.

use alloc::{string::String, vec::Vec};
use base64::{Engine, engine::general_purpose::STANDARD};

/// Longest origin or key name in bytes: a cosigned message gives each one length byte.
pub(crate) const MAX_NAME_LEN: usize = 255;

/// Standard base64 with padding (RFC 4648, section 4).
pub(crate) fn base64_encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The inverse of [`base64_encode`]: padding is required, unused bits must be zero, nothing may be added.
pub(crate) fn base64_decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A decimal number without sign or leading zeros.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if canonical && digits { text.parse().ok() } else { None }
}

/// Whether the text can stand on a line: no control characters.
pub(crate) fn is_line(text: &str) -> bool {
    !text.bytes().any(|byte| byte < 0x20)
}

/// Whether the text can be the origin of a log: a line of 1 to 255 bytes.
pub(crate) fn is_origin(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_NAME_LEN && is_line(text)
}

/// Whether the text can be the name of a key: an origin without spaces and plus signs (C2SP signed-note).
pub(crate) fn is_key_name(text: &str) -> bool {
    is_origin(text) && !text.chars().any(|c| c.is_whitespace() || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_have_one_spelling() {
        assert_eq!(parse_decimal("0"), Some(0));
        assert_eq!(parse_decimal("18446744073709551615"), Some(u64::MAX));
        for bad in ["", "00", "01", "+1", "-1", " 1", "1 ", "18446744073709551616", "١"] {
            assert_eq!(parse_decimal(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn names_keep_to_their_line() {
        for good in ["a", "example.com/log", "ü"] {
            assert!(is_key_name(good), "{good:?}");
        }
        for bad in ["", "a b", "a\u{a0}b", "a+b", "a\nb", "a\0", &"x".repeat(256)] {
            assert!(!is_key_name(bad), "{bad:?}");
        }
        assert!(is_origin("a log + more") && !is_origin("two\nlines") && !is_origin(""));
    }
}
