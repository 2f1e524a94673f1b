//! What happened when: entries of each epoch by what they are about.

use alloc::{format, string::String, vec::Vec};

use super::{
    super::{
        bins::{Bin, Bins},
        figures::{Counted, Grouped},
        markup::Html,
        plot::{Axis, Plot, Series, Texture, Words},
        scale,
        table::{Column, Table, excerpt, is_cut},
        words,
    },
    Section, figure, paragraph,
};
use crate::{Activity, EpochSummary, Kind, Report};

pub(super) fn section(report: &Report) -> Section {
    let bins = Bins::of(&report.epochs);
    let mut body = Html::new();
    if report.epochs.is_empty() {
        body.add(&paragraph("No epoch was closed as far as the audit got."));
    } else {
        body.add(&strips(&bins));
    }
    body.add(&table(report));
    if bins.width > 1 {
        body.add(&all_bins(&bins));
    }
    Section {
        id: "timeline",
        title: "Timeline",
        note: "Every entry is one command and what became of it. Epochs are the ledger’s accounting periods: nothing that \
               is governed changes inside of one, and its last entry settles its accounts.",
        rules: "RP-3, RP-5, GV-10, EC-2",
        body,
    }
}

/// One low plot for each kind of which there is an entry, all above the same epochs. There is one closing in each.
fn strips(bins: &Bins<'_>) -> Html {
    let activities: Vec<Activity> = bins.bins.iter().map(Bin::activity).collect();
    let seen = |kind: &Kind| {
        *kind != Kind::Closings && activities.iter().any(|activity| activity.of(*kind) > 0)
    };
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(seen).collect();
    let labels = bins.labels();
    let mut drawings = Html::new();
    for (at, kind) in kinds.iter().enumerate() {
        let values: Vec<u64> = activities.iter().map(|activity| activity.of(*kind)).collect();
        let is_last = at.saturating_add(1) == kinds.len();
        let below = if is_last { labels.as_slice() } else { &[] };
        drawings.add(&strip(*kind, &values, &bins.unit(), below));
    }
    let title = Html::of(format_args!("Entries per {}, by what they are about", bins.unit()));
    let line = Html::of(format_args!(
        "Each strip has a scale of its own; its top is at the left.{}",
        last_is_short(bins)
    ));
    figure(&title, &line, &drawings)
}

/// Says so when the last bin has fewer epochs than the others.
pub(super) fn last_is_short(bins: &Bins<'_>) -> String {
    let last = bins.bins.last().map_or(0, |bin| bin.sum(|_| 1));
    if last == bins.width || last == 0 {
        return String::new();
    }
    format!(" The last bar stands for {}.", Counted(last, "epoch"))
}

fn strip(kind: Kind, values: &[u64], unit: &str, labels: &[super::super::bins::Label]) -> Html {
    let (name, meaning) = words::kind(kind);
    let total = values.iter().fold(0u64, |sum, value| sum.saturating_add(*value));
    let most = values.iter().copied().max().unwrap_or(0);
    let sums = format!("{} in all, at most {} per {unit}", Grouped::of(total), Grouped::of(most));
    let mut html = Html::new();
    html.mark("<p class=\"strip\"><b>").mark(name).mark("</b> <small>").mark(meaning);
    html.mark("; ").say(&sums).mark("</small></p>");
    let title = format!("{name} per {unit}");
    let plot = Plot {
        words: Words { id: id(kind), title: &title, description: &sums },
        axis: Axis::low(scale::round_top(u128::from(most))),
        labels,
        height: 34,
        level: None,
    };
    let values = values.iter().copied().map(u128::from).collect();
    html.add(&plot.bars(&[Series { name, texture: Texture::Solid, values }]));
    html
}

const fn id(kind: Kind) -> &'static str {
    match kind {
        Kind::Objects => "strip-objects",
        Kind::Openings => "strip-openings",
        Kind::Answers => "strip-answers",
        Kind::Moves => "strip-moves",
        Kind::Nodes => "strip-nodes",
        Kind::Governance => "strip-governance",
        Kind::Credits => "strip-credits",
        Kind::Closings => "strip-closings",
        Kind::Refusals => "strip-refusals",
    }
}

/// One column for each kind; closings are one for each epoch and left out.
fn kinds() -> impl Iterator<Item = Kind> {
    Kind::ALL.into_iter().filter(|kind| *kind != Kind::Closings)
}

fn columns(first: Column) -> Vec<Column> {
    let counted = kinds().map(|kind| Column::Number(words::kind(kind).0));
    let ends = [first, Column::Number("Entries")];
    ends.into_iter().chain(counted).collect()
}

fn cells(name: Html, activity: &Activity) -> Vec<Html> {
    let counted = kinds().map(|kind| Html::of(Grouped::of(activity.of(kind))));
    let ends = [name, Html::of(Grouped::of(activity.total()))];
    ends.into_iter().chain(counted).collect()
}

/// Epochs one by one, then the open one and all together.
fn table(report: &Report) -> Html {
    let keys: Vec<u128> = report.epochs.iter().map(|e| u128::from(e.activity.total())).collect();
    let picks = excerpt(&keys);
    let mut caption = Html::of("Entries of each epoch");
    if is_cut(&picks) {
        caption.mark(" <small>— the first, the last, and those with most entries</small>");
    }
    let mut table = Table::new(&caption, &columns(Column::Number("Epoch")));
    table.picked(&picks, "epoch", |at| {
        let epoch: &EpochSummary = report.epochs.get(at)?;
        Some(cells(Html::of(Grouped::of(epoch.epoch)), &epoch.activity))
    });
    if report.open_epoch.total() > 0 {
        table.row(&cells(Html::of("open"), &report.open_epoch));
    }
    let mut all = report.open_epoch.clone();
    report.epochs.iter().for_each(|epoch| all.merge(&epoch.activity));
    table.sum(&cells(Html::of("all"), &all));
    table.end()
}

/// What every bar of the strips stands for.
fn all_bins(bins: &Bins<'_>) -> Html {
    let caption = Html::of(format_args!("Entries per {}", bins.unit()));
    let mut table = Table::new(&caption, &columns(Column::Number("Epochs")));
    for bin in &bins.bins {
        table.row(&cells(Html::of(bin.name()), &bin.activity()));
    }
    let mut html = Html::new();
    html.mark("<details><summary>The same as numbers, bar by bar</summary>");
    html.add(&table.end()).mark("</details>");
    html
}
