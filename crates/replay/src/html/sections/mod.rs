//! The sections of the page, in their order.

mod accounts;
mod audits;
mod balance;
mod derived;
mod governance;
mod identity;
mod money;
mod nodes;
mod refusals;
mod summary;
mod timeline;

pub(super) use summary::verdict;

use alloc::vec::Vec;
use core::fmt::Display;
use protocol::Amount;

use super::{figures, markup::Html, table::Table};
use crate::Report;

/// A section with the line that explains it to a newcomer.
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What is to be seen here, in plain words.
    note: &'static str,
    /// The rules that it rests on.
    rules: &'static str,
    body: Html,
}

impl Section {
    pub(super) fn to_html(&self) -> Html {
        let mut html = Html::new();
        html.mark("<section id=\"").mark(self.id).mark("\"><h2>").mark(self.title).mark("</h2>");
        if !self.note.is_empty() {
            html.mark("<p class=\"note\">").mark(self.note).mark(" <span class=\"rule\">");
            html.mark(self.rules).mark("</span></p>");
        }
        html.add(&self.body).mark("</section>");
        html
    }
}

/// Every section of a report.
pub(super) fn all(report: &Report) -> Vec<Section> {
    [
        summary::section,
        identity::section,
        timeline::section,
        money::section,
        accounts::section,
        nodes::section,
        balance::section,
        audits::section,
        refusals::section,
        governance::section,
        derived::section,
    ]
    .map(|section| section(report))
    .into()
}

/// Names and values, one below the other.
#[derive(Default)]
struct Facts(Html);

impl Facts {
    fn new() -> Self {
        let mut html = Html::new();
        html.mark("<dl class=\"facts\">");
        Self(html)
    }

    fn add(&mut self, name: &'static str, value: &Html) {
        self.0.mark("<dt>").mark(name).mark("</dt><dd>").add(value).mark("</dd>");
    }

    fn say(&mut self, name: &'static str, value: impl Display) {
        self.add(name, &Html::of(value));
    }

    /// A hash or another name for machines; a dash where there is none.
    fn code(&mut self, name: &'static str, value: Option<impl Display>) {
        self.add(name, &code(value));
    }

    fn end(mut self) -> Html {
        self.0.mark("</dl>");
        self.0
    }
}

fn code(value: Option<impl Display>) -> Html {
    match value {
        Some(value) => Html::element("code", &[], value),
        None => Html::of("—"),
    }
}

/// Text of somebody else.
fn quoted(text: impl Display) -> Html {
    let mut html = Html::new();
    html.quote(text);
    html
}

fn paragraph(text: impl Display) -> Html {
    Html::element("p", &[], text)
}

/// The title of a figure, with a line below it.
fn figure(title: &Html, line: &Html, drawings: &Html) -> Html {
    let mut html = Html::new();
    html.mark("<figure><figcaption>")
        .add(title)
        .mark("<small>")
        .add(line)
        .mark("</small></figcaption>");
    html.add(drawings).mark("</figure>");
    html
}

/// Amounts to the last unit, with their sum below them.
fn added(table: &mut Table, parts: &[(&'static str, Amount)], sum: &'static str) {
    for (name, part) in parts {
        table.row(&[Html::of(name), figures::exact(*part)]);
    }
    let whole = parts.iter().fold(0u128, |sum, (_, part)| sum.saturating_add(part.raw()));
    table.sum(&[Html::of(sum), figures::exact(Amount::from_raw(whole))]);
}

/// A part of a whole as a bar in a cell; the number beside it says the same.
fn share(value: u64, most: u64) -> Html {
    let steps = super::scale::steps(u128::from(value), u128::from(most));
    let width = alloc::format!("{}.{}%", steps / 10, steps % 10);
    let mut html = Html::new();
    html.mark("<svg class=\"share\" aria-hidden=\"true\" width=\"100%\" height=\"9\">");
    html.leaf("rect", &[("width", &width), ("height", &9)]).mark("</svg>");
    html
}
