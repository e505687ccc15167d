//! Limit (c), for information: the fewest rows a payment could be, in tables of their own: a payment with a unique key,
//! a commission, a transfer, and the account's row.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{Payment, SHARE_MICROS, Template, VALUE_MICROS, race};
use crate::bench::ground::Ground;
use crate::failure::Outcome;

/// Payments in one statement over arrays.
const BATCH: usize = 1_000;

const TABLES: &str = "create schema bench;
    create table bench.payment (program_id bigint, id uuid, key bytea, affiliate_id bigint, amount_micros bigint,
        at timestamptz, primary key (program_id, id), unique (program_id, key));
    create table bench.commission (program_id bigint, id uuid, payment_id uuid, affiliate_id bigint,
        amount_micros bigint, primary key (program_id, id));
    create table bench.transfer (program_id bigint, id uuid, commission_id uuid, debit smallint, credit smallint,
        amount_micros bigint, primary key (program_id, id));
    create table bench.account (program_id bigint, affiliate_id bigint, due bigint,
        primary key (program_id, affiliate_id)) with (fillfactor = 50)";

const SINGLE: &str = "with
    payment_row as (insert into bench.payment values ($1, $2, $3, $4, $5, $6)),
    commission_row as (insert into bench.commission values ($1, $7, $2, $4, $8)),
    transfer_row as (insert into bench.transfer values ($1, $9, $7, 2, 10, $8))
    insert into bench.account as a values ($1, $4, $8)
    on conflict (program_id, affiliate_id) do update set due = a.due + excluded.due";

const ARRAYS: &str = "with
    paid as materialized (
        select * from unnest($2::uuid[], $3::bytea[], $4::bigint[], $5::uuid[], $6::uuid[])
                      as t (id, key, affiliate_id, commission_id, transfer_id)
    ),
    payment_row as (insert into bench.payment select $1, id, key, affiliate_id, $7, $8 from paid),
    commission_row as (insert into bench.commission select $1, commission_id, id, affiliate_id, $9 from paid),
    transfer_row as (insert into bench.transfer select $1, transfer_id, commission_id, 2, 10, $9 from paid)
    insert into bench.account as a select $1, affiliate_id, sum($9::bigint) from paid group by affiliate_id
    order by affiliate_id
    on conflict (program_id, affiliate_id) do update set due = a.due + excluded.due";

/// Payments a second of the bare rows.
pub(in crate::bench) struct Bare {
    /// One by one on 32 connections.
    pub(in crate::bench) single: f64,
    /// By the thousand on 2 connections.
    pub(in crate::bench) arrays: f64,
}

/// Writes bare payments both ways.
pub(in crate::bench) async fn bare(
    ground: &Ground,
    template: &Template,
    duration: Duration,
) -> Outcome<Bare> {
    let mut sql = ground.connect().await?;
    sqlx::raw_sql(TABLES).execute(&mut sql).await?;
    let seconds = duration.as_secs_f64().ceil() as usize;
    let lanes = (0..32).map(|lane| template.payments(lane, 32, 1_000 * seconds, 0)).collect();
    let (program, at) = (template.program.0, template.at);
    let write = async move |connection: &mut PgConnection, payment: &Payment| -> sqlx::Result<()> {
        let query = sqlx::query(SINGLE).bind(program).bind(payment.fact).bind(&payment.name[..]);
        let query = query.bind(payment.affiliate).bind(VALUE_MICROS).bind(at);
        query.bind(payment.commission).bind(SHARE_MICROS).bind(payment.transfer).execute(connection).await?;
        Ok(())
    };
    let (singles, single_seconds) = race(ground, lanes, duration, write).await?;
    type Batch = (Vec<Uuid>, Vec<Vec<u8>>, Vec<i64>, Vec<Uuid>, Vec<Uuid>);
    let batch = |payments: &[Payment]| -> Batch {
        (
            payments.iter().map(|payment| payment.fact).collect(),
            payments.iter().map(|payment| payment.name.to_vec()).collect(),
            payments.iter().map(|payment| payment.affiliate).collect(),
            payments.iter().map(|payment| payment.commission).collect(),
            payments.iter().map(|payment| payment.transfer).collect(),
        )
    };
    let lanes = (0..2)
        .map(|lane| template.payments(lane, 2, 60 * BATCH * seconds, 0).chunks(BATCH).map(batch).collect())
        .collect();
    let write = async move |connection: &mut PgConnection, batch: &Batch| -> sqlx::Result<()> {
        let query = sqlx::query(ARRAYS).bind(program).bind(&batch.0).bind(&batch.1).bind(&batch.2);
        let query = query.bind(&batch.3).bind(&batch.4).bind(VALUE_MICROS).bind(at).bind(SHARE_MICROS);
        query.execute(connection).await?;
        Ok(())
    };
    let (batches, array_seconds) = race(ground, lanes, duration, write).await?;
    sqlx::raw_sql("drop schema bench cascade").execute(&mut sql).await?;
    Ok(Bare {
        single: singles as f64 / single_seconds,
        arrays: (batches * BATCH as u64) as f64 / array_seconds,
    })
}
