//! The report for people: well formed, harmless, small, and with the numbers of the evidence (RP-20).

mod common;

use std::collections::BTreeSet;

use common::{ERASURE, GOVERNED, LARGE, SMALL, audited, forged, pinned};
use protocol::{NodeId, event::Settlement, governance::Change, rules::Rule};
use replay::{Report, evidence, html, workload};
use workload::{Log, Spec};

/// What a page may consist of: nothing that loads, sends or runs.
const ELEMENTS: &str = "a bdi body caption code data dd desc details div dl dt figcaption figure footer h1 h2 head header html li line \
                        main meta nav p path rect section small span strong style summary svg table tbody td text th thead title tr ul b";

const ATTRIBUTES: &str = "aria-hidden aria-label aria-labelledby charset class colspan content d height href http-equiv id lang name \
                          preserveAspectRatio role scope stroke-width tabindex title value viewBox width x x1 x2 y y1 y2";

/// Elements of HTML without an end.
const VOID: &str = "meta";

/// A start tag.
#[derive(Debug)]
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

/// Reads a page as a strict reader would: every tag is closed in its order, every attribute is quoted and named once, and
/// outside of tags there is no `<`. Panics at whatever is not so.
fn tags(page: &str) -> Vec<Tag> {
    let mut rest = page.strip_prefix("<!DOCTYPE html>\n").unwrap();
    let (mut tags, mut open): (Vec<Tag>, Vec<String>) = (Vec::new(), Vec::new());
    while let Some(at) = rest.find('<') {
        let end = at + rest[at..].find('>').expect("a tag that ends");
        let inside = &rest[at + 1..end];
        if let Some(name) = inside.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed in order");
        } else {
            let tag = tag(inside.trim_end_matches('/'));
            if !inside.ends_with('/') && tag.name != VOID {
                open.push(tag.name.clone());
            }
            tags.push(tag);
        }
        rest = &rest[end + 1..];
    }
    assert_eq!(open, [""; 0], "all closed");
    assert_eq!(rest.trim(), "");
    tags
}

fn tag(inside: &str) -> Tag {
    let (name, mut rest) = inside.split_once(' ').unwrap_or((inside, ""));
    let mut attributes: Vec<(String, String)> = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.trim_start().split_once("=\"").expect("a quoted attribute");
        let (value, after) = after.split_once('"').expect("the end of an attribute");
        assert!(!attributes.iter().any(|(other, _)| other == name), "{name} twice");
        attributes.push((name.into(), value.into()));
        rest = after;
    }
    Tag { name: name.into(), attributes }
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

fn page(report: &Report) -> String {
    let page = html::render(report);
    check(&page);
    page
}

/// The drawings of marks.
fn paths(page: &str) -> impl Iterator<Item = &str> {
    page.split(" d=\"").skip(1).filter_map(|rest| rest.split('"').next())
}

/// What holds of every page, whatever was audited.
#[track_caller]
fn check(page: &str) {
    let tags = tags(page);
    let allowed = |list: &'static str| list.split_whitespace().collect::<BTreeSet<_>>();
    let (elements, attributes) = (allowed(ELEMENTS), allowed(ATTRIBUTES));
    let mut ids = BTreeSet::new();
    for tag in &tags {
        assert!(elements.contains(tag.name.as_str()), "{tag:?}");
        for (name, value) in &tag.attributes {
            assert!(attributes.contains(name.as_str()), "{tag:?}");
            assert!(name != "href" || value.starts_with('#'), "{tag:?}");
            let drawn = value.chars().all(|c| c.is_ascii_digit() || "MVH ".contains(c));
            assert!(name != "d" || drawn, "{value}");
            assert!(name != "id" || ids.insert(value.as_str()), "{value} twice");
        }
    }
    let policy = tags.iter().find(|tag| tag.get("http-equiv") == Some("Content-Security-Policy"));
    let policy = policy.and_then(|tag| tag.get("content")).unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline';"), "{policy}");
    let style = &page[page.find("<style>").unwrap()..page.find("</style>").unwrap()];
    for loading in ["url(", "@import", "//", "expression", "image"] {
        assert!(!style.contains(loading), "{loading}");
    }
    check_accessible(&tags, &ids, page);
}

fn check_accessible(tags: &[Tag], ids: &BTreeSet<&str>, page: &str) {
    let count = |name: &str| tags.iter().filter(|tag| tag.name == name).count();
    assert_eq!(tags[0].get("lang"), Some("en"));
    assert_eq!((count("h1"), count("main"), count("table")), (1, 1, count("caption")));
    for tag in tags {
        for id in tag.get("aria-labelledby").unwrap_or_default().split_whitespace() {
            assert!(ids.contains(id), "{id}");
        }
        if let Some(id) = tag.get("href") {
            assert!(ids.contains(&id[1..]), "{id}");
        }
        if tag.name == "th" {
            assert!(["col", "row"].contains(&tag.get("scope").unwrap()));
        }
    }
    let drawings = tags.iter().filter(|tag| tag.get("role") == Some("img")).count();
    assert_eq!(drawings, count("desc"));
    assert!(page.find("<h1>") < page.find("<h2>"));
}

