//! The changes that caches of other processes follow.

use domain::ids::ProgramId;

use crate::error::Result;
use crate::{Pool, Step, Tx};

/// A change to something that processes keep in memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangeRow {
    /// Its place in the list.
    pub position: i64,
    /// The program it belongs to.
    pub program: ProgramId,
    /// What kind of thing changed: `key`, `program`.
    pub kind: String,
    /// Which one.
    pub subject: String,
}

/// Announces a change with the commit of the transaction.
pub async fn announce(tx: &mut Tx, program: ProgramId, kind: &str, subject: &str) -> Result<()> {
    let connection = tx.enter(Step::Appends)?;
    sqlx::query!(
        "insert into change (program_id, kind, subject) values ($1, $2, $3)",
        program.0,
        kind,
        subject
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The changes after a position, oldest first.
pub async fn after(pool: &Pool, position: i64) -> Result<Vec<ChangeRow>> {
    let rows = sqlx::query!(
        "select position, program_id, kind, subject from change where position > $1 order by position limit 1000",
        position
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ChangeRow {
            position: row.position,
            program: ProgramId(row.program_id),
            kind: row.kind,
            subject: row.subject,
        })
        .collect())
}

/// The newest position.
pub async fn head(pool: &Pool) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"select coalesce(max(position), 0) as "position!" from change"#)
        .fetch_one(pool)
        .await?)
}
