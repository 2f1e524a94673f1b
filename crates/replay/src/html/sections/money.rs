//! Where fees went.

use alloc::{format, string::String, vec::Vec};
use protocol::{Amount, event::Settlement};

use super::{
    super::{
        bins::{Bin, Bins},
        figures::{Grouped, amount, exact, short_amount},
        markup::Html,
        plot::{Axis, Plot, Series, Texture, Words, legend, names},
        scale,
        table::{Column, Table, excerpt, is_cut},
    },
    Section, added, figure, paragraph,
    timeline::last_is_short,
};
use crate::{Report, derive, evidence};

pub(super) fn section(report: &Report) -> Section {
    let bins = Bins::of(&report.epochs);
    let mut body = Html::new();
    if report.epochs.is_empty() {
        body.add(&paragraph("No epoch was settled as far as the audit got."));
    } else {
        body.add(&fees(&bins)).add(&pool(&bins)).add(&identity(report)).add(&table(report));
        if bins.width > 1 {
            body.add(&all_bins(&bins));
        }
    }
    Section {
        id: "money",
        title: "Fees and rewards",
        note: "Storing costs a fee in ATR. When an epoch closes, a share of its fees is the pool, which pays the nodes: the ATR \
               of rewards is burnt, and as much NOD is minted. What cannot be paid out goes to the reserve, and all fees outside \
               of the pool to the treasury. Nothing is lost and nothing is made: fees = rewards + treasury + reserve.",
        rules: "EC-1 to EC-5",
        body,
    }
}

type Part = (&'static str, Texture, fn(&Settlement) -> Amount);

const TREASURY: Part = ("treasury", Texture::Light, |s| s.treasury);
const RESERVE: Part = ("reserve", Texture::Striped, |s| s.reserve);
const REWARDS: Part = ("rewards to nodes", Texture::Solid, |s| s.rewards);

fn fees(bins: &Bins<'_>) -> Html {
    let title = format!("Fees per {} in ATR, by where they went", bins.unit());
    let line = format!("{HAIRLINES}{}", last_is_short(bins));
    stacked(bins, "plot-fees", &title, &line, &[TREASURY, RESERVE, REWARDS])
}

/// So that nobody measures them.
const HAIRLINES: &str =
    "What is too small to be seen at this scale, but is not nothing, is drawn as a hairline.";

/// The part of fees that is easily too small to be seen beside the treasury's.
fn pool(bins: &Bins<'_>) -> Html {
    let title = format!("The pool per {} in ATR: rewards and reserve alone", bins.unit());
    let line =
        "The same numbers on a scale of their own; the pool has a cap, the treasury has none.";
    stacked(bins, "plot-pool", &title, line, &[RESERVE, REWARDS])
}

fn stacked(bins: &Bins<'_>, id: &'static str, title: &str, line: &str, parts: &[Part]) -> Html {
    let settlements: Vec<Settlement> = bins.bins.iter().map(Bin::settlement).collect();
    let sum = |settlement: &Settlement| {
        parts.iter().fold(0u128, |sum, (_, _, part)| sum.saturating_add(part(settlement).raw()))
    };
    let most = settlements.iter().map(sum).max().unwrap_or(0);
    if most == 0 {
        return paragraph(format_args!("{title}: none in any epoch."));
    }
    let series: Vec<Series> = parts
        .iter()
        .map(|(name, texture, part)| {
            let values = settlements.iter().map(|settlement| part(settlement).raw()).collect();
            Series { name, texture: *texture, values }
        })
        .collect();
    let largest = bins.bins.iter().zip(&settlements).max_by_key(|(_, settlement)| sum(settlement));
    let description = largest.map_or_else(String::new, |(bin, settlement)| {
        format!("Most in epoch {}: {} ATR.", bin.name(), Amount::from_raw(sum(settlement)))
    });
    let labels = bins.labels();
    let plot = Plot {
        words: Words { id, title, description: &description },
        axis: Axis::new(scale::round_top(most), "ATR", short_amount),
        labels: &labels,
        height: 150,
        level: None,
    };
    let mut drawings = legend(&names(&series), false);
    drawings.add(&plot.bars(&series));
    figure(&Html::of(title), &Html::of(line), &drawings)
}

/// The identity over all epochs, to the last unit.
fn identity(report: &Report) -> Html {
    let Some(all) = evidence::totals(&report.epochs) else {
        return paragraph("The sums over all epochs do not fit into an amount.");
    };
    let holds = report.epochs.iter().all(|e| derive::conserves(&e.settlement));
    let holds = holds && derive::conserves(&all);
    let mut caption = Html::of("All closed epochs, to the last unit: the identity ");
    caption.mark(if holds { "holds in each of them and in the sums" } else { "does not hold" });
    let columns = [Column::Text("Where fees went"), Column::Measure("Sum", "ATR")];
    let mut table = Table::new(&caption, &columns);
    let parts = [
        ("rewards, burnt for as much NOD", all.rewards),
        ("treasury", all.treasury),
        ("reserve", all.reserve),
    ];
    added(&mut table, &parts, "rewards + treasury + reserve");
    table.sum(&[Html::of("fees of closed epochs"), exact(all.fees)]);
    table.row(&[
        Html::of("fees of the open epoch, not settled yet"),
        exact(report.treasury.open_fees),
    ]);
    table.end()
}

const COLUMNS: [Column; 6] = [
    Column::Measure("Fees", "ATR"),
    Column::Measure("Pool", "ATR"),
    Column::Measure("Rewards", "ATR burnt = NOD"),
    Column::Measure("Treasury", "ATR"),
    Column::Measure("Reserve", "ATR"),
    Column::Measure("NOD supply", "after it"),
];

fn columns(first: Column) -> Vec<Column> {
    core::iter::once(first).chain(COLUMNS).collect()
}

fn cells(name: Html, settlement: &Settlement, supply: Amount) -> Vec<Html> {
    let Settlement { fees, pool, rewards, treasury, reserve } = *settlement;
    let amounts = [fees, pool, rewards, treasury, reserve, supply].map(amount);
    core::iter::once(name).chain(amounts).collect()
}

fn table(report: &Report) -> Html {
    let keys: Vec<u128> = report.epochs.iter().map(|epoch| epoch.settlement.fees.raw()).collect();
    let picks = excerpt(&keys);
    let mut caption = Html::of("Settlement of each epoch");
    if is_cut(&picks) {
        caption.mark(" <small>— the first, the last, and those with the highest fees</small>");
    }
    let mut table = Table::new(&caption, &columns(Column::Number("Epoch")));
    table.picked(&picks, "epoch", |at| {
        let epoch = report.epochs.get(at)?;
        let name = Html::of(Grouped::of(epoch.epoch));
        Some(cells(name, &epoch.settlement, epoch.nod_supply))
    });
    table.end()
}

fn all_bins(bins: &Bins<'_>) -> Html {
    let caption = Html::of(format_args!("Settlements per {}", bins.unit()));
    let mut table = Table::new(&caption, &columns(Column::Number("Epochs")));
    for bin in &bins.bins {
        let supply = bin.closing().map_or(Amount::ZERO, |epoch| epoch.nod_supply);
        table.row(&cells(Html::of(bin.name()), &bin.settlement(), supply));
    }
    let mut html = Html::new();
    html.mark("<details><summary>The same as numbers, bar by bar</summary>");
    html.add(&table.end()).mark("</details>");
    html
}
