//! The nodes: how many there were, where they stand, what they hold and prove.

use alloc::{collections::BTreeMap, format, vec::Vec};
use protocol::node::Standing;

use super::{
    super::{
        bins::{Bin, Bins, Label},
        figures::{ByteUnit, Grouped, amount, number},
        markup::Html,
        plot::{Axis, Plot, Series, Texture, Words, legend, names},
        scale,
        table::{Column, Table, excerpt, is_cut},
        words,
    },
    Section, figure, paragraph, quoted,
};
use crate::{EpochSummary, NodeSummary, Report};

pub(super) fn section(report: &Report) -> Section {
    let mut body = Html::new();
    if report.nodes.is_empty() {
        body.add(&paragraph("No node was registered as far as the audit got."));
    } else {
        if !report.epochs.is_empty() {
            body.add(&over_time(&Bins::of(&report.epochs)));
        }
        body.add(&held(&report.nodes)).add(&standings(&report.nodes)).add(&statuses(&report.nodes));
        body.add(&table(&report.nodes));
    }
    Section {
        id: "nodes",
        title: "Nodes",
        note: "Nodes hold the shards. When an epoch closes, each is verified by the registry’s and the telemetry’s facts, its \
               standing follows from its history, and the next epoch lists the eligible ones: new shards go to those alone. \
               Bytes are those of the shard copies that are assigned to a node; proofs are answers to audits that showed a \
               shard’s leaf under its root.",
        rules: "RG-4, RG-6, RG-7, PL-6",
        body,
    }
}

