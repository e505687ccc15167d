//! The arithmetic of a rule step by step, with what was rounded, and what is true of a fact whatever the rule.

use super::{About, StepAccount};
use crate::deal::{Baseline, On, Reward};
use crate::fact::{Body, Fact};
use crate::fold::{Course, Seen, returned};
use crate::money::{Money, decimal};
use crate::outcome::{Line, LineResult};
use crate::rate::Rate;

/// How what a rule gave was worked out.
pub(super) fn of(about: &About<'_>, line: &Line) -> Vec<StepAccount> {
    let mut steps = Vec::new();
    let amount = |micros: i64| decimal(micros.into(), about.course.currency.exponent());
    let mut step = |text: String, micros: i64| steps.push(StepAccount { text, amount: amount(micros) });
    let lines = line.sum.iter().flat_map(|sum| &sum.steps);
    for part in lines.clone() {
        step(part.name.replace('_', " "), part.amount.0);
    }
    if lines.count() > 1 {
        let base = line.sum.as_ref().and_then(|sum| sum.base).map_or(0, |base| base.0);
        step("together".to_owned(), base);
    }
    if let Reward::Flat(flat) = about.rule.reward {
        step("a flat sum".to_owned(), flat.0);
    }
    for seen in about.seen {
        match seen {
            Seen::Percentage { rule, ppm, of, unit, micros } if *rule == about.index => {
                step(percentage(about, *ppm, *of, *unit, *micros), *micros);
            }
            Seen::Cap { rule, cap, used, asked, got } if *rule == about.index && got != asked => {
                let (cap, used) = (about.money(*cap), about.money(*used));
                step(format!("at most {cap} per customer, of which {used} is used"), *got);
            }
            Seen::Returned { rule, full, returned, of, left } if *rule == about.index => {
                let currency = match &about.fact.body {
                    Body::Payment { amount, .. } if !is_on_qualification(about) => amount.currency(),
                    _ => about.course.currency,
                };
                let print = |micros: i64| Money::from_micros(micros, currency).to_string();
                let (back, of) = (print(*returned), print(*of));
                let taken = about.money(full - left);
                step(format!("less {taken} for the {back} of {of} that went back"), *left);
            }
            _ => {}
        }
    }
    if let LineResult::Earned(earned) = line.result {
        step("earned".to_owned(), earned.0);
    }
    steps
}

fn is_on_qualification(about: &About<'_>) -> bool {
    matches!(about.rule.on, On::QualifiedLead | On::QualifiedDeposit)
}

/// A percentage, with what it was before it was rounded.
fn percentage(
    about: &About<'_>,
    ppm: u32,
    (numerator, denominator): (i128, i128),
    unit: i64,
    micros: i64,
) -> String {
    let rate = Rate::from_ppm(ppm).map_or_else(String::new, |rate| rate.to_string());
    let currency = about.course.currency;
    let of = quotient(numerator, denominator, currency.exponent());
    let product = numerator.checked_mul(ppm.into()).zip(denominator.checked_mul(1_000_000));
    let exact = product.map(|(numerator, denominator)| {
        (quotient(numerator, denominator, currency.exponent()), numerator == denominator * i128::from(micros))
    });
    let unit = decimal(unit.into(), 0);
    match exact {
        Some((exact, false)) => format!("{rate} % of {of} {currency} is {exact}, rounded to {unit}"),
        _ => format!("{rate} % of {of} {currency}"),
    }
}

/// A fraction of micros as a decimal, with dots where it goes on.
fn quotient(numerator: i128, denominator: i128, exponent: u32) -> String {
    if denominator == 0 {
        return String::new();
    }
    let whole = numerator / denominator;
    if numerator % denominator == 0 { decimal(whole, exponent) } else { format!("{}…", decimal(whole, 6)) }
}

/// What is true of a fact whatever the rule.
pub(super) fn remarks(course: &Course, fact: &Fact, facts: &[Fact], seen: &[Seen]) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Body::Payment { amount, .. } = &fact.body {
        let back = returned(facts, fact.id);
        if back > 0 {
            let back = i64::try_from(back).unwrap_or(i64::MAX);
            let back = Money::from_micros(back, amount.currency());
            remarks.push(format!("{back} of {amount} went back"));
        }
    }
    for seen in seen {
        match seen {
            Seen::Counted { number: 1, .. } => {
                remarks.push("it is the customer's first payment that counts".to_owned());
            }
            Seen::Counted { number, from } => {
                remarks.push(format!(
                    "it is the customer's payment {number} that counts; the first was on {from}"
                ));
            }
            Seen::Judged { on, baseline, level, threshold, day, before } => {
                let who = if *on == On::QualifiedLead { "lead" } else { "customer" };
                let what = match baseline {
                    Baseline::FirstDeposit => "first deposit",
                    Baseline::TotalDeposits => "deposits",
                    Baseline::NetDeposits => "net deposits",
                    Baseline::Volume => "volume",
                    Baseline::ActivityCount => "activities",
                };
                remarks.push(match before {
                    Some(before) => format!("the {who} was qualified by {before} before"),
                    None => format!(
                        "qualification of the {who}: {what} {} of {} on day {}",
                        decimal(*level, 0),
                        decimal(*threshold, 0),
                        day + 1
                    ),
                });
            }
            Seen::Months { .. } | Seen::Percentage { .. } | Seen::Cap { .. } | Seen::Returned { .. } => {}
        }
    }
    if let Some(rejected_at) = course.rejected_at {
        remarks.push(format!("the referral was rejected on {}", course.zone.date_of(rejected_at)));
    }
    remarks
}
