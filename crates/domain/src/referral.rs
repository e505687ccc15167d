//! The state of a referral, which is part of the fold: what its facts and decisions make of it.

use serde::{Deserialize, Serialize};

/// Where a referred customer stands (Reditus contract §8). `Clicked` is not here: those rows are clicks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Signed up, has not paid.
    #[default]
    Converted,
    /// Has paid; stays so after a refund (money.md §9).
    Paid,
    /// Stopped paying; a later payment brings it back.
    Churned,
    /// Rejected by the staff: its facts earn nothing.
    Rejected,
    /// Did not pay in time: its facts earn nothing.
    Expired,
}

/// What moves a referral from state to state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Money came in.
    Paid,
    /// The customer left.
    Churned,
    /// The staff rejected it.
    Rejected,
    /// The time to pay is over and nothing was paid.
    Expired,
}

impl State {
    /// Every state.
    pub const ALL: [State; 5] =
        [State::Converted, State::Paid, State::Churned, State::Rejected, State::Expired];

    /// The state after an event. Rejected and expired are final: later events leave them as they are, because the
    /// facts are kept all the same.
    pub fn transition(self, event: Event) -> State {
        match (self, event) {
            (State::Rejected, _) | (_, Event::Rejected) => State::Rejected,
            (State::Expired, _) => State::Expired,
            // Leaving without having paid does not stop the clock: churn never decides what a payment earns.
            (State::Converted | State::Churned, Event::Expired) => State::Expired,
            (State::Paid, Event::Expired) => State::Paid,
            (_, Event::Paid) => State::Paid,
            (_, Event::Churned) => State::Churned,
        }
    }

    /// The word of this state, as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Converted => "converted",
            State::Paid => "paid",
            State::Churned => "churned",
            State::Rejected => "rejected",
            State::Expired => "expired",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payment_after_churn_brings_a_referral_back_and_rejection_is_final() {
        let end =
            [Event::Paid, Event::Churned, Event::Paid].into_iter().fold(State::Converted, State::transition);
        assert_eq!(end, State::Paid);
        for event in [Event::Paid, Event::Churned, Event::Rejected, Event::Expired] {
            assert_eq!(State::Rejected.transition(event), State::Rejected);
        }
        assert_eq!(State::Converted.transition(Event::Expired), State::Expired);
        assert_eq!(State::Churned.transition(Event::Expired), State::Expired);
        assert_eq!(State::Paid.transition(Event::Expired), State::Paid);
        assert_eq!(State::Expired.transition(Event::Paid), State::Expired);
    }
}
