//! What both benches of the engine run: a deal of two rules and a customer's next payment under it.

use std::sync::Arc;

use domain::affiliate::{History, Status};
use domain::commission::{Posting, Reason, difference};
use domain::currency::Currency;
use domain::deal::Terms;
use domain::fact::{Attributes, Body, Fact};
use domain::fold::{Assignment, Course, Folded, State, fold, step};
use domain::ids::{AffiliateId, CommissionId, DealVersionId, FactId};
use domain::money::Money;
use domain::time::{Timestamp, Zone};
use uuid::Uuid;

/// 40 for the first payment and 20 % of every payment for a year, held for 30 days.
const DEAL: &str = r#"{"rules": [
    {"on": "payment", "when": {"occurrence": "first"}, "reward": {"flat": "40"}},
    {"on": "payment", "reward": {"percent": "20"}, "limits": {"months": 12}}
    ], "hold_days": 30}"#;

/// A referral with one payment, and the next one.
pub(crate) struct Case {
    /// The decisions.
    pub(crate) course: Course,
    /// The stored state.
    pub(crate) state: State,
    /// The newer payment.
    pub(crate) fact: Fact,
    /// Every fact so far, the newer one included.
    pub(crate) facts: Vec<Fact>,
}

fn payment(number: u128, at: &str) -> Fact {
    let amount = Money::from_micros(33_330_000, Currency::EUR);
    let occurred_at: Timestamp = at.parse().expect("a time");
    let body = Body::Payment { amount, value: Some(amount.into()), base: None };
    let source = format!("ch_3OqzX2LkdIwHu7ix0{number:08}");
    Fact { id: FactId(Uuid::from_u128(number)), occurred_at, source, attributes: Attributes::default(), body }
}

impl Case {
    /// The case of both benches, in a zone.
    pub(crate) fn new(zone: &str) -> Case {
        let terms: Terms = serde_json::from_str(DEAL).expect("terms");
        let version = DealVersionId(Uuid::from_u128(1));
        let owner = Assignment {
            from: Timestamp::UNIX_EPOCH,
            affiliate: AffiliateId(1),
            terms: Some((version, Arc::new(terms))),
        };
        let zone: Zone = zone.parse().expect("a zone");
        let statuses = [(AffiliateId(1), History::always(Status::Approved))].into();
        let course = Course { statuses, ..Course::new(Currency::EUR, zone, owner) };
        let facts = vec![payment(1, "2026-01-15T10:00:00Z"), payment(2, "2026-02-15T10:00:00Z")];
        let state = fold(&course, &facts[..1]).state;
        Case { course, state, fact: facts[1].clone(), facts }
    }

    /// One evaluation: the next payment against every rule of the deal, from the stored state.
    pub(crate) fn evaluate(&self) -> Folded {
        step(&self.course, &self.state, &self.fact).expect("the payment is newer than all")
    }

    /// One evaluation with what is posted by it.
    pub(crate) fn book(&self) -> Vec<Posting> {
        let folded = self.evaluate();
        let id = || CommissionId(Uuid::from_u128(3));
        difference(Reason::Fact, self.fact.occurred_at, &folded.targets, &Default::default(), id)
    }

    /// The fold of all facts, as a refund or replay makes it.
    pub(crate) fn fold(&self) -> Folded {
        fold(&self.course, &self.facts)
    }
}
