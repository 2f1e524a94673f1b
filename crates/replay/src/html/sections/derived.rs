//! What the auditor derived with code of its own, and the documents that say so to machines.

use super::{
    super::{
        figures::Grouped,
        markup::Html,
        table::{Column, Table},
    },
    Facts, Section,
};
use crate::{Report, evidence};

pub(super) fn section(report: &Report) -> Section {
    let mut body = derived(report);
    body.add(&profiles(report)).add(&documents(report)).add(&roots(report));
    Section {
        id: "derived",
        title: "Derived again",
        note: "Executing the commands again shows that the log follows the ledger’s program. The auditor also keeps books of its own, \
               with other code, written from the rules: every number below was derived a second time and found equal.",
        rules: "RP-5 to RP-8",
        body,
    }
}

fn derived(report: &Report) -> Html {
    let done = &report.derivations;
    let columns = [Column::Text("What"), Column::Number("Times"), Column::Text("Rules")];
    let mut table = Table::new(&Html::of("Derived a second time, and found equal"), &columns);
    let rows = [
        ("Shard ids of stored versions", done.shard_ids, "LA-6"),
        ("Copies placed", done.copies, "PL-1 to PL-4, PL-9, PL-10"),
        ("Fees", done.fees, "EC-1, EC-6"),
        ("Copies moved", done.moves, "PL-8, PL-11"),
        ("Acts of governance", done.governance, "GV-2 to GV-9"),
        ("Credits", done.credits, "EC-8"),
        ("Node accounts of closed epochs", done.accounts, "RG-4, RG-6, RG-7, EC-3, EC-4"),
    ];
    for (what, times, rules) in rows {
        table.row(&[Html::of(what), Html::of(Grouped::of(times)), Html::of(rules)]);
    }
    table.end()
}

fn profiles(report: &Report) -> Html {
    if report.profiles.is_empty() {
        return Html::new();
    }
    let columns =
        [Column::Text("Profile"), Column::Number("Versions stored"), Column::Text("Meaning")];
    let caption = Html::of("Redundancy of stored versions (LA-1)");
    let mut table = Table::new(&caption, &columns);
    for (profile, stores) in &report.profiles {
        let meaning = alloc::format!(
            "{} data and {} parity columns, {} of each",
            profile.data,
            profile.parity,
            if profile.replicas == 1 {
                "one copy".into()
            } else {
                alloc::format!("{} copies", profile.replicas)
            }
        );
        table.row(&[Html::of(profile), Html::of(Grouped::of(*stores)), Html::of(meaning)]);
    }
    table.end()
}

/// The verdict of each document, as it stands in the document itself.
fn documents(report: &Report) -> Html {
    let columns = [
        Column::Text("Document"),
        Column::Text("Passed"),
        Column::Text("Beside a sound log, it requires"),
    ];
    let mut table = Table::new(&Html::of("Evidence documents of this audit (RP-8)"), &columns);
    let conditions = [
        "as many derivations as stores, moves and acts of governance",
        "the identities of fees and accounts, in every epoch and in the sums",
        "every declared entry, and both signatures",
    ];
    for (document, condition) in evidence::documents(report).iter().zip(conditions) {
        let passed = document.value.get("passed").and_then(protocol::json::Value::as_bool);
        let passed = if passed == Some(true) { "yes" } else { "no" };
        table.row(&[
            Html::element("code", &[], document.name),
            Html::of(passed),
            Html::of(condition),
        ]);
    }
    table.end()
}

/// Roots over rows that are in no document, so that a single one can be proved.
fn roots(report: &Report) -> Html {
    let mut facts = Facts::new();
    facts.say("Rows of stores", Grouped::of(report.store_rows.rows()));
    facts.code("Their root", Some(report.store_rows.root()));
    facts.say("Rows of node accounts", Grouped::of(report.account_rows.rows()));
    facts.code("Their root", Some(report.account_rows.root()));
    facts.end()
}
