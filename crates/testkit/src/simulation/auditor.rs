//! The auditor: computes from what was acknowledged, by the money rules alone and with none of the engine's code, what every
//! affiliate earned, has on hold, is due, was paid and carries, commission by commission, and what each closed month came
//! to.
//!
//! It covers percentages, flat sums, criteria, first and renewal, N months, N payments, once, caps per referral, month and
//! affiliate, spend limits, tiers, milestones, the qualification of customers (`unqualify = always`), net P&L with a linear
//! fee, net deposits, the three ways of a negative month, sub-affiliates of two levels, refunds (single, failed, in total),
//! disputes, foreign currencies, statuses, rejections, payouts and adjustments. It does not cover what the simulation does
//! not do either: qualified leads, `unqualify` otherwise, fees that are not linear, results by brand, several brands,
//! deposits counted from both sources, expiry, opening entries, reassignment, a reviewer's rejection in a deal that closes,
//! and parents whose months are closed with those of children held for longer or shorter.

mod calendar;
mod fold;
mod month;
mod network;
mod sums;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;

use super::words::{Fact, Instant, Program, Said, Terms};

pub(crate) use calendar::{is_business_day, month_of};
pub(crate) use month::Statement;
pub(crate) use sums::{Books, Commission, Kind};

/// An affiliate: decisions about it, each from when on, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Person {
    earns: Vec<(Instant, bool)>,
    parents: Vec<(Instant, Option<usize>)>,
    deals: Vec<(Instant, usize)>,
    resets: Vec<(Instant, bool)>,
    adjusted: i128,
}

/// A customer as decided at its registration.
#[derive(Clone, Debug)]
struct Customer {
    affiliate: usize,
    deal: usize,
    version: usize,
    at: Instant,
    country: &'static str,
    rejected_at: Option<Instant>,
    rejected: BTreeSet<String>,
}

/// How far a payout has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Payout {
    OnItsWay,
    Paid,
    Undone,
}

/// A month, counted from year 0.
pub(crate) type Month = i32;

/// What was acknowledged so far.
#[derive(Clone, Debug)]
pub(crate) struct Auditor {
    program: Program,
    rates: BTreeMap<(&'static str, NaiveDate), (i128, i128)>,
    deals: Vec<Vec<(Instant, Arc<Terms>)>>,
    people: Vec<Person>,
    customers: BTreeMap<String, Customer>,
    facts: BTreeMap<String, Vec<Fact>>,
    payouts: BTreeMap<i64, (usize, i128, Payout)>,
    closed_through: Option<Month>,
    frozen: BTreeMap<(usize, usize, Month), Statement>,
}

impl Auditor {
    /// Begins the books of a program.
    pub(crate) fn new(program: Program) -> Auditor {
        Auditor {
            program,
            rates: BTreeMap::new(),
            deals: Vec::new(),
            people: Vec::new(),
            customers: BTreeMap::new(),
            facts: BTreeMap::new(),
            payouts: BTreeMap::new(),
            closed_through: None,
            frozen: BTreeMap::new(),
        }
    }

    /// A deal with its first version; its place is answered.
    pub(crate) fn deal(&mut self, at: Instant, terms: Terms) -> usize {
        self.deals.push(vec![(at, Arc::new(terms))]);
        self.deals.len() - 1
    }

    /// A new version of a deal.
    pub(crate) fn version(&mut self, deal: usize, at: Instant, terms: Terms) {
        self.deals[deal].push((at, Arc::new(terms)));
    }

    /// An affiliate; its place is answered.
    pub(crate) fn person(&mut self, at: Instant, deal: usize, parent: Option<usize>) -> usize {
        self.people.push(Person {
            earns: vec![(at, true)],
            parents: vec![(at, parent)],
            deals: vec![(at, deal)],
            resets: vec![(at, false)],
            adjusted: 0,
        });
        self.people.len() - 1
    }

    /// Whether an affiliate earns from now on.
    pub(crate) fn earns(&mut self, person: usize, at: Instant, earns: bool) {
        self.people[person].earns.push((at, earns));
    }

