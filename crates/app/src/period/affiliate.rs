//! One affiliate's months: read from all its facts, closed in order, and booked as the difference to what is booked.
//!
//! The program's fence is held exclusively, so no fact, release or payout comes in between.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::deal::Terms;
use domain::ids::{AffiliateId, CommissionId, DealId, DealVersionId, LogId, ProgramId, ReferralId};
use domain::ledger::{Cause, Movement};
use domain::period::{
    Chain, Closed, Input, Posted, Posting, Reading, Statement, Under, close, postings, read,
};
use domain::time::{Period, Timestamp};
use serde_json::json;
use store::commission::HeldRow;
use store::log::LogRow;
use store::period::{Due, PeriodRow};
use store::program::ProgramRow;
use store::{Result, Tx};
use uuid::Uuid;

use crate::ingest::{Scope, scopes};
use crate::ledger::{Journal, Origin, Part};
use crate::{App, random};

/// Referrals read at a time.
const PAGE: i64 = 500;

/// A month of an affiliate under a root deal as it is known now, with what its close would book.
#[derive(Clone, PartialEq, Debug)]
pub struct Month {
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// The root deal.
    pub deal: DealId,
    /// The month.
    pub month: Period,
    /// What it comes to.
    pub closed: Closed,
    /// What of that is not booked yet.
    pub postings: Vec<Posting>,
    /// When what is booked takes effect.
    pub effective_at: Timestamp,
    /// The statement, as it would be frozen now.
    pub statement: Statement,
    /// The month as it was closed before.
    before: Option<PeriodRow>,
}

type Versions = BTreeMap<DealVersionId, (DealId, Arc<Terms>)>;
type Readings = BTreeMap<DealId, BTreeMap<Period, Reading>>;

/// Closes the months of an affiliate that are due and every closed month after them, and books the differences.
pub(super) async fn settle(
    app: &App,
    program: ProgramId,
    affiliate: AffiliateId,
    now: Timestamp,
) -> Result<()> {
    let mut tx = Tx::begin_decision(app.pool(), program).await?;
    let settings = store::program::by_id(tx.read(), program).await?;
    let from = store::period::due_of(tx.read(), program, affiliate, now).await?;
    let (Some(settings), Some(from)) = (settings, from) else { return tx.rollback().await };
    let months = match settings.closed_through {
        Some(through) => months(app, &mut tx, &settings, affiliate, (from, through)).await?,
        None => Vec::new(),
    };
    let log = LogId(random::id());
    let mut journal = Journal::new(settings.zone, settings.closed_through);
    let released = end_waits(&mut tx, &settings, affiliate, &months, now).await?;
    let mut booked = false;
    let mut later = Vec::new();
    for month in months {
        let is_first = month.before.as_ref().is_none_or(|row| row.booked_at.is_none());
        journal.set_closed_through(settings.closed_through.filter(|_| !is_first));
        let held = released.get(&(month.deal, month.month)).map_or(&[][..], Vec::as_slice);
        release(&mut journal, held, log)?;
        if month.effective_at > now {
            let due = Due { affiliate, month: month.month, cause: log.0, at: month.effective_at };
            later.push(due);
        }
        booked |= save(&mut tx, &settings, &mut journal, month, log, now).await? || !held.is_empty();
    }
    journal.write_transfers(&mut tx, program).await?;
    if booked {
        let body = json!({ "affiliate": affiliate, "from": from.to_string() });
        let row = LogRow { id: log, kind: "period.closed", scope: None, recorded_at: now, body: Some(body) };
        store::log::append(&mut tx, program, &[row]).await?;
    }
    store::period::settle(&mut tx, program, affiliate, now).await?;
    store::period::mark(&mut tx, program, &later).await?;
    journal.write_accounts(&mut tx, program).await?;
    tx.commit().await?;
    app.0.sequencer.notify(program);
    Ok(())
}

/// Every month of an affiliate from one to another, closed in order on what the months before hand on.
pub(super) async fn months(
    app: &App,
    tx: &mut Tx,
    program: &ProgramRow,
    affiliate: AffiliateId,
    (from, through): (Period, Period),
) -> Result<Vec<Month>> {
    let stored = store::period::of_affiliate(tx.read(), program.id, affiliate).await?;
    let (mut readings, versions) = gather(app, tx, program.id, affiliate, (from, through)).await?;
    for row in stored.iter().filter(|row| row.month >= from && row.month <= through) {
        readings.entry(row.deal).or_default().entry(row.month).or_default();
    }
    let setting = store::affiliate::by_id(tx.read(), program.id, affiliate).await?;
    let no_carry_over = setting.and_then(|row| row.no_carry_over).unwrap_or(false);
    let mut months = Vec::new();
    for (deal, readings) in readings {
        let terms = store::deal::versions(tx.read(), program.id, deal).await?;
        let of_deal: BTreeMap<DealVersionId, Arc<Terms>> = versions
            .iter()
            .filter(|(_, (of, _))| *of == deal)
            .map(|(version, (_, terms))| (*version, terms.clone()))
            .collect();
        let earlier = stored.iter().rev().find(|row| row.deal == deal && row.month < from);
        let mut chain = earlier.map_or_else(Chain::default, |row| row.chain.clone());
        for (month, reading) in readings {
            let end = program.zone.close_of(month, 0);
            // Newest first: the one in force at the month's end, else the oldest.
            let in_force = terms.iter().find(|row| row.version_created_at <= end).or(terms.last());
            let Some(in_force) = in_force else { continue };
            let before = stored.iter().find(|row| row.deal == deal && row.month == month).cloned();
            let frozen = before.as_ref().map(|row| row.statement.no_carry_over);
            let input = Input {
                currency: program.currency,
                zone: program.zone,
                period: month,
                terms: &in_force.terms,
                versions: &of_deal,
                items: reading.items,
                reached: reading.reached,
                no_carry_over: frozen.unwrap_or(no_carry_over),
                elsewhere: Vec::new(),
                elsewhere_before: 0,
            };
            let closed = close(&input, &chain);
            chain = closed.chain.clone();
            let posted = before.as_ref().map_or_else(Posted::default, |row| row.posted.clone());
            months.push(Month {
                affiliate,
                deal,
                month,
                postings: postings(&closed, &posted),
                effective_at: closed.effective_at.unwrap_or(end),
                statement: Statement::of(&input, &closed),
                closed,
                before,
            });
        }
    }
    // Month by month over all deals, so that what is booked first took effect first.
    months.sort_by_key(|month| (month.month, month.deal));
    Ok(months)
}

