//! Brands: what counts the deposits and withdrawals of each (money.md §6). Said once, before the first figures.

use std::collections::BTreeMap;

use domain::fold::{Source, Truth};
use domain::ids::ProgramId;
use domain::time::Timestamp;

use crate::error::Result;
use crate::{Connection, Step, Tx};

fn code(source: Source) -> i16 {
    match source {
        Source::Events => 0,
        Source::Rows => 1,
    }
}

fn source(code: i16) -> Source {
    if code == 0 { Source::Events } else { Source::Rows }
}

/// Every brand of a program.
pub async fn list(connection: &mut Connection, program: ProgramId) -> Result<BTreeMap<String, Truth>> {
    let rows = sqlx::query!(
        "select name, deposits, withdrawals from brand where program_id = $1 order by name",
        program.0
    )
    .fetch_all(connection)
    .await?;
    let brand = |name: String, deposits: i16, withdrawals: i16| {
        (name, Truth { deposits: source(deposits), withdrawals: source(withdrawals) })
    };
    Ok(rows.into_iter().map(|row| brand(row.name, row.deposits, row.withdrawals)).collect())
}

/// When every brand of a program was made.
pub async fn since(connection: &mut Connection, program: ProgramId) -> Result<BTreeMap<String, Timestamp>> {
    let rows = sqlx::query!("select name, created_at from brand where program_id = $1", program.0)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.created_at)).collect())
}

/// Appends a brand.
pub async fn append(tx: &mut Tx, program: ProgramId, name: &str, truth: Truth, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "insert into brand (program_id, name, deposits, withdrawals, created_at) values ($1, $2, $3, $4, $5)",
        program.0,
        name,
        code(truth.deposits),
        code(truth.withdrawals),
        now
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}
