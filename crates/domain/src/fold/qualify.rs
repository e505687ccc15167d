//! Qualification (money.md §4): judged on program days, it happens once and is dated that day. Later withdrawals do
//! not undo it; it is gone when the facts it stood on are, because the fold then does not reach it.
//!
//! It is judged by the full amounts of the payments that count, and its reward is scaled by what was returned of the
//! deposits it stood on: otherwise a refund of one unit would cancel a whole commission.

use std::collections::BTreeMap;

use super::rules::{self, Case, Earned};
use super::{Context, Folded, Qualified, Seen, Source, State, Trace};
use crate::commission::{Booked, Key, Target};
use crate::deal::{Baseline, Measure, On, Qualification, Reward, Terms};
use crate::fact::Body;
use crate::ids::{DealVersionId, FactId};
use crate::money::{Amount, MICROS};
use crate::outcome::{Arithmetic, Line, LineResult, Why};

const SORTS: [On; 2] = [On::QualifiedLead, On::QualifiedDeposit];

/// Judges what the fact just folded makes of both qualifications.
pub(super) fn judge(context: Context<'_, impl Trace>, folded: &mut Folded, case: &Case<'_>) {
    let counts =
        matches!(case.fact.body, Body::Payment { .. } | Body::Withdrawal { .. } | Body::Activity { .. });
    let Some((version, terms)) = case.owner.terms.as_ref().filter(|_| counts) else { return };
    for on in SORTS {
        let Some(qualification) = of(terms, on) else { continue };
        let before = *slot(&mut folded.state, on);
        see(context, qualification, &folded.state, case, on);
        let verdict = match before {
            Some(before) => stands(qualification, folded, case, before, on),
            None => reached(context, qualification, folded, case),
        };
        let why = match verdict {
            Ok(stood_on) => {
                let at_once = qualification.baseline == Baseline::FirstDeposit;
                *slot(&mut folded.state, on) =
                    Some(Qualified { fact: case.fact.id, date: case.date, at_once });
                reward(context, folded, case, (*version, terms), on, stood_on);
                continue;
            }
            Err(why) => why,
        };
        for (index, _) in terms.rules.iter().enumerate().filter(|(_, rule)| rule.on == on) {
            answer(folded, case.fact.id, Line::new(index, LineResult::Skipped(why)));
        }
    }
}

/// Tells where a qualification stands before it is judged.
fn see(
    context: Context<'_, impl Trace>,
    qualification: &Qualification,
    state: &State,
    case: &Case<'_>,
    on: On,
) {
    context.see(case, || {
        let level = match qualification.baseline {
            Baseline::FirstDeposit => first_deposit(context, state, case).map_or(0, |(level, _)| level),
            baseline => level(baseline, state),
        };
        let before = match on {
            On::QualifiedLead => state.lead,
            _ => state.customer,
        };
        Seen::Judged {
            on,
            baseline: qualification.baseline,
            level,
            threshold: qualification.threshold(),
            day: state.registered.map_or(0, |registered| (case.date - registered).num_days()),
            before: before.map(|before| before.fact),
        }
    });
}

/// Puts a booked commission that stays back to what it stands at.
pub(super) fn keep(targets: &mut BTreeMap<Key, Target>, on: On, booked: &Booked) {
    let header = &booked.header;
    let target = targets.entry(header.key).or_insert_with(|| Target {
        kind: header.kind,
        version: header.version,
        micros: booked.standing,
        occurred_at: header.occurred_at,
        release_at: header.release_at,
        at_once: false,
        after_close: header.after_close,
        disputed: booked.disputed,
        on,
        full: booked.standing,
        base: 0,
        returned: (0, 1),
    });
    target.micros = target.micros.max(booked.standing);
}

fn of(terms: &Terms, on: On) -> Option<&Qualification> {
    match on {
        On::QualifiedLead => terms.lead_qualification.as_ref(),
        _ => terms.qualification.as_ref(),
    }
}

fn slot(state: &mut State, on: On) -> &mut Option<Qualified> {
    match on {
        On::QualifiedLead => &mut state.lead,
        _ => &mut state.customer,
    }
}

/// What a qualification stood on: how much of how much was returned.
type StoodOn = (i128, i128);

/// Whether the baseline is reached now.
fn reached(
    context: Context<'_, impl Trace>,
    qualification: &Qualification,
    folded: &Folded,
    case: &Case<'_>,
) -> Result<StoodOn, Why> {
    let state = &folded.state;
    let stood_on = if qualification.baseline == Baseline::FirstDeposit {
        let (amount, stood_on) = first_deposit(context, state, case)?;
        if amount < qualification.threshold() {
            return Err(Why::NotQualified);
        }
        stood_on
    } else {
        if level(qualification.baseline, state) < qualification.threshold() {
            return Err(Why::NotQualified);
        }
        match qualification.baseline {
            Baseline::Volume | Baseline::ActivityCount => (0, 1),
            _ => (state.returned.into(), state.deposits.into()),
        }
    };
    let day = state.registered.map_or(0, |registered| (case.date - registered).num_days());
    if qualification.within_days.is_some_and(|days| day >= i64::from(days)) {
        return Err(Why::NotInTime);
    }
    Ok(stood_on)
}

