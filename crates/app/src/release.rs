//! Releases: held commissions whose hold is over become payable. A job, also run on demand.

use std::collections::BTreeSet;

use domain::ids::{CommissionId, LogId, ProgramId, ReferralId};
use domain::ledger::{Cause, Movement};
use domain::time::Timestamp;
use store::commission::{HeldRow, Releasable};
use store::log::LogRow;
use store::{Fault, Tx};

use crate::error::Result;
use crate::ledger::{Journal, Origin, Part};
use crate::{App, random};

/// Commissions released in one transaction.
const BATCH: i64 = 500;

/// Releases what is due in a program and says how many commissions that were.
pub async fn run_due(app: &App, program: ProgramId, now: Timestamp) -> Result<usize> {
    let mut released = 0;
    let mut faults = 0;
    loop {
        match batch(app, program, now).await {
            Ok(0) => return Ok(released),
            Ok(count) => released += count,
            Err(error) if error.fault() == Fault::Retry && faults < 5 => faults += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

async fn batch(app: &App, program: ProgramId, now: Timestamp) -> store::Result<usize> {
    let mut tx = Tx::begin(app.pool(), program).await?;
    let due = store::commission::releasable(tx.read(), program, now, BATCH).await?;
    if due.is_empty() {
        tx.rollback().await?;
        return Ok(0);
    }
    let referrals: BTreeSet<ReferralId> = due.iter().map(|row: &Releasable| row.referral).collect();
    let mut scopes = store::referral::lock(&mut tx, program, &referrals).await?;
    let ids: Vec<CommissionId> = due.iter().map(|row| row.id).collect();
    // Read again under the locks: another process may have released some in between.
    let mut held = store::commission::held(&mut tx, program, &ids).await?;
    held.sort_by_key(|row| (row.release_at, row.id));
    if held.is_empty() {
        tx.rollback().await?;
        return Ok(1);
    }
    store::commission::mark_released(&mut tx, program, &ids).await?;
    let Some(settings) = app.0.cache.decisions(&mut tx, program).await? else { return Ok(0) };
    let mut journal = Journal::new(settings.program.zone, settings.program.closed_through);
    let mut logs = Vec::with_capacity(held.len());
    for row in &held {
        let referral = due.iter().find(|due| due.id == row.id).map(|due| due.referral);
        let scope = scopes.iter_mut().find(|scope| Some(scope.id) == referral);
        let version = scope.map(|scope| {
            scope.version += 1;
            scope.updated_at = now;
            (scope.id.0, scope.version)
        });
        logs.push(release(&mut journal, row, version, now)?);
    }
    store::referral::update(&mut tx, program, &scopes.iter().collect::<Vec<_>>()).await?;
    journal.write_transfers(&mut tx, program).await?;
    store::log::append(&mut tx, program, &logs).await?;
    journal.write_accounts(&mut tx, program).await?;
    tx.commit().await?;
    app.0.sequencer.notify(program);
    Ok(held.len())
}

/// Books one release at the end of its hold, whenever the job runs.
fn release(
    journal: &mut Journal,
    row: &HeldRow,
    scope: Option<(uuid::Uuid, i64)>,
    now: Timestamp,
) -> store::Result<LogRow> {
    let log = LogId(random::id());
    let currency = row.currency.parse().map_err(|_| store::StoreError::Corrupt {
        table: "commission",
        column: "currency",
        id: row.id.to_string(),
    })?;
    if let Some(movement) = Movement::released(row.kind, row.standing_micros) {
        let origin = Origin { cause: Cause::Release, cause_id: log.0, log };
        let part = Part { commission: Some(row.id), ..Part::default() };
        journal.book((row.affiliate, currency), movement, origin, part, row.release_at);
    }
    let body = serde_json::json!({ "commission": row.id });
    Ok(LogRow { id: log, kind: "commission.released", scope, recorded_at: now, body: Some(body) })
}
