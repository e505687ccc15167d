//! Activity rows and withdrawals: percentages of net P&L and net deposits, kept in micros and perhaps below zero, with
//! every step to the base as a visible line (money.md §6).

use super::rules::{self, Case, Earned, clamp};
use super::{Context, FirstPayment, Folded, Seen, Source, Trace};
use crate::deal::{Charge, Measure, Of, On, Reward, Rule, Terms};
use crate::fact::{Figures, Play, Section};
use crate::ids::DealVersionId;
use crate::money::{Amount, Money};
use crate::outcome::{Arithmetic, Line, LineResult, Note, Outcome, Step, Why};

/// A base with the steps that led to it.
struct Base {
    micros: i128,
    steps: Vec<Step>,
}

/// What a row carries of the first deposit, if it is the first.
type FirstDeposit = Option<i64>;

pub(super) fn fold_row(
    context: Context<'_, impl Trace>,
    folded: &mut Folded,
    case: &Case<'_>,
    figures: Option<&Figures>,
) -> Outcome {
    let Some(figures) = figures else {
        return Outcome { note: Some(Note::RateMissing), ..Outcome::default() };
    };
    let first = count(context, folded, case, figures);
    let (version, terms) = match context.course.earning(case.owner, case.fact, &folded.state) {
        Err(note) => return Outcome { note: Some(note), ..Outcome::default() },
        Ok(earning) => earning,
    };
    let net_deposits = net_deposits(context, case, figures);
    let deposits = deposits_of(context, case, figures);
    let reached = [
        (Measure::FirstDeposits, first.map_or(0, |_| 1_000_000)),
        (Measure::NetDeposits, clamp(net_deposits.unwrap_or(0))),
        (Measure::Revenue, deposits),
        (Measure::Pnl, figures.play.pnl),
        (Measure::NetPnl, clamp(base_of(terms, figures, deposits, &[]).micros)),
        (Measure::Volume, figures.play.volume),
    ];
    for (by, micros) in reached {
        context.reach(folded, case, version, by, micros);
    }
    let mut lines = Vec::with_capacity(terms.rules.len());
    for (index, rule) in terms.rules.iter().enumerate() {
        let base = match (rule.on, rule.reward) {
            (On::FirstDeposit, _) => {
                lines.push(first_deposit(context, folded, case, (version, terms), index, first));
                continue;
            }
            (On::Activity, Reward::PercentOfNetPnl(_)) => {
                Some(base_of(terms, figures, deposits, &rule.when.product))
            }
            (On::Activity, Reward::PercentOfNetDeposits(_)) => {
                net_deposits.map(|micros| Base { micros, steps: steps_of_deposits(context, case, figures) })
            }
            _ => None,
        };
        lines.push(match base {
            None => Line::new(index, LineResult::Skipped(Why::OtherFact)),
            Some(base) => share(context, folded, case, (version, terms), index, base),
        });
    }
    Outcome { lines, ..Outcome::default() }
}

pub(super) fn fold_withdrawal(
    context: Context<'_, impl Trace>,
    folded: &mut Folded,
    case: &Case<'_>,
    value: Option<Money>,
) -> Outcome {
    let note = |note| Outcome { note: Some(note), ..Outcome::default() };
    if context.course.truth_of(case.fact).withdrawals == Source::Rows {
        return note(Note::CountedFromRows);
    }
    let Some(value) = value else { return note(Note::RateMissing) };
    folded.state.withdrawals = folded.state.withdrawals.saturating_add(value.micros());
    let (version, terms) = match context.course.earning(case.owner, case.fact, &folded.state) {
        Err(reason) => return note(reason),
        Ok(earning) => earning,
    };
    context.reach(folded, case, version, Measure::NetDeposits, value.micros().saturating_neg());
    let mut lines = Vec::with_capacity(terms.rules.len());
    for (index, rule) in terms.rules.iter().enumerate() {
        lines.push(match (rule.on, rule.reward) {
            (On::Activity, Reward::PercentOfNetDeposits(_)) => {
                let micros = -i128::from(value.micros());
                let base = Base { micros, steps: vec![visible("withdrawals", micros)] };
                share(context, folded, case, (version, terms), index, base)
            }
            _ => Line::new(index, LineResult::Skipped(Why::OtherFact)),
        });
    }
    Outcome { lines, ..Outcome::default() }
}

