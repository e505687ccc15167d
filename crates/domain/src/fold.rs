//! Deciding: the fold of a referral's facts, in canonical order and under its decisions, into what every commission
//! should stand at (money.md §1, §4, §5). What is booked is the difference, in `commission`.
//!
//! Two ways lead to the same result: [`fold`] takes all facts; [`step`] takes the stored state and one fact newer
//! than all folded ones. That they agree is a law of `tests/it/laws.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::affiliate;
use crate::commission::{Key, Target};
use crate::currency::Currency;
use crate::deal::{FlatRefund, Occurrence, On, Reward, Rule, Terms};
use crate::fact::{Body, Fact, Position};
use crate::ids::{AffiliateId, DealVersionId, FactId};
use crate::money::{Amount, Money};
use crate::outcome::{Line, LineResult, Note, Outcome, Why};
use crate::referral::{Event, State as ReferralState};
use crate::time::{Timestamp, Zone, add_months};

/// Who a referral belongs to and under which terms, from an instant on.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// From when; the first assignment of a referral holds for all time before it too.
    pub from: Timestamp,
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// The deal version, if the affiliate has one (organic traffic has none).
    pub terms: Option<(DealVersionId, Arc<Terms>)>,
}

/// The decisions about one referral, which its facts are folded under.
#[derive(Clone, Debug)]
pub struct Course {
    /// The program's currency.
    pub currency: Currency,
    /// The program's time zone.
    pub zone: Zone,
    /// Owners and terms, oldest first; never empty.
    pub assignments: Vec<Assignment>,
    /// The dated statuses of every affiliate in `assignments`.
    pub statuses: BTreeMap<AffiliateId, affiliate::History>,
    /// Rejected by the staff, and when.
    pub rejected_at: Option<Timestamp>,
    /// Without a payment up to here the referral expires.
    pub expires_at: Option<Timestamp>,
}

/// The stored state of a fold: all that a newer fact needs to know of the older ones.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// The newest fact folded.
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Position>,
    /// Where the referral stands.
    #[serde(rename = "s", default)]
    pub referral: ReferralState,
    /// Since when it stands there.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub referral_since: Option<Timestamp>,
    /// The first payment of all (gross figure: zero amounts aside, refunds do not matter).
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub first_payment: Option<FirstPayment>,
    /// How many payments count for limits.
    #[serde(rename = "n", default)]
    pub counted: u32,
    /// The local date of the first counted payment.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub counted_from: Option<NaiveDate>,
}

/// The first payment of a referral, for the figures of first deposits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FirstPayment {
    /// The payment.
    #[serde(rename = "i")]
    pub fact: FactId,
    /// Its local date.
    #[serde(rename = "d")]
    pub date: NaiveDate,
    /// Whose referral it was.
    #[serde(rename = "a")]
    pub affiliate: AffiliateId,
    /// Its amount in the program's currency; `None` while the rate is missing.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Amount>,
}

/// What a fold comes to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Folded {
    /// The state to keep.
    pub state: State,
    /// What every commission should stand at; what is not here stands at zero.
    pub targets: BTreeMap<Key, Target>,
    /// What came of every fact folded now.
    pub outcomes: BTreeMap<FactId, Outcome>,
}

/// Folds all facts of a referral. They may come in any order and are brought into the canonical one; a fact that
/// comes twice counts once.
pub fn fold(course: &Course, facts: &[Fact]) -> Folded {
    let mut ordered: Vec<(Position, &Fact)> = facts.iter().map(|fact| (fact.position(), fact)).collect();
    ordered.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.id.cmp(&b.1.id)));
    ordered.dedup_by_key(|(_, fact)| fact.id);
    let returned = Returned::sum(ordered.iter().map(|(_, fact)| *fact));
    let mut folded = Folded::default();
    for (position, fact) in ordered {
        fold_one(course, &returned, &mut folded, position, fact);
    }
    folded
}

/// Folds one fact that is newer than all folded ones and no refund; `None` when it is not, and the referral must be
/// folded again from all its facts.
///
/// A refund always takes the long way: returned in full, a payment leaves the row of counted payments, and every
/// later payment may move up. And a refund is folded only once its payment is known: the state does not remember
/// refunds, so a payment that came after its own refund would earn in full here.
pub fn step(course: &Course, state: &State, fact: &Fact) -> Option<Folded> {
    let position = fact.position();
    let newer = state.last.as_ref().is_none_or(|last| *last < position);
    if !newer || matches!(fact.body, Body::Refund { .. }) {
        return None;
    }
    let mut folded = Folded { state: state.clone(), ..Folded::default() };
    fold_one(course, &Returned::default(), &mut folded, position, fact);
    Some(folded)
}

