//! What nodes were asked to prove, and what became of it.

use alloc::format;

use super::{
    super::{
        bins::Bins,
        figures::Grouped,
        markup::Html,
        plot::{Axis, Plot, Series, Texture, Words, legend, names},
        scale,
    },
    Facts, Section, figure,
    timeline::last_is_short,
};
use crate::Report;

pub(super) fn section(report: &Report) -> Section {
    let audits = &report.audits;
    let mut facts = Facts::new();
    facts.say("Audits opened", Grouped::of(audits.opened));
    facts.say("Answers of nodes", Grouped::of(audits.recorded));
    facts.say("Shards proved", format!("{}, each once in an epoch", Grouped::of(audits.counted)));
    facts.say("Shards not proved", Grouped::of(audits.failed));
    let mut body = facts.end();
    body.add(&plot(report));
    Section {
        id: "audits",
        title: "Audits",
        note: "The hash of the entry that opens an audit draws the challenges, so that nobody can know them earlier. Challenges, leaves \
               and paths are verified here again; that the bytes were really there is what the reader of the audit attests, and \
               no log can show more than that.",
        rules: "PL-5, PL-6, RP-8",
        body,
    }
}

fn plot(report: &Report) -> Html {
    let bins = Bins::of(&report.epochs);
    let series = [
        Series {
            name: "proved",
            texture: Texture::Light,
            values: bins.values(|bin| u128::from(bin.sum(|epoch| epoch.proofs))),
        },
        Series {
            name: "not proved",
            texture: Texture::Solid,
            values: bins.values(|bin| u128::from(bin.sum(|epoch| epoch.activity.failed_proofs()))),
        },
    ];
    let [proved, failed] = &series;
    let sums = proved.values.iter().zip(&failed.values).map(|(a, b)| a.saturating_add(*b));
    let most = sums.max().unwrap_or(0);
    if most == 0 {
        return Html::new();
    }
    let title = format!("Challenged shards per {}", bins.unit());
    let labels = bins.labels();
    let plot = Plot {
        words: Words {
            id: "plot-audits",
            title: &title,
            description: "Proved, and not proved above them.",
        },
        axis: Axis::new(scale::round_top(most), "shards", |value| format!("{}", Grouped(value))),
        labels: &labels,
        height: 110,
        level: None,
    };
    let mut drawings = legend(&names(&series), false);
    drawings.add(&plot.bars(&series));
    figure(&Html::of(&title), &Html::of(last_is_short(&bins)), &drawings)
}
