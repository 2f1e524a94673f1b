//! What was changed by votes, and what is in force at the end.

use alloc::vec::Vec;
use protocol::{
    governance::{Change, ProposalNumber},
    parameters::{Parameter, Value},
    rules::Rule,
};

use super::{
    super::{
        figures::{Grouped, number, trimmed},
        markup::Html,
        table::{Column, Pick, Table, excerpt, is_cut},
    },
    Section, paragraph, quoted,
};
use crate::{EpochSummary, Report, names};

pub(super) fn section(report: &Report) -> Section {
    let mut body = changes(report);
    body.add(&rules(report)).add(&parameters(report));
    Section {
        id: "governance",
        title: "Governance",
        note: "Parameters and rules are changed by proposals: the council votes until nodes hold NOD, afterwards the holders do, \
               none with more than a quarter of the counted weight. A change comes into force when an epoch closes, never \
               inside of one.",
        rules: "GV-3 to GV-10, RG-5",
        body,
    }
}

type Made<'a> = (&'a EpochSummary, &'a (ProposalNumber, Change));

fn changes(report: &Report) -> Html {
    let of = |epoch| move |change| (epoch, change);
    let all: Vec<Made<'_>> =
        report.epochs.iter().flat_map(|epoch| epoch.changes.iter().map(of(epoch))).collect();
    if all.is_empty() {
        return paragraph("Nothing was changed by a vote.");
    }
    // No change is larger than another: the first and the last are shown, and all on demand.
    let picks = excerpt(&alloc::vec![0; all.len()]);
    let mut html = Html::new();
    let mut caption = Html::of("Changes that came into force");
    if !is_cut(&picks) {
        return table(&all, &caption, &picks);
    }
    caption.mark(" <small>— the first and the last</small>");
    html.add(&table(&all, &caption, &picks));
    html.mark("<details><summary>All ").say(number(&all)).mark(" changes</summary>");
    let every: Vec<Pick> = (0..all.len()).take(MOST_CHANGES).map(Pick::Row).collect();
    html.add(&table(&all, &Html::of("All changes"), &every)).mark("</details>");
    html
}

/// Changes that are listed one by one.
const MOST_CHANGES: usize = 300;

/// Characters of a change that are shown; a list of regions may be longer.
const MOST_TEXT: usize = 200;

fn table(all: &[Made<'_>], caption: &Html, picks: &[Pick]) -> Html {
    let columns = [
        Column::Number("From epoch"),
        Column::Number("Proposal"),
        Column::Text("Kind"),
        Column::Text("Change"),
    ];
    let mut table = Table::new(caption, &columns);
    table.picked(picks, "change", |at| {
        let (epoch, (proposal, change)) = all.get(at)?;
        Some(alloc::vec![
            Html::of(Grouped::of(epoch.epoch.saturating_add(1))),
            Html::of(Grouped::of(*proposal)),
            Html::of(change.kind()),
            in_words(change),
        ])
    });
    table.end()
}

fn in_words(change: &Change) -> Html {
    let mut html = Html::new();
    html.mark("<bdi>").say_at_most(MOST_TEXT, names::change(change)).mark("</bdi>");
    html
}

fn rules(report: &Report) -> Html {
    let Some(rules) = &report.rules else { return Html::new() };
    let columns = [Column::Text("Rule"), Column::Text("Value")];
    let mut table = Table::new(&Html::of("Rules of eligibility in force at the end"), &columns);
    for rule in rules.list() {
        let value = match &rule {
            Rule::MinUptime(ratio) | Rule::MinHealth(ratio) => trimmed(ratio.raw()),
            other => names::rule_value(other),
        };
        let value = if value.is_empty() { Html::of("—") } else { quoted(value) };
        table.row(&[Html::of(rule.name()), value]);
    }
    table.end()
}

/// What differs from genesis is marked.
fn parameters(report: &Report) -> Html {
    let (Some(parameters), Some(genesis)) = (&report.parameters, &report.genesis) else {
        return Html::new();
    };
    let columns = [
        Column::Text("Parameter"),
        Column::Number("Value"),
        Column::Number("At genesis"),
        Column::Text("Meaning"),
    ];
    let mut table = Table::new(&Html::of("Parameters in force at the end"), &columns);
    for parameter in Parameter::ALL {
        let (now, then) = (parameter.get(parameters), parameter.get(&genesis.parameters));
        let before = if now == then { Html::of("same") } else { value(&then) };
        table.row(&[
            Html::of(parameter.name()),
            value(&now),
            before,
            Html::of(parameter.meaning()),
        ]);
    }
    table.end()
}

/// Amounts without the zeros at their end.
fn value(value: &Value) -> Html {
    match value {
        Value::Amount(amount) => Html::of(trimmed(amount.raw())),
        Value::Integer(number) => Html::of(Grouped::of(*number)),
        Value::Flag(_) | Value::Profile(_) => Html::of(value),
    }
}
