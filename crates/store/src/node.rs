//! What belongs to the installation rather than to a program.

use sqlx::AssertSqlSafe;

use crate::Pool;
use crate::error::Result;

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

/// Brings the planner's statistics up to date, after migrations, seeding and imports.
///
/// Tables without rows are left out: plans are generic and kept by their connection, and a plan made for a table that
/// is known to be empty reads the whole table, also when it has grown. Of a table that was never analyzed the planner
/// assumes some pages, and takes the index that fits.
pub async fn analyze(pool: &Pool) -> Result<()> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select oid::regclass::text from pg_class
         where relnamespace = current_schema()::regnamespace and relkind = 'r' and pg_relation_size(oid) > 0
         order by 1",
    )
    .fetch_all(pool)
    .await?;
    for table in tables {
        sqlx::query(AssertSqlSafe(format!("analyze {table}"))).execute(pool).await?;
    }
    Ok(())
}
