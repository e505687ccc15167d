//! Daily figures of facts, kept in the same transactions as the facts.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::ids::{AffiliateId, DealId, ProgramId};

use crate::error::Result;
use crate::{Step, Tx};

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
    /// Refunds.
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

/// Adds changes to the days they belong to, in key order.
pub async fn apply(tx: &mut Tx, program: ProgramId, changes: &BTreeMap<Day, Figures>) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let affiliates: Vec<i64> = changes.keys().map(|day| day.affiliate.0).collect();
    let days: Vec<NaiveDate> = changes.keys().map(|day| day.day).collect();
    let deals: Vec<i64> = changes.keys().map(|day| day.deal.0).collect();
    let count = |of: fn(&Figures) -> i64| changes.values().map(of).collect::<Vec<i64>>();
    let amount = |of: fn(&Figures) -> i128| changes.values().map(|row| of(row).to_string()).collect::<Vec<String>>();
    sqlx::query!(
        "insert into fact_daily as d (program_id, affiliate_id, day, link_id, brand_id, deal_id, campaign_id,
                                      registrations, first_payments, first_payments_micros, payments,
                                      payments_micros, refunds, refunds_micros, churns)
         select $1, t.affiliate_id, t.day, 0, 0, t.deal_id, 0, t.registrations, t.first_payments,
                t.first_payments_micros::numeric, t.payments, t.payments_micros::numeric, t.refunds,
                t.refunds_micros::numeric, t.churns
         from unnest($2::bigint[], $3::date[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[],
                     $9::text[], $10::bigint[], $11::text[], $12::bigint[])
              with ordinality
              as t (affiliate_id, day, deal_id, registrations, first_payments, first_payments_micros, payments,
                    payments_micros, refunds, refunds_micros, churns, position)
         order by t.position
         on conflict (program_id, affiliate_id, day, link_id, brand_id, deal_id, campaign_id) do update set
             registrations = d.registrations + excluded.registrations,
             first_payments = d.first_payments + excluded.first_payments,
             first_payments_micros = d.first_payments_micros + excluded.first_payments_micros,
             payments = d.payments + excluded.payments,
             payments_micros = d.payments_micros + excluded.payments_micros,
             refunds = d.refunds + excluded.refunds,
             refunds_micros = d.refunds_micros + excluded.refunds_micros,
             churns = d.churns + excluded.churns",
        program.0,
        &affiliates,
        &days,
        &deals,
        &count(|row| row.registrations),
        &count(|row| row.first_payments),
        &amount(|row| row.first_payments_micros),
        &count(|row| row.payments),
        &amount(|row| row.payments_micros),
        &count(|row| row.refunds),
        &amount(|row| row.refunds_micros),
        &count(|row| row.churns)
    )
    .execute(tx.enter(Step::RollUps)?)
    .await?;
    Ok(())
}
