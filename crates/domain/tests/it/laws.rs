//! Laws over random histories. That every account row sums to zero, that nothing stands below zero, that no more is
//! taken back than was given and that the same difference twice posts nothing, `books` asserts after every posting.

use std::collections::{BTreeMap, BTreeSet};

use domain::commission::{Key, Target};
use domain::deal::{FlatRefund, Occurrence, On, Reward, Rule};
use domain::fact::{Body, Fact};
use domain::fold::{Course, State, fold, step};
use domain::ids::FactId;
use domain::ledger::Kind;
use domain::time::{Timestamp, add_months};
use proptest::prelude::*;

use crate::books::{Books, Step};
use crate::random::{Plot, any_arrivals, any_plot};
use crate::story::moment;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The fast path leads to the same state, targets and outcome as the fold of everything, and touches nothing
    /// older; in canonical order it is open to everything but refunds.
    #[test]
    fn the_fast_path_agrees_with_the_fold(
        (plot, shuffled) in any_plot().prop_flat_map(|plot| (Just(plot.clone()), Just(plot.facts).prop_shuffle()))
    ) {
        let mut canonical = plot.facts.clone();
        canonical.sort_by_key(|fact| (fact.position(), fact.id));
        assert_fast_path(&plot.course, &canonical, true);
        assert_fast_path(&plot.course, &shuffled, false);
    }

    /// Convergence (money.md §1): in whatever order and how often facts arrive, all ends the same.
    #[test]
    fn arrivals_in_any_order_end_the_same((plot, first, second) in any_arrivals()) {
        let one = settle(&plot, &first);
        let other = settle(&plot, &second);
        let all_at_once = fold(one.course(), &one.facts());
        let targets = |targets: &BTreeMap<Key, Target>| {
            targets.iter().map(|(key, target)| (*key, (target.kind, target.micros))).collect::<BTreeMap<_, _>>()
        };
        prop_assert_eq!(one.standings(), targets(&all_at_once.targets));
        prop_assert_eq!(other.standings(), one.standings());
        prop_assert_eq!(one.state(), &all_at_once.state);
        prop_assert_eq!(other.state(), one.state());
        let balances = |books: &Books| {
            let moved = books.balances.iter().filter(|(_, balances)| balances.columns().iter().any(|sum| *sum != 0));
            moved.map(|(affiliate, balances)| (*affiliate, balances.clone())).collect::<Vec<_>>()
        };
        prop_assert_eq!(balances(&other), balances(&one));
        prop_assert!(one.balances.values().all(|row| row.pending() == 0), "everything is released in the end");
    }

    /// The targets are those of a second, naive reading of money.md §4 and §5.
    #[test]
    fn targets_are_those_of_the_three_steps(plot in any_plot(), rejected in prop::bool::weighted(0.1)) {
        let rejected_at = rejected.then(|| moment("2026-02-01"));
        let course = Course { rejected_at, ..plot.course };
        let folded = fold(&course, &plot.facts);
        let targets: BTreeMap<Key, (Kind, i64)> =
            folded.targets.iter().map(|(key, target)| (*key, (target.kind, target.micros))).collect();
        prop_assert_eq!(targets, read_naively(&course, &plot.facts));
    }

    /// Every fact has an outcome, and the order in which facts are handed over does not matter.
    #[test]
    fn the_fold_ignores_the_order_of_its_facts(plot in any_plot()) {
        let folded = fold(&plot.course, &plot.facts);
        let twice_and_backwards: Vec<Fact> = plot.facts.iter().chain(&plot.facts).rev().cloned().collect();
        prop_assert_eq!(fold(&plot.course, &twice_and_backwards), folded.clone());
        prop_assert_eq!(folded.outcomes.len(), plot.facts.len());
    }

    /// The state is stored as JSON and read again before the next fact.
    #[test]
    fn a_state_survives_being_stored(plot in any_plot()) {
        let state = fold(&plot.course, &plot.facts).state;
        let stored = serde_json::to_string(&state).expect("a state can be written");
        prop_assert_eq!(serde_json::from_str::<State>(&stored).expect("and read"), state);
    }
}

/// Takes the facts one by one and compares both ways wherever the fast one is open.
fn assert_fast_path(course: &Course, facts: &[Fact], must_be_open: bool) {
    let mut known: Vec<Fact> = Vec::new();
    let mut before = fold(course, &known);
    for fact in facts {
        let waits = match &fact.body {
            Body::Refund { payment, .. } => !known.iter().any(|known| known.id == *payment),
            _ => false,
        };
        if waits {
            continue;
        }
        let fast = step(course, &before.state, fact);
        known.push(fact.clone());
        let full = fold(course, &known);
        let is_tied = before.state.last.as_ref() == Some(&fact.position());
        if must_be_open && !matches!(fact.body, Body::Refund { .. }) && !is_tied {
            assert!(fast.is_some(), "{fact:?} is the newest fact");
        }
        if let Some(fast) = fast {
            let of_this = |key: &Key| key.fact == fact.id;
            let (now, older): (BTreeMap<Key, Target>, BTreeMap<Key, Target>) =
                full.targets.clone().into_iter().partition(|(key, _)| of_this(key));
            assert_eq!(fast.state, full.state);
            assert_eq!(fast.targets, now);
            assert_eq!(older, before.targets);
            assert_eq!(fast.outcomes.get(&fact.id), full.outcomes.get(&fact.id));
            assert_eq!(fast.outcomes.len(), 1);
        }
        before = full;
    }
}

