//! Laws over random deals of every sort and random histories of several customers, with closes in between: rows that
//! are restated, refunds by id, disputes, withdrawals, caps, tiers, milestones, all three ways of a negative month.
//! That the row sums to zero and that closing again posts nothing, `program` asserts after every posting.

use std::collections::BTreeMap;

use domain::commission::{Key, Target};
use domain::currency::Currency;
use domain::deal::Terms;
use domain::fact::{Attributes, Body, DisputeState, Fact, Figures, Play, RefundState};
use domain::fold::{Course, State, fold, step};
use domain::ids::FactId;
use domain::money::Money;
use domain::time::{Period, Timestamp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use crate::months::period;
use crate::program::{Program, ROWS};
use crate::story::moment;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// The fast path leads to the same state, targets and outcome as the fold of everything, and touches nothing older.
    #[test]
    fn the_fast_path_agrees_with_the_fold_for_every_deal(
        (terms, facts) in (any_terms(), any_facts()),
        seed in any::<u64>(),
    ) {
        let course = Program::new(terms).course(1);
        let mut canonical = facts.clone();
        canonical.sort_by_key(|fact| (fact.position(), fact.id));
        assert_fast_path(&course, &canonical);
        assert_fast_path(&course, &shuffled(facts, seed));
    }

    /// Convergence (money.md §1): in whatever order and how often the same facts arrive, with months closed anywhere in
    /// between, once all are recorded and closed all stands the same.
    #[test]
    fn with_closes_in_between_all_ends_the_same(
        terms in any_terms(),
        customers in vec(any_facts(), 1..4),
        no_carry_over in any::<bool>(),
        (one, other) in (any::<u64>(), any::<u64>()),
        (closes, more_closes) in (vec(0..60_usize, 3), vec(0..60_usize, 3)),
    ) {
        let one = settle(&terms, no_carry_over, &customers, one, &closes);
        let other = settle(&terms, no_carry_over, &customers, other, &more_closes);
        prop_assert_eq!(one.standings(), other.standings());
        prop_assert_eq!(booked(&one), booked(&other));
        prop_assert_eq!(&one.balances, &other.balances);
        prop_assert_eq!(one.balances.pending(), 0, "everything is released in the end");
    }

    /// Refunds and disputes never take more than was earned: what is not on activity stands between nothing and its
    /// full amount, and a refund more never raises the commission of its own payment.
    #[test]
    fn refunds_never_take_more_than_was_earned((terms, facts) in (any_terms(), any_facts())) {
        let course = Program::new(terms).course(1);
        let targets = fold(&course, &facts).targets;
        for target in targets.values() {
            if target.on != domain::deal::On::Activity {
                prop_assert!((0..=target.full).contains(&target.micros), "{target:?}");
            }
        }
        let none: Vec<Fact> = facts.iter().filter(|fact| !takes(fact)).cloned().collect();
        let of_payments = |targets: &BTreeMap<Key, Target>| {
            let of = |on: domain::deal::On| on == domain::deal::On::Payment || on == domain::deal::On::FirstDeposit;
            targets.iter().filter(|(_, it)| of(it.on)).map(|(key, it)| (*key, it.full)).collect::<BTreeMap<_, _>>()
        };
        // Without any refund every payment that earned then earns its full amount or more, unless it moved in its row.
        let whole = of_payments(&fold(&course, &none).targets);
        for (key, full) in of_payments(&targets) {
            let moved = whole.get(&key).is_none_or(|without| *without != full);
            prop_assert!(moved || targets[&key].micros <= full);
        }
    }

    /// The state is stored as JSON and read again before the next fact.
    #[test]
    fn a_state_of_any_deal_survives_being_stored((terms, facts) in (any_terms(), any_facts())) {
        let folded = fold(&Program::new(terms).course(1), &facts);
        let stored = serde_json::to_string(&folded.state).expect("a state can be written");
        prop_assert_eq!(serde_json::from_str::<State>(&stored).expect("and read"), folded.state);
        for outcome in folded.outcomes.values() {
            let stored = serde_json::to_string(outcome).expect("an outcome can be written");
            prop_assert_eq!(&serde_json::from_str::<domain::outcome::Outcome>(&stored).expect("and read"), outcome);
        }
    }
}

