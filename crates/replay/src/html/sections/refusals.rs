//! What the rules did not allow.

use super::{
    super::{
        figures::Grouped,
        markup::Html,
        table::{Column, Table},
        words,
    },
    Section, paragraph, share,
};
use crate::Report;

pub(super) fn section(report: &Report) -> Section {
    Section {
        id: "refusals",
        title: "Refusals",
        note: "A command that the rules do not allow is logged with a numbered code. It changes no record and costs no fee. \
               Refusals are normal: each one here was reached again by executing the command.",
        rules: "PR-7, ST-7, RP-5",
        body: table(report),
    }
}

fn table(report: &Report) -> Html {
    if report.refusals.is_empty() {
        return paragraph("No command was refused.");
    }
    let most = report.refusals.values().copied().max().unwrap_or(0);
    let columns = [
        Column::Text("Code"),
        Column::Number("Refused"),
        Column::Text("Against the most"),
        Column::Text("Meaning"),
    ];
    let mut caption = Html::new();
    caption.say(Grouped::of(report.rejected())).mark(" refusals of ");
    caption.say(Grouped::of(report.entries)).mark(" entries, by code");
    let mut table = Table::new(&caption, &columns);
    let mut sorted: alloc::vec::Vec<_> = report.refusals.iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1));
    for (code, number) in sorted {
        table.row(&[
            Html::of(code.strip_prefix("SE_ERR_").unwrap_or(code)),
            Html::of(Grouped::of(*number)),
            share(*number, most),
            Html::of(words::refusal(code)),
        ]);
    }
    table.end()
}