/// The first deposit, when this fact is it; a deposit that an activity row carries is never returned.
fn first_deposit(
    context: Context<'_, impl Trace>,
    state: &State,
    case: &Case<'_>,
) -> Result<(i128, StoodOn), Why> {
    let truth = context.course.truth_of(case.fact).deposits;
    let is_first = state.counted == 1;
    match &case.fact.body {
        Body::Payment { amount, value: Some(value), .. } if truth == Source::Events && is_first => {
            let back = (context.returned.of(case.fact.id), i128::from(amount.micros()));
            let counts = back.0 < back.1 && !context.course.rejected.contains(&case.fact.id);
            if counts { Ok((value.micros().into(), back)) } else { Err(Why::NotQualified) }
        }
        Body::Activity { figures: Some(figures), .. } if is_first => {
            let carried = context.course.first_deposit_of(case.fact, figures);
            let is_it = carried > 0 && state.first_payment.is_some_and(|first| first.fact == case.fact.id);
            if is_it { Ok((carried.into(), (0, 1))) } else { Err(Why::NotQualified) }
        }
        _ => Err(Why::NotQualified),
    }
}

/// What the baseline stands at, in micros; a count as whole units.
fn level(baseline: Baseline, state: &State) -> i128 {
    match baseline {
        Baseline::FirstDeposit => 0,
        Baseline::TotalDeposits => state.deposits.into(),
        Baseline::NetDeposits => i128::from(state.deposits) - i128::from(state.withdrawals),
        Baseline::Volume => state.volume.into(),
        Baseline::ActivityCount => i128::from(state.activity_count) * i128::from(MICROS),
    }
}

/// Whether an earlier qualification still stands: only on its own day can it still fall, because it must stand at the
/// day's end. It never comes twice, so this is a reason against in any case.
fn stands(
    qualification: &Qualification,
    folded: &mut Folded,
    case: &Case<'_>,
    before: Qualified,
    on: On,
) -> Result<StoodOn, Why> {
    let may_fall = before.date == case.date && !before.at_once;
    if may_fall && level(qualification.baseline, &folded.state) < qualification.threshold() {
        *slot(&mut folded.state, on) = None;
        folded.reopened = true;
        folded.targets.retain(|key, target| key.fact != before.fact || target.on != on);
        folded.reached.retain(|reached| reached.fact != before.fact || measure(on) != reached.by);
        if let Some(outcome) = folded.outcomes.get_mut(&before.fact) {
            for line in outcome.lines.iter_mut().filter(|line| matches!(line.result, LineResult::Earned(_))) {
                let rule =
                    case.owner.terms.as_ref().and_then(|(_, terms)| terms.rules.get(usize::from(line.rule)));
                if rule.is_some_and(|rule| rule.on == on) {
                    *line = Line::new(line.rule.into(), LineResult::Skipped(Why::NotQualified));
                }
            }
        }
        return Err(Why::NotQualified);
    }
    Err(Why::AlreadyQualified)
}

fn measure(on: On) -> Measure {
    match on {
        On::QualifiedLead => Measure::QualifiedLeads,
        _ => Measure::QualifiedDeposits,
    }
}

fn reward(
    context: Context<'_, impl Trace>,
    folded: &mut Folded,
    case: &Case<'_>,
    (version, terms): (DealVersionId, &Terms),
    on: On,
    (returned, stood_on): StoodOn,
) {
    if context.course.earning(case.owner, case.fact, &folded.state).is_err() {
        return;
    }
    context.reach(folded, case, version, measure(on), MICROS);
    let elsewhere = |(kept, fact): &(On, FactId)| *kept == on && *fact != case.fact.id;
    let is_kept_elsewhere = folded.state.kept.iter().any(elsewhere);
    for (index, rule) in terms.rules.iter().enumerate().filter(|(_, rule)| rule.on == on) {
        let Reward::Flat(Amount(full)) = rule.reward else { continue };
        let given = if is_kept_elsewhere {
            Err(Why::AlreadyQualified)
        } else {
            rules::conditions(context, rule, case)
        };
        let line = match given {
            Err(why) => Line::new(index, LineResult::Skipped(why)),
            Ok(()) => {
                let back = (returned, stood_on);
                let earned = Earned::flat(full).after(context, rule, terms, (case, index), back);
                context.target(folded, index, (version, terms), case, earned);
                let back = (earned.returned.0 != 0).then_some(earned.returned);
                let sum = Arithmetic {
                    full: Amount(full),
                    returned: back.map(|(returned, stood_on)| (Amount(returned), Amount(stood_on))),
                    ..Arithmetic::default()
                };
                Line {
                    sum: Some(Box::new(sum)),
                    ..Line::new(index, LineResult::Earned(Amount(earned.micros)))
                }
            }
        };
        answer(folded, case.fact.id, line);
    }
}

/// Puts a line into the outcome of a fact, in place of the one that says that the rule is on something else.
fn answer(folded: &mut Folded, fact: FactId, line: Line) {
    let Some(outcome) = folded.outcomes.get_mut(&fact) else { return };
    if outcome.note.as_ref().is_some_and(|note| *note != crate::outcome::Note::Disputed) {
        return;
    }
    match outcome.lines.iter_mut().find(|known| known.rule == line.rule) {
        Some(known) => *known = line,
        None => outcome.lines.push(line),
    }
}
