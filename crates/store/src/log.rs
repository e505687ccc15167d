//! The log of a program: one row per accepted write, numbered after commit.

use std::collections::{BTreeSet, VecDeque};

use domain::ids::{LogId, ProgramId, ReferralId};
use domain::time::Timestamp;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use crate::error::Result;
use crate::{Connection, Pool, Rows, Tx};

/// A row of `log`.
#[derive(Clone, PartialEq, Debug)]
pub struct LogRow {
    /// Its id; a fact's own id for a fact.
    pub id: LogId,
    /// What was written: `payment.recorded`, `payout.requested`, …
    pub kind: &'static str,
    /// The scope it changed, if any, and the scope's version after it.
    pub scope: Option<(Uuid, i64)>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What the row says beyond the fact or decision it names. No personal data.
    pub body: Option<serde_json::Value>,
}

/// Appends log rows and queues them for their numbers.
pub async fn append(tx: &mut Tx, program: ProgramId, logs: &[LogRow]) -> Result<()> {
    crate::write(tx, program, Rows { logs, ..Rows::default() }).await
}

/// Log rows as [`crate::write`] takes them, column by column.
pub(crate) struct Columns<'a> {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) kinds: Vec<&'a str>,
    pub(crate) scopes: Vec<Option<Uuid>>,
    pub(crate) versions: Vec<Option<i64>>,
    pub(crate) recorded: Vec<Timestamp>,
    pub(crate) bodies: Vec<Option<String>>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(rows: &'a [LogRow]) -> Columns<'a> {
        Columns {
            ids: rows.iter().map(|row| row.id.0).collect(),
            kinds: rows.iter().map(|row| row.kind).collect(),
            scopes: rows.iter().map(|row| row.scope.map(|(scope, _)| scope)).collect(),
            versions: rows.iter().map(|row| row.scope.map(|(_, version)| version)).collect(),
            recorded: rows.iter().map(|row| row.recorded_at).collect(),
            bodies: rows.iter().map(|row| row.body.as_ref().map(ToString::to_string)).collect(),
        }
    }
}

/// Numbers up to 5,000 waiting rows of a program and says how many. Nobody else numbers while this runs, so there are
/// no gaps and no reader ever waits for a lower number.
///
/// The head is locked before the first row is taken, so two who number never hold what the other waits for.
pub async fn number(pool: &Pool, program: ProgramId) -> Result<i64> {
    let numbered = sqlx::query!(
        r#"with head as materialized (
               select number from log_head where program_id = $1 for update
           ), chosen as materialized (
               select waiting.position
               from head cross join lateral (select position from log_waiting where program_id = $1
                                             order by position limit 5000) waiting
           ), taken as (
               delete from log_waiting where program_id = $1 and position <= (select max(position) from chosen)
               returning position, log_id
           ), numbered as (
               insert into log_number (program_id, number, log_id)
               select $1, head.number + row_number() over (order by taken.position), taken.log_id
               from taken cross join head
               returning 1
           ), moved as (
               update log_head set number = number + (select count(*) from numbered)
               where program_id = $1 and exists (select from numbered)
           )
           select (select count(*) from head) as "heads!", (select count(*) from numbered) as "rows!""#,
        program.0
    )
    .fetch_one(pool)
    .await?;
    if numbered.heads == 0 {
        // The first row of the program: the next look around numbers it.
        sqlx::query!(
            "insert into log_head (program_id, number) values ($1, 0) on conflict do nothing",
            program.0
        )
        .execute(pool)
        .await?;
        return Box::pin(self::number(pool, program)).await;
    }
    Ok(numbered.rows)
}

/// Programs that have rows waiting for their numbers.
pub async fn programs_waiting(pool: &Pool) -> Result<Vec<ProgramId>> {
    let programs = sqlx::query_scalar!("select distinct program_id from log_waiting").fetch_all(pool).await?;
    Ok(programs.into_iter().map(ProgramId).collect())
}

/// A log row as it is read back.
#[derive(Clone, PartialEq, Debug)]
pub struct WrittenRow {
    /// Its id.
    pub id: LogId,
    /// What was written.
    pub kind: String,
    /// The scope it changed, and the scope's version after it.
    pub scope: Option<(Uuid, i64)>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What it says.
    pub body: Option<serde_json::Value>,
}

/// Log rows by id.
pub async fn by_ids(
    connection: &mut Connection,
    program: ProgramId,
    ids: &[LogId],
) -> Result<Vec<WrittenRow>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        "select l.id, l.kind, l.scope, l.scope_version, l.recorded_at, l.body
         from unnest($2::uuid[]) as w (id)
              cross join lateral (select * from log where program_id = $1 and id = w.id offset 0) l",
        program.0,
        &ids
    )
    .fetch_all(connection)
    .await?;
    let row = rows.into_iter().map(|row| WrittenRow {
        id: LogId(row.id),
        kind: row.kind,
        scope: row.scope.zip(row.scope_version),
        recorded_at: row.recorded_at,
        body: row.body,
    });
    Ok(row.collect())
}

