//! The verdict, in words, and the few numbers that say how large the log is.

use alloc::{format, string::String};
use core::fmt::Display;
use protocol::{Amount, error::ErrorCode};

use super::{
    super::{
        figures::{self, Counted, Grouped},
        markup::Html,
        words,
    },
    Facts, Section, quoted,
};
use crate::{Divergence, Report, Verdict};

pub(super) fn section(report: &Report) -> Section {
    let mut body = Html::new();
    body.add(&banner(report));
    if let Some(found) = &report.divergence {
        body.add(&divergence(found));
    }
    body.add(&key_numbers(report));
    Section { id: "verdict", title: "Verdict", note: "", rules: "", body }
}

/// The verdict in three words at most.
pub(crate) fn verdict(report: &Report) -> String {
    match &report.divergence {
        None => format!("Passed, {}", report.verdict.name()),
        Some(found) if found.code == ErrorCode::Internal => "Not audited".into(),
        Some(found) => format!("Failed at {}", place(found)),
    }
}

/// The place as it stands in a sentence.
fn place(found: &Divergence) -> String {
    match found.seq() {
        Some(seq) => format!("entry {}", Grouped::of(seq)),
        None => format!("the {}", found.place_name()),
    }
}

fn banner(report: &Report) -> Html {
    let class = if report.passed() { "verdict passed" } else { "verdict failed" };
    let mut html = Html::new();
    html.open("div", &[("class", &class)]);
    html.mark("<strong>").say(verdict(report)).mark("</strong>");
    html.mark("<p>").say(sentence(report)).mark("</p></div>");
    html
}

fn sentence(report: &Report) -> String {
    let entries = Counted(report.entries, "entry").plural("entries");
    match (&report.divergence, report.verdict) {
        (None, Verdict::Pinned) => format!(
            "All {entries} were executed again and are the same in every byte. Both signatures at the end verify, under \
             keys that the auditor brought along (RP-4)."
        ),
        (None, Verdict::Unpinned) => format!(
            "All {entries} were executed again and are the same in every byte. Both signatures at the end verify, but under \
             keys that only the log itself names: it is sound in itself, and anyone can make such a log. To know whose it \
             is, audit it again with the keys of its operator, got by a way that you trust (RP-4)."
        ),
        (Some(found), _) if found.code == ErrorCode::Internal => format!(
            "The file could not be read to its end, after {entries} that are right. Nothing is said about the rest."
        ),
        (Some(_), _) => format!(
            "The log is not what its own rules and signatures require. {entries} before that place were executed again \
             and are right; nothing after it was looked at (RP-9). Numbers below reach that far only."
        ),
    }
}

/// Where a log is wrong, and how.
fn divergence(found: &Divergence) -> Html {
    let mut facts = Facts::new();
    let mut what = Html::element("code", &[], &found.field);
    what.mark(" — ").mark(words::divergence(&found.field));
    facts.say("Where", found.place_name());
    facts.add("What", &what);
    facts.add("Expected by the rules", &exact(&found.expected));
    facts.add("Got from the file", &exact(&found.got));
    if !found.message.is_empty() {
        facts.add("Why", &quoted(&found.message));
    }
    facts.say("Code", found.code);
    facts.end()
}

fn exact(text: impl Display) -> Html {
    let mut html = Html::new();
    html.mark("<code>").quote(text).mark("</code>");
    html
}

fn key_numbers(report: &Report) -> Html {
    let stores = report.derivations.stores;
    let epochs = u64::try_from(report.epochs.len()).unwrap_or(u64::MAX);
    let nodes = u64::try_from(report.nodes.len()).unwrap_or(u64::MAX);
    let fees = report.treasury.total().unwrap_or(Amount::ZERO);
    let bytes = report.nodes.iter().fold(0u64, |sum, node| sum.saturating_add(node.bytes_stored));
    let mut html = Html::new();
    html.mark("<dl class=\"key\">");
    let mut add = |name: &'static str, value: &Html| {
        html.mark("<div><dt>").mark(name).mark("</dt><dd>").add(value).mark("</dd></div>");
    };
    add("Entries verified", &Html::of(Grouped::of(report.entries)));
    add("Epochs closed", &Html::of(Grouped::of(epochs)));
    add("Nodes registered", &Html::of(Grouped::of(nodes)));
    add("Versions stored", &Html::of(Grouped::of(stores)));
    add("Bytes at nodes", &figures::bytes(bytes));
    add("Fees charged, ATR", &figures::short(fees));
    add("NOD in existence", &figures::short(report.treasury.burnt));
    add("Commands refused", &Html::of(Grouped::of(report.rejected())));
    html.mark("</dl>");
    html
}
