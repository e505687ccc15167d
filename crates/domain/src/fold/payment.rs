//! Payments: limits in three steps (money.md §4), from the facts alone, and refunds by their share (money.md §5).

use chrono::NaiveDate;

use super::activity::percentage;
use super::rules::{self, Case, Earned};
use super::{Context, FirstPayment, Folded, Seen, Source, Trace};
use crate::deal::{Measure, Occurrence, On, Reward, Rule, Terms};
use crate::exchange::Value;
use crate::ids::DealVersionId;
use crate::money::{Amount, Money};
use crate::outcome::{Arithmetic, Line, LineResult, Note, Outcome, Why};

/// What was paid.
#[derive(Clone, Copy)]
pub(super) struct Paid {
    /// As it came, gross.
    pub(super) amount: Money,
    /// In the program's currency.
    pub(super) value: Option<Value>,
    /// The part of it that commissions are on.
    pub(super) base: Option<Value>,
}

/// A payment's place in the row of counted payments.
struct Place {
    number: u32,
    months_from: NaiveDate,
}

/// What a payment is worth after refunds.
#[derive(Clone, Copy)]
struct Worth {
    value: Value,
    base: Value,
    /// Returned and paid, in the currency it came in.
    back: (i128, i128),
}

pub(super) fn fold_payment(
    context: Context<'_, impl Trace>,
    folded: &mut Folded,
    case: &Case<'_>,
    paid: Paid,
) -> Outcome {
    let note = |note| Outcome { note: Some(note), ..Outcome::default() };
    let (course, fact) = (context.course, case.fact);
    let Paid { amount, value, base } = paid;
    if amount.micros() == 0 {
        return note(Note::ZeroAmount);
    }
    if course.truth_of(fact).deposits == Source::Rows {
        return note(Note::CountedFromRows);
    }
    let date = case.date;
    let state = &mut folded.state;
    if state.first_payment.is_none() {
        let value = value.map(|value| Amount(value.micros()));
        state.first_payment =
            Some(FirstPayment { fact: fact.id, date, affiliate: case.owner.affiliate, value });
    }
    let back = (context.returned.of(fact.id), i128::from(amount.micros()));
    if back.0 >= back.1 {
        return note(Note::FullyReturned);
    }
    if course.rejected.contains(&fact.id) {
        return note(Note::CommissionRejected);
    }
    state.counted += 1;
    let place = Place { number: state.counted, months_from: *state.counted_from.get_or_insert(date) };
    context.see(case, || Seen::Counted { number: place.number, from: place.months_from });
    let worth = value.map(|value| Worth { value, base: base.unwrap_or(value), back });
    if let Some(worth) = worth {
        let returned = rules::share_in_micros(i128::from(worth.value.micros()), back.0, back.1);
        state.deposits = state.deposits.saturating_add(worth.value.micros());
        state.returned = state.returned.saturating_add(returned);
    }
    let earning = course.earning(case.owner, fact, &folded.state);
    let (earns, reason) = match &earning {
        Ok(_) => (true, None),
        Err(note) => (false, Some(note.clone())),
    };
    let Some((version, terms)) = case.owner.terms.as_ref().map(|(version, terms)| (*version, &**terms))
    else {
        return note(reason.unwrap_or(Note::NoTerms));
    };
    let Some(worth) = worth else {
        return note(reason.unwrap_or(Note::RateMissing));
    };
    // Limits count what the facts say, whether or not the affiliate earned by them.
    let has_limits = terms.rules.iter().any(|rule| rule.limits.once || rule.limits.per_referral.is_some());
    if !earns && !has_limits {
        return note(reason.unwrap_or(Note::NoTerms));
    }
    if earns {
        measure(context, folded, case, version, &place, worth);
    }
    let lines = fold_rules(context, folded, case, (version, terms), &place, worth, earns);
    match reason {
        Some(reason) => note(reason),
        None => {
            let disputed = context.returned.is_disputed(fact.id).then_some(Note::Disputed);
            Outcome { lines, note: disputed, ..Outcome::default() }
        }
    }
}

