//! Integer ids per program, reserved in blocks in a transaction of their own. Gaps are allowed.

use domain::ids::ProgramId;

use crate::Pool;
use crate::error::Result;

/// Reserves `count` consecutive integers of a kind and returns the first.
pub async fn reserve(pool: &Pool, program: ProgramId, kind: &str, count: i64) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"insert into program_counter as c (program_id, kind, next) values ($1, $2, 1 + $3::bigint)
           on conflict (program_id, kind) do update set next = c.next + $3::bigint
           returning next - $3::bigint as "first!""#,
        program.0,
        kind,
        count
    )
    .fetch_one(pool)
    .await?)
}

/// Moves a counter above an id that an import has set.
pub async fn raise_above(pool: &Pool, program: ProgramId, kind: &str, id: i64) -> Result<()> {
    sqlx::query!(
        "insert into program_counter as c (program_id, kind, next) values ($1, $2, $3::bigint + 1)
         on conflict (program_id, kind) do update set next = greatest(c.next, $3::bigint + 1)",
        program.0,
        kind,
        id
    )
    .execute(pool)
    .await?;
    Ok(())
}