fn over_time(bins: &Bins<'_>) -> Html {
    let of = |number: fn(&EpochSummary) -> u32| {
        bins.values(|bin: &Bin<'_>| bin.closing().map_or(0, |epoch| u128::from(number(epoch))))
    };
    let series = [
        Series { name: "registered", texture: Texture::Light, values: of(|epoch| epoch.nodes) },
        Series { name: "verified", texture: Texture::Striped, values: of(|epoch| epoch.verified) },
        Series {
            name: "eligible next",
            texture: Texture::Solid,
            values: of(|epoch| epoch.eligible),
        },
    ];
    let most = series.iter().flat_map(|one| &one.values).max().copied().unwrap_or(0);
    let last = |series: &Series| series.values.last().copied().unwrap_or(0);
    let [registered, verified, eligible] = &series;
    let description = format!(
        "At the last closing {} registered, {} verified, {} eligible for the next epoch.",
        last(registered),
        last(verified),
        last(eligible)
    );
    let labels = bins.labels();
    let plot = Plot {
        words: Words {
            id: "plot-nodes",
            title: "Nodes at the closing of epochs",
            description: &description,
        },
        axis: Axis::new(scale::round_top(most), "nodes", |value| format!("{}", Grouped(value))),
        labels: &labels,
        height: 120,
        level: None,
    };
    let mut drawings = legend(&names(&series), true);
    drawings.add(&plot.lines(&series));
    let mut line = Html::of(&description);
    if bins.width > 1 {
        line.say(format_args!(" A step stands for {}, by the last of them.", bins.unit()));
    }
    figure(&Html::of("Nodes at the closing of epochs"), &line, &drawings)
}

/// Bytes and proofs of every node, in one order.
fn held(nodes: &[NodeSummary]) -> Html {
    let mut order: Vec<&NodeSummary> = nodes.iter().collect();
    order.sort_by(|a, b| b.bytes_stored.cmp(&a.bytes_stored).then(b.proofs.cmp(&a.proofs)));
    let bytes: Vec<u64> = order.iter().map(|node| node.bytes_stored).collect();
    let proofs: Vec<u64> = order.iter().map(|node| node.proofs).collect();
    let labels = ranks(nodes.len());
    let most = bytes.iter().copied().max().unwrap_or(0);
    let unit = ByteUnit::for_most(most);
    let top = u128::from(scale::round_bytes(most));
    let plot = |id, title: &str, axis, values: &[u64], labels: &[Label]| {
        let total = values.iter().fold(0u64, |sum, value| sum.saturating_add(*value));
        let description = format!("{} nodes, {} in all.", number(nodes), Grouped::of(total));
        let plot = Plot {
            words: Words { id, title, description: &description },
            axis,
            labels,
            height: 100,
            level: None,
        };
        let values = values.iter().copied().map(u128::from).collect();
        plot.bars(&[Series { name: "", texture: Texture::Solid, values }])
    };
    let in_unit = |value: u128| {
        let text = unit.text(u64::try_from(value).unwrap_or(u64::MAX));
        text.strip_suffix(".00").map_or_else(|| text.clone(), Into::into)
    };
    let plain = |value: u128| format!("{}", Grouped(value));
    let mut drawings = Html::new();
    drawings.mark("<p class=\"strip\"><b>Bytes</b></p>");
    drawings.add(&plot(
        "plot-bytes",
        "Bytes of each node",
        Axis::new(top, unit.name, in_unit),
        &bytes,
        &[],
    ));
    let top = scale::round_top(u128::from(proofs.iter().copied().max().unwrap_or(0)));
    drawings.mark("<p class=\"strip\"><b>Proofs in closed epochs</b></p>");
    drawings.add(&plot(
        "plot-proofs",
        "Proofs of each node",
        Axis::new(top, "shards", plain),
        &proofs,
        &labels,
    ));
    let line = Html::of("One bar for each node, in the same order in both: most bytes first.");
    figure(&Html::of("Bytes and proofs of each node at the end"), &line, &drawings)
}

/// The first node, round ranks after it.
pub(super) fn ranks(nodes: usize) -> Vec<Label> {
    let nodes = u64::try_from(nodes).unwrap_or(u64::MAX);
    let place = |rank: u64| {
        let halves = rank.saturating_mul(2).saturating_sub(1);
        halves.saturating_mul(10_000).checked_div(nodes.saturating_mul(2)).unwrap_or(0)
    };
    let step = scale::label_step(nodes, 6);
    let round = (1..=6u64).map(|number| number.saturating_mul(step));
    let others = round.filter(|rank| *rank > 1 && *rank <= nodes && *rank > step / 2);
    let first = core::iter::once((place(1), "rank 1".into()));
    first.chain(others.map(|rank| (place(rank), format!("{}", Grouped::of(rank))))).collect()
}

fn standings(nodes: &[NodeSummary]) -> Html {
    let columns = [
        Column::Text("Standing"),
        Column::Number("Nodes"),
        Column::Number("Listed"),
        Column::Text("Meaning"),
    ];
    let mut table = Table::new(&Html::of("Standings at the end"), &columns);
    for standing in Standing::ALL {
        let of = nodes.iter().filter(|node| node.standing == *standing);
        let (all, listed) = (of.clone().count(), of.filter(|node| node.eligible).count());
        if all > 0 {
            table.row(&[
                Html::of(standing.name()),
                Html::of(all),
                Html::of(listed),
                Html::of(words::standing(*standing)),
            ]);
        }
    }
    table.end()
}

fn statuses(nodes: &[NodeSummary]) -> Html {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for node in nodes {
        let number = counts.entry(words::status(node.status)).or_default();
        *number = number.saturating_add(1);
    }
    let columns = [Column::Text("Status"), Column::Number("Nodes"), Column::Text("Meaning")];
    let mut table = Table::new(&Html::of("Last verification"), &columns);
    for ((name, meaning), number) in counts {
        table.row(&[Html::of(name), Html::of(Grouped::of(number)), Html::of(meaning)]);
    }
    table.end()
}

/// Every node when they are few; otherwise some, and all on demand.
fn table(nodes: &[NodeSummary]) -> Html {
    let keys: Vec<u128> = nodes.iter().map(|node| u128::from(node.bytes_stored)).collect();
    let picks = excerpt(&keys);
    let mut html = Html::new();
    if !is_cut(&picks) {
        return rows(nodes, &Html::of("Nodes at the end, in the order of registration"), &picks);
    }
    let mut caption = Html::of("Nodes at the end, in the order of registration");
    caption.mark(" <small>— the first, the last, and those with most bytes</small>");
    html.add(&rows(nodes, &caption, &picks));
    html.mark("<details><summary>All ").say(number(nodes)).mark(" nodes</summary>");
    let all: Vec<_> = (0..nodes.len()).map(super::super::table::Pick::Row).collect();
    html.add(&rows(nodes, &Html::of("All nodes"), &all)).mark("</details>");
    html
}

fn rows(nodes: &[NodeSummary], caption: &Html, picks: &[super::super::table::Pick]) -> Html {
    let most = nodes.iter().map(|node| node.bytes_stored).max().unwrap_or(0);
    let unit = ByteUnit::for_most(most);
    let columns = [
        Column::Text("Node"),
        Column::Text("Region"),
        Column::Text("Standing"),
        Column::Text("Last verification"),
        Column::Text("Listed"),
        Column::Measure("Bytes", unit.name),
        Column::Number("Copies"),
        Column::Number("Proofs"),
        Column::Number("NOD"),
    ];
    let mut table = Table::new(caption, &columns);
    table.picked(picks, "node", |at| {
        let node = nodes.get(at)?;
        let region = node.domain.region.as_str();
        let status = words::status(node.status).0;
        let copies =
            node.copies.map_or_else(|| Html::of("—"), |copies| Html::of(Grouped::of(copies)));
        Some(alloc::vec![
            quoted(&node.node_id.0),
            if region.is_empty() { Html::of("—") } else { quoted(region) },
            Html::of(node.standing),
            Html::of(status.strip_prefix("UNVERIFIED_").unwrap_or(status)),
            Html::of(if node.eligible { "yes" } else { "no" }),
            unit.show(node.bytes_stored),
            copies,
            Html::of(Grouped::of(node.proofs)),
            amount(node.nod),
        ])
    });
    table.end()
}
