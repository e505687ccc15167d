//! What was returned of each payment: refunds by refund id whose state is not failed, and lost disputes, cut off at the
//! payment (money.md §5).

use std::collections::{BTreeMap, BTreeSet};

use crate::fact::{Body, DisputeState, Fact, RefundState};
use crate::ids::FactId;

/// What was returned, and what is disputed.
#[derive(Default)]
pub(super) struct Returned {
    micros: BTreeMap<FactId, i128>,
    cut_off: BTreeSet<FactId>,
    disputed: BTreeSet<FactId>,
}

impl Returned {
    /// Sums up facts in canonical order, in which the newest report of a refund or dispute comes last.
    pub(super) fn sum<'a>(facts: impl Iterator<Item = &'a Fact> + Clone) -> Returned {
        let mut refunds: BTreeMap<(FactId, &str), i128> = BTreeMap::new();
        let mut disputes: BTreeMap<(FactId, &str), (DisputeState, i128)> = BTreeMap::new();
        for fact in facts.clone() {
            match &fact.body {
                Body::Refund { payment, amount, refund, state } => {
                    let counts = if *state == RefundState::Failed { 0 } else { i128::from(amount.micros()) };
                    refunds.insert((*payment, refund), counts);
                }
                Body::Dispute { payment, amount, dispute, state } => {
                    disputes.insert((*payment, dispute), (*state, i128::from(amount.micros())));
                }
                _ => {}
            }
        }
        let mut returned = Returned::default();
        for ((payment, _), micros) in refunds {
            *returned.micros.entry(payment).or_default() += micros;
        }
        for ((payment, _), (state, micros)) in disputes {
            match state {
                DisputeState::Lost => *returned.micros.entry(payment).or_default() += micros,
                DisputeState::Opened => drop(returned.disputed.insert(payment)),
                DisputeState::Won => {}
            }
        }
        returned.cut_off_at(facts);
        returned
    }

    fn cut_off_at<'a>(&mut self, facts: impl Iterator<Item = &'a Fact>) {
        if self.micros.is_empty() {
            return;
        }
        for fact in facts {
            let Body::Payment { amount, .. } = &fact.body else { continue };
            let paid = i128::from(amount.micros());
            if let Some(sum) = self.micros.get_mut(&fact.id).filter(|sum| **sum > paid) {
                *sum = paid;
                self.cut_off.insert(fact.id);
            }
        }
    }

    /// What was returned of a payment, in the micros of its own currency.
    pub(super) fn of(&self, payment: FactId) -> i128 {
        self.micros.get(&payment).copied().unwrap_or(0)
    }

    /// Whether more was sent back than was paid.
    pub(super) fn is_cut_off(&self, payment: FactId) -> bool {
        self.cut_off.contains(&payment)
    }

    /// Whether a dispute of the payment is open.
    pub(super) fn is_disputed(&self, payment: FactId) -> bool {
        self.disputed.contains(&payment)
    }
}
