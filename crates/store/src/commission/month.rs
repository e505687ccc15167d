//! What commissions come to by calendar month, and their release by its close.

use domain::ids::{AffiliateId, CommissionId, ProgramId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{Result, numeric};
use crate::{Connection, Step, Tx};

/// What the commissions of an affiliate stand at in sum, by the month of their facts in the program's zone.
pub async fn sums(
    connection: &mut Connection,
    program: ProgramId,
    affiliate: AffiliateId,
    zone: &str,
) -> Result<Vec<(i32, i128)>> {
    let rows = sqlx::query!(
        r#"select to_char(c.occurred_at at time zone $3, 'YYYYMM')::int as "month!",
                  sum(case when t.debit < 4 then t.amount_micros else -t.amount_micros end)::text as "micros!"
           from commission c
                cross join lateral (select debit, amount_micros from transfer
                                    where program_id = $1 and commission_id = c.id and entry is not null offset 0) t
           where c.program_id = $1 and c.affiliate_id = $2
           group by 1 order by 1"#,
        program.0,
        affiliate.0,
        zone
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| Ok((row.month, numeric(&row.micros, "transfer", "amount_micros", affiliate)?)))
        .collect()
}

/// Marks commissions as released by the close of their month, each at the end of its hold but not before `at`.
pub async fn mark_released(
    tx: &mut Tx,
    program: ProgramId,
    ids: &[CommissionId],
    at: Timestamp,
) -> Result<()> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        "update commission set released_at = greatest(release_at, $3)
         where program_id = $1 and id = any($2) and released_at is null and not after_close and not disputed",
        program.0,
        &ids,
        at
    )
    .execute(tx.enter(Step::Commissions)?)
    .await?;
    Ok(())
}
