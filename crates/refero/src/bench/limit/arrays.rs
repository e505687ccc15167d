//! Limit (b): a thousand payments a statement.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{CAUSE, ENTRY, Payment, SHARE_MICROS, Template, VALUE_MICROS, Written, next_number, race};
use crate::bench::ground::Ground;
use crate::failure::Outcome;

/// Payments in one statement.
const BATCH: usize = 1_000;

/// Far more than a connection can write in a second.
const BATCHES_A_SECOND: usize = 40;

const STATEMENT: &str = include_str!("arrays.sql");

/// A thousand payments as the arrays of a statement.
struct Batch {
    facts: Vec<Uuid>,
    commissions: Vec<Uuid>,
    transfers: Vec<Uuid>,
    referrals: Vec<Uuid>,
    affiliates: Vec<i64>,
    sources: Vec<String>,
    names: Vec<Vec<u8>>,
    inputs: Vec<Vec<u8>>,
    numbers: Vec<i64>,
    summed_affiliates: Vec<i64>,
    summed_payments: Vec<i64>,
}

impl Batch {
    /// In the order in which a set-based writer would choose: names by hash, everything else as it came.
    fn new(payments: &[Payment]) -> Batch {
        let mut sums: BTreeMap<i64, i64> = BTreeMap::new();
        for payment in payments {
            *sums.entry(payment.affiliate).or_default() += 1;
        }
        Batch {
            facts: payments.iter().map(|payment| payment.fact).collect(),
            commissions: payments.iter().map(|payment| payment.commission).collect(),
            transfers: payments.iter().map(|payment| payment.transfer).collect(),
            referrals: payments.iter().map(|payment| payment.referral).collect(),
            affiliates: payments.iter().map(|payment| payment.affiliate).collect(),
            sources: payments.iter().map(|payment| payment.source.clone()).collect(),
            names: payments.iter().map(|payment| payment.name.to_vec()).collect(),
            inputs: payments.iter().map(|payment| payment.input.to_vec()).collect(),
            numbers: payments.iter().map(|payment| payment.number).collect(),
            summed_affiliates: sums.keys().copied().collect(),
            summed_payments: sums.values().copied().collect(),
        }
    }
}

/// Writes payments by the thousand on each of some connections.
pub(in crate::bench) async fn arrays(
    ground: &Ground,
    template: &Template,
    connections: usize,
    duration: Duration,
) -> Outcome<Written> {
    let mut sql = ground.connect().await?;
    let each = BATCHES_A_SECOND * duration.as_secs_f64().ceil() as usize;
    let mut number = next_number(&mut sql, template.program).await?;
    let mut lanes = Vec::new();
    for lane in 0..connections {
        let payments = template.payments(lane, connections, each * BATCH, number);
        lanes.push(payments.chunks(BATCH).map(Batch::new).collect());
        number += (each * BATCH) as i64;
    }
    let shared = template.clone();
    let write =
        async move |connection: &mut PgConnection, batch: &Batch| write(connection, &shared, batch).await;
    let (batches, seconds) = race(ground, lanes, duration, write).await?;
    Ok(Written { payments: batches * BATCH as u64, seconds })
}

async fn write(connection: &mut PgConnection, template: &Template, batch: &Batch) -> sqlx::Result<()> {
    sqlx::query(STATEMENT)
        .bind(template.program.0)
        .bind(&batch.facts)
        .bind(&batch.commissions)
        .bind(&batch.transfers)
        .bind(&batch.referrals)
        .bind(&batch.affiliates)
        .bind(&batch.sources)
        .bind(&batch.names)
        .bind(&batch.inputs)
        .bind(&batch.numbers)
        .bind(&batch.summed_affiliates)
        .bind(&batch.summed_payments)
        .bind(VALUE_MICROS)
        .bind(template.at)
        .bind(&template.outcome)
        .bind(template.deal_version)
        .bind(SHARE_MICROS)
        .bind(CAUSE.code())
        .bind(ENTRY.code())
        .bind(template.period)
        .bind(&template.fold)
        .bind(template.day)
        .bind(template.deal)
        .execute(connection)
        .await?;
    Ok(())
}
