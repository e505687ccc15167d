//! Commissions: shown with their entries, and listed.

use domain::ids::{AffiliateId, CommissionId};
pub use store::commission::{CommissionView, EarnedFilter, EarnedView, EntryView, Filter};

use crate::error::{Error, Result};
use crate::{App, Caller};

/// A list of commissions, newest first. An affiliate's key sees its own.
pub async fn list(app: &App, caller: &Caller, filter: &Filter, limit: i64) -> Result<Vec<CommissionView>> {
    let affiliate = caller.visible_affiliate(filter.affiliate)?;
    let filter = Filter { affiliate, ..filter.clone() };
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::commission::list(&mut connection, caller.program, &filter, limit).await?)
}

/// What an affiliate earned, newest first. An affiliate's key sees its own only.
pub async fn earned(
    app: &App,
    caller: &Caller,
    affiliate: AffiliateId,
    filter: &EarnedFilter,
    offset: i64,
    limit: i64,
) -> Result<Vec<EarnedView>> {
    caller.visible_affiliate(Some(affiliate))?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::commission::earned(&mut connection, caller.program, affiliate, filter, offset, limit).await?)
}

/// A commission with its entries.
pub async fn show(app: &App, caller: &Caller, id: CommissionId) -> Result<(CommissionView, Vec<EntryView>)> {
    let filter = Filter { id: Some(id), ..Filter::default() };
    let commission = list(app, caller, &filter, 1)
        .await?
        .pop()
        .ok_or_else(|| Error::NotFound(format!("there is no commission {id}")))?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let entries = store::commission::entries(&mut connection, caller.program, id).await?;
    Ok((commission, entries))
}
