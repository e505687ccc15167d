//! Migrations: numbered, forward only, run by the first process under one lock.

use sqlx::migrate::Migrator;

use crate::Pool;
use crate::error::{Result, StoreError};

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

/// A text of 32 digits that changes whenever a migration is added, to name templates of databases by: names have at most
/// 63 characters.
pub fn fingerprint() -> String {
    // FNV-1a of the checksums.
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let bytes = MIGRATOR.iter().flat_map(|migration| migration.checksum.iter());
    let hash = bytes.fold(OFFSET, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME));
    format!("{hash:032x}")
}
