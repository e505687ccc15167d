//! Explaining a fact or a commission: what came of it and why, by the rules, and beside it what is booked. What it says
//! is `domain::explain`'s; here the books are read, in one snapshot and without a lock.

mod booked;
mod months;

use domain::explain::{Account, Known, Told, tell};
use domain::fact::Kind;
use domain::ids::{AffiliateId, CommissionId, FactId, ProgramId};
use store::fact::FactRow;
use store::{Connection, snapshot};

use booked::Books;

use crate::cache::Decisions;
use crate::commission::{CommissionView, Filter};
use crate::error::{Error, Result};
use crate::ingest::{Scope, Scopes, scopes_under};
use crate::{App, Caller};

/// Explains a fact.
pub async fn fact(app: &App, caller: &Caller, id: FactId) -> Result<Account> {
    caller.require_operator()?;
    let mut snapshot = snapshot(app.pool()).await?;
    let row = store::fact::by_ids(&mut snapshot, caller.program, &[id]).await?.pop();
    let row = row.ok_or_else(|| Error::NotFound(format!("there is no event {id}")))?;
    account(app, &mut snapshot, caller.program, row, None).await
}

/// Explains a commission by the fact it is earned by. An affiliate's key sees its own, and nothing of the customer.
pub async fn commission(app: &App, caller: &Caller, id: CommissionId) -> Result<Account> {
    let affiliate = caller.visible_affiliate(None)?;
    let mut snapshot = snapshot(app.pool()).await?;
    let filter = Filter { id: Some(id), affiliate, ..Filter::default() };
    let view = store::commission::list(&mut snapshot, caller.program, &filter, 1).await?.pop();
    let view: CommissionView = view.ok_or_else(|| Error::NotFound(format!("there is no commission {id}")))?;
    let row = store::fact::by_ids(&mut snapshot, caller.program, &[FactId(view.fact_id)]).await?.pop();
    let row = row.ok_or_else(|| Error::NotFound(format!("there is no event of commission {id}")))?;
    let mut account = account(app, &mut snapshot, caller.program, row, affiliate).await?;
    account.commissions.retain(|commission| commission.id == id);
    account.moved.clear();
    if let Some(affiliate) = affiliate {
        conceal(&mut account, affiliate);
    }
    Ok(account)
}

/// Leaves out what an affiliate must not see: whatever the customer told, and what others earn.
fn conceal(account: &mut Account, affiliate: AffiliateId) {
    account.event.source_id = None;
    account.event.attributes = None;
    account.months.retain(|month| month.affiliate_id == affiliate);
    for transfer in account.commissions.iter_mut().flat_map(|commission| &mut commission.transfers) {
        // What staff wrote as their reason stands behind the colon.
        if let Some((because, _)) = transfer.because.split_once(": ") {
            transfer.because = because.to_owned();
        }
    }
    let told = &mut account.told;
    told.worth.retain(|worth| worth.affiliate_id == affiliate);
    if told.affiliate_id != Some(affiliate) {
        told.rules.clear();
        told.remarks.clear();
        account.deal = None;
    }
    for rule in &mut told.rules {
        // Why a condition on the customer does not hold would tell what the customer said.
        if rule.reason.code.starts_with("other_") && rule.reason.code != "other_fact" {
            rule.reason.text = "a condition on the customer or the product does not hold".to_owned();
        }
    }
}

/// Everything there is to say of a fact, of what one affiliate earns by it or of what all do.
async fn account(
    app: &App,
    connection: &mut Connection,
    program: ProgramId,
    row: FactRow,
    viewer: Option<AffiliateId>,
) -> Result<Account> {
    let decisions = Decisions::read(connection, program).await?;
    let decisions = decisions.ok_or_else(|| Error::NotFound(format!("there is no program {program}")))?;
    let settings = &decisions.program;
    let mut account = Account {
        engine: domain::ENGINE_VERSION,
        event: booked::fact(connection, &row, settings.currency).await?,
        deal: None,
        told: Told::waiting(settings.zone.date_of(row.occurred_at), settings.currency),
        commissions: Vec::new(),
        months: Vec::new(),
        later: Vec::new(),
        moved: Vec::new(),
    };
    let referrals = row.referral.into_iter().collect();
    let rows = store::referral::read(connection, program, &referrals).await?;
    let mut scopes = scopes_under(app, connection, &decisions, rows).await?;
    let Some(mut scope) = row.referral.and_then(|id| scopes.by_id.remove(&id)) else { return Ok(account) };
    account.event.attributes = Some(booked::attributes(&row, &scope.course)?);
    // All reports of a player's day are folded as one fact, under the id of the first.
    let id = if row.kind == Kind::Activity { row.payment.unwrap_or(row.id) } else { row.id };
    if let Some(told) = explained(&mut scope, &scopes, id) {
        account.told = told;
    }
    if let Some(version) = account.told.version {
        account.deal = booked::deal(connection, program, version).await?;
    }
    let books = Books::read(connection, settings, scope.row.id).await?;
    account.commissions = books.commissions(id, &account.told.worth);
    account.later = books.later(id, viewer);
    account.moved = books.moved(row.id, id);
    account.months = months::of(app, connection, &decisions, &books, id).await?;
    Ok(account)
}

/// What a fact came to, by all that is known of its referral.
fn explained(scope: &mut Scope, scopes: &Scopes, id: FactId) -> Option<Told> {
    let history = scope.history.as_ref()?;
    scope.course.booked = history.booked.values().cloned().collect();
    tell(Known { course: &scope.course, facts: &history.facts, network: &scopes.network }, id)
}