/// RP-20: sound logs of every kind, and none at all.
#[test]
fn rp_20_pages_of_sound_logs() {
    for (spec, keys) in
        [(SMALL, pinned()), (GOVERNED, Vec::new()), (ERASURE, pinned()), (LARGE, pinned())]
    {
        let report = audited(&workload::generate(&spec).unwrap(), &keys);
        let shown = page(&report);
        let verdict = format!("<strong>Passed, {}</strong>", report.verdict.name());
        assert!(shown.contains(&verdict));
        assert_eq!(shown.contains("anyone can make such a log"), keys.is_empty());
        assert!(shown.contains(&report.log_hash.to_hex()));
        assert!(!shown.contains("http:") && !shown.contains("https:") && !shown.contains("src="));
    }
    let nothing = page(&audited(b"", &[]));
    assert!(nothing.contains("<strong>Failed at the header</strong>"));
}

/// RP-20: the same log gives the same bytes, however the audit was spread (see `audited`).
#[test]
fn rp_20_pages_are_deterministic() {
    let [first, again] = [(), ()].map(|()| {
        let report = audited(&workload::generate(&GOVERNED).unwrap(), &pinned());
        html::render(&report)
    });
    assert_eq!(first, again);
}

/// RP-20: what the page shows is what the evidence says.
#[test]
fn rp_20_numbers_are_those_of_the_evidence() {
    let report = audited(&workload::generate(&GOVERNED).unwrap(), &pinned());
    let page = page(&report);
    let documents = evidence::documents(&report)
        .map(|document| serde_json::from_str::<serde_json::Value>(&document.to_text()).unwrap());
    let [determinism, economics, replay] = &documents;
    let amount = |value: &serde_json::Value| {
        let exact = format!("<data value=\"{}\"", value.as_str().unwrap());
        assert!(page.contains(&exact), "{value}");
    };
    for epoch in economics["epochs"].as_array().unwrap() {
        let row = format!("<th scope=\"row\" class=\"n\">{}</th>", epoch["epoch"]);
        assert!(page.contains(&row));
        ["fees", "pool", "rewards", "treasury", "reserve", "nod_supply"]
            .into_iter()
            .for_each(|part| amount(&epoch[part]));
    }
    ["fees", "rewards", "treasury", "reserve"]
        .into_iter()
        .for_each(|part| amount(&economics["totals"][part]));
    ["credited", "fees", "balances", "debts"]
        .into_iter()
        .for_each(|part| amount(&economics["credits"][part]));
    for node in economics["nodes"].as_array().unwrap() {
        amount(&node["nod_balance"]);
        assert!(page.contains(&format!("<bdi>{}</bdi>", node["node_id"].as_str().unwrap())));
        assert!(page.contains(&format!("<data value=\"{}\" title", node["bytes_stored"])));
    }
    let grouped = |number: &serde_json::Value| {
        let plain = number.as_u64().unwrap();
        if plain < 1_000 {
            plain.to_string()
        } else {
            format!("{},{:03}", plain / 1_000, plain % 1_000)
        }
    };
    for (name, number) in determinism["rederived"].as_object().unwrap() {
        let shown = grouped(number);
        assert!(
            page.contains(&format!("<td class=\"n\">{shown}</td>")) || name == "stores",
            "{name} {shown}"
        );
    }
    for (code, number) in replay["refusals"].as_object().unwrap() {
        let row = format!(
            "<th scope=\"row\">{}</th><td class=\"n\">{}</td>",
            code.strip_prefix("SE_ERR_").unwrap(),
            grouped(number)
        );
        assert!(page.contains(&row), "{row}");
    }
    for text in
        ["log_hash", "ledger_id", "first_entry_hash", "last_entry_hash"].map(|name| &replay[name])
    {
        assert!(page.contains(text.as_str().unwrap()), "{text}");
    }
    for (document, name) in documents.iter().zip(evidence::documents(&report).map(|d| d.name)) {
        let passed = if document["passed"] == true { "yes" } else { "no" };
        assert!(page.contains(&format!("<code>{name}</code></th><td>{passed}</td>")), "{name}");
    }
}

/// RP-20: the entries of all epochs are all entries.
#[test]
fn rp_20_every_entry_is_counted_once() {
    for spec in [SMALL, GOVERNED] {
        let report = audited(&workload::generate(&spec).unwrap(), &[]);
        let mut all = report.open_epoch.clone();
        report.epochs.iter().for_each(|epoch| all.merge(&epoch.activity));
        assert_eq!(all.total(), report.entries);
        assert_eq!(all.of(replay::Kind::Refusals), report.rejected());
        assert_eq!(all.failed_proofs(), report.audits.failed);
        let mut first = 0;
        for epoch in &report.epochs {
            assert_eq!(epoch.activity.total(), epoch.seq + 1 - first);
            first = epoch.seq + 1;
        }
        let placed: u64 = report.nodes.iter().filter_map(|node| node.copies).sum();
        assert!(placed > 0 && placed <= report.derivations.copies);
    }
}

