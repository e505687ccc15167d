//! What the product does on its own: it releases, matches advances, fetches exchange rates, and runs the jobs that verbs
//! enqueued.
//!
//! One kind of job is one file in `jobs/`; the table and its leases are `store::job`. What must not be here: what a
//! job does, and a transaction held open while a job reaches outside.

mod click_upkeep;
pub(crate) mod conversion;
pub(crate) mod payout_mail;
pub(crate) mod postback;
mod rates_fetch;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use chrono::TimeDelta;
use domain::ids::ProgramId;
use domain::time::Timestamp;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use store::job::{ClaimedJob, DeadJob};
use store::{Fault, StoreError};
use tokio::sync::{Notify, watch};
use tokio::task::{self, JoinSet};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::outside::mail::MailError;
use crate::{App, Caller, random};

/// How often due jobs are looked for when nobody tells of one.
const LOOK: Duration = Duration::from_secs(1);

/// How often releases and advances are looked for. They ask every program, and holds end at midnight.
const SWEEP: Duration = Duration::from_secs(10);

/// How long a claimed job belongs to this process unless it renews.
const LEASE_SECONDS: f64 = 60.0;

/// How often a lease is renewed.
const RENEW: Duration = Duration::from_secs(20);

/// Jobs that this process runs at a time, and how many of them may be of one program.
struct Places {
    all: usize,
    of_program: usize,
}

const PLACES: Places = Places { all: 16, of_program: 8 };

/// Those of calls to servers that are not ours, which may take long: nothing else waits for them.
const CALLS: Places = Places { all: 32, of_program: 8 };

/// The wait after a first failure, and the longest one, in seconds.
const FIRST_BACKOFF: i64 = 30;
const LONGEST_BACKOFF: i64 = 6 * 3600;

/// How a verb that has enqueued a job tells the runner of this process, after its commit.
#[derive(Default)]
pub(crate) struct Jobs {
    wake: Notify,
    /// Servers that calls are not made to for a while.
    silent: postback::Silent,
}