/// What is booked for each month, without what stands at zero.
fn booked(program: &Program) -> BTreeMap<Period, Vec<(String, i64)>> {
    let posted = program.posted.iter().map(|(period, posted)| {
        let adjustments = posted.adjustments.iter().map(|(it, micros)| (format!("{it:?}"), *micros));
        let carried = posted.carried.iter().map(|(it, micros)| (format!("{it:?}"), *micros));
        (*period, adjustments.chain(carried).filter(|(_, micros)| *micros != 0).collect())
    });
    posted.collect()
}

fn takes(fact: &Fact) -> bool {
    matches!(fact.body, Body::Refund { .. } | Body::Dispute { .. })
}

const MONTHS: [&str; 3] = ["2026-01", "2026-02", "2026-03"];

/// Hands everything over in an order of its own, some of it twice, and closes all months in the end.
pub(crate) fn settle(
    terms: &Terms,
    no_carry_over: bool,
    customers: &[Vec<Fact>],
    seed: u64,
    closes: &[usize],
) -> Program {
    let mut program = Program::new(terms.clone());
    program.no_carry_over = no_carry_over;
    let all = customers.iter().zip(1_u32..).flat_map(|(facts, customer)| {
        facts.iter().map(move |fact| {
            let id = FactId(Uuid::from_u128(fact.id.0.as_u128() + u128::from(customer) * 1000));
            let shift = |of: FactId| FactId(Uuid::from_u128(of.0.as_u128() + u128::from(customer) * 1000));
            let mut fact = Fact { id, ..fact.clone() };
            match &mut fact.body {
                Body::Refund { payment, .. } | Body::Dispute { payment, .. } => *payment = shift(*payment),
                _ => {}
            }
            (customer, fact)
        })
    });
    let mut arrivals = shuffled(all.collect(), seed);
    let twice: Vec<(u32, Fact)> = arrivals.iter().take(3).cloned().collect();
    arrivals.extend(twice);
    let mut parked: Vec<(u32, Fact)> = Vec::new();
    let mut known: Vec<FactId> = Vec::new();
    for (index, (customer, fact)) in arrivals.into_iter().enumerate() {
        let waits = match &fact.body {
            Body::Refund { payment, .. } | Body::Dispute { payment, .. } => !known.contains(payment),
            _ => false,
        };
        if waits {
            parked.push((customer, fact));
            continue;
        }
        program.take(customer, &fact);
        known.push(fact.id);
        if let Some(place) = closes.iter().position(|at| *at == index) {
            program.advance(moment("2026-02-10"));
            program.close(period(MONTHS[place]));
        }
        let ready: Vec<(u32, Fact)> = parked
            .extract_if(.., |(_, parked)| {
                matches!(&parked.body, Body::Refund { payment, .. } | Body::Dispute { payment, .. } if *payment == fact.id)
            })
            .collect();
        ready.iter().for_each(|(customer, fact)| program.take(*customer, fact));
    }
    for (index, _) in customers.iter().enumerate() {
        end_disputes(&mut program, index as u32 + 1);
    }
    let open = MONTHS.iter().map(|month| period(month)).filter(|month| !program.closed.contains(month));
    open.collect::<Vec<_>>().into_iter().for_each(|month| program.close(month));
    program.advance(moment("2026-09-01"));
    program
}

/// Every dispute comes to an end, so that everything can be released.
fn end_disputes(program: &mut Program, customer: u32) {
    let open = program.facts(customer).into_iter().filter_map(|fact| match fact.body {
        Body::Dispute { payment, amount, dispute, .. } => Some((fact.id, payment, amount, dispute)),
        _ => None,
    });
    for (id, payment, amount, dispute) in open.collect::<Vec<_>>() {
        let id = FactId(Uuid::from_u128(id.0.as_u128() + 500));
        let body = Body::Dispute { payment, amount, dispute, state: DisputeState::Won };
        let occurred_at = moment("2026-03-30");
        let source = format!("end {id}");
        program.take(customer, &Fact { id, occurred_at, source, attributes: Attributes::default(), body });
    }
}

