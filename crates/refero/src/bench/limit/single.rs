//! Limit (a): one prepared statement a payment.

use std::time::Duration;

use sqlx::postgres::PgConnection;

use super::{CAUSE, ENTRY, Payment, SHARE_MICROS, Template, VALUE_MICROS, Written, next_number, race};
use crate::bench::ground::Ground;
use crate::failure::Outcome;

/// Far more than a connection can write in a second.
const A_SECOND: usize = 6_000;

const STATEMENT: &str = include_str!("single.sql");

/// Writes payments one by one on each of some connections.
pub(in crate::bench) async fn single(
    ground: &Ground,
    template: &Template,
    connections: usize,
    duration: Duration,
) -> Outcome<Written> {
    let mut sql = ground.connect().await?;
    let each = A_SECOND * duration.as_secs_f64().ceil() as usize / connections.min(4);
    let mut number = next_number(&mut sql, template.program).await?;
    let mut lanes = Vec::new();
    for lane in 0..connections {
        lanes.push(template.payments(lane, connections, each, number));
        number += each as i64;
    }
    let shared = template.clone();
    let write = async move |connection: &mut PgConnection, payment: &Payment| {
        write(connection, &shared, payment).await
    };
    let (payments, seconds) = race(ground, lanes, duration, write).await?;
    Ok(Written { payments, seconds })
}

async fn write(connection: &mut PgConnection, template: &Template, payment: &Payment) -> sqlx::Result<()> {
    sqlx::query(STATEMENT)
        .bind(template.program.0)
        .bind(payment.fact)
        .bind(payment.commission)
        .bind(payment.transfer)
        .bind(payment.referral)
        .bind(payment.affiliate)
        .bind(&payment.source)
        .bind(VALUE_MICROS)
        .bind(template.at)
        .bind(&payment.input[..])
        .bind(&template.outcome)
        .bind(&payment.name[..])
        .bind(SHARE_MICROS)
        .bind(template.deal_version)
        .bind(CAUSE.code())
        .bind(ENTRY.code())
        .bind(template.period)
        .bind(payment.number)
        .bind(&template.fold)
        .bind(template.day)
        .bind(template.deal)
        .execute(connection)
        .await?;
    Ok(())
}
