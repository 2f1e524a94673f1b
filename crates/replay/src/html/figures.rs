//! Numbers as people read them. The exact value is kept beside what is shortened.

use alloc::{format, string::String};
use core::fmt::{self, Display};
use protocol::Amount;

use super::markup::Html;

/// Units of 10^-18 in one ATR or NOD.
pub(super) const ONE: u128 = 1_000_000_000_000_000_000;

/// Units in a hundredth.
const HUNDREDTH: u128 = ONE / 100;

/// A million, to which ratios are kept.
pub(super) const MILLION: u64 = 1_000_000;

/// Names of large numbers of ATR.
const SCALES: [(u128, &str); 3] =
    [(1_000_000_000_000, "trillion"), (1_000_000_000, "billion"), (1_000_000, "million")];

/// A whole number with its thousands apart.
pub(super) struct Grouped(pub(super) u128);

impl Grouped {
    pub(super) fn of(number: impl Into<u128>) -> Self {
        Self(number.into())
    }
}

impl Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{}", self.0);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// The number of elements.
pub(super) fn number<T>(items: &[T]) -> Grouped {
    Grouped(u128::try_from(items.len()).unwrap_or(u128::MAX))
}

/// A noun for one or many: `1 epoch`, `2 epochs`.
pub(super) struct Counted(pub(super) u64, pub(super) &'static str);

impl Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", Grouped::of(self.0), self.1, if self.0 == 1 { "" } else { "s" })
    }
}

impl Counted {
    /// With a plural of its own.
    pub(super) fn plural(self, many: &'static str) -> String {
        if self.0 == 1 { format!("{self}") } else { format!("{} {many}", Grouped::of(self.0)) }
    }
}

/// An amount to two decimals, cut and not rounded, as the ledger's own divisions are; the exact one beside it.
pub(super) fn amount(amount: Amount) -> Html {
    let mut html = Html::new();
    html.open("data", &[("value", &amount), ("title", &amount)]);
    html.say(Cut(amount.raw())).close("data");
    html
}

/// An amount to the last unit.
pub(super) fn exact(amount: Amount) -> Html {
    let mut html = Html::new();
    html.open("data", &[("value", &amount)]);
    let raw = amount.raw();
    html.say(format_args!("{}.{:018}", Grouped(raw / ONE), raw % ONE)).mark("</data>");
    html
}

/// An amount for a narrow place: from a million on to three digits, cut; the exact one beside it.
pub(super) fn short(value: Amount) -> Html {
    let whole = value.raw() / ONE;
    let scale = SCALES.into_iter().find(|(size, _)| whole >= *size);
    let Some((size, name)) = scale else { return amount(value) };
    let hundredths = hundredths(whole, size);
    let mut html = Html::new();
    html.open("data", &[("value", &value), ("title", &value)]);
    html.say(format_args!("{}.{:02}", Grouped(hundredths / 100), hundredths % 100));
    html.mark("</data> <small>").mark(name).mark("</small>");
    html
}

struct Cut(u128);

impl Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 0 && self.0 < HUNDREDTH {
            return f.write_str("<0.01");
        }
        let hundredths = self.0 / HUNDREDTH;
        write!(f, "{}.{:02}", Grouped(hundredths / 100), hundredths % 100)
    }
}

/// A number of raw units, short: `30 billion`, `2.5`, `0.001`. For the round numbers of axes, which it gives exactly.
pub(super) fn short_amount(raw: u128) -> String {
    match SCALES.into_iter().find(|(size, _)| raw / ONE >= *size) {
        Some((size, name)) => format!("{} {name}", trimmed(raw.checked_div(size).unwrap_or(0))),
        None => trimmed(raw),
    }
}

/// Raw units as a decimal, exactly, without trailing zeros.
pub(super) fn trimmed(raw: u128) -> String {
    let whole = format!("{}", Grouped(raw / ONE));
    let rest = format!("{:018}", raw % ONE);
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() { whole } else { format!("{whole}.{rest}") }
}

/// A unit of bytes that suits a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ByteUnit {
    pub(super) size: u64,
    pub(super) name: &'static str,
}

