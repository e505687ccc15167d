//! What commissions come to by calendar month.

use domain::ids::{AffiliateId, ProgramId};

use crate::Connection;
use crate::error::{Result, numeric};

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
           join transfer t on t.program_id = c.program_id and t.commission_id = c.id and t.entry is not null
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
