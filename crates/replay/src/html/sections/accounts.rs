//! What all accounts have and owe together.

use super::{
    super::{
        markup::Html,
        table::{Column, Table},
    },
    Section, added, paragraph,
};
use crate::{AccountTotals, Report};

pub(super) fn section(report: &Report) -> Section {
    let body = report
        .accounts
        .as_ref()
        .map_or_else(|| paragraph("Not summed: the audit ended before the end of the log."), table);
    Section {
        id: "accounts",
        title: "Accounts",
        note: "An account is named by the fingerprint of its key. Credits first pay its debt, the rest is its balance; a fee is taken \
               from the balance, and what that does not cover becomes debt, unless fees are prepaid by rule. So, of all accounts \
               together: credits + debts = balances + fees.",
        rules: "EC-6, EC-8",
        body,
    }
}

fn table(totals: &AccountTotals) -> Html {
    let mut caption = Html::of("All accounts at the end of the log: the identity ");
    caption.mark(if totals.hold() { "holds" } else { "does not hold" });
    let columns = [Column::Text("What"), Column::Measure("Sum", "ATR")];
    let mut table = Table::new(&caption, &columns);
    let given = [("credits ever given", totals.credits), ("debts", totals.debts)];
    added(&mut table, &given, "credits + debts");
    let used = [("balances", totals.balances), ("fees ever charged", totals.fees)];
    added(&mut table, &used, "balances + fees");
    table.end()
}
