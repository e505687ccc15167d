//! The partitions of `click`, one a month (UTC): made ahead, and dropped when retention is over. These statements name
//! tables, so they cannot be checked when the product is built; tests run them.

use chrono::{Datelike as _, Months, NaiveDate};
use sqlx::AssertSqlSafe;

use crate::Pool;
use crate::error::Result;

/// The first day of a month.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Month(NaiveDate);

impl Month {
    /// The month of a date.
    pub fn of(date: NaiveDate) -> Month {
        Month(date.with_day(1).unwrap_or(date))
    }

    /// The month so many later.
    pub fn plus(self, months: u32) -> Month {
        Month(self.0.checked_add_months(Months::new(months)).unwrap_or(self.0))
    }

    /// Its first day.
    pub fn first_day(self) -> NaiveDate {
        self.0
    }

    fn table(self) -> String {
        format!("click_{:04}_{:02}", self.0.year(), self.0.month())
    }

    fn from_table(name: &str) -> Option<Month> {
        let (year, month) = name.strip_prefix("click_")?.split_once('_')?;
        let date = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1)?;
        Some(Month(date)).filter(|month| month.table() == name)
    }
}

/// Serialises what makes and drops partitions, over all processes.
const LOCK: &str = "select pg_advisory_xact_lock(7313, 1)";

/// The months that have a partition, in order.
pub async fn list(pool: &Pool) -> Result<Vec<Month>> {
    let names: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
         where i.inhparent = 'click'::regclass",
    )
    .fetch_all(pool)
    .await?;
    let mut months: Vec<Month> = names.iter().filter_map(|name| Month::from_table(name)).collect();
    months.sort_unstable();
    Ok(months)
}

/// Makes the partition of a month, unless it is there; says whether it was made. Writers go on meanwhile: a table is made
/// first and attached then.
pub async fn make(pool: &Pool, month: Month) -> Result<bool> {
    if list(pool).await?.contains(&month) {
        return Ok(false);
    }
    let (table, from, until) = (month.table(), month.0, month.plus(1).0);
    let mut tx = pool.begin().await?;
    sqlx::query(LOCK).execute(&mut *tx).await?;
    let is_there: Option<String> =
        sqlx::query_scalar("select to_regclass($1)::text").bind(&table).fetch_one(&mut *tx).await?;
    if is_there.is_none() {
        for statement in [
            format!("create table {table} (like click including constraints)"),
            format!(
                "alter table click attach partition {table} for values from ('{from}+00') to ('{until}+00')"
            ),
        ] {
            sqlx::query(AssertSqlSafe(statement)).execute(&mut *tx).await?;
        }
    }
    tx.commit().await?;
    Ok(is_there.is_none())
}

/// Drops the partitions that end before or with the beginning of a month, and says which. A writer that holds the table
/// is waited for 5 seconds; what was not dropped then is dropped the next time.
pub async fn drop_before(pool: &Pool, oldest: Month) -> Result<Vec<Month>> {
    let mut dropped = Vec::new();
    for month in list(pool).await?.into_iter().filter(|month| *month < oldest) {
        let mut tx = pool.begin().await?;
        sqlx::query(LOCK).execute(&mut *tx).await?;
        sqlx::query("set local lock_timeout = '5s'").execute(&mut *tx).await?;
        let statement = format!("drop table if exists {}", month.table());
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *tx).await?;
        tx.commit().await?;
        dropped.push(month);
    }
    Ok(dropped)
}
