//! Tables: every one has a caption, and heads for its columns and rows.

use alloc::vec::Vec;

use super::{figures::Counted, markup::Html};

/// Rows that are shown whole.
const WHOLE: usize = 24;

/// Rows up to which a table stays on one sheet of paper.
const SHORT: usize = 12;

/// Columns that fit on every page.
const NARROW: usize = 3;

/// Rows that are always shown at either end.
const EDGE: usize = 5;

/// The largest rows that are shown as well.
const LARGEST: usize = 8;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Text(&'static str),
    Number(&'static str),
    /// A number with its unit, which depends on the log.
    Measure(&'static str, &'static str),
}

/// A table that grows by rows.
pub(super) struct Table {
    columns: Vec<Column>,
    head: Html,
    body: Html,
    rows: usize,
}

impl Table {
    pub(super) fn new(caption: &Html, columns: &[Column]) -> Self {
        let mut html = Html::new();
        html.mark("<caption>").add(caption).mark("</caption><thead><tr>");
        for column in columns {
            match column {
                Column::Text(name) => html.mark("<th scope=\"col\">").say(name),
                Column::Number(name) => html.mark("<th scope=\"col\" class=\"n\">").say(name),
                Column::Measure(name, unit) => {
                    html.mark("<th scope=\"col\" class=\"n\">")
                        .say(name)
                        .mark(" <small>")
                        .say(unit);
                    html.mark("</small>")
                }
            };
            html.mark("</th>");
        }
        html.mark("</tr></thead><tbody>");
        Self { columns: columns.to_vec(), head: html, body: Html::new(), rows: 0 }
    }

    /// A row; its first cell names it.
    pub(super) fn row(&mut self, cells: &[Html]) {
        self.cells("<tr>", cells);
    }

    fn cells(&mut self, open: &'static str, cells: &[Html]) {
        self.rows = self.rows.saturating_add(1);
        self.body.mark(open);
        for (at, (cell, column)) in cells.iter().zip(&self.columns).enumerate() {
            let number = !matches!(column, Column::Text(_));
            let (open, close) = match (at, number) {
                (0, true) => ("<th scope=\"row\" class=\"n\">", "</th>"),
                (0, false) => ("<th scope=\"row\">", "</th>"),
                (_, true) => ("<td class=\"n\">", "</td>"),
                (_, false) => ("<td>", "</td>"),
            };
            self.body.mark(open).add(cell).mark(close);
        }
        self.body.mark("</tr>");
    }

    /// A row that sums up those above it.
    pub(super) fn sum(&mut self, cells: &[Html]) {
        self.cells("<tr class=\"sum\">", cells);
    }

    /// Says that rows are left out here.
    pub(super) fn gap(&mut self, left_out: usize, of_what: &'static str) {
        let left_out = Counted(u64::try_from(left_out).unwrap_or(u64::MAX), of_what);
        self.body.open("tr", &[("class", &"gap")]).open("td", &[("colspan", &self.columns.len())]);
        self.body.say(format_args!("{left_out} not shown")).mark("</td></tr>");
    }

    /// Rows that were picked, with what is left out between them.
    pub(super) fn picked(
        &mut self,
        picks: &[Pick],
        of_what: &'static str,
        mut row: impl FnMut(usize) -> Option<Vec<Html>>,
    ) {
        for pick in picks {
            match pick {
                Pick::Gap(left_out) => self.gap(*left_out, of_what),
                Pick::Row(at) => {
                    if let Some(cells) = row(*at) {
                        self.row(&cells);
                    }
                }
            }
        }
    }

    /// The table; a wide one can be scrolled by itself, with the keyboard too.
    pub(super) fn end(self) -> Html {
        let mut html = Html::new();
        let is_wide = self.columns.len() > NARROW;
        if is_wide {
            html.mark("<div class=\"wide\" role=\"group\" aria-label=\"Table, may be wider than the page\" tabindex=\"0\">");
        }
        let is_short = self.rows <= SHORT;
        html.mark(if is_short { "<table class=\"short\">" } else { "<table>" });
        html.add(&self.head).add(&self.body).mark("</tbody></table>");
        if is_wide {
            html.mark("</div>");
        }
        html
    }
}

/// A row to show, or how many are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    Row(usize),
    Gap(usize),
}

/// All rows if they are few, otherwise the first, the last and those with the largest keys, in order.
pub(super) fn excerpt(keys: &[u128]) -> Vec<Pick> {
    let length = keys.len();
    let mut by_size: Vec<(usize, &u128)> = keys.iter().enumerate().collect();
    by_size.sort_by(|a, b| b.1.cmp(a.1));
    let large: Vec<usize> = by_size.iter().take(LARGEST).map(|(at, _)| *at).collect();
    let shown = |at: &usize| {
        length <= WHOLE || *at < EDGE || at.saturating_add(EDGE) >= length || large.contains(at)
    };
    let mut picks = Vec::new();
    let mut next = 0usize;
    for at in (0..length).filter(shown) {
        match at.saturating_sub(next) {
            0 => {}
            // To say that one row is left out takes a row.
            1 => picks.push(Pick::Row(next)),
            left_out => picks.push(Pick::Gap(left_out)),
        }
        picks.push(Pick::Row(at));
        next = at.saturating_add(1);
    }
    picks
}

/// Whether an excerpt leaves rows out.
pub(super) fn is_cut(picks: &[Pick]) -> bool {
    picks.iter().any(|pick| matches!(pick, Pick::Gap(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RP-20: every row is shown or counted.
    #[test]
    fn rp_20_excerpts_count_what_they_leave_out() {
        for length in [0usize, 1, WHOLE, WHOLE + 1, 1_000] {
            let keys: Vec<u128> = (0..length).map(|at| (at as u128 * 7_919) % 1_009).collect();
            let picks = excerpt(&keys);
            let mut at = 0;
            for pick in &picks {
                match pick {
                    Pick::Row(row) => {
                        assert_eq!(*row, at);
                        at += 1;
                    }
                    Pick::Gap(left_out) => at += left_out,
                }
            }
            assert_eq!(at, length);
            assert!(picks.len() <= 2 * (2 * EDGE + LARGEST) || length <= WHOLE);
            assert_eq!(is_cut(&picks), length > WHOLE);
            if let Some(largest) = keys.iter().max() {
                let largest = keys.iter().position(|key| key == largest).unwrap();
                assert!(picks.contains(&Pick::Row(largest)));
            }
        }
    }
}
