//! Months: closed by a job some days after their end, by hand, or looked at without booking anything; closed again when
//! a fact comes late (money.md §6).
//!
//! Closing is a decision of the program; what it books is worked out affiliate by affiliate (`period/settle.rs`),
//! each in a transaction of its own, from rows of `period_due` that say what is left to do.

mod booking;
mod months;
mod settle;

use std::collections::{BTreeMap, BTreeSet};

use chrono::Duration;
use domain::ids::{AffiliateId, DealId, LogId, ProgramId};
use domain::time::{Period, Timestamp};
use serde_json::json;
use store::log::LogRow;
use store::period::Due;
pub use store::period::PeriodRow;
use store::program::ProgramRow;
use store::{Connection, Fault, Tx};

pub use booking::Booking;
pub use months::Month;
pub(crate) use months::{Instead, Reader, Wanted, months_of};

use crate::error::{Error, Result};
use crate::{App, Caller, random};

/// Affiliates looked for at a time.
const PAGE: i64 = 200;

/// A page of closed months, oldest first, after a month, affiliate and deal. An affiliate's key sees its own.
pub async fn page(
    app: &App,
    caller: &Caller,
    month: Option<Period>,
    affiliate: Option<AffiliateId>,
    after: Option<(i32, AffiliateId, DealId)>,
    limit: i64,
) -> Result<Vec<PeriodRow>> {
    let affiliate = caller.visible_affiliate(affiliate)?;
    let after = after.unwrap_or((0, AffiliateId(0), DealId(0)));
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::period::page(&mut connection, caller.program, month, affiliate, after, limit).await?)
}

/// What a close did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Done {
    /// The last closed month.
    pub closed_through: Period,
    /// For how many affiliates something was due.
    pub affiliates: usize,
}

/// Closes a month, with all that are open before it. Closed again, it books nothing.
pub async fn close(app: &App, caller: &Caller, month: Period) -> Result<Done> {
    caller.require_operator()?;
    let mut tx = Tx::begin_decision(app.pool(), caller.program).await?;
    let program = crate::program::by_id(tx.read(), caller.program).await?;
    check_ended(&program, month, caller.now)?;
    if program.closed_through.is_some_and(|closed| closed >= month) {
        tx.rollback().await?;
    } else {
        decide(&mut tx, &program, month, caller.now).await?;
        tx.commit().await?;
        app.0.sequencer.notify(caller.program);
    }
    let affiliates = run_due(app, caller.program, caller.now).await?;
    let closed_through = program.closed_through.map_or(month, |closed| closed.max(month));
    Ok(Done { closed_through, affiliates })
}

fn check_ended(program: &ProgramRow, month: Period, now: Timestamp) -> Result<()> {
    let end = program.zone.close_of(month, 0);
    if end < now {
        return Ok(());
    }
    let end = end.with_timezone(&chrono::Utc).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    Err(Error::invalid("month", format!("{month} has not ended; it can be closed after {end}")))
}

/// Records the decision: from now on nothing is posted in the month, and every affiliate with something in it is due.
async fn decide(tx: &mut Tx, program: &ProgramRow, month: Period, now: Timestamp) -> store::Result<()> {
    let log = LogId(random::id());
    let due: Vec<Due> = in_open_months(tx, program, month)
        .await?
        .into_iter()
        .map(|(affiliate, month)| Due { affiliate, month, cause: log.0, at: now })
        .collect();
    let body = json!({ "month": month.to_string(), "affiliates": due.len() });
    let row = LogRow { id: log, kind: "month.closed", scope: None, recorded_at: now, body: Some(body) };
    store::log::append(tx, program.id, &[row]).await?;
    store::period::mark(tx, program.id, &due).await?;
    store::program::close_through(tx, program.id, month).await
}

/// Affiliates with anything in open months up to one, each with the first of them.
async fn in_open_months(
    tx: &mut Tx,
    program: &ProgramRow,
    month: Period,
) -> store::Result<Vec<(AffiliateId, Period)>> {
    let after = program.closed_through.map(|closed| program.zone.close_of(closed, 0)).unwrap_or_default();
    let to = program.zone.close_of(month, 0);
    let found = store::period::affiliates_in(tx.read(), program.id, after, to).await?;
    Ok(found.into_iter().map(|(affiliate, at)| (affiliate, program.zone.period_of(at))).collect())
}