fn shuffled<T>(mut list: Vec<T>, mut seed: u64) -> Vec<T> {
    for index in (1..list.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        list.swap(index, (seed >> 33) as usize % (index + 1));
    }
    list
}

/// Takes the facts one by one and compares both ways wherever the fast one is open.
fn assert_fast_path(course: &Course, facts: &[Fact]) {
    let mut known: Vec<Fact> = Vec::new();
    let mut before = fold(course, &known);
    for fact in facts {
        let waits = match &fact.body {
            Body::Refund { payment, .. } | Body::Dispute { payment, .. } => {
                !known.iter().any(|it| it.id == *payment)
            }
            _ => false,
        };
        if waits {
            continue;
        }
        let fast = step(course, &before.state, fact);
        known.push(fact.clone());
        let full = fold(course, &known);
        if let Some(fast) = fast {
            let (now, older): (BTreeMap<Key, Target>, BTreeMap<Key, Target>) =
                full.targets.clone().into_iter().partition(|(key, _)| key.fact == fact.id);
            assert_eq!(fast.state, full.state);
            assert_eq!(fast.targets, now);
            assert_eq!(older, before.targets, "{fact:?}");
            assert_eq!(fast.outcomes.get(&fact.id), full.outcomes.get(&fact.id));
        }
        before = full;
    }
}

/// A day of the first three months of 2026, few of them and often the last of a month; late in the day sometimes.
fn any_day() -> impl Strategy<Value = Timestamp> {
    (select(vec![0_i64, 1, 2, 29, 30, 31, 40, 57, 58, 59, 60, 70]), select(vec![0_i64, 9, 23])).prop_map(
        |(day, hour)| moment("2026-01-01") + chrono::Duration::days(day) + chrono::Duration::hours(hour),
    )
}

pub(crate) fn any_facts() -> impl Strategy<Value = Vec<Fact>> {
    let amount = || select(vec![1_i64, 33, 100, 999, 2000, 5000]);
    let brand = || option::weighted(0.5, select(vec![ROWS, "b"]));
    let payments = vec((any_day(), amount(), option::weighted(0.2, select(vec![ROWS, "b"]))), 0..5);
    let refunds = vec((any_day(), 0..5_usize, 1..=10_i64, 0..2_u8, select(vec![true, true, false])), 0..4);
    let disputes = vec((any_day(), 0..5_usize, 1..=10_i64, 0..3_u8), 0..2);
    let figure = || prop_oneof![1 => Just(0_i64), 2 => -900..900_i64];
    let rows = vec((0..12_i64, brand(), vec((figure(), amount(), 0..200_i64), 1..3)), 0..6);
    let withdrawals = vec((any_day(), amount(), brand()), 0..3);
    (option::weighted(0.7, any_day()), payments, refunds, disputes, rows, withdrawals).prop_map(
        |(registration, payments, refunds, disputes, rows, withdrawals)| {
            let mut facts = Facts::default();
            facts.registration(registration);
            facts.payments(&payments);
            facts.refunds(&refunds, &disputes);
            facts.rows(&rows);
            facts.withdrawals(&withdrawals);
            facts.facts
        },
    )
}

#[derive(Default)]
struct Facts {
    facts: Vec<Fact>,
    paid: Vec<(FactId, i64)>,
    next: u128,
}

fn cents(amount: i64) -> Money {
    Money::from_micros(amount * 10_000, Currency::EUR)
}