/// What was returned of each payment: the sum of its refunds, cut off at the payment.
#[derive(Default)]
struct Returned {
    micros: BTreeMap<FactId, i128>,
    cut_off: BTreeSet<FactId>,
}

impl Returned {
    fn sum<'a>(facts: impl Iterator<Item = &'a Fact> + Clone) -> Returned {
        let mut returned = Returned::default();
        for fact in facts.clone() {
            if let Body::Refund { payment, amount } = &fact.body {
                *returned.micros.entry(*payment).or_default() += i128::from(amount.micros());
            }
        }
        for fact in facts {
            let Body::Payment { amount, .. } = &fact.body else { continue };
            let paid = i128::from(amount.micros());
            if let Some(sum) = returned.micros.get_mut(&fact.id).filter(|sum| **sum > paid) {
                *sum = paid;
                returned.cut_off.insert(fact.id);
            }
        }
        returned
    }

    fn of(&self, payment: FactId) -> i128 {
        self.micros.get(&payment).copied().unwrap_or(0)
    }
}

fn fold_one(course: &Course, returned: &Returned, folded: &mut Folded, position: Position, fact: &Fact) {
    let outcome = match &fact.body {
        Body::Registration => {
            move_referral(course, &mut folded.state, fact, None);
            fold_registration(course, folded, fact)
        }
        Body::Payment { amount, value } => {
            let paid = (amount.micros() > 0).then_some(Event::Paid);
            move_referral(course, &mut folded.state, fact, paid);
            fold_payment(course, returned, folded, fact, *amount, *value)
        }
        Body::Refund { payment, .. } => {
            move_referral(course, &mut folded.state, fact, None);
            let note = returned.cut_off.contains(payment).then_some(Note::CutOff);
            Outcome { note, ..Outcome::default() }
        }
        Body::Churn => {
            move_referral(course, &mut folded.state, fact, Some(Event::Churned));
            Outcome::default()
        }
    };
    folded.outcomes.insert(fact.id, outcome);
    folded.state.last = Some(position);
}

/// Moves the referral's state: first by the time that has passed, then by the fact, last by the staff's rejection.
fn move_referral(course: &Course, state: &mut State, fact: &Fact, event: Option<Event>) {
    state.referral_since.get_or_insert(fact.occurred_at);
    let has_paid = state.first_payment.is_some();
    let mut apply = |event: Event, at: Timestamp| {
        let to = state.referral.transition(event);
        if to != state.referral {
            state.referral = to;
            state.referral_since = Some(at);
        }
    };
    if let Some(expires_at) = course.expires_at.filter(|at| !has_paid && *at < fact.occurred_at) {
        apply(Event::Expired, expires_at);
    }
    if let Some(event) = event {
        apply(event, fact.occurred_at);
    }
    if let Some(rejected_at) = course.rejected_at {
        apply(Event::Rejected, rejected_at);
    }
}

fn fold_registration(course: &Course, folded: &mut Folded, fact: &Fact) -> Outcome {
    let owner = course.owner_at(fact.occurred_at);
    match course.earning(owner, fact, &folded.state) {
        Err(note) => Outcome { note: Some(note), ..Outcome::default() },
        Ok((version, terms)) => {
            let lines = terms.rules.iter().enumerate().map(|(index, rule)| {
                let result = match (rule.on, rule.reward) {
                    (On::Registration, Reward::Flat(amount)) => {
                        let key = Key { fact: fact.id, rule: index as u16, affiliate: owner.affiliate };
                        let target = course.target(rule, version, terms, fact, amount.0);
                        folded.targets.insert(key, target);
                        LineResult::Earned(amount)
                    }
                    _ => LineResult::Skipped(Why::OtherFact),
                };
                Line { rule: index as u16, result }
            });
            Outcome { lines: lines.collect(), ..Outcome::default() }
        }
    }
}

