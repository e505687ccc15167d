//! Migrations: numbered, forward only, run by the first process under one lock.

use sqlx::migrate::Migrator;

use crate::error::{Result, StoreError};
use crate::Pool;

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

/// Brings the database to this binary's schema. A database that is newer than the binary is refused by name.
pub async fn run(pool: &Pool) -> Result<()> {
    let binary = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    let present = sqlx::query_scalar::<_, Option<String>>("select to_regclass('_sqlx_migrations')::text")
        .fetch_one(pool)
        .await?;
    if present.is_some() {
        let database: i64 = sqlx::query_scalar("select coalesce(max(version), 0) from _sqlx_migrations")
            .fetch_one(pool)
            .await?;
        if database > binary {
            return Err(StoreError::NewerDatabase { database, binary });
        }
        if database == binary {
            return Ok(());
        }
    }
    MIGRATOR.run(pool).await?;
    crate::node::analyze(pool).await
}

/// A text that changes whenever a migration is added, to name templates of databases by.
pub fn fingerprint() -> String {
    MIGRATOR
        .iter()
        .flat_map(|migration| migration.checksum.iter().take(4).map(|byte| format!("{byte:02x}")))
        .collect()
}
