//! Random deals, courses and histories for the laws. Moments and amounts come from small sets, so that ties, ends of
//! months, equal amounts and refunds beyond a payment are frequent.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::Duration;
use domain::affiliate::{History, Status};
use domain::currency::Currency;
use domain::deal::{FlatRefund, Limits, Occurrence, On, Reward, Rule, Terms, When};
use domain::exchange::{Exchange, Value};
use domain::fact::{Attributes, Body, Fact, RefundState};
use domain::fold::{Assignment, Course};
use domain::ids::{AffiliateId, DealVersionId, FactId};
use domain::money::{Amount, Money};
use domain::rate::Rate;
use domain::time::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use crate::books::Step;
use crate::story::moment;

/// A course and the facts of one referral, in no order; every refund is of one of the payments.
#[derive(Clone, Debug)]
pub(crate) struct Plot {
    pub(crate) course: Course,
    pub(crate) facts: Vec<Fact>,
}

/// Any course and any facts under it. The referral is not rejected, and every rate is known.
pub(crate) fn any_plot() -> impl Strategy<Value = Plot> {
    (any_course(), any_facts()).prop_map(|(course, sketch)| {
        let facts = sketch.into_facts(course.currency);
        Plot { course, facts }
    })
}

/// What becomes known of a plot, in one order and in another: facts, some of them twice, rates that come late,
/// refunds that fail, releases, perhaps a rejection. The decisions stand in the same order in both.
pub(crate) fn any_arrivals() -> impl Strategy<Value = (Plot, Vec<Step>, Vec<Step>)> {
    let extras = (vec(any::<u8>(), 24), vec(any_moment(), 0..3), option::weighted(0.15, any_moment()));
    (any_plot(), extras)
        .prop_map(|(plot, (dice, releases, rejection))| {
            let mut steps = Vec::new();
            for (fact, die) in plot.facts.iter().zip(&dice) {
                steps.extend(arrivals_of(fact, *die));
            }
            steps.extend(releases.into_iter().map(|until| Step::Release { until }));
            steps.extend(rejection.map(|at| Step::Reject { at }));
            (plot, steps)
        })
        .prop_flat_map(|(plot, steps)| {
            let shuffled = Just(steps).prop_shuffle();
            (Just(plot), shuffled.clone(), shuffled)
        })
}

/// A fact as it becomes known: perhaps twice, perhaps first without its rate, perhaps as a refund that fails.
fn arrivals_of(fact: &Fact, die: u8) -> Vec<Step> {
    let mut steps = vec![Step::Fact(fact.clone())];
    match (&fact.body, die % 4) {
        (_, 0) => steps.push(Step::Fact(fact.clone())),
        (Body::Payment { amount, value: Some(value), .. }, 1) => {
            let unrated = Body::Payment { amount: *amount, value: None, base: None };
            steps = vec![
                Step::Fact(Fact { body: unrated, ..fact.clone() }),
                Step::Rate { payment: fact.id, value: *value },
            ];
        }
        (Body::Refund { .. }, 1) => steps.push(Step::Fail { refund: fact.id }),
        _ => {}
    }
    steps
}

/// A moment of the first hundred days of 2026; few days and times of day, so that facts meet, often at the turn of
/// a month.
pub(crate) fn any_moment() -> impl Strategy<Value = Timestamp> {
    let day = select(vec![0_i64, 1, 14, 29, 30, 31, 45, 57, 58, 59, 60, 88, 89, 99]);
    (day, select(vec![0, 4, 12, 23]))
        .prop_map(|(day, hour)| moment("2026-01-01") + Duration::days(day) + Duration::hours(hour))
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let rate = prop_oneof![select(vec![1_u32, 200_000, 333_333, 1_000_000]), 1..=1_000_000_u32];
    let percent = rate.prop_map(|ppm| Reward::Percent(Rate::from_ppm(ppm).expect("within its bounds")));
    let flat = (1..=100_i64).prop_map(|units| Reward::Flat(Amount(units * 1_000_000)));
    let occurrence = option::weighted(0.4, select(vec![Occurrence::First, Occurrence::Renewal]));
    let limits = (option::weighted(0.3, 1..4_u16), option::weighted(0.3, 1..4_u32));
    let on_payment = (prop_oneof![percent, flat.clone()], occurrence, limits).prop_map(
        |(reward, occurrence, (months, payments))| Rule {
            on: On::Payment,
            when: When { occurrence, ..When::default() },
            reward,
            limits: Limits { months, payments, ..Limits::default() },
            tiers: None,
        },
    );
    let on_registration = flat.prop_map(|reward| Rule::new(On::Registration, reward));
    prop_oneof![4 => on_payment, 1 => on_registration]
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let flat_refund = select(vec![FlatRefund::Proportional, FlatRefund::OnlyFull]);
    (vec(any_rule(), 0..4), select(vec![0_u16, 7, 30]), flat_refund).prop_map(
        |(rules, hold_days, flat_refund)| Terms { rules, hold_days, flat_refund, ..Terms::default() },
    )
}