fn fold_payment(
    course: &Course,
    returned: &Returned,
    folded: &mut Folded,
    fact: &Fact,
    amount: Money,
    value: Option<Money>,
) -> Outcome {
    let note = |note| Outcome { note: Some(note), ..Outcome::default() };
    let owner = course.owner_at(fact.occurred_at);
    if amount.micros() == 0 {
        return note(Note::ZeroAmount);
    }
    let date = course.zone.date_of(fact.occurred_at);
    let state = &mut folded.state;
    if state.first_payment.is_none() {
        state.first_payment = Some(FirstPayment {
            fact: fact.id,
            date,
            affiliate: owner.affiliate,
            value: value.map(|value| Amount(value.micros())),
        });
    }
    let back = returned.of(fact.id);
    if back >= i128::from(amount.micros()) {
        return note(Note::FullyReturned);
    }
    state.counted += 1;
    let place = Place { number: state.counted, date, months_from: *state.counted_from.get_or_insert(date) };
    let (version, terms) = match course.earning(owner, fact, &folded.state) {
        Ok(earning) => earning,
        Err(reason) => return note(reason),
    };
    let Some(value) = value else {
        return note(Note::RateMissing);
    };
    let mut lines = Vec::with_capacity(terms.rules.len());
    for (index, rule) in terms.rules.iter().enumerate() {
        let result = match evaluate(rule, &place, value) {
            Err(why) => LineResult::Skipped(why),
            Ok(full) => {
                let standing = after_refunds(rule, terms.flat_refund, full, back, amount);
                if standing.micros() != 0 {
                    let key = Key { fact: fact.id, rule: index as u16, affiliate: owner.affiliate };
                    let target = course.target(rule, version, terms, fact, standing.micros());
                    folded.targets.insert(key, target);
                }
                LineResult::Earned(Amount(standing.micros()))
            }
        };
        lines.push(Line { rule: index as u16, result });
    }
    Outcome { lines, ..Outcome::default() }
}

/// A payment's place in the row of counted payments.
struct Place {
    number: u32,
    date: NaiveDate,
    months_from: NaiveDate,
}

/// What a rule gives for a payment before refunds, or why nothing.
fn evaluate(rule: &Rule, place: &Place, value: Money) -> Result<Money, Why> {
    if rule.on != On::Payment {
        return Err(Why::OtherFact);
    }
    match rule.when.occurrence {
        Some(Occurrence::First) if place.number > 1 => return Err(Why::NotFirst),
        Some(Occurrence::Renewal) if place.number == 1 => return Err(Why::NotRenewal),
        _ => {}
    }
    if rule.limits.payments.is_some_and(|limit| place.number > limit) {
        return Err(Why::PaymentsReached);
    }
    if rule.limits.months.is_some_and(|months| place.date >= add_months(place.months_from, months)) {
        return Err(Why::MonthsOver);
    }
    let full = match rule.reward {
        Reward::Percent(rate) => rate.of(value),
        Reward::Flat(amount) => Money::from_micros(amount.0, value.currency()),
    };
    if full.micros() == 0 { Err(Why::RoundsToZero) } else { Ok(full) }
}

/// C − round(C × returned / amount), money.md §5; the payment is not returned in full.
fn after_refunds(rule: &Rule, flat_refund: FlatRefund, full: Money, returned: i128, amount: Money) -> Money {
    let keeps = matches!(rule.reward, Reward::Flat(_)) && flat_refund == FlatRefund::OnlyFull;
    if returned == 0 || keeps {
        return full;
    }
    let back = full.share(returned, i128::from(amount.micros())).expect("a part of a commission fits");
    Money::from_micros(full.micros() - back.micros(), full.currency())
}

impl Course {
    /// The assignment in force at an instant.
    pub fn owner_at(&self, at: Timestamp) -> &Assignment {
        let in_force = self.assignments.iter().rev().find(|assignment| assignment.from <= at);
        in_force.or(self.assignments.first()).expect("a referral has at least one assignment")
    }

    /// The terms a fact earns under, or why it earns nothing.
    fn earning<'a>(
        &self,
        owner: &'a Assignment,
        fact: &Fact,
        state: &State,
    ) -> Result<(DealVersionId, &'a Terms), Note> {
        if self.rejected_at.is_some() {
            return Err(Note::ReferralRejected);
        }
        if state.referral == ReferralState::Expired {
            return Err(Note::ReferralExpired);
        }
        let status = self
            .statuses
            .get(&owner.affiliate)
            .map_or(affiliate::Status::Pending, |history| history.at(fact.occurred_at));
        if !status.earns() {
            return Err(Note::AffiliateStatus(status));
        }
        owner.terms.as_ref().map(|(version, terms)| (*version, &**terms)).ok_or(Note::NoTerms)
    }

    fn target(&self, rule: &Rule, version: DealVersionId, terms: &Terms, fact: &Fact, micros: i64) -> Target {
        Target {
            kind: rule.kind(),
            version,
            micros,
            occurred_at: fact.occurred_at,
            release_at: if terms.releases_at_once() {
                fact.occurred_at
            } else {
                self.zone.hold_end(fact.occurred_at, terms.hold_days)
            },
            at_once: terms.releases_at_once(),
        }
    }
}
