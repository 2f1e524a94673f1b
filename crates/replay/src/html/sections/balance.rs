//! How evenly copies and bytes are spread over the nodes that take shards now.

use alloc::{format, vec::Vec};

use super::{
    super::{
        figures::{Grouped, Ratio, bytes, number},
        markup::Html,
        plot::{Axis, Level, Plot, Series, Texture, Words},
        scale,
        spread::Spread,
        table::{Column, Table},
    },
    Section, figure,
    nodes::ranks,
    paragraph,
};
use crate::{NodeSummary, Report};

pub(super) fn section(report: &Report) -> Section {
    let listed: Vec<&NodeSummary> = report.nodes.iter().filter(|node| node.eligible).collect();
    let mut body = Html::new();
    let copies: Option<Vec<u64>> = listed.iter().map(|node| node.copies).collect();
    let copies = copies.unwrap_or_default();
    let stored: Vec<u64> = listed.iter().map(|node| node.bytes_stored).collect();
    let spreads = (Spread::of(&copies), Spread::of(&stored));
    if let (Some(spread), _) = &spreads {
        body.add(&plot(&copies, spread));
    }
    body.add(&table(&spreads, run(report)));
    let elsewhere = report.nodes.len().saturating_sub(listed.len());
    if elsewhere > 0 && !listed.is_empty() {
        body.add(&Html::element(
            "p",
            &[("class", &"note")],
            format_args!(
                "Not listed in the open epoch, and so not counted here: {} of {} nodes.",
                elsewhere,
                number(&report.nodes)
            ),
        ));
    }
    Section {
        id: "balance",
        title: "Placement balance",
        note: "Who holds a copy is drawn by a hash, so that copies spread evenly the more there are; how large objects are \
               is not drawn, so that bytes spread less evenly. Nodes that joined late, or were away, have fewer. A ratio of 1 to the mean is \
               a perfectly even share; the coefficient of variation is the standard deviation over the mean, 0 when all are equal.",
        rules: "PL-1 to PL-4",
        body,
    }
}

/// Nodes that one draw takes in a row: the copies of a shard, or all columns of an erasure-coded object.
fn run(report: &Report) -> Option<u64> {
    let profile = report.parameters.as_ref()?.profile;
    let run = if profile.parity == 0 { u32::from(profile.replicas) } else { profile.columns() };
    Some(u64::from(run))
}

fn plot(copies: &[u64], spread: &Spread) -> Html {
    let mut sorted: Vec<u128> = copies.iter().copied().map(u128::from).collect();
    sorted.sort_by(|a, b| b.cmp(a));
    let mean = spread.exact_mean();
    let labels = ranks(copies.len());
    let description = format!(
        "{} nodes; at most {}, at least {}, {} on average.",
        Grouped::of(spread.nodes),
        Grouped::of(spread.most),
        Grouped::of(spread.least),
        mean
    );
    let plot = Plot {
        words: Words {
            id: "plot-balance",
            title: "Shard copies of each listed node",
            description: &description,
        },
        axis: Axis::new(scale::round_top(u128::from(spread.most)), "copies", |value| {
            format!("{}", Grouped(value))
        }),
        labels: &labels,
        height: 100,
        level: Some(Level { value: u128::from(spread.mean()), name: format!("mean {mean}") }),
    };
    let drawing = plot.bars(&[Series { name: "copies", texture: Texture::Light, values: sorted }]);
    figure(
        &Html::of("Shard copies of each listed node against the mean"),
        &Html::of(
            "One bar for each node, most copies first; copies of empty shards are counted, too.",
        ),
        &drawing,
    )
}

fn table(spreads: &(Option<Spread>, Option<Spread>), run: Option<u64>) -> Html {
    let columns = [
        Column::Text("What"),
        Column::Number("Mean"),
        Column::Number("Least"),
        Column::Number("Most"),
        Column::Number("Least / mean"),
        Column::Number("Most / mean"),
        Column::Number("Variation"),
        Column::Number("By chance"),
    ];
    if spreads.0.is_none() && spreads.1.is_none() {
        return paragraph("Nothing is stored at a listed node.");
    }
    let mut table = Table::new(&Html::of("Spread over the nodes of the open epoch"), &columns);
    let plain = |value: u64| Html::of(Grouped::of(value));
    if let Some(copies) = &spreads.0 {
        let chance =
            run.map_or_else(|| Html::of("—"), |run| Html::of(Ratio(copies.by_chance(run))));
        table.row(&row("Copies", copies, Html::of(copies.exact_mean()), plain, chance));
    }
    if let Some(stored) = &spreads.1 {
        table.row(&row("Bytes", stored, bytes(stored.mean()), bytes, Html::of("—")));
    }
    let mut html = table.end();
    html.mark(
        "<p class=\"note\">“By chance” is the variation that random starts alone would give if nodes never came or went; \
         a much higher one has a reason, and the rules of placement allow several: late joiners, fences, failure domains.</p>",
    );
    html
}

fn row(
    name: &'static str,
    spread: &Spread,
    mean: Html,
    show: impl Fn(u64) -> Html,
    chance: Html,
) -> Vec<Html> {
    let numbers = [spread.least, spread.most].map(show);
    let ratios = [spread.least_ratio, spread.most_ratio, spread.variation];
    let ratios = ratios.map(|ratio| Html::of(Ratio(ratio)));
    let cells = [Html::of(name), mean].into_iter().chain(numbers).chain(ratios);
    cells.chain(core::iter::once(chance)).collect()
}