impl ByteUnit {
    const ALL: [Self; 6] = [
        Self { size: 1 << 50, name: "PiB" },
        Self { size: 1 << 40, name: "TiB" },
        Self { size: 1 << 30, name: "GiB" },
        Self { size: 1 << 20, name: "MiB" },
        Self { size: 1 << 10, name: "KiB" },
        Self { size: 1, name: "bytes" },
    ];

    /// The greatest unit of which there is at least one.
    pub(super) fn for_most(bytes: u64) -> Self {
        let fits = |unit: &Self| bytes >= unit.size;
        Self::ALL.into_iter().find(fits).unwrap_or(Self { size: 1, name: "bytes" })
    }

    /// So many bytes in this unit, to two decimals, cut; the exact number beside it.
    pub(super) fn show(self, bytes: u64) -> Html {
        let exact = format!("{} bytes", Grouped::of(bytes));
        let mut html = Html::new();
        html.open("data", &[("value", &bytes), ("title", &exact)]);
        html.say(self.text(bytes)).close("data");
        html
    }

    /// So many bytes in this unit, without its name.
    pub(super) fn text(self, bytes: u64) -> String {
        if self.size <= 1 {
            return format!("{}", Grouped::of(bytes));
        }
        let hundredths = hundredths(u128::from(bytes), u128::from(self.size));
        if hundredths == 0 && bytes > 0 {
            return "<0.01".into();
        }
        format!("{}.{:02}", Grouped(hundredths / 100), hundredths % 100)
    }
}

fn hundredths(value: u128, of: u128) -> u128 {
    value.saturating_mul(100).checked_div(of).unwrap_or(0)
}

/// Bytes in the unit that suits them, with its name.
pub(super) fn bytes(bytes: u64) -> Html {
    let unit = ByteUnit::for_most(bytes);
    let mut html = unit.show(bytes);
    html.say(' ').say(unit.name);
    html
}

/// A ratio in millionths, to three decimals.
pub(super) struct Ratio(pub(super) u64);

impl Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thousandths = self.0 / 1_000;
        write!(f, "{}.{:03}", Grouped::of(thousandths / 1_000), thousandths % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(html: Html) -> String {
        html.into_string()
    }

    #[test]
    fn rp_20_amounts_are_cut_and_exact_beside() {
        let shown = |raw| text(amount(Amount::from_raw(raw)));
        let third = 1_234_567 * ONE + ONE / 3;
        let exact = "1234567.333333333333333333";
        assert_eq!(
            shown(third),
            format!("<data value=\"{exact}\" title=\"{exact}\">1,234,567.33</data>")
        );
        assert!(shown(1).ends_with(">&lt;0.01</data>"));
        assert!(shown(0).ends_with(">0.00</data>"));
        assert!(shown(2 * ONE - 1).ends_with(">1.99</data>"));
        assert!(shown(u128::MAX).ends_with(">340,282,366,920,938,463,463.37</data>"));
    }

    #[test]
    fn rp_20_axes_are_labelled_exactly() {
        let cases = [
            (0, "0"),
            (ONE / 1_000, "0.001"),
            (250_000 * ONE, "250,000"),
            (2_500_000 * ONE, "2.5 million"),
            (30_000_000_000 * ONE, "30 billion"),
            (4_000_000_000_000 * ONE, "4 trillion"),
        ];
        for (raw, expected) in cases {
            assert_eq!(short_amount(raw), expected);
        }
    }

    #[test]
    fn rp_20_bytes_have_the_unit_of_their_column() {
        let mib = ByteUnit::for_most(3 << 20);
        assert_eq!((mib.name, mib.text(3 << 20).as_str()), ("MiB", "3.00"));
        assert_eq!(mib.text(1), "<0.01");
        assert_eq!(mib.text(0), "0.00");
        assert_eq!(ByteUnit::for_most(0).text(0), "0");
        assert_eq!(ByteUnit::for_most(u64::MAX).text(u64::MAX), "16,383.99");
        let shown = "<data value=\"1536\" title=\"1,536 bytes\">1.50</data> KiB";
        assert_eq!(text(bytes(1_536)), shown);
    }

    #[test]
    fn rp_20_ratios_and_nouns() {
        assert_eq!(format!("{}", Ratio(1_234_999)), "1.234");
        assert_eq!(format!("{}", Counted(1, "epoch")), "1 epoch");
        assert_eq!(format!("{}", Counted(1_040, "epoch")), "1,040 epochs");
    }
}
