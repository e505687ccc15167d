//! Jobs: work that waits for a commit and reaches outside. Claimed by lease; the job's id is its idempotency key
//! towards outside.

use chrono::{DateTime, Utc};
use domain::ids::ProgramId;
use uuid::Uuid;

use crate::error::Result;
use crate::{Connection, Pool, Step, Tx};

/// After so many attempts a job is dead: visible, and resumable by command.
pub const MAX_ATTEMPTS: i32 = 10;

/// A job to enqueue.
#[derive(Clone, PartialEq, Debug)]
pub struct NewJob {
    /// Its id.
    pub id: Uuid,
    /// Which file of `app::jobs` does it.
    pub kind: &'static str,
    /// What it needs. No personal data: ids of people only.
    pub payload: serde_json::Value,
    /// Not before.
    pub run_at: DateTime<Utc>,
}

/// A job that this process has claimed.
#[derive(Clone, PartialEq, Debug)]
pub struct ClaimedJob {
    /// The program.
    pub program: ProgramId,
    /// Its id.
    pub id: Uuid,
    /// Its kind.
    pub kind: String,
    /// What it needs.
    pub payload: serde_json::Value,
    /// Attempts so far, this one included.
    pub attempts: i32,
    /// The lease; results of another lease are thrown away.
    pub lease: Uuid,
}

/// Enqueues jobs with the commit of the transaction.
pub async fn enqueue(tx: &mut Tx, program: ProgramId, jobs: &[NewJob]) -> Result<()> {
    for job in jobs {
        sqlx::query!(
            "insert into job (program_id, id, kind, payload, run_at, attempts, state, created_at)
             values ($1, $2, $3, $4, $5, 0, 'waiting', $5)",
            program.0,
            job.id,
            job.kind,
            job.payload,
            job.run_at
        )
        .execute(tx.enter(Step::Appends)?)
        .await?;
    }
    Ok(())
}

/// Programs that have jobs due, and of which kinds.
pub async fn due(pool: &Pool, now: DateTime<Utc>) -> Result<Vec<(ProgramId, String)>> {
    let rows = sqlx::query!(
        "select distinct program_id, kind from job
         where state = 'waiting' and run_at <= $1 and (leased_until is null or leased_until < clock_timestamp())",
        now
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (ProgramId(row.program_id), row.kind)).collect())
}

/// Claims due jobs of a program and kind for `lease_seconds` by the database's clock.
pub async fn claim(
    pool: &Pool,
    (program, kind): (ProgramId, &str),
    now: DateTime<Utc>,
    lease: Uuid,
    lease_seconds: f64,
    limit: i64,
) -> Result<Vec<ClaimedJob>> {
    let mut tx = pool.begin().await?;
    let due = sqlx::query_scalar!(
        "select id from job
         where program_id = $1 and kind = $4 and state = 'waiting' and run_at <= $2
           and (leased_until is null or leased_until < clock_timestamp())
         order by run_at, id limit $3 for update skip locked",
        program.0,
        now,
        limit,
        kind
    )
    .fetch_all(&mut *tx)
    .await?;
    let until = sqlx::query_scalar!(
        r#"select clock_timestamp() + make_interval(secs => $1) as "until!""#,
        lease_seconds
    )
    .fetch_one(&mut *tx)
    .await?;
    let rows = sqlx::query!(
        "update job set lease_id = $3, leased_until = $4, attempts = attempts + 1
         where program_id = $1 and id = any($2) returning id, kind, payload, attempts",
        program.0,
        &due,
        lease,
        until
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(rows
        .into_iter()
        .map(|row| ClaimedJob {
            program,
            id: row.id,
            kind: row.kind,
            payload: row.payload,
            attempts: row.attempts,
            lease,
        })
        .collect())
}

/// Prolongs a lease; says whether the job is still this holder's.
pub async fn renew(pool: &Pool, job: &ClaimedJob, lease_seconds: f64) -> Result<bool> {
    let until = sqlx::query_scalar!(
        r#"select clock_timestamp() + make_interval(secs => $1) as "until!""#,
        lease_seconds
    )
    .fetch_one(pool)
    .await?;
    let done = sqlx::query!(
        "update job set leased_until = $4 where program_id = $1 and id = $2 and lease_id = $3",
        job.program.0,
        job.id,
        job.lease,
        until
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks a job as done; says whether it was still this holder's.
pub async fn finish(pool: &Pool, job: &ClaimedJob) -> Result<bool> {
    let done = sqlx::query!(
        "update job set state = 'done', leased_until = null, last_error = null
         where program_id = $1 and id = $2 and lease_id = $3",
        job.program.0,
        job.id,
        job.lease
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts a failed job back until `run_at`, or declares it dead after the last attempt.
pub async fn fail(pool: &Pool, job: &ClaimedJob, error: &str, run_at: DateTime<Utc>) -> Result<bool> {
    let state = if job.attempts >= MAX_ATTEMPTS { "dead" } else { "waiting" };
    put_back(pool, job, state, error, run_at).await
}

/// Declares a job dead that no further attempt can help.
pub async fn bury(pool: &Pool, job: &ClaimedJob, error: &str, now: DateTime<Utc>) -> Result<bool> {
    put_back(pool, job, "dead", error, now).await
}

async fn put_back(
    pool: &Pool,
    job: &ClaimedJob,
    state: &str,
    error: &str,
    run_at: DateTime<Utc>,
) -> Result<bool> {
    let done = sqlx::query!(
        "update job set state = $4, run_at = $5, leased_until = null, last_error = $6
         where program_id = $1 and id = $2 and lease_id = $3",
        job.program.0,
        job.id,
        job.lease,
        state,
        run_at,
        error
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// A job that was given up.
#[derive(Clone, PartialEq, Debug)]
pub struct DeadJob {
    /// Its id.
    pub id: Uuid,
    /// Its kind.
    pub kind: String,
    /// Attempts made.
    pub attempts: i32,
    /// What the last of them failed with.
    pub last_error: Option<String>,
    /// When it was enqueued.
    pub created_at: DateTime<Utc>,
}

/// A program's dead jobs in the order of their ids, after one.
pub async fn dead(
    connection: &mut Connection,
    program: ProgramId,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<DeadJob>> {
    Ok(sqlx::query_as!(
        DeadJob,
        "select id, kind, attempts, last_error, created_at from job
         where program_id = $1 and state = 'dead' and id > $2 order by id limit $3",
        program.0,
        after.unwrap_or(Uuid::nil()),
        limit
    )
    .fetch_all(connection)
    .await?)
}

/// Lets dead jobs, all of a program's or one of them, be tried again as if they were new. Says how many.
pub async fn resume(pool: &Pool, program: ProgramId, id: Option<Uuid>, now: DateTime<Utc>) -> Result<u64> {
    let done = sqlx::query!(
        "update job set state = 'waiting', attempts = 0, run_at = $3
         where program_id = $1 and state = 'dead' and ($2::uuid is null or id = $2)",
        program.0,
        id,
        now
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected())
}

/// Jobs that are not done, by state; for tests and for the metrics.
pub async fn count_unfinished(connection: &mut Connection) -> Result<i64> {
    Ok(sqlx::query_scalar!(r#"select count(*) as "count!" from job where state <> 'done'"#)
        .fetch_one(connection)
        .await?)
}