/// What closing a month would book, affiliate by affiliate, without booking it. Each affiliate is read by itself, so
/// that nothing waits long for it.
pub async fn preview(app: &App, caller: &Caller, month: Period) -> Result<Vec<Month>> {
    caller.require_operator()?;
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    let program = crate::program::by_id(tx.read(), caller.program).await?;
    check_ended(&program, month, caller.now)?;
    let mut affiliates = in_open_months(&mut tx, &program, month).await?;
    for (affiliate, from) in store::period::due(tx.read(), program.id, caller.now, i64::MAX).await? {
        match affiliates.iter_mut().find(|(known, _)| *known == affiliate) {
            Some((_, known)) => *known = from.min(*known),
            None => affiliates.push((affiliate, from)),
        }
    }
    let together = together(tx.read(), program.id).await?;
    tx.rollback().await?;
    let through = program.closed_through.map_or(month, |closed| closed.max(month));
    let mut months = Vec::new();
    for (together, from) in groups(affiliates, &together) {
        let mut tx = Tx::begin(app.pool(), caller.program).await?;
        months.extend(months::months(app, &mut tx, &program, &together, (from, through)).await?);
        tx.rollback().await?;
    }
    Ok(months)
}

/// Sets of affiliates whose months are closed together: those that share a spend limit, and those that were brought by
/// one another, because parents follow the months of whom they brought. An affiliate is in one of them at most.
pub(crate) async fn together(
    connection: &mut Connection,
    program: ProgramId,
) -> store::Result<Vec<BTreeSet<AffiliateId>>> {
    let sharing = store::period::sharing(connection, program).await?;
    let pairs = store::affiliate::setting::brought(connection, program).await?;
    let pairs = pairs.into_iter().map(|(child, parent)| BTreeSet::from([child, parent]));
    let mut sets: Vec<BTreeSet<AffiliateId>> = Vec::new();
    for mut set in std::iter::once(sharing).chain(pairs).filter(|set| !set.is_empty()) {
        let met: Vec<_> = sets.extract_if(.., |other| !other.is_disjoint(&set)).collect();
        set.extend(met.into_iter().flatten());
        sets.push(set);
    }
    Ok(sets)
}

/// Groups what is due: each set of affiliates that are closed together, also where nothing is due of some of them, and
/// everybody else alone, each with its first month.
fn groups(
    due: Vec<(AffiliateId, Period)>,
    together: &[BTreeSet<AffiliateId>],
) -> Vec<(BTreeSet<AffiliateId>, Period)> {
    let mut groups: BTreeMap<BTreeSet<AffiliateId>, Period> = BTreeMap::new();
    for (id, from) in due {
        let set = together.iter().find(|set| set.contains(&id)).cloned();
        let first = groups.entry(set.unwrap_or_else(|| BTreeSet::from([id]))).or_insert(from);
        *first = from.min(*first);
    }
    groups.into_iter().collect()
}

/// Closes the months that ended long enough ago, if the program has a deal that closes. Says whether any was.
pub async fn close_ended(app: &App, program: ProgramId, now: Timestamp) -> Result<bool> {
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let row = crate::program::by_id(&mut connection, program).await?;
    let today = row.zone.date_of(now - Duration::days(i64::from(row.close_after_days)));
    let Some(last) = before(Period::of(today)) else { return Ok(false) };
    if row.closed_through.is_some_and(|closed| closed >= last) || row.zone.close_of(last, 0) < row.created_at
    {
        return Ok(false);
    }
    if !store::deal::terms(&mut connection, program).await?.iter().any(domain::deal::Terms::has_close) {
        return Ok(false);
    }
    drop(connection);
    close(app, &Caller::operator(program, now), last).await?;
    Ok(true)
}

/// The month before one.
fn before(period: Period) -> Option<Period> {
    period.first_date().pred_opt().map(Period::of)
}

/// Closes what is due, or due again because a fact came late. Says for how many affiliates.
pub async fn run_due(app: &App, program: ProgramId, now: Timestamp) -> Result<usize> {
    let mut done = 0;
    let mut faults = 0;
    loop {
        let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
        let due = store::period::due(&mut connection, program, now, PAGE).await?;
        if due.is_empty() {
            return Ok(done);
        }
        let together = together(&mut connection, program).await?;
        drop(connection);
        let ids: BTreeSet<AffiliateId> = due.iter().map(|(id, _)| *id).collect();
        for (together, _) in groups(due, &together) {
            match settle::settle(app, program, &together, now).await {
                Ok(()) => done += together.intersection(&ids).count(),
                Err(error) if error.fault() == Fault::Retry && faults < 5 => faults += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}