/// The decisions on referrals and the ends of holds, by referral and in the order of its versions: a cursor of one
/// snapshot.
pub struct Decisions {
    fetched: VecDeque<WrittenRow>,
    is_over: bool,
}

impl Decisions {
    /// Rows fetched at a time.
    const PART: usize = 1000;

    /// Opens the cursor in a snapshot.
    pub async fn open(connection: &mut Connection, program: ProgramId) -> Result<Decisions> {
        let ProgramId(id) = program;
        let sql = format!(
            "declare decisions no scroll cursor for
             select id, kind, scope, scope_version, recorded_at, body from log
             where program_id = {id} and scope is not null
               and kind in ('commission.released', 'commission.rejected', 'referral.rejected', 'referral.reassigned',
                            'referral.replaced', 'event.converted', 'payment.named',
                            'referral.accepted')
             order by scope, scope_version"
        );
        sqlx::query(AssertSqlSafe(sql)).execute(connection).await?;
        Ok(Decisions { fetched: VecDeque::new(), is_over: false })
    }

    /// The decisions on a referral. Referrals are asked for in the order of their ids.
    pub async fn of(&mut self, connection: &mut Connection, referral: ReferralId) -> Result<Vec<WrittenRow>> {
        let mut found = Vec::new();
        loop {
            if self.fetched.is_empty() && !self.is_over {
                self.fetch(connection).await?;
            }
            let scope = self.fetched.front().and_then(|row| row.scope).map(|(scope, _)| scope);
            match scope {
                Some(scope) if scope <= referral.0 => {
                    let row = self.fetched.pop_front();
                    found.extend(row.filter(|_| scope == referral.0));
                }
                _ => return Ok(found),
            }
        }
    }

    async fn fetch(&mut self, connection: &mut Connection) -> Result<()> {
        let sql = format!("fetch forward {} from decisions", Decisions::PART);
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await?;
        self.is_over = rows.len() < Decisions::PART;
        for row in rows {
            let (scope, version): (Option<Uuid>, Option<i64>) = (row.try_get(2)?, row.try_get(3)?);
            self.fetched.push_back(WrittenRow {
                id: LogId(row.try_get(0)?),
                kind: row.try_get(1)?,
                scope: scope.zip(version),
                recorded_at: row.try_get(4)?,
                body: row.try_get(5)?,
            });
        }
        Ok(())
    }

    /// Closes the cursor.
    pub async fn close(self, connection: &mut Connection) -> Result<()> {
        sqlx::query("close decisions").execute(connection).await?;
        Ok(())
    }
}

/// The number of the last numbered row; 0 where there is none.
pub async fn last_number(connection: &mut Connection, program: ProgramId) -> Result<i64> {
    let number = sqlx::query_scalar!("select number from log_head where program_id = $1", program.0);
    Ok(number.fetch_optional(connection).await?.unwrap_or(0))
}

/// The referrals that rows from a number on changed, those that wait for their numbers among them.
pub async fn changed(
    connection: &mut Connection,
    program: ProgramId,
    from: i64,
) -> Result<BTreeSet<ReferralId>> {
    let scopes = sqlx::query_scalar!(
        r#"select distinct l.scope as "scope!"
           from (select log_id from log_number where program_id = $1 and number >= $2
                 union all
                 select log_id from log_waiting where program_id = $1) n
                cross join lateral (select scope from log where program_id = $1 and id = n.log_id offset 0) l
           where l.scope is not null"#,
        program.0,
        from
    )
    .fetch_all(connection)
    .await?;
    Ok(scopes.into_iter().map(ReferralId).collect())
}

/// A numbered log row as readers see it.
#[derive(Clone, PartialEq, Debug)]
pub struct NumberedRow {
    /// Its number: 1, 2, 3, … without gaps.
    pub number: i64,
    /// Its id.
    pub id: LogId,
    /// What was written.
    pub kind: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What it says.
    pub body: Option<serde_json::Value>,
    /// The referral that it changed, if one.
    pub scope: Option<Uuid>,
}

/// Numbered rows after a number.
pub async fn after(
    connection: &mut Connection,
    program: ProgramId,
    number: i64,
    limit: i64,
) -> Result<Vec<NumberedRow>> {
    let rows = sqlx::query!(
        "select n.number, l.id, l.kind, l.recorded_at, l.body, l.scope
         from (select number, log_id from log_number
               where program_id = $1 and number > $2 and number <= $3 offset 0) n
              cross join lateral (select id, kind, recorded_at, body, scope from log
                                  where program_id = $1 and id = n.log_id offset 0) l
         order by n.number",
        program.0,
        number,
        // There are no gaps, so a page ends at a number.
        number.saturating_add(limit)
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| NumberedRow {
            number: row.number,
            id: LogId(row.id),
            kind: row.kind,
            recorded_at: row.recorded_at,
            body: row.body,
            scope: row.scope,
        })
        .collect())
}
