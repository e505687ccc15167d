//! Payments, refunds, disputes and withdrawals in another currency that wait for their exchange rates.

use domain::ids::{FactId, ProgramId, ReferralId};
use domain::time::Timestamp;
use uuid::Uuid;

use super::{FactRow, Raw, rows, stored};
use crate::error::Result;
use crate::{Connection, Step, Tx};

/// Whether anything of the program waits.
pub async fn any(connection: &mut Connection, program: ProgramId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select 1 from fact where program_id = $1 and kind in (1, 2, 4, 5) and value_micros is null)
               as "any!""#,
        program.0
    )
    .fetch_one(connection)
    .await?)
}

/// What waits and has its referral, in the order of the log, after an id.
pub async fn after(
    connection: &mut Connection,
    program: ProgramId,
    after: Option<FactId>,
    limit: i64,
) -> Result<Vec<FactRow>> {
    rows(
        sqlx::query_as!(
            Raw,
            "select id, kind, operation, referral_id, payment_id, amount_micros, currency, value_micros, exchange,
                    valued_at, source, occurred_at, recorded_at, input_hash, engine, detail, outcome
             from fact
             where program_id = $1 and kind in (1, 2, 4, 5) and value_micros is null and referral_id is not null and id > $2
             order by id limit $3",
            program.0,
            after.map_or(Uuid::nil(), |id| id.0),
            limit
        )
        .fetch_all(connection)
        .await?,
    )
}

/// A page of what waits, newest first, of a referral if one is given, and below an id.
pub async fn page(
    connection: &mut Connection,
    program: ProgramId,
    referral: Option<ReferralId>,
    below: Option<FactId>,
    limit: i64,
) -> Result<Vec<FactRow>> {
    let below = below.map_or(Uuid::max(), |id| id.0);
    let raw = match referral {
        // All facts of one referral are few.
        Some(referral) => {
            sqlx::query_as!(
                Raw,
                "select id, kind, operation, referral_id, payment_id, amount_micros, currency, value_micros, exchange,
                        valued_at, source, occurred_at, recorded_at, input_hash, engine, detail, outcome
                 from (select * from fact where referral_id = $2 offset 0) f
                 where program_id = $1 and kind in (1, 2, 4, 5) and value_micros is null and id < $3
                 order by id desc limit $4",
                program.0,
                referral.0,
                below,
                limit
            )
            .fetch_all(connection)
            .await?
        }
        None => {
            sqlx::query_as!(
                Raw,
                "select id, kind, operation, referral_id, payment_id, amount_micros, currency, value_micros, exchange,
                        valued_at, source, occurred_at, recorded_at, input_hash, engine, detail, outcome
                 from fact
                 where program_id = $1 and kind in (1, 2, 4, 5) and value_micros is null and id < $2
                 order by id desc limit $3",
                program.0,
                below,
                limit
            )
            .fetch_all(connection)
            .await?
        }
    };
    rows(raw)
}

/// Tells facts that waited what they are worth. Written like this each row is looked up, as in `fact::attach`.
pub async fn convert(tx: &mut Tx, program: ProgramId, converted: &[FactRow]) -> Result<()> {
    if converted.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = converted.iter().map(|row| row.id.0).collect();
    let values: Vec<Option<i64>> = converted.iter().map(|row| row.value_micros).collect();
    let exchanges: Vec<Option<String>> =
        converted.iter().map(|row| row.exchange.as_ref().map(stored)).collect();
    let valued: Vec<Option<Timestamp>> = converted.iter().map(|row| row.valued_at).collect();
    sqlx::query!(
        "insert into fact (program_id, id, kind, operation, value_micros, source, occurred_at, recorded_at, input_hash,
                           engine, outcome, exchange, valued_at)
         select $1, f.id, f.kind, f.operation, t.value_micros, f.source, f.occurred_at, f.recorded_at, f.input_hash,
                f.engine, f.outcome, t.exchange::jsonb, t.valued_at
         from unnest($2::uuid[], $3::bigint[], $4::text[], $5::timestamptz[])
                  as t (id, value_micros, exchange, valued_at)
              cross join lateral (select * from fact where program_id = $1 and id = t.id offset 0) f
         on conflict (program_id, id) do update
         set value_micros = excluded.value_micros, exchange = excluded.exchange, valued_at = excluded.valued_at",
        program.0,
        &ids,
        &values as _,
        &exchanges as _,
        &valued as _
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}
