//! Adjustments: corrections by hand, booked to `due` at once.

use domain::ids::{AdjustmentId, AffiliateId, LogId};
use domain::ledger::{Cause, Movement};
use domain::money::{MAX_MICROS, decimal};
use domain::text::Key;
use serde::Serialize;
use serde_json::json;
use store::Tx;
pub use store::adjustment::AdjustmentRow;
use store::log::LogRow;

use crate::error::{Error, Result};
use crate::ledger::{Journal, Origin, Part};
use crate::once::{Claim, claim};
use crate::{App, Caller, random};

/// What an adjustment is asked to be. The amount is in the program's currency.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct NewAdjustment {
    /// Whose balance.
    pub affiliate: AffiliateId,
    /// How much, signed, in micros.
    pub amount_micros: i64,
    /// Why.
    pub reason: String,
}

/// Adjusts a balance, once per key of the operation.
pub async fn create(
    app: &App,
    caller: &Caller,
    operation: &str,
    key: Option<&Key>,
    new: NewAdjustment,
) -> Result<AdjustmentRow> {
    Ok(create_once(app, caller, operation, key, new).await?.0)
}

/// [`create`], which also says whether it had been done before.
pub async fn create_once(
    app: &App,
    caller: &Caller,
    operation: &str,
    key: Option<&Key>,
    new: NewAdjustment,
) -> Result<(AdjustmentRow, bool)> {
    caller.require_operator()?;
    if new.amount_micros == 0 || new.amount_micros.abs() > MAX_MICROS {
        let amount = decimal(new.amount_micros.into(), 0);
        let message =
            format!("{amount} is not allowed; expected an amount other than 0, of at most 1000000000000");
        return Err(Error::invalid("amount", message));
    }
    domain::text::check(&new.reason, 1000).map_err(|error| Error::invalid("reason", error))?;
    let input_hash = app.0.secret.input(&(operation, &new));
    let id = AdjustmentId(app.0.counters.next(app.pool(), caller.program, "adjustment").await?);
    let decision = LogId(random::id());
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    if let Claim::Known(first) = claim(app, &mut tx, caller, operation, key, decision).await? {
        let row = store::adjustment::by_decision(tx.read(), caller.program, first).await?;
        let row = row.filter(|row| row.input_hash == input_hash).ok_or_else(|| key_reused(key))?;
        return Ok((row, true));
    }
    let program = crate::program::by_id(tx.read(), caller.program).await?;
    store::affiliate::lock(&mut tx, caller.program, new.affiliate)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no affiliate {}", new.affiliate)))?;
    let row = AdjustmentRow {
        id,
        decision,
        affiliate: new.affiliate,
        currency: program.currency,
        amount_micros: new.amount_micros,
        reason: new.reason,
        effective_at: caller.now,
        created_at: caller.now,
        input_hash,
    };
    let mut journal = Journal::new(program.zone, program.closed_through);
    if let Some(movement) = Movement::adjusted(row.amount_micros) {
        let origin = Origin { cause: Cause::Adjustment, cause_id: decision.0, log: decision };
        journal.book((row.affiliate, row.currency), movement, origin, Part::default(), caller.now);
    }
    store::adjustment::append(&mut tx, caller.program, &row).await?;
    journal.write_transfers(&mut tx, caller.program).await?;
    let body = json!({ "adjustment": id, "affiliate": row.affiliate, "amount_micros": row.amount_micros });
    let log = LogRow {
        id: decision,
        kind: "adjustment.created",
        scope: None,
        recorded_at: caller.now,
        body: Some(body),
    };
    store::log::append(&mut tx, caller.program, &[log]).await?;
    journal.write_accounts(&mut tx, caller.program).await?;
    tx.commit().await?;
    app.0.sequencer.notify(caller.program);
    Ok((row, false))
}

pub(crate) fn key_reused(key: Option<&Key>) -> Error {
    let key = key.map_or_else(String::new, ToString::to_string);
    Error::Refused(domain::command::Refused::KeyReused(key))
}

/// A page of adjustments, newest first.
pub async fn page(
    app: &App,
    caller: &Caller,
    affiliate: Option<AffiliateId>,
    below: Option<AdjustmentId>,
    limit: i64,
) -> Result<Vec<AdjustmentRow>> {
    let affiliate = caller.visible_affiliate(affiliate)?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    Ok(store::adjustment::page(&mut connection, caller.program, affiliate, below, limit).await?)
}
