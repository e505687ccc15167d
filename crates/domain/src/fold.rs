//! Deciding: the fold of a referral's facts, in canonical order and under its decisions, into what every commission
//! should stand at (money.md §1, §4, §5). What is booked is the difference, in `commission`.
//!
//! Two ways lead to the same result: [`fold`] takes all facts; [`step`] takes the stored state and one fact newer
//! than all folded ones. That they agree is a law of `tests/it/laws.rs`. What is settled at the close of a month is
//! not here but in `period`.

mod activity;
mod course;
mod payment;
mod qualify;
mod returned;
mod rules;
mod state;
mod trace;

use std::collections::BTreeMap;

pub use course::{Assignment, Course, Source, Truth};
pub use state::{FirstPayment, Qualified, State, Taken};
pub use trace::{Seen, Trace, Traced};

use crate::commission::{Key, Target};
use crate::deal::{Measure, On, Reward};
use crate::fact::{Body, Fact, Position};
use crate::ids::{AffiliateId, DealVersionId, FactId};
use crate::outcome::{Line, LineResult, Note, Outcome, Why};
use crate::referral::Event;
use crate::time::Timestamp;
use returned::Returned;
use rules::Case;

/// What a fold comes to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Folded {
    /// The state to keep.
    pub state: State,
    /// What every commission should stand at; what is not here stands at zero.
    pub targets: BTreeMap<Key, Target>,
    /// What came of every fact folded now.
    pub outcomes: BTreeMap<FactId, Outcome>,
    /// What each fact adds to the measures of its month; filled by [`fold_measured`] alone.
    pub reached: Vec<Reached>,
    /// An older fact's target was taken back, so that the fast path is closed.
    reopened: bool,
}

/// What a fact adds to what its affiliate reached in its month, in micros; a count as whole units.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reached {
    /// The fact.
    pub fact: FactId,
    /// When it happened, which gives the month.
    pub occurred_at: Timestamp,
    /// Whose it was.
    pub affiliate: AffiliateId,
    /// Under which version.
    pub version: DealVersionId,
    /// What is counted.
    pub by: Measure,
    /// How much.
    pub micros: i64,
}

/// What one fold works with.
struct Context<'a, T> {
    course: &'a Course,
    returned: &'a Returned,
    measures: bool,
    trace: &'a T,
}

impl<T> Clone for Context<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Context<'_, T> {}

/// Folds all facts of a referral. They may come in any order and are brought into the canonical one; a fact that
/// comes twice counts once, of an activity row the highest revision.
pub fn fold(course: &Course, facts: &[Fact]) -> Folded {
    fold_all(course, facts, false, &())
}

/// As [`fold`], with what each fact adds to the measures of its month.
pub fn fold_measured(course: &Course, facts: &[Fact]) -> Folded {
    fold_all(course, facts, true, &())
}

/// As [`fold`], telling what it sees.
pub fn fold_traced(course: &Course, facts: &[Fact], trace: &impl Trace) -> Folded {
    fold_all(course, facts, false, trace)
}

fn fold_all(course: &Course, facts: &[Fact], measures: bool, trace: &impl Trace) -> Folded {
    let revision = |fact: &Fact| match fact.body {
        Body::Activity { revision, .. } => revision,
        _ => 0,
    };
    let mut ordered: Vec<(Position, &Fact)> = facts.iter().map(|fact| (fact.position(), fact)).collect();
    ordered.sort_by(|a, b| {
        a.0.cmp(&b.0).then(a.1.id.cmp(&b.1.id)).then_with(|| revision(b.1).cmp(&revision(a.1)))
    });
    ordered.dedup_by_key(|(_, fact)| fact.id);
    let returned = Returned::sum(ordered.iter().map(|(_, fact)| *fact));
    let context = Context { course, returned: &returned, measures, trace };
    let mut folded = Folded::default();
    folded.state.kept = course.kept().map(|(on, booked)| (on, booked.header.key.fact)).collect();
    for (position, fact) in ordered {
        fold_one(context, &mut folded, position, fact);
    }
    for (on, booked) in course.kept() {
        qualify::keep(&mut folded.targets, on, booked);
    }
    folded
}

/// Folds one fact that is newer than all folded ones; `None` when it is not, or when it touches what older facts
/// earned, and the referral must be folded again from all its facts.
///
/// A refund or dispute always takes the long way: returned in full, a payment leaves the row of counted payments, and
/// every later payment may move up. And a refund is folded only once its payment is known: the state does not
/// remember refunds, so a payment that came after its own refund would earn in full here.
pub fn step(course: &Course, state: &State, fact: &Fact) -> Option<Folded> {
    let position = fact.position();
    let newer = state.last.as_ref().is_none_or(|last| *last < position);
    if !newer || matches!(fact.body, Body::Refund { .. } | Body::Dispute { .. }) {
        return None;
    }
    let mut folded = Folded { state: state.clone(), ..Folded::default() };
    let context = Context { course, returned: &Returned::default(), measures: false, trace: &() };
    fold_one(context, &mut folded, position, fact);
    (!folded.reopened).then_some(folded)
}

