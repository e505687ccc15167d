//! Recorded facts as they are read back, and the numbered log that outgoing events are rendered from.

use domain::ids::{FactId, ReferralId};
pub use store::fact::FactRow;
pub use store::log::NumberedRow;

use crate::error::{Error, Result};
use crate::{App, Caller};

/// A page of facts, newest first.
pub async fn page(
    app: &App,
    caller: &Caller,
    referral: Option<ReferralId>,
    below: Option<FactId>,
    limit: i64,
) -> Result<Vec<FactRow>> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::fact::page(&mut connection, caller.program, referral, below, limit).await?)
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
    Ok(store::fact::waiting::page(&mut connection, caller.program, referral, below, limit).await?)
}

/// A fact by id.
pub async fn show(app: &App, caller: &Caller, id: FactId) -> Result<FactRow> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    store::fact::by_ids(&mut connection, caller.program, &[id])
        .await?
        .pop()
        .ok_or_else(|| Error::NotFound(format!("there is no event {id}")))
}

/// Rows of the log after a number, in the order of their numbers, without gaps.
pub async fn log_after(app: &App, caller: &Caller, number: i64, limit: i64) -> Result<Vec<NumberedRow>> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::log::after(&mut connection, caller.program, number, limit).await?)
}
