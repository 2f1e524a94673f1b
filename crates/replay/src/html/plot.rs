//! Plots as drawings inside of the page: black on white, told apart by texture, readable at any width.
//!
//! A plot has two drawings side by side. The gutter has the labels of the upright axis at a fixed width. The field is as
//! wide as the page lets it; what is drawn in it is stretched, text and hairlines in it are not. Marks are drawn in
//! steps: [`STEPS`] from bottom to top, [`SLOT`] for each bar.

use alloc::{format, string::String, vec::Vec};
use core::fmt::Write;

use super::{
    bins::Label,
    markup::Html,
    scale::{STEPS, steps},
};

/// Width of a bar with the space around it.
const SLOT: u32 = 100;

/// Bars are as slim as if there were at least this many.
const LEAST_SLOTS: u32 = 14;

/// From here on bars leave no space between them.
const CROWDED: u32 = 150;

/// Least height of a bar that is not nothing.
const LEAST_BAR: u32 = 6;

/// Room above a field, in pixels, for the unit or half a label.
const ABOVE: u32 = 18;

/// Room below a field for its labels.
const BELOW: u32 = 20;

/// Where labels of the gutter end.
const GUTTER: u32 = 62;

/// How the marks of a series look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Texture {
    Solid,
    Striped,
    Light,
}

impl Texture {
    const fn class(self) -> &'static str {
        match self {
            Self::Solid => "solid",
            Self::Striped => "striped",
            Self::Light => "light",
        }
    }
}

/// One value for each bar.
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) texture: Texture,
    pub(super) values: Vec<u128>,
}

/// The upright axis.
pub(super) struct Axis {
    /// Value at the top.
    pub(super) top: u128,
    /// Unit of the labels.
    pub(super) unit: &'static str,
    /// Values and their labels.
    pub(super) ticks: Vec<(u128, String)>,
}

impl Axis {
    /// Labels at nothing, the half and the top.
    pub(super) fn new(top: u128, unit: &'static str, label: impl Fn(u128) -> String) -> Self {
        let half = top.is_multiple_of(2).then_some(top / 2);
        let values = [Some(0), half, Some(top)].into_iter().flatten();
        Self { top, unit, ticks: values.map(|value| (value, label(value))).collect() }
    }

    /// A label at the top only, for a low plot.
    pub(super) fn low(top: u128) -> Self {
        Self { top, unit: "", ticks: [(top, format!("{}", super::figures::Grouped(top)))].into() }
    }
}

/// What a plot is called and how it is described to those who do not see it.
pub(super) struct Words<'a> {
    /// Prefix of the ids of title and description; unique in the page.
    pub(super) id: &'static str,
    pub(super) title: &'a str,
    pub(super) description: &'a str,
}

/// A line across the field at a value, with its name.
pub(super) struct Level {
    pub(super) value: u128,
    pub(super) name: String,
}

/// A plot without its marks.
pub(super) struct Plot<'a> {
    pub(super) words: Words<'a>,
    pub(super) axis: Axis,
    /// Below the field; a plot without them stands close to the next one.
    pub(super) labels: &'a [Label],
    /// Height of the field, in pixels.
    pub(super) height: u32,
    pub(super) level: Option<Level>,
}

