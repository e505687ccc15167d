//! `refero verify`: rebuilds every derived table from what it is derived from and compares, and checks what foreign
//! keys would have, in one snapshot.

use domain::ids::ProgramId;
use sqlx::Row as _;

use crate::error::Result;
use crate::{Pool, snapshot};

/// A check and the rows that fail it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What was checked.
    pub check: &'static str,
    /// What is wrong, row by row (at most twenty).
    pub rows: Vec<String>,
}

/// Every check with its query: program in `$1`, the micros of its currency's minor unit as `:unit`, one text column, a row
/// per fault.
const CHECKS: &[(&str, &str)] = &[
    ("every account row sums to zero", include_str!("verify/account_sums.sql")),
    ("balances equal their transfers", include_str!("verify/balances.sql")),
    ("what moved in a month equals its transfers", include_str!("verify/months.sql")),
    ("unclaimed lines less open advances equal due", include_str!("verify/lines.sql")),
    ("what is unclaimed of a line is its amount less live claims", include_str!("verify/claims.sql")),
    ("claims and advance of a live payout sum to its amount", include_str!("verify/payouts.sql")),
    ("lifetime figures equal the daily ones and the opening ones", include_str!("verify/figures.sql")),
    ("daily figures equal the facts", include_str!("verify/daily.sql")),
    ("daily figures of clicks equal the clicks", include_str!("verify/clicks.sql")),
    ("every amount is worth what the rates of its day say", include_str!("verify/values.sql")),
    (
        "every fact has a referral, its refund a payment, its commission a fact",
        include_str!("verify/references.sql"),
    ),
    ("every name names something, every source exactly one fact", include_str!("verify/names.sql")),
    ("released commissions hold nothing, held ones are not on due", include_str!("verify/releases.sql")),
    (
        "what closed months posted equals their transfers and what they hand on",
        include_str!("verify/periods.sql"),
    ),
    ("every log row is waiting or numbered once, without gaps", include_str!("verify/log.sql")),
];

/// Runs every check of a program.
pub async fn run(pool: &Pool, program: ProgramId) -> Result<Vec<Finding>> {
    let mut snapshot = snapshot(pool).await?;
    // Every check reads whole tables. After a burst of writes the planner's figures are old, and a loop over what it
    // takes for one row would read a table once for each of many.
    sqlx::query("set local enable_nestloop = off").execute(&mut *snapshot).await?;
    let Some(settings) = crate::program::by_id(&mut snapshot, program).await? else { return Ok(Vec::new()) };
    let unit = settings.currency.minor_unit_micros().to_string();
    let mut findings = Vec::new();
    for (check, sql) in CHECKS {
        let sql = sql.replace(":unit", &unit);
        let query = format!("select fault from ({sql}) as checked (fault) limit 20");
        let rows = sqlx::query(sqlx::AssertSqlSafe(query)).bind(program.0).fetch_all(&mut *snapshot).await?;
        if !rows.is_empty() {
            let rows = rows.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<_>>()?;
            findings.push(Finding { check, rows });
        }
    }
    Ok(findings)
}

/// How many checks there are.
pub fn count() -> usize {
    CHECKS.len()
}
