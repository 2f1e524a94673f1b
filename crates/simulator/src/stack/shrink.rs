//! The shortest history that still fails.

use super::{
    client::Parties,
    flaw::Flaw,
    history::{Violation, run},
    plan::{Act, Step},
};

/// Leaves out steps as long as something still fails, first a client or a kind of fault at once, then runs of
/// steps, then single ones.
#[must_use]
pub fn shrink(
    parties: &Parties,
    steps: &[Step],
    violation: Violation,
    flaw: Option<Flaw>,
) -> (Vec<Step>, Violation) {
    let until = steps.iter().position(|step| step.number > violation.step);
    let mut shortest = Shortest {
        parties,
        flaw,
        steps: steps[..until.unwrap_or(steps.len())].to_vec(),
        violation,
    };
    for client in 0..super::client::CLIENTS {
        shortest.without(|step| matches!(step.act, Act::Ask(asks, _) if asks == client));
    }
    for fault in FAULTS {
        shortest.without(|step| fault(&step.act));
    }
    while shortest.drop_runs() {}
    (shortest.steps, shortest.violation)
}

const FAULTS: [fn(&Act) -> bool; 5] = [
    |act| matches!(act, Act::FailSync | Act::FailStore(_)),
    |act| matches!(act, Act::Fill(_) | Act::Clear),
    |act| matches!(act, Act::Rot | Act::Misdirect),
    |act| matches!(act, Act::StopAt(_)),
    |act| matches!(act, Act::End(..)),
];

struct Shortest<'a> {
    parties: &'a Parties,
    flaw: Option<Flaw>,
    steps: Vec<Step>,
    violation: Violation,
}

impl Shortest<'_> {
    fn without(&mut self, left_out: impl Fn(&Step) -> bool) {
        let steps = self.steps.iter().filter(|step| !left_out(step)).copied().collect();
        self.try_steps(steps);
    }

    /// Takes these steps if they fail too.
    fn try_steps(&mut self, steps: Vec<Step>) -> bool {
        if steps.len() >= self.steps.len() {
            return false;
        }
        match run(self.parties, &steps, self.flaw) {
            Ok(_) => false,
            Err(violation) => {
                (self.steps, self.violation) = (steps, violation);
                true
            }
        }
    }

    /// Whether anything could be left out.
    fn drop_runs(&mut self) -> bool {
        let before = self.steps.len();
        let mut length = before / 2;
        while length > 0 {
            let mut from = self.steps.len();
            while from > 0 {
                from = from.saturating_sub(length);
                let end = (from + length).min(self.steps.len());
                let rest = self.steps[..from].iter().chain(&self.steps[end..]);
                let rest = rest.copied().collect();
                self.try_steps(rest);
            }
            length /= 2;
        }
        self.steps.len() < before
    }
}
