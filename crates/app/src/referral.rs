//! Referrals: shown and listed, marked as churned, and rejected by the staff. They are made by ingest.

use domain::commission::Reason;
use domain::ids::{LogId, ReferralId};
use domain::ledger::Cause;
use serde_json::json;
use store::Tx;
use store::log::LogRow;
pub use store::referral::{Filter, ReferralRow, ReferralView};

use crate::error::{Error, Result};
use crate::ingest::{Ask, Recorded, late_months, reject_referral, submit};
use crate::ledger::Origin;
use crate::{App, Caller, random};

/// A list of referrals, oldest first. An affiliate's key sees its own, without the customers' personal data,
/// and cannot ask for a customer by address.
pub async fn list(
    app: &App,
    caller: &Caller,
    filter: &Filter,
    offset: i64,
    limit: i64,
) -> Result<Vec<ReferralView>> {
    if filter.email.is_some() {
        caller.require_operator()?;
    }
    let affiliate = caller.visible_affiliate(filter.affiliate)?;
    let filter = Filter { affiliate, ..filter.clone() };
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let mut views =
        store::referral::list(&mut connection, caller.program, &filter, caller.now, offset, limit).await?;
    if caller.require_operator().is_err() {
        views.iter_mut().for_each(|view| (view.uid, view.email) = (None, None));
    }
    Ok(views)
}

/// A referral by id.
pub async fn show(app: &App, caller: &Caller, id: ReferralId) -> Result<ReferralView> {
    let filter = Filter { id: Some(id), ..Filter::default() };
    list(app, caller, &filter, 0, 1).await?.pop().ok_or_else(|| unknown(id))
}

fn unknown(id: ReferralId) -> Error {
    Error::NotFound(format!("there is no referral {id}"))
}

/// Records that a customer left, and shows whose referral it is. The state to answer with is the one recorded, which
/// a repetition finds again; the referral may have moved on.
pub async fn churn(app: &App, caller: &Caller, ask: Ask) -> Result<(Recorded, ReferralView)> {
    caller.require_operator()?;
    let recorded = submit(app, caller.program, caller.now, ask).await?;
    let id = recorded.referral.ok_or_else(|| Error::NotFound("the customer is not known yet".to_owned()))?;
    Ok((recorded, show(app, caller, id).await?))
}

/// Rejects a referral: everything it earned is taken back, and its facts earn nothing from then on.
pub async fn reject(app: &App, caller: &Caller, id: ReferralId, reason: &str) -> Result<ReferralView> {
    caller.require_operator()?;
    domain::text::check(reason, 1000).map_err(|error| Error::invalid("reason", error))?;
    let mut tx = Tx::begin(app.pool(), caller.program).await?;
    let row = store::referral::lock(&mut tx, caller.program, &[id].into())
        .await?
        .pop()
        .ok_or_else(|| unknown(id))?;
    if row.rejected_at.is_some() {
        tx.rollback().await?;
        return show(app, caller, id).await;
    }
    let log = LogId(random::id());
    let (mut scope, network) =
        crate::ingest::scope(app, &mut tx, caller.program, row).await?.ok_or_else(|| unknown(id))?;
    let origin = Origin { cause: Cause::Decision, cause_id: log.0, log };
    let closed =
        store::program::by_id(tx.read(), caller.program).await?.and_then(|program| program.closed_through);
    let effects = reject_referral(&mut scope, &network, Reason::Rejection, caller.now, origin, closed)?;
    let late = late_months(&effects.late, caller.now);
    let journal = effects.journal;
    let disputed: Vec<_> = effects.disputed.into_iter().collect();
    store::commission::mark_disputed(&mut tx, caller.program, &disputed).await?;
    store::referral::update(&mut tx, caller.program, &[&scope.row]).await?;
    journal.write_transfers(&mut tx, caller.program).await?;
    let row = LogRow {
        id: log,
        kind: "referral.rejected",
        scope: Some((id.0, scope.row.version)),
        recorded_at: caller.now,
        body: Some(json!({ "reason": reason })),
    };
    store::log::append(&mut tx, caller.program, &[row]).await?;
    store::period::mark(&mut tx, caller.program, &late).await?;
    journal.write_accounts(&mut tx, caller.program).await?;
    tx.commit().await?;
    app.0.sequencer.notify(caller.program);
    show(app, caller, id).await
}