/// What was returned of a payment, in micros of its own currency: refunds by refund id whose state is not failed, and lost
/// disputes, cut off at the payment.
pub fn returned(facts: &[Fact], payment: FactId) -> i128 {
    let mut ordered: Vec<&Fact> = facts.iter().collect();
    ordered.sort_by_cached_key(|fact| (fact.position(), fact.id));
    Returned::sum(ordered.into_iter()).of(payment)
}

fn fold_one(context: Context<'_, impl Trace>, folded: &mut Folded, position: Position, fact: &Fact) {
    let course = context.course;
    let date = course.zone.date_of(fact.occurred_at);
    // Facts may be dated before the registration; days are counted from it all the same.
    match fact.body {
        Body::Registration => folded.state.registered = Some(date),
        _ => {
            folded.state.registered.get_or_insert(date);
        }
    }
    let case = Case { fact, owner: course.owner_at(fact.occurred_at), date };
    let outcome = match &fact.body {
        Body::Registration => {
            move_referral(course, &mut folded.state, fact, None);
            fold_registration(context, folded, &case)
        }
        Body::Payment { amount, value, base } => {
            let paid = (amount.micros() > 0).then_some(Event::Paid);
            move_referral(course, &mut folded.state, fact, paid);
            payment::fold_payment(
                context,
                folded,
                &case,
                payment::Paid { amount: *amount, value: *value, base: *base },
            )
        }
        Body::Withdrawal { value, .. } => {
            move_referral(course, &mut folded.state, fact, None);
            activity::fold_withdrawal(context, folded, &case, *value)
        }
        Body::Activity { figures, .. } => {
            let counts = figures.as_ref().is_some_and(|figures| course.first_deposit_of(fact, figures) > 0);
            move_referral(course, &mut folded.state, fact, counts.then_some(Event::Paid));
            activity::fold_row(context, folded, &case, figures.as_deref())
        }
        Body::Conversion => {
            move_referral(course, &mut folded.state, fact, None);
            Outcome::default()
        }
        Body::Refund { payment, .. } | Body::Dispute { payment, .. } => {
            move_referral(course, &mut folded.state, fact, None);
            let cut_off = context.returned.is_cut_off(*payment).then_some(Note::CutOff);
            let disputed = || context.returned.is_disputed(*payment).then_some(Note::Disputed);
            Outcome { note: cut_off.or_else(disputed), ..Outcome::default() }
        }
        Body::Churn => {
            move_referral(course, &mut folded.state, fact, Some(Event::Churned));
            Outcome::default()
        }
    };
    folded.outcomes.insert(fact.id, outcome);
    qualify::judge(context, folded, &case);
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

fn fold_registration(context: Context<'_, impl Trace>, folded: &mut Folded, case: &Case<'_>) -> Outcome {
    let (version, terms) = match context.course.earning(case.owner, case.fact, &folded.state) {
        Err(note) => return Outcome { note: Some(note), ..Outcome::default() },
        Ok(earning) => earning,
    };
    context.reach(folded, case, version, Measure::Registrations, 1_000_000);
    let mut lines = Vec::with_capacity(terms.rules.len());
    for (index, rule) in terms.rules.iter().enumerate() {
        let result = match (rule.on, rule.reward) {
            (On::Registration, Reward::Flat(amount)) => match rules::conditions(context, rule, case) {
                Err(why) => LineResult::Skipped(why),
                Ok(()) => {
                    let earned = rules::Earned::flat(amount.0);
                    context.target(folded, index, (version, terms), case, earned);
                    LineResult::Earned(amount)
                }
            },
            _ => LineResult::Skipped(Why::OtherFact),
        };
        lines.push(Line::new(index, result));
    }
    Outcome { lines, ..Outcome::default() }
}

impl<T: Trace> Context<'_, T> {
    /// Tells what was seen while a case's fact was folded.
    fn see(&self, case: &Case<'_>, seen: impl FnOnce() -> Seen) {
        self.trace.see(case.fact.id, seen);
    }

    /// Adds to what the affiliate reached in the fact's month, where that is asked for.
    fn reach(&self, folded: &mut Folded, case: &Case<'_>, version: DealVersionId, by: Measure, micros: i64) {
        if self.measures && micros != 0 {
            folded.reached.push(Reached {
                fact: case.fact.id,
                occurred_at: case.fact.occurred_at,
                affiliate: case.owner.affiliate,
                version,
                by,
                micros,
            });
        }
    }
}
