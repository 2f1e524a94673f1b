//! Which log this is: its names, hashes, keys and signatures.

use alloc::{format, string::String, vec::Vec};
use protocol::Genesis;

use super::{
    super::{
        figures::{Grouped, number},
        markup::Html,
        table::{Column, Table},
    },
    Facts, Section, code, quoted,
};
use crate::{Report, Verdict};

pub(super) fn section(report: &Report) -> Section {
    let mut body = facts(report);
    body.add(&generations(report));
    body.add(&signatures(report));
    Section {
        id: "identity",
        title: "Identity",
        note: "A log is named by its hash, and a ledger by the hash of its first entry’s command. Each entry is chained to the one \
               before it, and all of them stand under one tree root, which the log’s two keys have signed: whoever \
               shows you another root under these keys shows you another history.",
        rules: "PR-4, EL-1 to EL-13, RP-2, RP-4, KY-8",
        body,
    }
}

fn facts(report: &Report) -> Html {
    let mut facts = Facts::new();
    facts.add("Log", &report.origin.as_ref().map_or_else(|| Html::of("—"), quoted));
    facts.code("Ledger id", report.genesis.as_ref().map(Genesis::ledger_id));
    facts.code("Hash of the file", Some(report.log_hash));
    let entries =
        format!("{} of {} declared", Grouped::of(report.entries), Grouped::of(report.declared));
    facts.say("Entries", entries);
    facts.code("First entry", report.first_entry_hash);
    facts.code("Last verified entry", report.last_entry_hash);
    facts.code("Tree root", report.tree_root);
    facts.code("State after the last", report.final_state_root);
    facts.say("State roots compared", number(&report.state_roots));
    if let Some(genesis) = &report.genesis {
        facts.say("Profile at genesis", genesis.parameters.profile);
        let council = format!("{} council, 1 operator", number(&genesis.council));
        facts.say("Governing keys", council);
    }
    facts.end()
}

/// The keys that signed for the log in turn; nothing where they never changed.
fn generations(report: &Report) -> Html {
    if report.log_keys.len() < 2 {
        return Html::default();
    }
    let columns = [
        Column::Number("Generation"),
        Column::Number("From entry"),
        Column::Text("Endorsed by the one before"),
        Column::Text("Void"),
        Column::Text("Key ids"),
    ];
    let mut table =
        Table::new(&Html::of("Keys of the log, one generation after the other"), &columns);
    for (generation, keys) in (1u32..).zip(&report.log_keys) {
        let ids: Vec<String> =
            keys.keys.iter().map(|key| format!("{:08x}", key.key_id())).collect();
        table.row(&[
            Html::of(generation),
            Html::of(Grouped::of(keys.from)),
            Html::of(match keys.endorsed {
                None => "of genesis",
                Some(true) => "yes",
                Some(false) => "no",
            }),
            keys.revoked.map_or_else(
                || Html::of("—"),
                |seq| Html::of(format!("since entry {}", Grouped::of(seq))),
            ),
            code(Some(ids.join(" "))),
        ]);
    }
    table.end()
}

fn signatures(report: &Report) -> Html {
    if report.signatures.is_empty() {
        return super::paragraph(
            "No signature was verified: the audit ended before the end of the log.",
        );
    }
    let by = match report.verdict {
        Verdict::Pinned => "the log’s keys in force, reached from pinned ones",
        Verdict::Unpinned => "the log’s keys in force, by its own word",
    };
    let columns = [
        Column::Text("Suite"),
        Column::Text("Key id"),
        Column::Text("Key name"),
        Column::Text("Verified by"),
    ];
    let mut table =
        Table::new(&Html::of("Signatures on the checkpoint over all entries"), &columns);
    for signature in &report.signatures {
        table.row(&[
            Html::of(signature.suite),
            code(Some(format!("{:08x}", signature.key_id))),
            quoted(&signature.key_name),
            Html::of(by),
        ]);
    }
    table.end()
}
