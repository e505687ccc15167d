//! Commissions: shown with their entries, listed, and rejected by a reviewer.

use domain::ids::{AffiliateId, CommissionId, FactId, LogId, ReferralId};
use domain::ledger::{Cause, Kind};
use serde_json::json;
use store::Tx;
pub use store::commission::{CommissionView, EarnedFilter, EarnedView, EntryView, Filter};
use store::log::LogRow;

use crate::error::{Error, Result};
use crate::ingest::{late_months, reject_commission};
use crate::ledger::Origin;
use crate::{App, Caller, random};

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

/// Rejects what the fact of a commission earned: it is taken back, and whatever limits it used up goes to other facts
/// (money.md §4). Rejected again, nothing changes.
pub async fn reject(
    app: &App,
    caller: &Caller,
    id: CommissionId,
    reason: &str,
) -> Result<(CommissionView, Vec<EntryView>)> {
    caller.require_operator()?;
    domain::text::check(reason, 1000).map_err(|error| Error::invalid("reason", error))?;
    let (view, _) = show(app, caller, id).await?;
    let (referral, fact) = (ReferralId(view.referral_id), FactId(view.fact_id));
    if view.kind == Kind::SubAffiliate.code() {
        let message = "it follows the commission of the affiliate who referred; reject that one";
        return Err(Error::Conflict { code: "follows_another", message: message.to_owned() });
    }
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    let locked = store::referral::lock(&mut tx, caller.program, &[referral].into()).await?.pop();
    let row = locked.ok_or_else(|| Error::NotFound(format!("there is no commission {id}")))?;
    if row.rejected.contains(&fact) {
        tx.rollback().await?;
        return show(app, caller, id).await;
    }
    let log = LogId(random::id());
    let (mut scope, network) = crate::ingest::scope(app, &mut tx, caller.program, row)
        .await?
        .ok_or_else(|| Error::NotFound(format!("there is no commission {id}")))?;
    let origin = Origin { cause: Cause::Decision, cause_id: log.0, log };
    let closed =
        store::program::by_id(tx.read(), caller.program).await?.and_then(|program| program.closed_through);
    let effects = reject_commission(&mut scope, &network, fact, caller.now, origin, closed)?;
    let disputed: Vec<_> = effects.disputed.iter().map(|(id, is_open)| (*id, *is_open)).collect();
    store::commission::mark_disputed(&mut tx, caller.program, &disputed).await?;
    store::referral::reject_fact(&mut tx, caller.program, referral, fact).await?;
    let body = json!({ "commission": id, "event": fact, "reason": reason });
    let row = LogRow {
        id: log,
        kind: "commission.rejected",
        scope: Some((referral.0, scope.row.version)),
        recorded_at: caller.now,
        body: Some(body),
    };
    store::write(&mut tx, caller.program, effects.rows(&[&scope.row], &[])).await?;
    store::log::append(&mut tx, caller.program, &[row]).await?;
    store::period::mark(&mut tx, caller.program, &late_months(&effects.late, caller.now)).await?;
    store::write(&mut tx, caller.program, effects.sums()).await?;
    tx.commit().await?;
    app.0.sequencer.notify(caller.program);
    show(app, caller, id).await
}
