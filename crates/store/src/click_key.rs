//! The keys that sign clicks: a salt each, of which the master secret makes the key. All nodes share them.

use domain::time::Timestamp;

use crate::Pool;
use crate::error::{Result, corrupt};

/// A row of `click_key`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClickKeyRow {
    /// Its number, which a token names.
    pub id: u16,
    /// What the key is made of, with the master secret.
    pub salt: [u8; 32],
    /// When it was made. It signs an hour later, unless it is the first.
    pub created_at: Timestamp,
}

/// Every key, the oldest first.
pub async fn list(pool: &Pool) -> Result<Vec<ClickKeyRow>> {
    let rows = sqlx::query!("select id, salt, created_at from click_key order by created_at, id")
        .fetch_all(pool)
        .await?;
    rows.into_iter()
        .map(|row| {
            Ok(ClickKeyRow {
                id: u16::try_from(row.id).map_err(|_| corrupt("click_key", "id", row.id))?,
                salt: row.salt.try_into().map_err(|_| corrupt("click_key", "salt", row.id))?,
                created_at: row.created_at,
            })
        })
        .collect()
}

/// Appends a key with the next number, unless one was made after an instant: several processes may try. Says whether it
/// was appended.
pub async fn append(
    pool: &Pool,
    salt: &[u8; 32],
    created_at: Timestamp,
    unless_after: Timestamp,
) -> Result<bool> {
    let mut tx = pool.begin().await?;
    sqlx::query!("lock table click_key in exclusive mode").execute(&mut *tx).await?;
    let done = sqlx::query!(
        "insert into click_key (id, salt, created_at)
         select coalesce((select k.id from click_key k order by k.created_at desc, k.id desc limit 1), 0) % 65535 + 1, $1, $2
         where not exists (select from click_key where created_at > $3)",
        &salt[..],
        created_at,
        unless_after
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(done.rows_affected() > 0)
}

/// Deletes keys by number, once nothing that they signed can be inside a window.
pub async fn delete(pool: &Pool, ids: &[i32]) -> Result<()> {
    sqlx::query!("delete from click_key where id = any($1)", ids).execute(pool).await?;
    Ok(())
}
