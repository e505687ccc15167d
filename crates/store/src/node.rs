//! What belongs to the installation rather than to a program.

use crate::error::Result;
use crate::Pool;

/// Remembers the fingerprint of the master secret, or tells the one remembered.
pub async fn secret_fingerprint(pool: &Pool, fingerprint: &[u8]) -> Result<Vec<u8>> {
    sqlx::query!(
        "insert into node_secret (id, fingerprint) values (1, $1) on conflict (id) do nothing",
        fingerprint
    )
    .execute(pool)
    .await?;
    Ok(sqlx::query_scalar!("select fingerprint from node_secret where id = 1").fetch_one(pool).await?)
}

/// Whether the database answers.
pub async fn ping(pool: &Pool) -> Result<()> {
    sqlx::query("select 1").execute(pool).await?;
    Ok(())
}

/// Refreshes the planner's statistics, after seeding and imports.
pub async fn analyze(pool: &Pool) -> Result<()> {
    sqlx::query("analyze").execute(pool).await?;
    Ok(())
}