/// Books after all steps and the end of all holds.
fn settle(plot: &Plot, steps: &[Step]) -> Books {
    let mut books = Books::new(&plot.course);
    for step in steps {
        let postings = books.take(step);
        let keys: BTreeSet<Key> = postings.iter().map(|posting| posting.commission.header.key).collect();
        assert!(
            matches!(step, Step::Fact(_)) || keys.len() == postings.len(),
            "one entry a commission and cause"
        );
    }
    books.take(&Step::Release { until: moment("2030-01-01") });
    books
}

/// What every commission should stand at, by the letter of money.md: leave out, apply the limits to the rest, scale
/// by the refunds. Written without looking at `fold`, and slower.
fn read_naively(course: &Course, facts: &[Fact]) -> BTreeMap<Key, (Kind, i64)> {
    let mut payments: Vec<&Fact> = facts.iter().filter(|fact| amount_of(fact) > 0).collect();
    payments.sort_by_key(|fact| (fact.occurred_at, fact.source.clone()));
    let first_paid = payments.first().map(|fact| fact.occurred_at);
    let has_expired = |at: Timestamp| {
        course.expires_at.is_some_and(|expires| at > expires && first_paid.is_none_or(|paid| paid > expires))
    };
    payments.retain(|fact| returned_of(facts, fact.id) < amount_of(fact));
    let mut standings = BTreeMap::new();
    for fact in facts {
        let number = payments.iter().position(|payment| payment.id == fact.id);
        let counts = number.is_some() || matches!(fact.body, Body::Registration);
        let owner = course.owner_at(fact.occurred_at);
        let status = course.statuses[&owner.affiliate].at(fact.occurred_at);
        let earns =
            counts && status.earns() && course.rejected_at.is_none() && !has_expired(fact.occurred_at);
        let Some((_, terms)) = owner.terms.as_ref().filter(|_| earns) else { continue };
        for (index, rule) in terms.rules.iter().enumerate() {
            let full = match (rule.on, number) {
                (On::Registration, None) => full_reward(course, rule, fact),
                (On::Payment, Some(number)) if is_within(course, rule, number, fact, payments[0]) => {
                    full_reward(course, rule, fact)
                }
                _ => 0,
            };
            let in_part =
                matches!(rule.reward, Reward::Percent(_)) || terms.flat_refund == FlatRefund::Proportional;
            let taken = match number {
                Some(_) if in_part => round(course, full * returned_of(facts, fact.id), amount_of(fact)),
                _ => 0,
            };
            assert!(taken <= full, "a refund never takes more than was earned");
            if full > taken {
                let key = Key { fact: fact.id, rule: index as u16, affiliate: owner.affiliate };
                standings.insert(key, (rule.kind(), (full - taken) as i64));
            }
        }
    }
    standings
}

fn amount_of(fact: &Fact) -> i128 {
    match &fact.body {
        Body::Payment { amount, .. } => i128::from(amount.micros()),
        _ => 0,
    }
}

fn returned_of(facts: &[Fact], id: FactId) -> i128 {
    let refunds = facts.iter().filter_map(|fact| match &fact.body {
        Body::Refund { payment, amount, .. } if *payment == id => Some(i128::from(amount.micros())),
        _ => None,
    });
    refunds.sum()
}

fn is_within(course: &Course, rule: &Rule, number: usize, fact: &Fact, first: &Fact) -> bool {
    let date = |fact: &Fact| course.zone.date_of(fact.occurred_at);
    let occurrence = match rule.when.occurrence {
        Some(Occurrence::First) => number == 0,
        Some(Occurrence::Renewal) => number > 0,
        None => true,
    };
    let months = rule.limits.months.is_none_or(|months| date(fact) < add_months(date(first), months));
    occurrence && months && rule.limits.payments.is_none_or(|limit| number < limit as usize)
}

fn full_reward(course: &Course, rule: &Rule, fact: &Fact) -> i128 {
    match (rule.reward, &fact.body) {
        (Reward::Percent(rate), Body::Payment { value: Some(value), .. }) => {
            let (numerator, denominator) = value.fraction();
            round(course, numerator * i128::from(rate.ppm()), denominator * 1_000_000)
        }
        (Reward::Flat(amount), _) => i128::from(amount.0),
        _ => 0,
    }
}

/// `numerator / denominator` to whole minor units; of what is not negative, half up is half away from zero.
fn round(course: &Course, numerator: i128, denominator: i128) -> i128 {
    let unit = i128::from(course.currency.minor_unit_micros());
    (2 * numerator + denominator * unit) / (2 * denominator * unit) * unit
}