fn fold_rules(
    context: Context<'_, impl Trace>,
    folded: &mut Folded,
    case: &Case<'_>,
    (version, terms): (DealVersionId, &Terms),
    place: &Place,
    worth: Worth,
    earns: bool,
) -> Vec<Line> {
    let mut lines = Vec::with_capacity(terms.rules.len());
    for (index, rule) in terms.rules.iter().enumerate() {
        let given = evaluate(context, (index, rule), case, place, worth).and_then(|full| {
            let capped = rules::limit(context, &mut folded.state, (index, rule), (case, version), full.full)?;
            Ok((full, capped))
        });
        let mut line = Line::new(index, LineResult::Skipped(Why::OtherFact));
        match given {
            Err(why) => line.result = LineResult::Skipped(why),
            Ok((full, capped)) => {
                let whole = Earned::whole(capped, full.base);
                let earned = if rule.is_on_activity() {
                    whole
                } else {
                    whole.after(context, rule, terms, (case, index), worth.back)
                };
                line.result = LineResult::Earned(Amount(earned.micros));
                line.sum = Some(Box::new(arithmetic(full, capped, worth)));
                if earns {
                    context.target(folded, index, (version, terms), case, earned);
                }
            }
        }
        lines.push(line);
    }
    lines
}

fn arithmetic(full: Earned, capped: i64, worth: Worth) -> Arithmetic {
    let (returned, paid) = worth.back;
    let as_amount = |micros: i128| Amount(rules::clamp(micros));
    Arithmetic {
        base: (full.base != 0).then_some(Amount(full.base)),
        full: Amount(full.full),
        capped: (capped != full.full).then_some(Amount(capped)),
        returned: (returned != 0).then(|| (as_amount(returned), as_amount(paid))),
        steps: Vec::new(),
    }
}

/// What a rule gives for a payment before caps and refunds, or why nothing.
fn evaluate(
    context: Context<'_, impl Trace>,
    (index, rule): (usize, &Rule),
    case: &Case<'_>,
    place: &Place,
    worth: Worth,
) -> Result<Earned, Why> {
    let first_only = match (rule.on, rule.when.occurrence) {
        (On::Payment, Some(Occurrence::First)) | (On::FirstDeposit, _) => true,
        (On::Payment, _) => false,
        (On::Activity, _) if matches!(rule.reward, Reward::PercentOfNetDeposits(_)) => false,
        _ => return Err(Why::OtherFact),
    };
    if first_only && place.number > 1 {
        return Err(Why::NotFirst);
    }
    if rule.when.occurrence == Some(Occurrence::Renewal) && place.number == 1 {
        return Err(Why::NotRenewal);
    }
    rules::conditions(context, rule, case)?;
    rules::amount_fits(rule, worth.value.micros())?;
    if rule.limits.payments.is_some_and(|limit| place.number > limit) {
        return Err(Why::PaymentsReached);
    }
    rules::months_fit(context, (index, rule), case, Some(place.months_from))?;
    let earned = match rule.reward {
        Reward::Flat(amount) => Earned::flat(amount.0),
        Reward::Percent(rate) => {
            let micros = rate.of(worth.base).micros();
            let unit = context.course.currency.minor_unit_micros();
            percentage(context, case, (index, rule), worth.base.fraction(), unit, micros);
            Earned::whole(micros, worth.base.micros())
        }
        Reward::PercentOfNetDeposits(rate) | Reward::PercentOfNetPnl(rate) => {
            // A share of net deposits is linear in what is left of the deposit, and keeps micros.
            let base = rules::share_in_micros(
                worth.value.micros().into(),
                worth.back.1 - worth.back.0,
                worth.back.1,
            );
            let micros = rules::share_in_micros(base.into(), rate.ppm().into(), 1_000_000);
            percentage(context, case, (index, rule), (base.into(), 1), 1, micros);
            Earned::whole(micros, base)
        }
    };
    if earned.full == 0 { Err(Why::RoundsToZero) } else { Ok(earned) }
}

fn measure(
    context: Context<'_, impl Trace>,
    folded: &mut Folded,
    case: &Case<'_>,
    version: DealVersionId,
    place: &Place,
    worth: Worth,
) {
    if !context.measures {
        return;
    }
    let value = i128::from(worth.value.micros());
    let left = rules::share_in_micros(value, worth.back.1 - worth.back.0, worth.back.1);
    context.reach(folded, case, version, Measure::Payments, 1_000_000);
    context.reach(folded, case, version, Measure::Revenue, left);
    context.reach(folded, case, version, Measure::NetDeposits, left);
    if place.number == 1 {
        context.reach(folded, case, version, Measure::FirstDeposits, 1_000_000);
    }
}
