//! Answers, one by one beside those that the model wants.

use super::{Checked, History};
use crate::stack::{client, model::Want};
use journal::Submitted;
use protocol::{Event, Outcome, Receipt};

impl History<'_> {
    pub(super) fn check_answers(&mut self, answers: Vec<Submitted>, wants: Vec<Want>) -> Checked {
        if answers.len() != wants.len() {
            return Err(format!("{} answers to {} commands", answers.len(), wants.len()));
        }
        for (answer, want) in answers.into_iter().zip(wants) {
            self.answers.push(format!("{answer:?}"));
            match (&answer, &want) {
                (Submitted::Logged { receipt, .. }, Want::Entry(seq)) => {
                    self.check_receipt(receipt, *seq)?;
                    self.count(&receipt.outcome);
                    self.model.acknowledged = self.model.acknowledged.max(seq + 1);
                }
                (Submitted::Repeated(receipt), Want::Repeated(seq)) => {
                    self.check_receipt(receipt, *seq)?;
                    self.summary.repeated += 1;
                    self.model.acknowledged = self.model.acknowledged.max(seq + 1);
                }
                (Submitted::Refused(refusal), Want::Refused(code)) if refusal.code == *code => {
                    self.summary.refused += 1;
                }
                _ => return Err(format!("the answer is {answer:?}, and must be {want:?}")),
            }
        }
        Ok(())
    }

    pub(super) fn count(&mut self, outcome: &Outcome) {
        let sum = &mut self.summary;
        match outcome {
            Outcome::Rejected(_) => sum.rejected += 1,
            Outcome::Accepted(event) => {
                sum.accepted += 1;
                match event {
                    Event::EpochClosed(closed) => {
                        sum.epochs += 1;
                        sum.rewards += (closed.settlement.rewards.raw() / client::ATR) as u64;
                    }
                    Event::AuditRecorded { counted, .. } => sum.proofs += u64::from(*counted),
                    _ => {}
                }
            }
        }
    }

    pub(super) fn check_receipt(&self, receipt: &Receipt, seq: u64) -> Checked {
        let outcome = self.model.outcome(seq)?.clone();
        let Some(entry_hash) = self.model.hash(seq) else {
            return Err(format!("entry {seq} has a receipt and no bytes"));
        };
        let wanted = Receipt { seq, entry_hash, outcome };
        if *receipt == wanted {
            return Ok(());
        }
        Err(format!("the receipt is {receipt:?}, and must be {wanted:?}"))
    }
}
