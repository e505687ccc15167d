//! Recorded facts as they are read back, and the numbered log that outgoing events are rendered from.

use std::collections::BTreeSet;

use domain::ids::{FactId, ReferralId};
pub use store::fact::FactRow;
pub use store::log::NumberedRow;

use crate::error::{Error, Result};
use crate::{App, Caller};

/// A page of facts, newest first. One that waited for its customer names whose it was once the customer is known.
pub async fn page(
    app: &App,
    caller: &Caller,
    referral: Option<ReferralId>,
    below: Option<FactId>,
    limit: i64,
) -> Result<Vec<FactRow>> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let rows = store::fact::page(&mut connection, caller.program, referral, below, limit).await?;
    with_owners(&mut connection, caller, rows).await
}

/// A page of the payments and refunds that wait for an exchange rate, newest first.
pub async fn waiting_page(
    app: &App,
    caller: &Caller,
    referral: Option<ReferralId>,
    below: Option<FactId>,
    limit: i64,
) -> Result<Vec<FactRow>> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let rows = store::fact::waiting::page(&mut connection, caller.program, referral, below, limit).await?;
    with_owners(&mut connection, caller, rows).await
}

/// A fact by id.
pub async fn show(app: &App, caller: &Caller, id: FactId) -> Result<FactRow> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let rows = store::fact::by_ids(&mut connection, caller.program, &[id]).await?;
    with_owners(&mut connection, caller, rows)
        .await?
        .pop()
        .ok_or_else(|| Error::NotFound(format!("there is no event {id}")))
}

/// Names the affiliates of facts that have found their referrals since they were recorded: who owned these when the facts
/// occurred.
async fn with_owners(
    connection: &mut store::Connection,
    caller: &Caller,
    mut rows: Vec<FactRow>,
) -> Result<Vec<FactRow>> {
    let is_nameless = |row: &FactRow| row.outcome.affiliate.is_none();
    let found: BTreeSet<ReferralId> =
        rows.iter().filter(|row| is_nameless(row)).filter_map(|row| row.referral).collect();
    if found.is_empty() {
        return Ok(rows);
    }
    let referrals = store::referral::read(connection, caller.program, &found).await?;
    for row in rows.iter_mut().filter(|row| is_nameless(row)) {
        let referral = referrals.iter().find(|referral| Some(referral.id) == row.referral);
        row.outcome.affiliate = referral.and_then(|referral| referral.owner_at(row.occurred_at));
    }
    Ok(rows)
}

/// Rows of the log after a number, in the order of their numbers, without gaps.
pub async fn log_after(app: &App, caller: &Caller, number: i64, limit: i64) -> Result<Vec<NumberedRow>> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::log::after(&mut connection, caller.program, number, limit).await?)
}
