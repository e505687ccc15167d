//! Facts that wait for their customer or payment to become known.

use domain::ids::{FactId, ProgramId};
use domain::time::Timestamp;

use crate::error::Result;
use crate::name::Hash;
use crate::{Step, Tx};

/// Facts parked under any of the names, which the transaction has claimed; those that waited too long stay out.
pub async fn under(
    tx: &mut Tx,
    program: ProgramId,
    names: &[Hash],
    now: Timestamp,
) -> Result<Vec<(Hash, FactId)>> {
    let names: Vec<Vec<u8>> = names.iter().map(|name| name.to_vec()).collect();
    let rows = sqlx::query!(
        "select hash, fact_id from parked where program_id = $1 and hash = any($2) and until > $3 order by fact_id",
        program.0,
        &names,
        now
    )
    .fetch_all(tx.enter(Step::Names)?)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|row| Some((Hash::try_from(&row.hash[..]).ok()?, FactId(row.fact_id))))
        .collect())
}

/// The names under which facts are parked, read without a lock.
pub async fn names_of(tx: &mut Tx, program: ProgramId, facts: &[FactId]) -> Result<Vec<Hash>> {
    let facts: Vec<_> = facts.iter().map(|fact| fact.0).collect();
    let rows = sqlx::query_scalar!(
        "select distinct hash from parked where program_id = $1 and fact_id = any($2)",
        program.0,
        &facts
    )
    .fetch_all(tx.enter(Step::Names)?)
    .await?;
    Ok(rows.into_iter().filter_map(|hash| Hash::try_from(&hash[..]).ok()).collect())
}

/// Parks facts under names.
pub async fn park(tx: &mut Tx, program: ProgramId, rows: &[(Hash, FactId, Timestamp)]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let hashes: Vec<Vec<u8>> = rows.iter().map(|(hash, _, _)| hash.to_vec()).collect();
    let facts: Vec<_> = rows.iter().map(|(_, fact, _)| fact.0).collect();
    let until: Vec<Timestamp> = rows.iter().map(|(_, _, until)| *until).collect();
    sqlx::query!(
        "insert into parked (program_id, hash, fact_id, until)
         select $1, t.hash, t.fact_id, t.until
         from unnest($2::bytea[], $3::uuid[], $4::timestamptz[]) as t (hash, fact_id, until)
         on conflict do nothing",
        program.0,
        &hashes,
        &facts,
        &until
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// Takes facts out of the park.
pub async fn release(tx: &mut Tx, program: ProgramId, facts: &[FactId]) -> Result<()> {
    if facts.is_empty() {
        return Ok(());
    }
    let facts: Vec<_> = facts.iter().map(|fact| fact.0).collect();
    sqlx::query!("delete from parked where program_id = $1 and fact_id = any($2)", program.0, &facts)
        .execute(tx.enter(Step::Appends)?)
        .await?;
    Ok(())
}