    /// Who brought an affiliate, from now on.
    pub(crate) fn brought(&mut self, person: usize, at: Instant, parent: Option<usize>) {
        self.people[person].parents.push((at, parent));
    }

    /// The deal of an affiliate, from now on.
    pub(crate) fn given(&mut self, person: usize, at: Instant, deal: usize) {
        self.people[person].deals.push((at, deal));
    }

    /// Whether negative months of an affiliate are made good, from now on.
    pub(crate) fn resets(&mut self, person: usize, at: Instant, resets: bool) {
        self.people[person].resets.push((at, resets));
    }

    /// An adjustment by hand.
    pub(crate) fn adjusted(&mut self, person: usize, micros: i64) {
        self.people[person].adjusted += i128::from(micros);
    }

    /// A rate: how much of a currency one euro is, as digits and a power of ten.
    pub(crate) fn rate(&mut self, currency: &'static str, day: NaiveDate, digits: i128, power: i128) {
        self.rates.entry((currency, day)).or_insert((digits, power));
    }

    /// A fact that was accepted. A customer gets the deal as it stood when she registered.
    pub(crate) fn fact(&mut self, fact: &Fact) {
        if let Said::Registered { affiliate, country } = fact.said {
            let deals = &self.people[affiliate].deals;
            let (_, deal) = deals[deals.iter().rposition(|(from, _)| *from <= fact.at).unwrap_or(0)];
            let customer = Customer {
                affiliate,
                deal,
                version: self.deals[deal].iter().rposition(|(from, _)| *from <= fact.at).unwrap_or(0),
                at: fact.at,
                country,
                rejected_at: None,
                rejected: BTreeSet::new(),
            };
            self.customers.entry(fact.customer.clone()).or_insert(customer);
        }
        let facts = self.facts.entry(fact.customer.clone()).or_default();
        if !facts.contains(fact) {
            facts.push(fact.clone());
        }
    }

    /// The staff rejected a customer.
    pub(crate) fn reject_customer(&mut self, customer: &str, at: Instant) {
        if let Some(customer) = self.customers.get_mut(customer) {
            customer.rejected_at.get_or_insert(at);
        }
    }

    /// A reviewer rejected what a fact earned.
    pub(crate) fn reject_fact(&mut self, customer: &str, fact: &str) {
        if let Some(customer) = self.customers.get_mut(customer) {
            customer.rejected.insert(fact.to_owned());
        }
    }

    /// A payout as it stands.
    pub(crate) fn payout(&mut self, id: i64, person: usize, micros: i64, state: Payout) {
        self.payouts.insert(id, (person, micros.into(), state));
    }

    /// Months up to one are closed.
    pub(crate) fn close(&mut self, through: Option<Month>) {
        self.closed_through = self.closed_through.max(through);
    }

    /// Keeps the statements of months that were closed for the first time.
    pub(crate) fn freeze(&mut self, months: &[(usize, usize, Month)]) {
        if months.iter().all(|key| self.frozen.contains_key(key)) {
            return;
        }
        let mut now = self.months();
        for key in months.iter().filter(|key| !self.frozen.contains_key(key)).copied().collect::<Vec<_>>() {
            let statement = now.remove(&key).map(|month| month.statement()).unwrap_or_default();
            self.frozen.insert(key, statement);
        }
    }

    /// The statement of a month as it was frozen.
    pub(crate) fn statement(&self, key: (usize, usize, Month)) -> Option<&Statement> {
        self.frozen.get(&key)
    }

    fn terms(&self, deal: usize, version: usize) -> &Terms {
        &self.deals[deal][version].1
    }
}

/// What of a dated list holds at an instant; the first one holds for all time before it too.
fn in_force<T: Copy>(list: &[(Instant, T)], at: Instant) -> Option<T> {
    let newest = list.iter().rev().find(|(from, _)| *from <= at).or(list.first());
    newest.map(|(_, value)| *value)
}

/// A quotient rounded half away from zero.
fn rounded(numerator: i128, denominator: i128) -> i128 {
    let (n, d) = if denominator < 0 { (-numerator, -denominator) } else { (numerator, denominator) };
    if n < 0 { -((-n * 2 + d) / (d * 2)) } else { (n * 2 + d) / (d * 2) }
}