impl Jobs {
    /// Lets the runner look for due jobs now instead of within a second.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// How a job ended well.
pub(crate) enum Done {
    /// It did its work.
    Done,
    /// There was nothing to do, and why.
    Skipped(&'static str),
}

/// How an attempt at a job failed. The text is kept with the job, so it holds no personal data.
pub(crate) enum Failure {
    /// Another attempt would fail as well.
    Permanent(String),
    /// Another attempt may succeed.
    Transient(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Transient(error.to_string())
    }
}

impl From<MailError> for Failure {
    fn from(error: MailError) -> Failure {
        match error {
            MailError::Permanent(text) => Failure::Permanent(text),
            MailError::Transient(text) => Failure::Transient(text),
        }
    }
}

/// The one place that knows every kind of job.
async fn attempt(app: &App, job: &ClaimedJob, now: Timestamp) -> std::result::Result<Done, Failure> {
    match job.kind.as_str() {
        conversion::KIND => conversion::run(app, job, now).await,
        postback::KIND => postback::run(app, job, now).await,
        payout_mail::KIND => payout_mail::run(app, job, now).await,
        // A newer version of the product may share the database and will know the kind.
        unknown => Err(Failure::Transient(format!("this version knows no job {unknown:?}"))),
    }
}

/// Runs until the product stops, and then finishes the jobs it has begun.
pub(crate) async fn run(app: App) {
    tokio::join!(
        keep_sweeping(&app),
        keep_working(&app),
        rates_fetch::keep_fetching(&app),
        crate::postback::watch::keep_watching(&app),
        click_upkeep::keep_up(&app)
    );
}

/// A page of a program's dead jobs: those that were given up after their last attempt.
pub async fn dead(app: &App, caller: &Caller, after: Option<Uuid>, limit: i64) -> Result<Vec<DeadJob>> {
    let mut connection = app.pool().acquire().await.map_err(StoreError::from)?;
    Ok(store::job::dead(&mut connection, caller.program, after, limit).await?)
}

/// Lets dead jobs be tried again, all of a program's or one. Says how many there were.
pub async fn resume(app: &App, caller: &Caller, id: Option<Uuid>) -> Result<u64> {
    let resumed = store::job::resume(app.pool(), caller.program, id, caller.now).await?;
    match id {
        Some(id) if resumed == 0 => {
            Err(Error::NotFound(format!("there is no dead job {id} in program {}", caller.program)))
        }
        _ => {
            app.0.jobs.wake();
            Ok(resumed)
        }
    }
}

/// Runs everything that is due at an instant, once: releases, then advances, then jobs. Says how many commissions were
/// released, advances matched and jobs attempted, all together; a job that failed waits for its next attempt. The tables
/// of clicks are kept up beside.
pub async fn run_once(app: &App, now: Timestamp) -> Result<usize> {
    let mut count = 0;
    click_upkeep::run(app, now).await?;
    for program in store::program::ids(app.pool()).await? {
        count += sweep(app, program, now).await?;
        crate::sequencer::number_all(app, program).await;
    }
    crate::postback::watch::catch_up(app, now).await?;
    loop {
        let jobs = claim_due(app, now, &HashMap::new()).await?;
        if jobs.is_empty() {
            return Ok(count);
        }
        count += jobs.len();
        join_all(jobs.iter().map(|job| perform(app, job, now))).await;
    }
}

async fn keep_sweeping(app: &App) {
    let mut stopping = app.0.tasks.stopping();
    loop {
        match store::program::ids(app.pool()).await {
            Ok(programs) => {
                for program in programs {
                    if *stopping.borrow() {
                        return;
                    }
                    if let Err(error) = sweep(app, program, app.now()).await {
                        tracing::debug!(%error, program = program.0, "releases and advances have to wait");
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "the programs cannot be read right now"),
        }
        tokio::select! {
            () = stopped(&mut stopping) => return,
            () = tokio::time::sleep(SWEEP) => {}
        }
    }
}

async fn sweep(app: &App, program: ProgramId, now: Timestamp) -> Result<usize> {
    crate::period::close_ended(app, program, now).await?;
    crate::period::run_due(app, program, now).await?;
    let released = crate::release::run_due(app, program, now).await?;
    let matched = crate::payout::match_advances(app, program, now).await?;
    Ok(released + matched)
}

async fn keep_working(app: &App) {
    let mut stopping = app.0.tasks.stopping();
    let mut running = JoinSet::new();
    let mut places = HashMap::new();
    loop {
        match claim_due(app, app.now(), &places).await {
            Ok(jobs) => {
                for job in jobs {
                    let (app, place) = (app.clone(), Place::of(&job));
                    let task = running.spawn(async move { perform(&app, &job, app.now()).await });
                    places.insert(task.id(), place);
                }
            }
            Err(error) => tracing::debug!(%error, "no jobs can be claimed right now"),
        }
        tokio::select! {
            () = stopped(&mut stopping) => break,
            () = app.0.jobs.wake.notified() => {}
            Some(ended) = running.join_next_with_id() => {
                places.remove(&ended.map_or_else(|error| error.id(), |(id, ())| id));
            }
            () = tokio::time::sleep(LOOK) => {}
        }
    }
    running.join_all().await;
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the product is gone, which is a way to stop.
    drop(stopping.wait_for(|stop| *stop).await);
}

/// What a running job takes.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    program: ProgramId,
    is_call: bool,
}

impl Place {
    fn of(job: &ClaimedJob) -> Place {
        Place::for_kind(job.program, &job.kind)
    }

    fn for_kind(program: ProgramId, kind: &str) -> Place {
        Place { program, is_call: kind == postback::KIND }
    }

    /// How many more jobs there are places for beside those that are taken.
    fn room(self, taken: &[Place]) -> usize {
        let places = if self.is_call { CALLS } else { PLACES };
        let alike = taken.iter().filter(|other| other.is_call == self.is_call).count();
        let own = taken.iter().filter(|other| **other == self).count();
        places.all.saturating_sub(alike).min(places.of_program.saturating_sub(own))
    }
}

/// Claims due jobs, of every program and kind in turn, as many as there are places for.
async fn claim_due(
    app: &App,
    now: Timestamp,
    running: &HashMap<task::Id, Place>,
) -> store::Result<Vec<ClaimedJob>> {
    let mut taken: Vec<Place> = running.values().copied().collect();
    let mut jobs = Vec::new();
    let mut due = store::job::due(app.pool(), now).await?;
    // Whoever is first gets room first, so it is somebody else each time.
    let first = random::below(due.len() as u64) as usize;
    due.rotate_left(first);
    for (program, kind) in due {
        let place = Place::for_kind(program, &kind);
        let limit = place.room(&taken) as i64;
        if limit == 0 {
            continue;
        }
        match store::job::claim(app.pool(), (program, &kind), now, random::id(), LEASE_SECONDS, limit).await {
            Ok(claimed) => {
                taken.extend(claimed.iter().map(Place::of));
                jobs.extend(claimed);
            }
            Err(error) if jobs.is_empty() => return Err(error),
            // What was claimed is run; the next round meets the fault again.
            Err(_) => break,
        }
    }
    Ok(jobs)
}

/// Attempts a job while holding its lease, and records how it went.
async fn perform(app: &App, job: &ClaimedJob, now: Timestamp) {
    let outcome = if job.attempts > store::job::MAX_ATTEMPTS {
        Err(Failure::Permanent("every attempt ended without a result".to_owned()))
    } else {
        tokio::select! {
            outcome = AssertUnwindSafe(attempt(app, job, now)).catch_unwind() => outcome
                .unwrap_or_else(|_| Err(Failure::Transient("the job panicked; the log tells where".to_owned()))),
            () = lease_lost(app, job) => {
                tracing::warn!(program = job.program.0, job = %job.id, kind = job.kind, "another process has the job");
                return;
            }
        }
    };
    record(app, job, &outcome, now).await;
}

/// Renews the lease of a job; ends only when the lease belongs to somebody else.
async fn lease_lost(app: &App, job: &ClaimedJob) {
    loop {
        tokio::time::sleep(RENEW).await;
        match store::job::renew(app.pool(), job, LEASE_SECONDS).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::debug!(%error, job = %job.id, "the lease cannot be renewed right now"),
        }
    }
}

/// Records an outcome. A database that is away for a moment is waited for, since work that is done but not recorded
/// would be done again.
async fn record(app: &App, job: &ClaimedJob, outcome: &std::result::Result<Done, Failure>, now: Timestamp) {
    tell(app, job, outcome);
    for tries in 1.. {
        let recorded = match outcome {
            Ok(_) => store::job::finish(app.pool(), job).await,
            Err(Failure::Permanent(text)) => store::job::bury(app.pool(), job, &kept(text), now).await,
            Err(Failure::Transient(text)) => {
                store::job::fail(app.pool(), job, &kept(text), now + backoff(job.attempts)).await
            }
        };
        match recorded {
            Err(error) if error.fault() == Fault::Retry && tries < 5 => tokio::time::sleep(LOOK).await,
            Err(error) => {
                tracing::error!(%error, job = %job.id, kind = job.kind, "what became of a job is not recorded");
                return;
            }
            Ok(false) => {
                tracing::warn!(job = %job.id, kind = job.kind, "the lease was lost before the job ended");
                return;
            }
            Ok(true) => return,
        }
    }
}

/// A text as the database takes it: servers outside write what they like.
fn kept(text: &str) -> String {
    text.chars().filter(|letter| *letter != '\0').take(1_000).collect()
}

fn tell(app: &App, job: &ClaimedJob, outcome: &std::result::Result<Done, Failure>) {
    let (program, kind, attempts) = (job.program.0, job.kind.as_str(), job.attempts);
    match outcome {
        Ok(Done::Done) => tracing::debug!(program, job = %job.id, kind, "job done"),
        Ok(Done::Skipped(why)) => {
            tracing::info!(program, job = %job.id, kind, why, "nothing to do for a job")
        }
        Err(Failure::Permanent(error)) => {
            app.metrics().job_failures.inc();
            tracing::error!(program, job = %job.id, kind, attempts, error, "job dead");
        }
        Err(Failure::Transient(error)) => {
            app.metrics().job_failures.inc();
            tracing::warn!(program, job = %job.id, kind, attempts, error, "job failed");
        }
    }
}

/// The wait after so many attempts: doubled each time, up to a limit, and shortened by up to a quarter at random, so
/// that what failed together does not come back together.
fn backoff(attempts: i32) -> TimeDelta {
    let doublings = attempts.clamp(1, 20) - 1;
    let whole = (FIRST_BACKOFF << doublings).min(LONGEST_BACKOFF) * 1000;
    let jitter = random::below(whole as u64 / 4) as i64;
    TimeDelta::milliseconds(whole - jitter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_six_hours() {
        let check = |attempts: i32, longest: i64| {
            for _ in 0..100 {
                let wait = backoff(attempts);
                assert!(wait <= TimeDelta::seconds(longest), "{attempts}: {wait}");
                assert!(wait > TimeDelta::seconds(longest * 3 / 4 - 1), "{attempts}: {wait}");
            }
        };
        check(1, 30);
        check(2, 60);
        check(9, 7680);
        check(11, 6 * 3600);
        check(i32::MAX, 6 * 3600);
        check(0, 30);
    }
}
