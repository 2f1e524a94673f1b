"""What a page of `qfs-replay --report` must be, read with the parsers of the standard library (RP-20)."""

import re
import xml.etree.ElementTree
from html.parser import HTMLParser

VOID = {"meta"}

# Whatever could load, send, run or embed something.
FORBIDDEN = {
    "script", "link", "img", "image", "iframe", "object", "embed", "form", "base", "audio", "video", "source",
    "use", "foreignobject", "animate", "set", "template", "button", "input",
}

POLICY = "default-src 'none'; style-src 'unsafe-inline'"


class Page(HTMLParser):
    """The elements of a page, and everything about it that is not as it must be."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.problems = []
        self.open = []
        self.ids = []
        self.references = []
        self.headings = []
        self.tables = []
        self.values = []
        self.policy = self.lang = None
        self.text = []
        self.feed(text)
        self.close()
        self.problems += [f"{tag} is never closed" for tag in self.open]
        self.problems += [f"no element {name}" for name in self.references if name not in self.ids]
        self.problems += self.levels()
        self.problems += drawings(text)
        if len(set(self.ids)) != len(self.ids):
            self.problems.append("an id is used twice")
        if not (self.policy or "").startswith(POLICY):
            self.problems.append(f"policy {self.policy}")
        if self.lang != "en":
            self.problems.append("no language")

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag in FORBIDDEN or any(name.startswith("on") or name in ("src", "style") for name in values):
            self.problems.append(f"forbidden: {self.get_starttag_text()}")
        if len(values) != len(attributes) or None in values.values():
            self.problems.append(f"attributes of {self.get_starttag_text()}")
        if not re.fullmatch("[MVH0-9 ]*", values.get("d", "")):
            self.problems.append(f"no drawing: {values['d'][:200]}")
        if tag not in VOID:
            self.open.append(tag)
        self.refer(tag, values)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "html":
            self.lang = values.get("lang")
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if tag == "data":
            self.values.append(values["value"])
        if tag == "table":
            self.tables.append([])
        if self.tables and tag in ("caption", "th"):
            self.tables[-1].append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes something else, at {self.getpos()}")

    def handle_data(self, data):
        self.text.append(data)

    def refer(self, tag, values):
        if "id" in values:
            self.ids.append(values["id"])
        self.references += values.get("aria-labelledby", "").split()
        if "href" in values:
            self.references.append(values["href"].removeprefix("#"))
            if tag != "a" or not values["href"].startswith("#"):
                self.problems.append(f"leads away: {values['href']}")

    def levels(self):
        """Headings begin with the only h1 and skip no level; tables have captions and heads."""
        problems = [f"a table without a caption: {table}" for table in self.tables if table[:2] != ["caption", "th"]]
        if self.headings[:1] != [1] or self.headings.count(1) != 1:
            problems.append(f"headings {self.headings}")
        steps = zip(self.headings, self.headings[1:])
        return problems + [f"h{a} is followed by h{b}" for a, b in steps if b > a + 1]


def drawings(text):
    """Each drawing is XML by itself, and hidden or described."""
    for drawing in re.findall(r"<svg\b(?:(?!</?svg\b).|<svg\b(?:(?!</?svg\b).)*</svg>)*</svg>", text, re.S):
        try:
            root = xml.etree.ElementTree.fromstring(drawing)
        except xml.etree.ElementTree.ParseError as error:
            yield f"a drawing is not XML: {error}: {drawing[:200]}"
            continue
        described = root.find("title") is not None and root.find("desc") is not None and root.get("role") == "img"
        if not described and root.get("aria-hidden") != "true":
            yield f"a drawing that is neither described nor hidden: {drawing[:200]}"


def problems(text):
    """Everything that is wrong with a page, in words."""
    style = text[text.index("<style>") : text.index("</style>")]
    found = Page(text).problems
    found += [f"{word} in the style" for word in ("url(", "@import", "//", "@font-face") if word in style]
    return found + [f"{word} in the page" for word in ("http:", "https:") if word in text]