/// What the affiliate's referrals bring to each month of each deal that closes; read a page at a time.
async fn gather(
    app: &App,
    tx: &mut Tx,
    program: ProgramId,
    affiliate: AffiliateId,
    span: (Period, Period),
) -> Result<(Readings, Versions)> {
    let (mut readings, mut versions) = (Readings::new(), Versions::new());
    let mut after = ReferralId(Uuid::nil());
    loop {
        let ids = store::period::referrals(tx.read(), program, affiliate, after, PAGE).await?;
        let Some(last) = ids.last() else { break };
        after = *last;
        let rows = store::referral::lock(tx, program, &ids.into_iter().collect()).await?;
        let named = rows.iter().flat_map(|row| &row.assignments).filter_map(|it| it.version).collect();
        versions.extend(app.0.cache.versions(tx.read(), program, &named).await?);
        let Some(scopes) = scopes(app, tx, program, rows).await? else { break };
        for scope in scopes.by_id.into_values() {
            add(&mut readings, &versions, affiliate, span, scope);
        }
    }
    let closing: BTreeSet<DealId> =
        versions.values().filter(|(_, terms)| terms.has_close()).map(|(deal, _)| *deal).collect();
    readings.retain(|deal, _| closing.contains(deal));
    Ok((readings, versions))
}

/// Adds what one referral brings.
fn add(
    readings: &mut Readings,
    versions: &Versions,
    affiliate: AffiliateId,
    (from, through): (Period, Period),
    mut scope: Scope,
) {
    let Some(history) = scope.history.take() else { return };
    scope.course.booked = history.booked.values().cloned().collect();
    let own = scope.course.assignments.iter().filter(|assignment| assignment.affiliate == affiliate);
    let own: BTreeSet<DealVersionId> = own.filter_map(|it| it.terms.as_ref().map(|terms| terms.0)).collect();
    let mut by_deal: BTreeMap<DealId, BTreeSet<DealVersionId>> = BTreeMap::new();
    for version in own {
        if let Some((deal, terms)) = versions.get(&version)
            && terms.has_close()
        {
            by_deal.entry(*deal).or_default().insert(version);
        }
    }
    let zone = scope.course.zone;
    let booked = history.booked.values().map(|booked| booked.header.occurred_at);
    let months: BTreeSet<Period> = history
        .facts
        .iter()
        .map(|fact| fact.occurred_at)
        .chain(booked)
        .map(|at| zone.period_of(at))
        .filter(|month| (from..=through).contains(month))
        .collect();
    for (deal, versions) in &by_deal {
        for month in &months {
            let under = Under { affiliate, versions, period: *month };
            let reading = read(&scope.course, &history.facts, under);
            readings.entry(*deal).or_default().entry(*month).or_default().add(reading);
        }
    }
}

/// Ends the wait of the months' commissions, and marks those as released whose hold is over.
async fn end_waits(
    tx: &mut Tx,
    program: &ProgramRow,
    affiliate: AffiliateId,
    months: &[Month],
    now: Timestamp,
) -> Result<BTreeMap<(DealId, Period), Vec<HeldRow>>> {
    let mut released = BTreeMap::new();
    for month in months.iter().filter(|month| month.effective_at <= now) {
        let versions: Vec<DealVersionId> = store::deal::versions(tx.read(), program.id, month.deal)
            .await?
            .iter()
            .map(|row| row.version)
            .collect();
        let first = program.zone.start_of(month.month.first_date());
        let span = (first, program.zone.close_of(month.month, 0));
        let ids = store::commission::end_wait(tx, program.id, affiliate, span, &versions).await?;
        let mut held = store::commission::held(tx, program.id, &ids).await?;
        held.retain(|row| row.release_at <= now);
        let ids: Vec<CommissionId> = held.iter().map(|row| row.id).collect();
        store::commission::mark_released(tx, program.id, &ids).await?;
        released.insert((month.deal, month.month), held);
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