fn any_assignments() -> impl Strategy<Value = Vec<Assignment>> {
    let owner = || (any_moment(), 1..=2_i64, option::weighted(0.9, any_terms()));
    vec(owner(), 1..4).prop_map(|mut owners| {
        owners.sort_by_key(|(from, ..)| *from);
        let assignment = |(index, (from, affiliate, terms)): (usize, (_, i64, Option<Terms>))| {
            let version = DealVersionId(Uuid::from_u128(index as u128 + 1));
            let terms = terms.map(|terms| (version, Arc::new(terms)));
            Assignment { from, affiliate: AffiliateId(affiliate), terms }
        };
        owners.into_iter().enumerate().map(assignment).collect()
    })
}

fn any_history() -> impl Strategy<Value = History> {
    let change = (any_moment(), select(Status::ALL.to_vec()));
    prop_oneof![3 => Just(History::always(Status::Approved)), 1 => vec(change, 0..4).prop_map(History::new)]
}

fn owner_of_nothing() -> Assignment {
    Assignment { from: Timestamp::UNIX_EPOCH, affiliate: AffiliateId(1), terms: None }
}

fn any_course() -> impl Strategy<Value = Course> {
    let currency = select(vec!["EUR", "JPY", "KWD"]);
    let zone = select(vec!["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"]);
    let expires_at = option::weighted(0.2, any_moment());
    (currency, zone, any_assignments(), any_history(), any_history(), expires_at).prop_map(
        |(currency, zone, assignments, first, second, expires_at)| Course {
            currency: currency.parse().expect("a currency"),
            zone: zone.parse().expect("a zone"),
            assignments,
            statuses: BTreeMap::from([(AffiliateId(1), first), (AffiliateId(2), second)]),
            expires_at,
            ..Course::new(Currency::EUR, domain::time::Zone::UTC, owner_of_nothing())
        },
    )
}

/// Facts before their amounts have a currency; amounts are in minor units, foreign ones with their rate.
#[derive(Clone, Debug)]
struct Sketch {
    registration: Option<Timestamp>,
    payments: Vec<(Timestamp, i64, Option<i64>)>,
    refunds: Vec<(Timestamp, usize, i64)>,
    churns: Vec<Timestamp>,
    ids: Vec<u128>,
}

fn any_facts() -> impl Strategy<Value = Sketch> {
    let amount = || prop_oneof![1 => Just(0_i64), 4 => 1..50_i64, 4 => select(vec![99, 100, 10_000]), 1 => 1..10_000_000_i64];
    let payments = vec((any_moment(), amount(), option::weighted(0.3, 1..20_000_i64)), 0..7);
    // A refund takes so many tenths of its payment, at least one unit.
    let refunds = vec((any_moment(), 0..7_usize, select(vec![1_i64, 2, 3, 5, 10])), 0..6);
    let ids = Just((1..=24_u128).collect::<Vec<_>>()).prop_shuffle();
    (option::weighted(0.8, any_moment()), payments, refunds, vec(any_moment(), 0..3), ids).prop_map(
        |(registration, payments, refunds, churns, ids)| Sketch {
            registration,
            payments,
            refunds,
            churns,
            ids,
        },
    )
}

/// The value at so many ten-thousandths of the amount's currency a euro.
fn exchanged(amount: Money, rate: i64, currency: Currency) -> Value {
    let to = match currency.code() {
        "EUR" => "1",
        "JPY" => "163.45",
        _ => "0.33512",
    };
    let from = format!("{}.{:04}", rate / 10_000, rate % 10_000);
    let rate = |text: &str| text.parse().expect("a rate");
    let exchange = Exchange { day: chrono::NaiveDate::MIN, from: rate(&from), to: rate(to) };
    exchange.value(amount, currency).expect("small enough")
}

impl Sketch {
    fn into_facts(self, currency: Currency) -> Vec<Fact> {
        let mut ids = self.ids.into_iter().map(|id| FactId(Uuid::from_u128(id)));
        let mut facts = Vec::new();
        let mut add = |occurred_at, source: String, body| {
            let id = ids.next().expect("more ids than facts");
            facts.push(Fact { id, occurred_at, source, attributes: Attributes::default(), body });
            id
        };
        let of = |units: i64, currency: Currency| {
            Money::from_micros(units * currency.minor_unit_micros(), currency)
        };
        if let Some(at) = self.registration {
            add(at, String::new(), Body::Registration);
        }
        let mut paid = Vec::new();
        for (index, (at, units, foreign)) in self.payments.into_iter().enumerate() {
            let amount = of(units, if foreign.is_some() { Currency::USD } else { currency });
            let value = Some(foreign.map_or(amount.into(), |rate| exchanged(amount, rate, currency)));
            let id = add(at, format!("p{index}"), Body::Payment { amount, value, base: None });
            paid.push((id, units, amount.currency()));
        }
        for (index, (at, payment, tenths)) in self.refunds.into_iter().enumerate() {
            let Some((payment, units, currency)) = paid.get(payment).copied() else { continue };
            let amount = of((units * tenths / 10).max(1), currency);
            let (refund, state) = (format!("r{index}"), RefundState::Succeeded);
            add(at, format!("r{index}"), Body::Refund { payment, amount, refund, state });
        }
        for at in self.churns {
            add(at, String::new(), Body::Churn);
        }
        facts
    }
}