/// A row of activity: its day, in steps of eight, its brand, and the P&L, volume and deposits of each revision.
type Row = (i64, Option<&'static str>, Vec<(i64, i64, i64)>);

fn of_brand(brand: Option<&str>) -> Attributes {
    Attributes { brand: brand.map(str::to_owned), ..Attributes::default() }
}

impl Facts {
    fn add(&mut self, occurred_at: Timestamp, source: String, attributes: Attributes, body: Body) -> FactId {
        self.next += 1;
        // Odd and even, so that ids are in no order of time.
        let id =
            FactId(Uuid::from_u128(if self.next.is_multiple_of(2) { self.next } else { 400 - self.next }));
        self.facts.push(Fact { id, occurred_at, source, attributes, body });
        id
    }

    fn registration(&mut self, at: Option<Timestamp>) {
        if let Some(at) = at {
            self.add(at, "reg".to_owned(), Attributes::default(), Body::Registration);
        }
    }

    fn payments(&mut self, payments: &[(Timestamp, i64, Option<&'static str>)]) {
        for (index, (at, amount, brand)) in payments.iter().enumerate() {
            let amount_of = cents(*amount);
            let body = Body::Payment { amount: amount_of, value: Some(amount_of.into()), base: None };
            let id = self.add(*at, format!("p{index}"), of_brand(*brand), body);
            self.paid.push((id, *amount));
        }
    }

    fn refunds(
        &mut self,
        refunds: &[(Timestamp, usize, i64, u8, bool)],
        disputes: &[(Timestamp, usize, i64, u8)],
    ) {
        for (index, (at, payment, tenths, refund, stands)) in refunds.iter().enumerate() {
            let Some((payment, paid)) = self.paid.get(*payment).copied() else { continue };
            let amount = cents((paid * tenths / 10).max(1));
            let state = if *stands { RefundState::Succeeded } else { RefundState::Failed };
            let body = Body::Refund { payment, amount, refund: format!("r{refund}"), state };
            self.add(*at, format!("refund {index}"), Attributes::default(), body);
        }
        for (index, (at, payment, tenths, state)) in disputes.iter().enumerate() {
            let Some((payment, paid)) = self.paid.get(*payment).copied() else { continue };
            let amount = cents((paid * tenths / 10).max(1));
            let state = [DisputeState::Opened, DisputeState::Won, DisputeState::Lost][usize::from(*state)];
            let body = Body::Dispute { payment, amount, dispute: "d".to_owned(), state };
            self.add(*at, format!("dispute {index}"), Attributes::default(), body);
        }
    }

    fn rows(&mut self, rows: &[Row]) {
        let mut seen = Vec::new();
        for (day, brand, revisions) in rows {
            if seen.contains(&(day, brand)) {
                continue;
            }
            seen.push((day, brand));
            let at = moment("2026-01-01") + chrono::Duration::days(day * 8);
            let source = format!("row {day} {brand:?}");
            let mut first: Option<FactId> = None;
            for (revision, (pnl, volume, deposits)) in revisions.iter().enumerate() {
                let play = Play { pnl: pnl * 10_001, volume: volume * 10_000, bonuses: 7, deductions: 0 };
                let figures = Figures {
                    deposits: deposits * 10_000,
                    withdrawals: volume * 1000,
                    activity_count: 2,
                    play,
                    ..Figures::default()
                };
                let body = Body::Activity { revision: revision as u64, figures: Some(Box::new(figures)) };
                let id = self.add(at, source.clone(), of_brand(*brand), body);
                let id = *first.get_or_insert(id);
                self.facts.last_mut().expect("just added").id = id;
            }
        }
    }

    fn withdrawals(&mut self, withdrawals: &[(Timestamp, i64, Option<&'static str>)]) {
        for (index, (at, amount, brand)) in withdrawals.iter().enumerate() {
            let amount = cents(*amount);
            let body = Body::Withdrawal { amount, value: Some(amount) };
            self.add(*at, format!("w{index}"), of_brand(*brand), body);
        }
    }
}

const RULES: [&str; 14] = [
    r#"{"on":"registration","reward":{"flat":"2.50"}}"#,
    r#"{"on":"payment","reward":{"percent":"20"}}"#,
    r#"{"on":"payment","when":{"occurrence":"first"},"reward":{"percent":"33.3333"}}"#,
    r#"{"on":"payment","reward":{"percent":"10"},"limits":{"per_referral":"3","months":1}}"#,
    r#"{"on":"payment","when":{"amount_from":"5"},"reward":{"flat":"7"},"limits":{"once":true}}"#,
    r#"{"on":"payment","reward":{"percent":"20"},"tiers":{"by":"revenue","mode":"marginal","steps":[{"from":"20","reward":{"percent":"30"}},{"from":"60","reward":{"percent":"50"}}]}}"#,
    r#"{"on":"payment","reward":{"percent":"25"},"limits":{"per_month":"9"}}"#,
    r#"{"on":"payment","reward":{"flat":"3"},"limits":{"per_affiliate":"10"}}"#,
    r#"{"on":"first_deposit","reward":{"flat":"40"},"tiers":{"by":"first_deposits","steps":[{"from":"2","reward":{"flat":"55"}}]}}"#,
    r#"{"on":"qualified_deposit","reward":{"flat":"40"}}"#,
    r#"{"on":"qualified_lead","reward":{"flat":"4"}}"#,
    r#"{"on":"activity","reward":{"percent_of_net_pnl":"30"},"tiers":{"by":"net_pnl","steps":[{"from":"5","reward":{"percent_of_net_pnl":"45"}}]}}"#,
    r#"{"on":"activity","reward":{"percent_of_net_deposits":"25"}}"#,
    r#"{"on":"activity","reward":{"percent_of_net_pnl":"20"},"limits":{"per_month":"2"}}"#,
];

const QUALIFICATIONS: [&str; 6] = [
    r#"{"baseline":"first_deposit","amount":"5"}"#,
    r#"{"baseline":"first_deposit"}"#,
    r#"{"baseline":"total_deposits","amount":"20","within_days":45}"#,
    r#"{"baseline":"net_deposits","amount":"10"}"#,
    r#"{"baseline":"volume","amount":"30"}"#,
    r#"{"baseline":"activity_count","count":3}"#,
];

const EXTRAS: [&str; 6] = [
    r#""spend_limit":"25""#,
    r#""milestones":[{"by":"first_deposits","from":"2","bonus":"50"},{"by":"revenue","from":"40","bonus":"9","per":"ever"}]"#,
    r#""flat_refund":"only_full""#,
    r#""release":"at_once""#,
    r#""fees":[{"name":"Admin","charge":{"percent":{"rate":"10","of":"pnl"}}},{"name":"Flat","charge":{"flat_per_month":"1"}}]"#,
    r#""carry_scope":"brand""#,
];

/// Any terms that are accepted; `unqualify` is `always`, because what is kept depends on the order of releases.
pub(crate) fn any_terms() -> impl Strategy<Value = Terms> {
    let rules = proptest::sample::subsequence(RULES.to_vec(), 1..5);
    let extras = proptest::sample::subsequence(EXTRAS.to_vec(), 0..3);
    let negative = select(vec!["net", "carry", "reset"]);
    (
        rules,
        select(QUALIFICATIONS.to_vec()),
        select(QUALIFICATIONS.to_vec()),
        extras,
        negative,
        select(vec![0, 7, 40]),
    )
        .prop_filter_map("senseless", |(rules, customer, lead, extras, negative, hold_days)| {
            let mut parts =
                vec![format!(r#""rules":[{}]"#, rules.join(",")), format!(r#""hold_days":{hold_days}"#)];
            let has = |word: &str| rules.iter().any(|rule| rule.contains(word));
            let waits = has("qualified_deposit") || has("qualified_lead");
            parts.extend(has("qualified_deposit").then(|| format!(r#""qualification":{customer}"#)));
            parts.extend(has("qualified_lead").then(|| format!(r#""lead_qualification":{lead}"#)));
            parts.extend(waits.then(|| r#""unqualify":"always""#.to_owned()));
            parts.extend(has("activity").then(|| format!(r#""negative_month":"{negative}""#)));
            parts.extend(extras.iter().map(|extra| (*extra).to_owned()));
            let json = format!("{{{}}}", parts.join(","));
            let terms: Terms = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
            terms.check(Currency::EUR).is_ok().then_some(terms)
        })
}