impl Plot<'_> {
    /// Bars, the series stacked from the bottom.
    pub(super) fn bars(&self, series: &[Series]) -> Html {
        let slots = series.iter().map(|one| one.values.len()).max().unwrap_or(0);
        let slots = u32::try_from(slots).unwrap_or(u32::MAX);
        let mut bottoms = alloc::vec![0; usize::try_from(slots).unwrap_or(0)];
        let width = bar_width(slots);
        let mut marks = Html::new();
        for one in series {
            let path = stack(&one.values, self.axis.top, &mut bottoms);
            if !path.is_empty() {
                let class = one.texture.class();
                marks.leaf("path", &[("class", &class), ("stroke-width", &width), ("d", &path)]);
            }
        }
        self.around(slots, &marks)
    }

    /// Lines that stand at the value of each slot.
    pub(super) fn lines(&self, series: &[Series]) -> Html {
        let slots = series.iter().map(|one| one.values.len()).max().unwrap_or(0);
        let mut marks = Html::new();
        for one in series {
            let class = format!("line {}", one.texture.class());
            let path = staircase(&one.values, self.axis.top);
            marks.leaf("path", &[("class", &class), ("d", &path)]);
        }
        self.around(u32::try_from(slots).unwrap_or(u32::MAX), &marks)
    }

    fn around(&self, slots: u32, marks: &Html) -> Html {
        let mut html = Html::new();
        html.mark("<div class=\"chart\">").add(&self.gutter());
        let ids = (format!("{}-title", self.words.id), format!("{}-text", self.words.id));
        let label = format!("{} {}", ids.0, ids.1);
        html.open(
            "svg",
            &[
                ("class", &"field"),
                ("role", &"img"),
                ("aria-labelledby", &label),
                ("width", &"100%"),
                ("height", &self.whole_height()),
            ],
        );
        html.open("title", &[("id", &ids.0)]).say(self.words.title).close("title");
        html.open("desc", &[("id", &ids.1)]).say(self.words.description).close("desc");
        html.add(&self.grid());
        let view = format!("0 0 {} {STEPS}", slots.max(1).saturating_mul(SLOT));
        html.open(
            "svg",
            &[
                ("y", &self.above()),
                ("width", &"100%"),
                ("height", &self.height),
                ("viewBox", &view),
                ("preserveAspectRatio", &"none"),
            ],
        );
        html.add(marks).mark("</svg>").add(&self.across()).add(&self.below());
        html.mark("</svg></div>");
        html
    }

    /// Labels of the upright axis.
    fn gutter(&self) -> Html {
        let mut html = Html::new();
        html.open(
            "svg",
            &[
                ("class", &"gutter"),
                ("aria-hidden", &"true"),
                ("width", &GUTTER.saturating_add(6)),
                ("height", &self.whole_height()),
            ],
        );
        if !self.axis.unit.is_empty() {
            html.open("text", &[("class", &"unit"), ("x", &GUTTER), ("y", &10)]);
            html.say(self.axis.unit).mark("</text>");
        }
        for (value, label) in &self.axis.ticks {
            let y = self.y(*value).saturating_add(4);
            html.open("text", &[("x", &GUTTER), ("y", &y)]).say(label).mark("</text>");
        }
        html.mark("</svg>");
        html
    }

    fn grid(&self) -> Html {
        let mut html = Html::new();
        for (value, _) in &self.axis.ticks {
            let class = if *value == 0 { "base" } else { "grid" };
            html.add(&self.rule(*value, class));
        }
        if self.axis.ticks.iter().all(|(value, _)| *value > 0) {
            html.add(&self.rule(0, "base"));
        }
        html
    }

    /// A hairline across the field.
    fn rule(&self, value: u128, class: &'static str) -> Html {
        let y = format!("{}.5", self.y(value));
        let mut html = Html::new();
        html.leaf("line", &[("class", &class), ("x2", &"100%"), ("y1", &y), ("y2", &y)]);
        html
    }

    fn across(&self) -> Html {
        let mut html = Html::new();
        if let Some(level) = &self.level {
            let y = self.y(level.value).saturating_sub(5);
            html.add(&self.rule(level.value, "level"));
            html.open("text", &[("class", &"halo end"), ("x", &"100%"), ("y", &y)]);
            html.say(&level.name).mark("</text>");
        }
        html
    }

    fn below(&self) -> Html {
        let mut html = Html::new();
        let y = self.whole_height().saturating_sub(4);
        let top = self.above().saturating_add(self.height);
        let bottom = top.saturating_add(4);
        for (place, label) in self.labels {
            let x = percent(*place);
            let class = match place {
                0..=500 => "start",
                9_400.. => "end",
                _ => "middle",
            };
            html.leaf(
                "line",
                &[("class", &"base"), ("x1", &x), ("x2", &x), ("y1", &top), ("y2", &bottom)],
            );
            html.open("text", &[("class", &class), ("x", &x), ("y", &y)])
                .say(label)
                .mark("</text>");
        }
        html
    }

    /// Pixels from the top of the drawing.
    fn y(&self, value: u128) -> u32 {
        let below_top = STEPS.saturating_sub(steps(value, self.axis.top));
        self.above().saturating_add(self.height.saturating_mul(below_top) / STEPS)
    }

    const fn above(&self) -> u32 {
        if self.axis.unit.is_empty() { 8 } else { ABOVE }
    }

    const fn whole_height(&self) -> u32 {
        let below = if self.labels.is_empty() { 2 } else { BELOW };
        self.above().saturating_add(self.height).saturating_add(below)
    }
}