/// Adds a row up; what it carries of the first deposit is returned.
fn count(
    context: Context<'_, impl Trace>,
    folded: &mut Folded,
    case: &Case<'_>,
    figures: &Figures,
) -> FirstDeposit {
    let truth = context.course.truth_of(case.fact);
    let state = &mut folded.state;
    let carried = context.course.first_deposit_of(case.fact, figures);
    state.volume = state.volume.saturating_add(figures.play.volume);
    state.activity_count = state.activity_count.saturating_add(figures.activity_count.into());
    if truth.withdrawals == Source::Rows {
        state.withdrawals = state.withdrawals.saturating_add(figures.withdrawals);
    }
    if truth.deposits == Source::Events {
        return None;
    }
    state.deposits = state.deposits.saturating_add(figures.deposits);
    if carried <= 0 {
        return None;
    }
    let (fact, date, affiliate) = (case.fact.id, case.date, case.owner.affiliate);
    state.first_payment.get_or_insert(FirstPayment { fact, date, affiliate, value: Some(Amount(carried)) });
    if state.counted > 0 {
        return None;
    }
    state.counted = 1;
    state.counted_from.get_or_insert(date);
    Some(carried)
}

fn first_deposit(
    context: Context<'_, impl Trace>,
    folded: &mut Folded,
    case: &Case<'_>,
    (version, terms): (DealVersionId, &Terms),
    index: usize,
    first: FirstDeposit,
) -> Line {
    let rule = &terms.rules[index];
    let given = first.ok_or(Why::OtherFact).and_then(|amount| {
        rules::conditions(context, rule, case)?;
        rules::amount_fits(rule, amount)?;
        let money = Money::from_micros(amount, context.course.currency);
        let earned = match rule.reward {
            Reward::Flat(flat) => Earned::flat(flat.0),
            reward => {
                let micros = reward.rate().map_or(0, |rate| rate.of(money).micros());
                let unit = context.course.currency.minor_unit_micros();
                percentage(context, case, (index, rule), (amount.into(), 1), unit, micros);
                Earned::whole(micros, amount)
            }
        };
        if earned.full == 0 { Err(Why::RoundsToZero) } else { Ok(earned) }
    });
    match given {
        Err(why) => Line::new(index, LineResult::Skipped(why)),
        Ok(earned) => {
            context.target(folded, index, (version, terms), case, earned);
            let base = (earned.base != 0).then_some(Amount(earned.base));
            let sum = Arithmetic { base, full: Amount(earned.full), ..Arithmetic::default() };
            Line { sum: Some(Box::new(sum)), ..Line::new(index, LineResult::Earned(Amount(earned.micros))) }
        }
    }
}

/// A percentage of a base, in micros.
fn share(
    context: Context<'_, impl Trace>,
    folded: &mut Folded,
    case: &Case<'_>,
    (version, terms): (DealVersionId, &Terms),
    index: usize,
    base: Base,
) -> Line {
    let rule = &terms.rules[index];
    let given = rules::conditions(context, rule, case)
        .and_then(|()| rules::months_fit(context, (index, rule), case, folded.state.counted_from))
        .and_then(|()| percent(rule, base.micros))
        .and_then(|full| {
            percentage(context, case, (index, rule), (base.micros, 1), 1, full);
            let capped = rules::limit(context, &mut folded.state, (index, rule), (case, version), full)?;
            Ok((full, capped))
        });
    match given {
        Err(why) => Line::new(index, LineResult::Skipped(why)),
        Ok((full, capped)) => {
            let earned = Earned::whole(capped, clamp(base.micros));
            context.target(folded, index, (version, terms), case, earned);
            let sum = Arithmetic {
                base: Some(Amount(clamp(base.micros))),
                full: Amount(full),
                capped: (capped != full).then_some(Amount(capped)),
                returned: None,
                steps: base.steps,
            };
            let mut line = Line::new(index, LineResult::Earned(Amount(capped)));
            line.sum = Some(Box::new(sum));
            line
        }
    }
}

