//! Payouts: requested with the claims they settle, and moved step by step (money.md §8).

mod advance;
mod receipt;
mod request;
mod steps;

use domain::ids::PayoutId;
pub use store::payout::{Filter, PayoutRow};

pub use advance::match_advances;
pub use receipt::{Receipt, Receipts, create_with_receipt, receipts};
pub use request::{NewPayout, Rail, create};
pub use steps::take_step;

use crate::error::{Error, Result};
use crate::{App, Caller};

/// A list of payouts, newest first. An affiliate's key sees its own, without what is for the staff.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: &Filter,
    offset: i64,
    limit: i64,
) -> Result<Vec<PayoutRow>> {
    let affiliate = caller.visible_affiliate(filter.affiliate)?;
    let filter = Filter { affiliate, ..filter.clone() };
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let mut rows = store::payout::list(&mut connection, caller.program, &filter, offset, limit).await?;
    if caller.require_operator().is_err() {
        for row in &mut rows {
            row.details.operator_comments = None;
            row.details.repeats = None;
        }
    }
    Ok(rows)
}

/// A payout by id.
pub async fn show(app: &App, caller: &Caller, id: PayoutId) -> Result<PayoutRow> {
    let filter = Filter { id: Some(id), ..Filter::default() };
    list(app, caller, &filter, 0, 1).await?.pop().ok_or_else(|| unknown(id))
}

fn unknown(id: PayoutId) -> Error {
    Error::NotFound(format!("there is no payout {id}"))
}