/// What the textures stand for.
pub(super) fn legend(names: &[(Texture, &'static str)], lines: bool) -> Html {
    let mut html = Html::new();
    html.mark("<ul class=\"legend\">");
    for (texture, name) in names {
        html.mark(
            "<li><svg aria-hidden=\"true\" width=\"22\" height=\"12\" viewBox=\"0 0 22 12\">",
        );
        let (class, path, width) = if lines {
            (format!("line {}", texture.class()), "M0 6H22", 2)
        } else {
            (String::from(texture.class()), "M11 12V0", 22)
        };
        let class = format!("{class} sample");
        html.leaf("path", &[("class", &class), ("stroke-width", &width), ("d", &path)]);
        html.mark("</svg>").say(name).mark("</li>");
    }
    html.mark("</ul>");
    html
}

/// The names of series, from the top of a stack down.
pub(super) fn names(series: &[Series]) -> Vec<(Texture, &'static str)> {
    series.iter().rev().map(|one| (one.texture, one.name)).collect()
}

fn bar_width(slots: u32) -> u32 {
    if slots > CROWDED {
        return SLOT;
    }
    let slim = slots.min(LEAST_SLOTS).saturating_mul(SLOT * 4 / 5);
    slim / LEAST_SLOTS
}

/// Upright strokes, one for each value that is not 0, each upon what is there already.
fn stack(values: &[u128], top: u128, bottoms: &mut [u32]) -> String {
    let mut path = String::new();
    for ((slot, value), bottom) in (0u32..).zip(values).zip(bottoms) {
        if *value == 0 {
            continue;
        }
        let height = steps(*value, top).max(LEAST_BAR);
        let end = bottom.saturating_add(height).min(STEPS);
        let x = middle(slot);
        // Writing to a String cannot fail.
        let _ =
            write!(path, "M{x} {}V{}", STEPS.saturating_sub(*bottom), STEPS.saturating_sub(end));
        *bottom = end;
    }
    path
}

fn staircase(values: &[u128], top: u128) -> String {
    let mut path = String::new();
    for (slot, value) in (0u32..).zip(values) {
        let y = STEPS.saturating_sub(steps(*value, top));
        let from = slot.saturating_mul(SLOT);
        // Writing to a String cannot fail.
        let _ = match slot {
            0 => write!(path, "M0 {y}H{SLOT}"),
            _ => write!(path, "V{y}H{}", from.saturating_add(SLOT)),
        };
    }
    path
}

const fn middle(slot: u32) -> u32 {
    slot.saturating_mul(SLOT).saturating_add(SLOT / 2)
}

fn percent(ten_thousandths: u64) -> String {
    format!("{}.{:02}%", ten_thousandths / 100, ten_thousandths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RP-20: what is not nothing is seen, and stacks do not leave the field.
    #[test]
    fn rp_20_bars() {
        let mut bottoms = [0; 3];
        assert_eq!(stack(&[500, 0, 1], 1_000_000, &mut bottoms), "M50 1000V994M250 1000V994");
        assert_eq!(stack(&[999_999, 0, 0], 1_000_000, &mut bottoms), "M50 994V0");
        assert_eq!(bottoms, [1_000, 0, 6]);
        assert_eq!([1, 7, 14, 120, 151].map(bar_width), [5, 40, 80, 80, 100]);
    }

    #[test]
    fn rp_20_lines() {
        assert_eq!(staircase(&[0, 5, 10], 10), "M0 1000H100V500H200V0H300");
        assert_eq!(percent(1_205), "12.05%");
    }
}
