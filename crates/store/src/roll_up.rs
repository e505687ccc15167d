//! Daily figures of facts, kept in the same transactions as the facts.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::ids::{AffiliateId, DealId};

/// A day of an affiliate under a deal, in the program's zone. Links, brands and campaigns join the key as they come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Day {
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// The local date.
    pub day: NaiveDate,
    /// The deal; 0 for none.
    pub deal: DealId,
}

/// Changes of figures: counts, and amounts in micros of the program's currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// Registrations.
    pub registrations: i64,
    /// First payments (first deposits).
    pub first_payments: i64,
    /// Their amount.
    pub first_payments_micros: i128,
    /// Payments, first ones included.
    pub payments: i64,
    /// Their amount, before refunds.
    pub payments_micros: i128,
    /// Refunds and lost disputes.
    pub refunds: i64,
    /// Their amount.
    pub refunds_micros: i128,
    /// Churned referrals.
    pub churns: i64,
}

impl Figures {
    /// Adds other changes.
    pub fn add(&mut self, other: &Figures) {
        self.registrations += other.registrations;
        self.first_payments += other.first_payments;
        self.first_payments_micros += other.first_payments_micros;
        self.payments += other.payments;
        self.payments_micros += other.payments_micros;
        self.refunds += other.refunds;
        self.refunds_micros += other.refunds_micros;
        self.churns += other.churns;
    }
}

/// Changes of days as the statement of [`crate::write`] takes them, in key order: a text of an array for the
/// counts and one for the amounts of each day.
#[derive(Default)]
pub(crate) struct Columns {
    pub(crate) affiliates: Vec<i64>,
    pub(crate) days: Vec<NaiveDate>,
    pub(crate) deals: Vec<i64>,
    pub(crate) counts: Vec<String>,
    pub(crate) amounts: Vec<String>,
}

impl Columns {
    pub(crate) fn of(changes: &BTreeMap<Day, Figures>) -> Columns {
        let counts = |row: &Figures| {
            format!(
                "{{{},{},{},{},{}}}",
                row.registrations, row.first_payments, row.payments, row.refunds, row.churns
            )
        };
        let amounts = |row: &Figures| {
            format!("{{{},{},{}}}", row.first_payments_micros, row.payments_micros, row.refunds_micros)
        };
        Columns {
            affiliates: changes.keys().map(|day| day.affiliate.0).collect(),
            days: changes.keys().map(|day| day.day).collect(),
            deals: changes.keys().map(|day| day.deal.0).collect(),
            counts: changes.values().map(counts).collect(),
            amounts: changes.values().map(amounts).collect(),
        }
    }
}
