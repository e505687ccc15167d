//! API keys: hashed, looked up by hash in the directory, revocable.

use chrono::{DateTime, Utc};
use domain::ids::{AffiliateId, KeyId, ProgramId};

use crate::error::Result;
use crate::{Connection, Pool, Step, Tx};

/// Whom a key speaks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The program.
    Operator,
    /// One affiliate.
    Affiliate(AffiliateId),
}

/// A row of `api_key`.
#[derive(Clone, PartialEq, Debug)]
pub struct KeyRow {
    /// The program.
    pub program: ProgramId,
    /// Its id.
    pub id: KeyId,
    /// Whom it speaks for.
    pub scope: Scope,
    /// The last characters of the key, to tell keys apart.
    pub hint: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Appends a key and its directory row.
pub async fn append(tx: &mut Tx, key: &KeyRow, hash: &[u8]) -> Result<()> {
    let (kind, affiliate) = match key.scope {
        Scope::Operator => ("operator", None),
        Scope::Affiliate(id) => ("affiliate", Some(id.0)),
    };
    let connection = tx.enter(Step::Appends)?;
    sqlx::query!(
        "insert into api_key (program_id, id, kind, affiliate_id, hint, created_at) values ($1, $2, $3, $4, $5, $6)",
        key.program.0,
        key.id.0,
        kind,
        affiliate,
        key.hint,
        key.created_at
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into directory_key (hash, program_id, key_id) values ($1, $2, $3)",
        hash,
        key.program.0,
        key.id.0
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The key of a hash, revoked ones included.
pub async fn by_hash(pool: &Pool, hash: &[u8]) -> Result<Option<KeyRow>> {
    let row = sqlx::query!(
        "select k.program_id, k.id, k.affiliate_id, k.hint, k.created_at, k.revoked_at
         from directory_key d join api_key k on k.program_id = d.program_id and k.id = d.key_id
         where d.hash = $1",
        hash
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| KeyRow {
        program: ProgramId(row.program_id),
        id: KeyId(row.id),
        scope: row.affiliate_id.map_or(Scope::Operator, |id| Scope::Affiliate(AffiliateId(id))),
        hint: row.hint,
        created_at: row.created_at,
        revoked_at: row.revoked_at,
    }))
}

/// The keys of a program, newest first.
pub async fn list(connection: &mut Connection, program: ProgramId) -> Result<Vec<KeyRow>> {
    let rows = sqlx::query!(
        "select id, affiliate_id, hint, created_at, revoked_at from api_key where program_id = $1 order by id desc",
        program.0
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| KeyRow {
            program,
            id: KeyId(row.id),
            scope: row.affiliate_id.map_or(Scope::Operator, |id| Scope::Affiliate(AffiliateId(id))),
            hint: row.hint,
            created_at: row.created_at,
            revoked_at: row.revoked_at,
        })
        .collect())
}

/// Revokes a key; says whether there was one to revoke.
pub async fn revoke(tx: &mut Tx, program: ProgramId, id: KeyId, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "update api_key set revoked_at = $3 where program_id = $1 and id = $2 and revoked_at is null",
        program.0,
        id.0,
        now
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Revokes every working key of an affiliate; says which those were.
pub async fn revoke_of_affiliate(
    tx: &mut Tx,
    program: ProgramId,
    affiliate: AffiliateId,
    now: DateTime<Utc>,
) -> Result<Vec<KeyId>> {
    let ids = sqlx::query_scalar!(
        "update api_key set revoked_at = $3
         where program_id = $1 and affiliate_id = $2 and revoked_at is null returning id",
        program.0,
        affiliate.0,
        now
    )
    .fetch_all(tx.enter(Step::Appends)?)
    .await?;
    Ok(ids.into_iter().map(KeyId).collect())
}
