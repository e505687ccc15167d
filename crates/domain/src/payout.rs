//! The states of a payout and the steps between them (money.md §8).

use serde::{Deserialize, Serialize};

/// Where a payout stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Asked for; the money is out of `due` and in `in_payout`.
    Requested,
    /// Agreed to by the staff.
    Approved,
    /// On its way through a rail.
    Processing,
    /// Arrived.
    Paid,
    /// The rail refused it; the money is due again.
    Failed,
    /// Withdrawn by the staff; the money is due again.
    Cancelled,
    /// Sent back by the bank after it was paid; the money is due again.
    Returned,
}

/// A step of a payout.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The staff agrees.
    Approve,
    /// The rail takes it.
    Process,
    /// It arrived.
    Pay,
    /// The rail refused it.
    Fail,
    /// The staff withdraws it.
    Cancel,
    /// The bank sent it back.
    Return,
}

/// What a step does to the money and its claims.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Nothing moves.
    None,
    /// `in_payout` → `paid`; the claims are settled.
    Settle,
    /// `in_payout` → `due`; the claims are freed.
    Release,
    /// `paid` → `due`; the claims are freed.
    TakeBack,
}

/// The payout's state does not allow the step.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a payout that is {from} cannot take the step {step}")]
pub struct StepRefused {
    /// The state in force.
    pub from: State,
    /// The step asked for.
    pub step: Step,
}

impl State {
    /// Every state.
    pub const ALL: [State; 7] = [
        State::Requested,
        State::Approved,
        State::Processing,
        State::Paid,
        State::Failed,
        State::Cancelled,
        State::Returned,
    ];

    /// The state after a step and what the step does to the money.
    pub fn transition(self, step: Step) -> Result<(State, Effect), StepRefused> {
        use State::{Approved, Cancelled, Failed, Paid, Processing, Requested, Returned};
        match (self, step) {
            (Requested, Step::Approve) => Ok((Approved, Effect::None)),
            (Approved, Step::Process) => Ok((Processing, Effect::None)),
            (Approved | Processing, Step::Pay) => Ok((Paid, Effect::Settle)),
            (Approved | Processing, Step::Fail) => Ok((Failed, Effect::Release)),
            (Requested | Approved, Step::Cancel) => Ok((Cancelled, Effect::Release)),
            (Paid, Step::Return) => Ok((Returned, Effect::TakeBack)),
            _ => Err(StepRefused { from: self, step }),
        }
    }

    /// The word of this state, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Requested => "requested",
            State::Approved => "approved",
            State::Processing => "processing",
            State::Paid => "paid",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
            State::Returned => "returned",
        }
    }

    /// The state of a stored word.
    pub fn from_word(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Step::Approve => "approve",
            Step::Process => "process",
            Step::Pay => "pay",
            Step::Fail => "fail",
            Step::Cancel => "cancel",
            Step::Return => "return",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_from_every_state() {
        let steps = [Step::Approve, Step::Process, Step::Pay, Step::Fail, Step::Cancel, Step::Return];
        let table = "
            requested:  approved - - - cancelled -
            approved:   - processing paid failed cancelled -
            processing: - - paid failed - -
            paid:       - - - - - returned
            failed:     - - - - - -
            cancelled:  - - - - - -
            returned:   - - - - - -";
        for line in table.trim().lines() {
            let (from, row) = line.trim().split_once(':').expect("a row of the table");
            let from = State::from_word(from).expect("a state");
            for (step, expected) in steps.into_iter().zip(row.split_whitespace()) {
                let to = from.transition(step).map(|(state, _)| state.as_str()).unwrap_or("-");
                assert_eq!(to, expected, "{from} {step}");
            }
        }
    }
}
