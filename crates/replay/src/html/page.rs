//! The page: head, contents, sections in their order, foot.

use alloc::string::String;

use super::{
    markup::Html,
    sections::{self, Section},
};
use crate::Report;

/// The only style of the page; it names no other file.
const STYLE: &str = include_str!("style.css");

/// Nothing may be loaded, sent or run, whatever a log has smuggled in.
const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
<meta http-equiv=\"Content-Security-Policy\" \
content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
<meta name=\"color-scheme\" content=\"only light\">\
<meta name=\"referrer\" content=\"no-referrer\">";

/// Renders a report as one HTML document, whether the audit passed or not (RP-20).
#[must_use]
pub fn render(report: &Report) -> String {
    let sections = sections::all(report);
    let mut page = Html::new();
    page.mark(HEAD);
    page.open("title", &[]).say(title(report)).close("title");
    page.mark("<style>").mark(STYLE).mark("</style></head><body>");
    page.mark("<a class=\"skip\" href=\"#verdict\">Skip to the verdict</a>");
    page.mark("<header><p class=\"kicker\">QFS · audit of an exported log</p><h1>");
    match &report.origin {
        Some(origin) => page.quote(origin),
        None => page.say("A log without a readable header"),
    };
    page.mark("</h1>").add(&contents(&sections)).mark("</header><main>");
    sections.iter().for_each(|section| {
        page.add(&section.to_html());
    });
    page.mark("</main>").add(&foot()).mark("</body></html>\n");
    page.into_string()
}

fn title(report: &Report) -> String {
    let verdict = sections::verdict(report);
    let origin = report.origin.as_deref().unwrap_or("unreadable log");
    alloc::format!("{verdict}: audit of {origin}")
}

fn contents(sections: &[Section]) -> Html {
    let mut html = Html::new();
    html.mark("<nav aria-label=\"Contents\"><ul>");
    for section in sections {
        html.mark("<li><a href=\"#")
            .mark(section.id)
            .mark("\">")
            .mark(section.title)
            .mark("</a></li>");
    }
    html.mark("</ul></nav>");
    html
}

fn foot() -> Html {
    let mut html = Html::new();
    html.mark(
        "<footer><p>Amounts and sizes are shown to two decimals, cut and not rounded; the exact number appears when \
         the pointer rests on one, and stands in the evidence documents. Codes such as <span class=\"rule\">EC-5</span> \
         are the numbered rules of the specification, in its folder <code>spec</code>.</p>\
         <p>This page is a function of the log and of the keys that were pinned, and of nothing else: whoever audits the same file with \
         <code>qfs-replay FILE --report PAGE</code> gets the same bytes. It loads nothing and runs nothing.</p></footer>",
    );
    html
}
