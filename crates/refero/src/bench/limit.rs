//! The physical limit: the rows of a payment written by plain SQL over raw connections, without HTTP and without our
//! code. Everything is decided and prepared before the clock starts.
//!
//! The rows are those of `app::ingest`, in the same tables with the same indexes: a change there that adds a row shows
//! as a difference of the counted rows, and then the run does not count.

mod arrays;
mod bare;
mod single;

use std::time::Duration;

use app::clock::Clock;
use chrono::NaiveDate;
use domain::ids::ProgramId;
use domain::ledger::{Cause, Entry};
use domain::time::{Timestamp, Zone};
use sqlx::postgres::PgConnection;
use tokio::time::Instant;
use uuid::Uuid;

use super::ground::{Ground, hang_up};
use super::seed;
use crate::failure::Outcome;

pub(super) use arrays::arrays;
pub(super) use bare::{Bare, bare};
pub(super) use single::single;

/// What every payment of 100 EUR has in common.
#[derive(Clone)]
pub(super) struct Template {
    program: ProgramId,
    customers: Vec<(Uuid, i64)>,
    deal: i64,
    deal_version: Uuid,
    /// The stored fold and the stored outcome of a payment that the product has recorded.
    fold: String,
    outcome: String,
    at: Timestamp,
    day: NaiveDate,
    period: i32,
}

/// What is different in each payment.
struct Payment {
    fact: Uuid,
    commission: Uuid,
    transfer: Uuid,
    referral: Uuid,
    affiliate: i64,
    source: String,
    name: [u8; 16],
    input: [u8; 16],
    number: i64,
}

const VALUE_MICROS: i64 = 100_000_000;
const SHARE_MICROS: i64 = 20_000_000;
const ENTRY: Entry = Entry::Earned;
const CAUSE: Cause = Cause::Fact;

/// How a series ended.
pub(super) struct Written {
    /// Payments written.
    pub(super) payments: u64,
    /// In how long.
    pub(super) seconds: f64,
}

impl Written {
    /// Payments a second.
    pub(super) fn rate(&self) -> f64 {
        self.payments as f64 / self.seconds
    }
}

impl Template {
    /// Reads a payment that the product has recorded, and the customers of the program to write to.
    pub(super) async fn read(
        sql: &mut PgConnection,
        product: ProgramId,
        program: ProgramId,
    ) -> Outcome<Template> {
        let (fold, outcome): (String, String) = sqlx::query_as(
            "select r.fold::text, f.outcome::text from fact f
             join referral r on r.program_id = f.program_id and r.id = f.referral_id
             where f.program_id = $1 and f.kind = 1 limit 1",
        )
        .bind(product.0)
        .fetch_one(&mut *sql)
        .await?;
        let (deal, deal_version): (i64, Uuid) =
            sqlx::query_as("select deal_id, id from deal_version where program_id = $1")
                .bind(product.0)
                .fetch_one(&mut *sql)
                .await?;
        let at = Clock::System.now();
        Ok(Template {
            program,
            customers: seed::spread(sql, program).await?,
            deal,
            deal_version,
            fold,
            outcome,
            at,
            day: Zone::UTC.date_of(at),
            period: Zone::UTC.period_of(at).number(),
        })
    }

    /// Prepares `count` payments by customers that no other lane pays for.
    fn payments(&self, lane: usize, lanes: usize, count: usize, number: i64) -> Vec<Payment> {
        let own: Vec<&(Uuid, i64)> = self.customers.iter().skip(lane).step_by(lanes).collect();
        (0..count)
            .map(|index| {
                let (referral, affiliate) = *own[(index * 7919) % own.len()];
                let number = number + index as i64;
                Payment {
                    fact: app::random::id(),
                    commission: app::random::id(),
                    transfer: app::random::id(),
                    referral,
                    affiliate,
                    source: format!("limit-{number}"),
                    name: app::random::bytes(),
                    input: app::random::bytes(),
                    number,
                }
            })
            .collect()
    }
}

/// The number after the last one of the program's log.
async fn next_number(sql: &mut PgConnection, program: ProgramId) -> Outcome<i64> {
    let number =
        sqlx::query_scalar("select coalesce(max(number), 0) + 1 from log_number where program_id = $1");
    Ok(number.bind(program.0).fetch_one(sql).await?)
}

/// Executes prepared work on as many connections as there are lanes, until it is done or the time is over. The first
/// item of every lane is executed before the clock starts, so that the statement is prepared.
async fn race<T: Send + Sync + 'static>(
    ground: &Ground,
    lanes: Vec<Vec<T>>,
    duration: Duration,
    execute: impl AsyncFn(&mut PgConnection, &T) -> sqlx::Result<()> + Clone + 'static,
) -> Outcome<(u64, f64)> {
    let mut connections = Vec::new();
    for lane in &lanes {
        let mut connection = ground.connect().await?;
        execute(&mut connection, &lane[0]).await?;
        connections.push(connection);
    }
    let started = Instant::now();
    // One thread is enough: it only encodes what was prepared.
    let local = tokio::task::LocalSet::new();
    let tasks: Vec<_> = lanes
        .into_iter()
        .zip(connections)
        .map(|(lane, mut connection)| {
            let execute = execute.clone();
            local.spawn_local(async move {
                let mut done = 0_u64;
                for item in lane.iter().skip(1) {
                    if started.elapsed() >= duration {
                        break;
                    }
                    execute(&mut connection, item).await?;
                    done += 1;
                }
                Ok::<_, sqlx::Error>((connection, done))
            })
        })
        .collect();
    local.await;
    let seconds = started.elapsed().as_secs_f64();
    let (mut items, mut connections) = (0_u64, Vec::new());
    for task in tasks {
        let (connection, done) = task.await??;
        items += done;
        connections.push(connection);
    }
    hang_up(connections).await?;
    Ok((items, seconds))
}
