//! Keeps the tables of clicks in order: partitions made ahead and dropped when retention is over, signing keys made and
//! retired, visitors forgotten after their hour, figures added up that a process has left waiting, the free text of closed
//! days summed up. All of it may be done twice and by several processes.

use std::time::Duration;

use chrono::{Months, TimeDelta};
use domain::ids::ProgramId;
use domain::time::Timestamp;
use store::click::daily;
use store::click::partition::{self, Month};
use store::{StoreError, click};

use crate::App;
use crate::click::keys;
use crate::error::Result;
use crate::jobs::stopped;

/// How often things are looked at.
const EVERY: Duration = Duration::from_secs(15 * 60);

/// The wait after a failure.
const AGAIN: Duration = Duration::from_secs(60);

/// Partitions are made for this month and so many after it.
const AHEAD: u32 = 3;

/// A visitor is remembered for an hour after it counted, and longer, because spilled clicks come late.
const VISITORS: TimeDelta = TimeDelta::hours(3);

/// The name of a batch is remembered for so long; a segment is written long before, and by then its rows' own key refuses
/// it.
const BATCHES: TimeDelta = TimeDelta::days(35);

/// A day is summed up so long after its end, when what was spilled is written as well.
const AFTER_MIDNIGHT: TimeDelta = TimeDelta::hours(2);

/// Does it until the product stops.
pub(super) async fn keep_up(app: &App) {
    let mut stopping = app.0.tasks.stopping();
    loop {
        let wait = tokio::select! {
            () = stopped(&mut stopping) => return,
            done = run(app, app.now()) => match done {
                Ok(()) => EVERY,
                Err(error) => {
                    app.metrics().job_failures.inc();
                    tracing::warn!(%error, "the tables of clicks are not kept up right now");
                    AGAIN
                }
            },
        };
        tokio::select! {
            () = stopped(&mut stopping) => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Does it once.
pub(super) async fn run(app: &App, now: Timestamp) -> Result<()> {
    keys::rotate(app, now).await?;
    let month = Month::of(now.date_naive());
    for ahead in 0..=AHEAD {
        partition::make(app.pool(), month.plus(ahead)).await?;
    }
    let oldest = now.checked_sub_months(Months::new(app.0.config.click_months));
    if let Some(oldest) = oldest {
        for dropped in partition::drop_before(app.pool(), Month::of(oldest.date_naive())).await? {
            tracing::info!(month = %dropped.first_day(), "the clicks of a month were dropped");
        }
    }
    for program in store::program::ids(app.pool()).await? {
        click::forget(app.pool(), program, now - VISITORS, now - BATCHES).await?;
        daily::add_up(app.pool(), program).await?;
        sum_up(app, program, now).await?;
    }
    Ok(())
}

/// Sums up the free text of every day that is over and not done yet.
async fn sum_up(app: &App, program: ProgramId, now: Timestamp) -> Result<()> {
    let mut connection = app.pool().acquire().await.map_err(StoreError::from)?;
    let zone = crate::program::by_id(&mut connection, program).await?.zone;
    let today = zone.date_of(now - AFTER_MIDNIGHT);
    let mut done = daily::summed_through(&mut connection, program).await?;
    while let Some(day) = daily::next_day(&mut connection, program, done, today).await? {
        let next = day.succ_opt().unwrap_or(day);
        daily::sum_up(app.pool(), program, day, (zone.start_of(day), zone.start_of(next))).await?;
        done = Some(day);
    }
    Ok(())
}