/// Tells that a percentage was taken.
pub(super) fn percentage(
    context: Context<'_, impl Trace>,
    case: &Case<'_>,
    (index, rule): (usize, &Rule),
    of: (i128, i128),
    unit: i64,
    micros: i64,
) {
    if let Some(rate) = rule.reward.rate() {
        context.see(case, || Seen::Percentage { rule: index as u16, ppm: rate.ppm(), of, unit, micros });
    }
}

fn percent(rule: &Rule, base: i128) -> Result<i64, Why> {
    let rate = rule.reward.rate().ok_or(Why::OtherFact)?;
    if base == 0 {
        return Err(Why::NothingToShare);
    }
    match rules::share_in_micros(base, rate.ppm().into(), 1_000_000) {
        0 => Err(Why::RoundsToZero),
        micros => Ok(micros),
    }
}

/// The net P&L of a row, or of some sections of it: P&L − bonuses − deductions − linear fees. A fee on deposits is
/// taken off whole rows alone, since deposits are not split.
fn base_of(terms: &Terms, figures: &Figures, deposits: i64, products: &[String]) -> Base {
    let play = play_of(figures, products);
    let mut steps = vec![visible("pnl", play.pnl.into())];
    let less = [("bonuses", i128::from(play.bonuses)), ("deductions", i128::from(play.deductions))];
    steps.extend(
        less.into_iter().filter(|(_, micros)| *micros != 0).map(|(name, micros)| visible(name, -micros)),
    );
    let mut micros = play.net_pnl();
    for fee in terms.fees.iter().filter(|fee| fee.is_linear()) {
        let Charge::Percent { rate, of } = fee.charge else { continue };
        let base = match of {
            Of::Pnl => i128::from(play.pnl),
            Of::NetPnl => play.net_pnl(),
            Of::Deposits if products.is_empty() => i128::from(deposits),
            Of::Deposits => 0,
            Of::Volume => i128::from(play.volume),
        };
        let charged = i128::from(rules::share_in_micros(base, rate.ppm().into(), 1_000_000));
        if charged != 0 {
            steps.push(visible(&fee.name, -charged));
            micros -= charged;
        }
    }
    Base { micros, steps }
}

/// What was played in all, or in some sections.
fn play_of(figures: &Figures, products: &[String]) -> Play {
    if products.is_empty() {
        return figures.play;
    }
    let sections = products.iter().filter_map(|product| match Section::from_word(product)? {
        Section::Casino => figures.casino,
        Section::Sport => figures.sport,
    });
    sections.fold(Play::default(), |sum, play| Play {
        pnl: sum.pnl.saturating_add(play.pnl),
        bonuses: sum.bonuses.saturating_add(play.bonuses),
        deductions: sum.deductions.saturating_add(play.deductions),
        volume: sum.volume.saturating_add(play.volume),
    })
}

/// The deposits of a row, where rows are what counts them.
fn deposits_of(context: Context<'_, impl Trace>, case: &Case<'_>, figures: &Figures) -> i64 {
    match context.course.truth_of(case.fact).deposits {
        Source::Rows => figures.deposits,
        Source::Events => 0,
    }
}

/// Deposits less withdrawals of a row, as far as rows are what counts them; `None` where neither is.
fn net_deposits(context: Context<'_, impl Trace>, case: &Case<'_>, figures: &Figures) -> Option<i128> {
    let truth = context.course.truth_of(case.fact);
    let deposits = (truth.deposits == Source::Rows).then_some(i128::from(figures.deposits));
    let withdrawals = (truth.withdrawals == Source::Rows).then_some(i128::from(figures.withdrawals));
    match (deposits, withdrawals) {
        (None, None) => None,
        (deposits, withdrawals) => Some(deposits.unwrap_or(0) - withdrawals.unwrap_or(0)),
    }
}

fn steps_of_deposits(context: Context<'_, impl Trace>, case: &Case<'_>, figures: &Figures) -> Vec<Step> {
    let truth = context.course.truth_of(case.fact);
    let mut steps = Vec::new();
    if truth.deposits == Source::Rows {
        steps.push(visible("deposits", figures.deposits.into()));
    }
    if truth.withdrawals == Source::Rows {
        steps.push(visible("withdrawals", -i128::from(figures.withdrawals)));
    }
    steps
}

fn visible(name: &str, micros: i128) -> Step {
    Step { name: name.to_owned(), amount: Amount(clamp(micros)) }
}
