//! `log cosign`: asks the witnesses of a policy for their cosignatures.

use crate::{
    app::App,
    args::witness::CosignArgs,
    commands::read_policy,
    error::{CliError, Result},
    output::Output,
};
use eqm_log::{
    Checkpoint, Note, Policy, VerifierKey,
    note::NoteSignature,
    policy::{Cosigner, Witness},
};
use journal::Ledger;
use protocol::ErrorCode;
use serde_json::json;
use std::time::Duration;
use witness::client::{Client, ClientError};

pub fn run(app: &mut App, args: &CosignArgs) -> Result<()> {
    let policy = read_policy(&args.policy)?;
    let out = app.out.clone();
    let ledger = app.ledger()?;
    known_log(ledger, &policy)?;
    let mut asking = Asking::new(ledger, &policy)?;
    let client = Client::new(Duration::from_secs(args.timeout));
    for url in addresses(&policy) {
        asking.ask(&out, &client, url)?;
    }
    asking.end(&out)
}

/// A policy that names logs must name this one, or what witnesses say about it satisfies nobody.
fn known_log(ledger: &Ledger, policy: &Policy) -> Result<()> {
    if policy.logs().is_empty() || !policy.keys_of(ledger.origin()).is_empty() {
        return Ok(());
    }
    let detail = format!("the policy has no key of this log, {}", ledger.origin());
    Err(CliError::failed(ErrorCode::InvalidInput, detail))
}

/// The addresses of witnesses, each once: one with two keys is asked once.
fn addresses(policy: &Policy) -> Vec<&str> {
    let mut urls: Vec<&str> = Vec::new();
    for url in policy.witnesses().iter().filter_map(|witness| witness.url.as_deref()) {
        if !urls.contains(&url) {
            urls.push(url);
        }
    }
    urls
}

/// The checkpoint on its way to witnesses, with the cosignatures so far.
struct Asking<'a> {
    ledger: &'a Ledger,
    policy: &'a Policy,
    /// As the log signed it.
    signed: String,
    checkpoint: Checkpoint,
    /// Entries under the last checkpoint that was cosigned: where witnesses probably are.
    seen: u64,
    note: Note,
    /// A witness has seen another history.
    forked: bool,
}

impl<'a> Asking<'a> {
    fn new(ledger: &'a Ledger, policy: &'a Policy) -> Result<Self> {
        let internal = |error: &dyn std::fmt::Display| CliError::failed(ErrorCode::Internal, error);
        let signed = ledger.sign_checkpoint()?;
        let checkpoint = Checkpoint::parse_unverified(&signed).map_err(|e| internal(&e))?;
        let seen = ledger.cosigned().read()?.map_or(0, |(_, cosigned)| cosigned.size);
        // Over the same entries, what others have cosigned before stays.
        let note = Note::parse(&ledger.best_checkpoint()?).map_err(|e| internal(&e))?;
        Ok(Self { ledger, policy, signed, checkpoint, seen, note, forked: false })
    }

    /// Asks the witnesses at an address, and shows what they say.
    fn ask(&mut self, out: &Output, client: &Client, url: &str) -> Result<()> {
        let here = |witness: &&Witness| witness.url.as_deref() == Some(url);
        let witnesses: Vec<&Witness> = self.policy.witnesses().iter().filter(here).collect();
        let keys: Vec<&VerifierKey> = witnesses.iter().map(|witness| &witness.key).collect();
        let prove = |old| self.ledger.consistency_path(old, self.checkpoint.size);
        let answer = client.submit(url, &self.signed, &keys, self.seen, prove);
        for witness in witnesses {
            self.show(out, witness, url, &answer)?;
        }
        match answer {
            Ok(lines) => lines.into_iter().for_each(|line| self.add(line)),
            Err(ClientError::OtherHistory(_)) => self.forked = true,
            Err(_) => {}
        }
        Ok(())
    }

    /// A witness's new line takes the place of its old one.
    fn add(&mut self, line: NoteSignature) {
        let same = |one: &NoteSignature| (one.key_id, &*one.name) == (line.key_id, &*line.name);
        self.note.signatures.retain(|one| !same(one));
        self.note.signatures.push(line);
    }

    fn show(
        &self,
        out: &Output,
        witness: &Witness,
        url: &str,
        answer: &std::result::Result<Vec<NoteSignature>, ClientError>,
    ) -> Result<()> {
        let Witness { name, key, .. } = witness;
        let time = match answer {
            Ok(lines) => lines
                .iter()
                .filter(|line| key.made(line))
                .find_map(|line| self.checkpoint.verify_cosignature(key, line).ok())
                .ok_or_else(|| ClientError::NotCosigned.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let document = json!({
            "witness": name,
            "key_id": format!("{:08x}", key.key_id()),
            "url": url,
            "cosigned": time.is_ok(),
            "time": time.as_ref().ok(),
            "detail": time.as_ref().err(),
        });
        out.row(&document, || match &time {
            Ok(time) => format!("{name}  cosigned at {time}"),
            Err(detail) => format!("{name}  {detail}"),
        })
    }

    /// Keeps what was obtained, and says whether it is enough.
    fn end(self, out: &Output) -> Result<()> {
        let note = self.note.to_string();
        let mismatch = |error: eqm_log::checkpoint::CheckpointError| {
            CliError::failed(ErrorCode::IntegrityMismatch, error)
        };
        // Above the limit of signature lines a note would not be read again.
        let cosigners = self.policy.cosigners(&note).map_err(mismatch)?;
        let quorum = self.policy.quorum(&cosigners);
        self.keep(&note, &cosigners, quorum.is_ok())?;
        if let Err(missing) = quorum {
            let code = if self.forked {
                ErrorCode::IntegrityMismatch
            } else {
                ErrorCode::ProofUnavailable
            };
            return Err(CliError::failed(code, missing));
        }
        let names: Vec<&str> = cosigners.iter().map(|one| one.witness.as_str()).collect();
        let Checkpoint { origin, size, root } = &self.checkpoint;
        let document = json!({
            "origin": origin, "size": size, "root": root.to_base64(), "cosigners": names, "checkpoint": note,
        });
        out.row(&document, || format!("{size} entries cosigned by {}", names.join(", ")))
    }

    /// A checkpoint with too few cosignatures does not take the place of an earlier one with enough.
    fn keep(&self, note: &str, cosigners: &[Cosigner], enough: bool) -> Result<()> {
        let file = self.ledger.cosigned();
        let same = |kept: Option<(String, Checkpoint)>| {
            kept.is_none_or(|(_, kept)| kept == self.checkpoint)
        };
        if !cosigners.is_empty() && (enough || same(file.read()?)) {
            file.keep(note)?;
        }
        Ok(())
    }
}