/// RP-20: a failing log has a page, too, with the divergence in words and what was established before it.
#[test]
fn rp_20_pages_of_failing_logs() {
    let log = Log::generate(&GOVERNED).unwrap();
    let found = audited(&forged(&log, 47, |body| body.epoch += 1), &pinned());
    let shown = page(&found);
    let divergence = found.divergence.as_ref().unwrap();
    assert!(shown.contains("<strong>Failed at entry 47</strong>"));
    assert!(shown.contains("<code>epoch</code> — The entry claims to belong to another epoch"));
    for text in [&divergence.expected, &divergence.got] {
        assert!(shown.contains(&format!("<code><bdi>{text}</bdi></code>")), "{text}");
    }
    assert!(shown.contains("47 entries before that place"));
    assert!(shown.contains("No signature was verified"));
    assert!(!shown.contains("Passed, "));
    let whole = log.export().unwrap();
    for cut in [0, 9, 100, whole.len() / 2, whole.len() - 1] {
        page(&audited(&whole[..cut], &[]));
    }
}

/// RP-20: names in a log are anybody's.
#[test]
fn rp_20_hostile_texts_stay_texts() {
    const HOSTILE: &str = "\"><script>alert('x')</script><img src=//evil onerror=x>\u{202e}&lt;";
    let mut report = audited(&workload::generate(&GOVERNED).unwrap(), &pinned());
    let harmless = tags(&page(&report)).len();
    report.origin = Some(HOSTILE.into());
    for node in &mut report.nodes {
        node.node_id = NodeId(HOSTILE.into());
        node.domain.region = HOSTILE.into();
    }
    report.signatures[0].key_name = HOSTILE.into();
    report.rules.as_mut().unwrap().denied_regions = vec![HOSTILE.into()];
    report.epochs[0].changes = vec![(1, Change::Rule(Rule::AllowedRegions(vec![HOSTILE.into()])))];
    let shown = page(&report);
    assert!(!shown.contains("<script") && !shown.contains("<img") && !shown.contains('\u{202e}'));
    assert!(shown.matches("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;").count() > 20);
    assert!(tags(&shown).len().abs_diff(harmless) < 40, "only the changed rows differ");

    let log = Log::generate(&SMALL).unwrap();
    let mut found = audited(&forged(&log, 7, |body| body.epoch += 1), &[]);
    let divergence = found.divergence.as_mut().unwrap();
    let hostile = || HOSTILE.repeat(1_000);
    (divergence.field, divergence.message) = (hostile(), hostile());
    (divergence.expected, divergence.got) = (hostile(), hostile());
    let shown = page(&found);
    assert!(!shown.contains("<script") && shown.len() < 100_000);
    assert!(shown.contains(" more characters)"));
}

/// RP-20: a log of 1,040 epochs, and one that is as large as nodes and names can make it, stay below a megabyte.
#[test]
fn rp_20_pages_are_small() {
    let long = Spec { epochs: 1_040, objects_per_epoch: 1, sample: 1, ..SMALL };
    let file = workload::generate(&long).unwrap();
    let mut report = replay::audit(file.as_slice(), &pinned(), &mut |_| ());
    let shown = page(&report);
    assert!(shown.len() < 300_000, "{}", shown.len());
    assert!(
        shown.contains("Fees per 9 epochs in ATR")
            && shown.contains("The last bar stands for 5 epochs.")
    );
    let most = paths(&shown).map(|path| path.matches('V').count()).max().unwrap();
    assert!(most <= 120, "{most} bars");

    let node = report.nodes[0].clone();
    report.nodes = (0..400)
        .map(|number| {
            let mut node = node.clone();
            node.node_id = NodeId(format!("{number:->64}"));
            node.domain.region = "&".repeat(64);
            node.bytes_stored = u64::MAX - number;
            node
        })
        .collect();
    let change = Change::Rule(Rule::DeniedRegions(vec!["'".repeat(64); 32]));
    let most = protocol::Amount::from_raw(u128::MAX / 4);
    for epoch in &mut report.epochs {
        epoch.settlement =
            Settlement { fees: most, pool: most, rewards: most, treasury: most, reserve: most };
        epoch.changes = vec![(7, change.clone()); 4];
    }
    let shown = page(&report);
    assert!(paths(&shown).any(|path| path.matches('V').count() == 400), "a bar for each node");
    assert!(shown.len() < 1_000_000, "{}", shown.len());
}
