//! Facts that waited for their exchange rates: what they are worth is told them, their referrals are folded again, and
//! the difference is booked, through the same locks as everything else.

use std::collections::BTreeSet;

use domain::ids::{FactId, LogId, ProgramId, ReferralId};
use domain::time::Timestamp;
use serde_json::json;
use store::Tx;
use store::fact::FactRow;
use store::log::LogRow;

use super::batch::due;
use super::decide::{Cause, Effects, convert};
use super::rates::Rates;
use super::world::{Scopes, scopes};
use crate::error::Result;
use crate::{App, random};

/// Waiting facts looked at in one transaction.
const BATCH: i64 = 500;

/// How far one transaction came.
enum Part {
    /// Nothing waits behind the last one looked at.
    End,
    /// The last one looked at, and how many were converted.
    Looked(FactId, usize),
}

/// Converts what waits in a program and has its rates now, and says how many facts that were. Facts that are parked wait
/// on: they are converted when they find their referral.
pub(crate) async fn convert_waiting(app: &App, program: ProgramId, now: Timestamp) -> Result<usize> {
    let (mut after, mut converted, mut faults) = (None, 0, 0);
    loop {
        match batch(app, program, after, now).await {
            Ok(Part::End) => return Ok(converted),
            Ok(Part::Looked(last, count)) => {
                after = Some(last);
                converted += count;
            }
            Err(crate::Error::Unavailable) if faults < 5 => faults += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn batch(app: &App, program: ProgramId, after: Option<FactId>, now: Timestamp) -> Result<Part> {
    let mut tx = Tx::begin(app.pool(), program).await?;
    let mut waiting = store::fact::waiting::after(tx.read(), program, after, BATCH).await?;
    let Some(last) = waiting.last().map(|row| row.id) else { return Ok(Part::End) };
    let Some(decisions) = app.0.cache.decisions(&mut tx, program).await? else { return Ok(Part::End) };
    let amounts = waiting.iter().map(|row| (row.amount.map(|amount| amount.currency()), row.occurred_at));
    let rates = Rates::load(tx.read(), decisions.program.currency, amounts).await?;
    waiting.retain_mut(|row| is_converted(&rates, row));
    if waiting.is_empty() {
        tx.rollback().await?;
        return Ok(Part::Looked(last, 0));
    }
    let referrals: BTreeSet<ReferralId> = waiting.iter().filter_map(|row| row.referral).collect();
    let locked = store::referral::lock(&mut tx, program, &referrals).await?;
    let ids: Vec<FactId> = waiting.iter().map(|row| row.id).collect();
    // Read again under the locks: another process may have converted some in between.
    let mut facts = store::fact::by_ids(tx.read(), program, &ids).await?;
    facts.retain_mut(|row| row.value_micros.is_none() && is_converted(&rates, row));
    facts.sort_by_key(|row| row.id);
    let Some(mut scopes) = scopes(app, &mut tx, program, locked).await? else { return Ok(Part::End) };
    let effects = book(&mut scopes, &mut facts, now)?;
    let transfers = effects.journal.transfers.len() as u64;
    write(&mut tx, program, &scopes, &facts, effects, now).await?;
    tx.commit().await?;
    app.metrics().transfers.inc_by(transfers);
    app.0.sequencer.notify(program);
    Ok(Part::Looked(last, facts.len()))
}

/// Whether a fact has a value now. One that is worth more than any amount may be waits on, visibly.
fn is_converted(rates: &Rates, row: &mut FactRow) -> bool {
    if let Err(error) = rates.set_value(row) {
        tracing::warn!(fact = %row.id, %error, "a fact cannot be converted and goes on waiting");
        return false;
    }
    row.value_micros.is_some()
}

/// Each fact is folded and booked by itself, in the order of the log.
fn book(scopes: &mut Scopes, facts: &mut [FactRow], now: Timestamp) -> Result<Effects> {
    let mut effects = Effects::new(scopes.program.zone, scopes.program.closed_through);
    for row in facts {
        row.valued_at = Some(now);
        let Some(scope) = row.referral.and_then(|id| scopes.by_id.get_mut(&id)) else { continue };
        let log = LogId(random::id());
        convert(scope, &scopes.network, &mut effects, row, &scopes.deals, Cause { log, now })?;
        let body = json!({ "event": row.id, "value_micros": row.value_micros, "exchange": row.exchange });
        effects.logs.push(LogRow {
            id: log,
            kind: "event.converted",
            scope: Some((scope.row.id.0, scope.row.version)),
            recorded_at: now,
            body: Some(body),
        });
    }
    Ok(effects)
}

async fn write(
    tx: &mut Tx,
    program: ProgramId,
    scopes: &Scopes,
    facts: &[FactRow],
    effects: Effects,
    now: Timestamp,
) -> store::Result<()> {
    let mut changed: Vec<_> =
        scopes.by_id.values().filter(|scope| scope.changed).map(|scope| &scope.row).collect();
    changed.sort_by_key(|row| row.id);
    let disputed: Vec<_> = effects.disputed.iter().map(|(id, is_open)| (*id, *is_open)).collect();
    store::commission::mark_disputed(tx, program, &disputed).await?;
    store::referral::update(tx, program, &changed).await?;
    store::fact::waiting::convert(tx, program, facts).await?;
    store::write(tx, program, effects.rows(&changed, &[])).await?;
    store::period::mark(tx, program, &due(&effects.late, now)).await?;
    store::write(tx, program, effects.sums()).await
}
