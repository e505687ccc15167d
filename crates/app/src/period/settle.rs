//! What the months of affiliates come to is booked, as the difference to what is booked of them.
//!
//! The program's fence is held exclusively, so no fact, release or payout comes in between.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{AffiliateId, CommissionId, DealId, DealVersionId, LogId, ProgramId};
use domain::ledger::{Cause, Movement};
use domain::period::{Chain, Posted, Posting};
use domain::time::{Period, Timestamp};
use serde_json::json;
use store::commission::HeldRow;
use store::log::LogRow;
use store::period::{Due, PeriodRow};
use store::program::ProgramRow;
use store::{Result, Tx};

use super::months::{Month, months};
use crate::ledger::{Journal, Origin, Part};
use crate::{App, random};

/// Closes the months of affiliates that are due and every closed month after them, and books the differences. Several
/// are closed together where they share a spend limit.
pub(super) async fn settle(
    app: &App,
    program: ProgramId,
    affiliates: &BTreeSet<AffiliateId>,
    now: Timestamp,
) -> Result<()> {
    let mut tx = Tx::begin_decision(app.pool(), program).await?;
    let settings = store::program::by_id(tx.read(), program).await?;
    let from = store::period::due_of(tx.read(), program, affiliates, now).await?;
    let (Some(settings), Some(from)) = (settings, from) else { return tx.rollback().await };
    let months = match settings.closed_through {
        Some(through) => months(app, &mut tx, &settings, affiliates, (from, through)).await?,
        None => Vec::new(),
    };
    let log = LogId(random::id());
    let mut journal = Journal::new(settings.zone, settings.closed_through);
    let released = end_waits(&mut tx, &settings, &months, now).await?;
    let mut booked = false;
    let mut later = Vec::new();
    for month in months {
        let is_first = month.before.as_ref().is_none_or(|row| row.booked_at.is_none());
        journal.set_closed_through(settings.closed_through.filter(|_| !is_first));
        let held = released.get(&(month.affiliate, month.deal, month.month)).map_or(&[][..], Vec::as_slice);
        release(&mut journal, held, log)?;
        if month.effective_at > now {
            let due =
                Due { affiliate: month.affiliate, month: month.month, cause: log.0, at: month.effective_at };
            later.push(due);
        }
        booked |= save(&mut tx, &settings, &mut journal, month, log, now).await? || !held.is_empty();
    }
    journal.write_transfers(&mut tx, program).await?;
    if booked {
        let body = json!({ "affiliates": affiliates, "from": from.to_string() });
        let row = LogRow { id: log, kind: "period.closed", scope: None, recorded_at: now, body: Some(body) };
        store::log::append(&mut tx, program, &[row]).await?;
    }
    store::period::settle(&mut tx, program, affiliates, now).await?;
    store::period::mark(&mut tx, program, &later).await?;
    journal.write_accounts(&mut tx, program).await?;
    tx.commit().await?;
    app.0.sequencer.notify(program);
    Ok(())
}

/// Ends the wait of the months' commissions, and marks those as released whose hold is over.
async fn end_waits(
    tx: &mut Tx,
    program: &ProgramRow,
    months: &[Month],
    now: Timestamp,
) -> Result<BTreeMap<(AffiliateId, DealId, Period), Vec<HeldRow>>> {
    let mut released = BTreeMap::new();
    for month in months.iter().filter(|month| month.effective_at <= now) {
        let versions: Vec<DealVersionId> = store::deal::versions(tx.read(), program.id, month.deal)
            .await?
            .iter()
            .map(|row| row.version)
            .collect();
        let first = program.zone.start_of(month.month.first_date());
        let span = (first, program.zone.close_of(month.month, 0));
        let ids = store::commission::end_wait(tx, program.id, month.affiliate, span, &versions).await?;
        let mut held = store::commission::held(tx, program.id, &ids).await?;
        held.retain(|row| row.release_at <= now);
        let ids: Vec<CommissionId> = held.iter().map(|row| row.id).collect();
        store::commission::month::mark_released(tx, program.id, &ids, month.effective_at).await?;
        // All of a month takes effect at one instant.
        held.iter_mut().for_each(|row| row.release_at = row.release_at.max(month.effective_at));
        released.insert((month.affiliate, month.deal, month.month), held);
    }
    Ok(released)
}

fn release(journal: &mut Journal, held: &[HeldRow], log: LogId) -> Result<()> {
    let origin = Origin { cause: Cause::Release, cause_id: log.0, log };
    for row in held {
        let currency = row.currency.parse().map_err(|_| store::StoreError::Corrupt {
            table: "commission",
            column: "currency",
            id: row.id.to_string(),
        })?;
        if let Some(movement) = Movement::released(row.kind, row.standing_micros) {
            let part = Part { commission: Some(row.id), ..Part::default() };
            journal.book((row.affiliate, currency), movement, origin, part, row.release_at);
        }
    }
    Ok(())
}

/// Books what is not booked of a month, once its hold is over, and keeps what it comes to. Says whether anything changed.
async fn save(
    tx: &mut Tx,
    program: &ProgramRow,
    journal: &mut Journal,
    month: Month,
    log: LogId,
    now: Timestamp,
) -> Result<bool> {
    let is_new = month.before.is_none();
    let mut row = month.before.unwrap_or_else(|| PeriodRow {
        id: random::id(),
        affiliate: month.affiliate,
        deal: month.deal,
        month: month.month,
        revision: 0,
        closed_at: now,
        effective_at: month.effective_at,
        booked_at: None,
        statement: month.statement,
        posted: Posted::default(),
        chain: Chain::default(),
    });
    let is_due = month.effective_at <= now;
    let first_booking = is_due && row.booked_at.is_none();
    let has_postings = is_due && !month.postings.is_empty();
    if !(is_new || first_booking || has_postings || row.chain != month.closed.chain) {
        return Ok(false);
    }
    row.chain = month.closed.chain;
    if first_booking {
        row.booked_at = Some(now);
    }
    if has_postings {
        let origin = Origin { cause: Cause::Close, cause_id: row.id, log };
        for (leg, posting) in month.postings.iter().enumerate() {
            let part = Part { leg: leg as i16, revision: row.revision, ..Part::default() };
            let owner = (row.affiliate, program.currency);
            journal.book(owner, posting.movement, origin, part, posting.effective_at);
            keep(&mut row.posted, posting);
        }
        row.revision += 1;
    }
    store::period::save(tx, program.id, &row).await?;
    Ok(true)
}

/// Adds a posting to what is booked of its month.
fn keep(posted: &mut Posted, posting: &Posting) {
    let micros = posting.movement.on_due();
    match (&posting.correction, &posting.scope) {
        (Some(correction), _) => *posted.adjustments.entry(correction.clone()).or_default() += micros,
        (None, Some(scope)) => *posted.carried.entry(scope.clone()).or_default() -= micros,
        (None, None) => {}
    }
}
