//! Markup in which nothing from a log can be anything but text.

use alloc::string::String;
use core::fmt::{self, Display, Write};

/// Characters of one text that are shown; a name is shorter, and what differs is usually seen in its beginning.
const MAX_TEXT: usize = 2_000;

/// Attributes of an element.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

/// A piece of a page. Tags come from these sources only, because they are `'static`; everything else is escaped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Html(String);

impl Html {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A text alone.
    pub(super) fn of(text: impl Display) -> Self {
        let mut html = Self::new();
        html.say(text);
        html
    }

    /// An element around a text.
    pub(super) fn element(
        tag: &'static str,
        attributes: Attributes<'_>,
        text: impl Display,
    ) -> Self {
        let mut html = Self::new();
        html.open(tag, attributes).say(text).close(tag);
        html
    }

    /// Markup from these sources.
    pub(super) fn mark(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// A text, escaped for content and attributes alike.
    pub(super) fn say(&mut self, text: impl Display) -> &mut Self {
        self.say_at_most(MAX_TEXT, text)
    }

    /// A text of which not more than so many characters are shown.
    pub(super) fn say_at_most(&mut self, most: usize, text: impl Display) -> &mut Self {
        let mut escape = Escape { out: &mut self.0, room: most, hidden: 0 };
        // Writing to a String cannot fail.
        let _ = write!(escape, "{text}");
        let hidden = escape.hidden;
        if hidden > 0 {
            let _ = write!(self.0, "… ({hidden} more characters)");
        }
        self
    }

    /// Text of somebody else, whose direction of writing does not reach what stands around it.
    pub(super) fn quote(&mut self, text: impl Display) -> &mut Self {
        self.mark("<bdi>").say(text).mark("</bdi>")
    }

    pub(super) fn add(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    pub(super) fn open(&mut self, tag: &'static str, attributes: Attributes<'_>) -> &mut Self {
        self.begin(tag, attributes).mark(">")
    }

    pub(super) fn close(&mut self, tag: &'static str) -> &mut Self {
        self.mark("</").mark(tag).mark(">")
    }

    /// An element of a drawing without content.
    pub(super) fn leaf(&mut self, tag: &'static str, attributes: Attributes<'_>) -> &mut Self {
        self.begin(tag, attributes).mark("/>")
    }

    fn begin(&mut self, tag: &'static str, attributes: Attributes<'_>) -> &mut Self {
        self.mark("<").mark(tag);
        for (name, value) in attributes {
            // A drawing is long, and useless when it is cut; texts of a log stand in no attribute.
            self.mark(" ").mark(name).mark("=\"").say_at_most(usize::MAX, value).mark("\"");
        }
        self
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }
}

/// Writes text so that it can neither end what it stands in nor deceive the eye.
struct Escape<'a> {
    out: &'a mut String,
    /// Characters that may still be shown.
    room: usize,
    hidden: usize,
}

impl Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| self.write_char(c))
    }

    fn write_char(&mut self, c: char) -> fmt::Result {
        let Some(room) = self.room.checked_sub(1) else {
            self.hidden = self.hidden.saturating_add(1);
            return Ok(());
        };
        self.room = room;
        match c {
            '&' => self.out.push_str("&amp;"),
            '<' => self.out.push_str("&lt;"),
            '>' => self.out.push_str("&gt;"),
            '"' => self.out.push_str("&quot;"),
            '\'' => self.out.push_str("&#39;"),
            c if c.is_control() || is_unseen(c) => write!(self.out, "{}", c.escape_unicode())?,
            c => self.out.push(c),
        }
        Ok(())
    }
}

/// Characters without a shape of their own, which turn the order of others around or tell equal-looking names apart.
const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        Html::of(text).into_string()
    }

    /// RP-20: text stays text.
    #[test]
    fn rp_20_markup_in_texts_is_text() {
        assert_eq!(
            shown("<script>alert('&\"')</script>"),
            "&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt;/script&gt;"
        );
        let attribute = Html::element("p", &[("title", &"\" onload=\"x")], "a");
        assert_eq!(attribute.into_string(), "<p title=\"&quot; onload=&quot;x\">a</p>");
    }

    /// RP-20: names that look alike are seen to differ.
    #[test]
    fn rp_20_unseen_characters_are_shown() {
        assert_eq!(shown("a\u{202e}b\0c\nd\u{200b}"), "a\\u{202e}b\\u{0}c\\u{a}d\\u{200b}");
        assert_eq!(shown("Zürich 東京"), "Zürich 東京");
    }

    /// RP-20: a page stays small whatever a name is.
    #[test]
    fn rp_20_long_texts_are_cut() {
        let long = "é".repeat(MAX_TEXT + 7);
        assert_eq!(shown(&long), "é".repeat(MAX_TEXT) + "… (7 more characters)");
        let drawn = Html::element("path", &[("d", &long)], "").into_string();
        assert_eq!(drawn, alloc::format!("<path d=\"{long}\"></path>"));
        assert_eq!(shown(&long[2 * 7..]), long[2 * 7..].to_string());
    }

    proptest! {
        #[test]
        fn rp_20_no_text_leaves_its_place(text in any::<String>()) {
            let found = shown(&text);
            prop_assert!(!found.contains(['<', '>', '"', '\'']));
            prop_assert!(!found.chars().any(|c| c.is_control() || is_unseen(c)));
        }
    }
}
