//! The default deal of a program over time.

use domain::ids::{DealId, ProgramId};
use domain::time::Timestamp;

use crate::error::Result;
use crate::{Connection, Step, Tx};

/// Makes a deal the default one from an instant on, unless it is that already. The transaction holds the fence
/// exclusively.
pub(super) async fn append(tx: &mut Tx, program: ProgramId, deal: DealId, from: Timestamp) -> Result<()> {
    sqlx::query!(
        "insert into program_default_deal (program_id, number, effective_at, deal_id)
         select $1, coalesce(max(number), 0) + 1, $2, $3 from program_default_deal where program_id = $1
         having $3::bigint is distinct from (select deal_id from program_default_deal where program_id = $1
                                     order by number desc limit 1)",
        program.0,
        from,
        deal.0
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// The default deals of a program with the time each is in force from, oldest first; the first one holds for all time
/// before it too.
pub async fn of(connection: &mut Connection, program: ProgramId) -> Result<Vec<(Timestamp, DealId)>> {
    let rows = sqlx::query!(
        "select effective_at, deal_id from program_default_deal where program_id = $1 order by number",
        program.0
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.effective_at, DealId(row.deal_id))).collect())
}
