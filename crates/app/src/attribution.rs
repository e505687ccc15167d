//! Attributions: the record of why a referral was put down to whom, and reassignment by the staff (money.md §10, §4).
//! Registrations are attributed by ingest.

use chrono::TimeDelta;
use domain::attribution::{Basis, Grade};
use domain::fold::Assignment;
use domain::ids::{AffiliateId, LogId, ReferralId};
use domain::ledger::Cause;
use serde_json::json;
use store::Tx;
pub use store::attribution::AttributionRow;
use store::log::LogRow;
use store::referral::{AssignmentRow, ReferralRow, ReferralView};

use crate::error::{Error, Result};
use crate::ingest::{Effects, Scopes, late_months, re_rate, scopes};
use crate::ledger::Origin;
use crate::{App, Caller, random};

/// The sort of log row by which a person gave a referral to another affiliate.
pub(crate) const REASSIGNED: &str = "referral.reassigned";

/// The attributions of a referral, oldest first, with all evidence.
pub async fn of(app: &App, caller: &Caller, referral: ReferralId) -> Result<Vec<AttributionRow>> {
    caller.require_operator()?;
    let mut connection = app.pool().acquire().await.map_err(store::StoreError::from)?;
    let known = store::referral::read(&mut connection, caller.program, &[referral].into()).await?;
    if known.is_empty() {
        return Err(unknown(referral));
    }
    Ok(store::attribution::of(&mut connection, caller.program, &[referral]).await?)
}

fn unknown(referral: ReferralId) -> Error {
    Error::NotFound(format!("there is no referral {referral}"))
}

/// Gives a referral to another affiliate from now on. What happened before, and refunds of what was paid before, stays with
/// the former one.
pub async fn reassign(
    app: &App,
    caller: &Caller,
    referral: ReferralId,
    to: AffiliateId,
    reason: &str,
) -> Result<ReferralView> {
    caller.require_operator()?;
    domain::text::check(reason, 1000).map_err(|error| Error::invalid("reason", error))?;
    if reason.trim().is_empty() {
        return Err(Error::invalid("reason", "say why the referral is given to another affiliate"));
    }
    let program = caller.program;
    let mut tx = Tx::begin(app.pool(), program).await?;
    let row = store::referral::lock(&mut tx, program, &[referral].into()).await?.pop();
    let row = row.ok_or_else(|| unknown(referral))?;
    if row.affiliate == to {
        tx.rollback().await?;
        let message = format!("the referral belongs to affiliate {to} already");
        return Err(Error::Conflict { code: "same_affiliate", message });
    }
    if row.rejected_at.is_some() {
        tx.rollback().await?;
        let message = "the referral is rejected, which is final".to_owned();
        return Err(Error::Conflict { code: "rejected", message });
    }
    let before = row.assignments.clone();
    let caller = &caller.decides(app);
    let Some(mut scopes) = scopes(app, &mut tx, program, vec![row]).await? else {
        return Err(unknown(referral));
    };
    let assignment = assignment(app, caller, &mut tx, &scopes, referral, to).await?;
    let from = assignment.from;
    let log = LogId(random::id());
    let effects = book(caller, &mut scopes, referral, assignment, log)?;
    let number = store::attribution::newest(tx.read(), program, &[referral].into()).await?;
    let number = number.get(&referral).map_or(0, |(number, _)| *number) + 1;
    let version = scopes.by_id.get(&referral).map_or(1, |scope| scope.row.version);
    let written = LogRow {
        id: log,
        kind: REASSIGNED,
        scope: Some((referral.0, version)),
        recorded_at: caller.now,
        body: Some(json!({ "affiliate": to, "reason": reason, "before": before })),
    };
    let attribution = AttributionRow {
        referral,
        number,
        log,
        affiliate: to,
        basis: Basis::Reassignment,
        grade: Grade::Staff,
        is_provisional: false,
        link: None,
        occurred_at: from,
        decided_at: caller.now,
        evidence: Vec::new(),
        reason: Some(reason.to_owned()),
    };
    write(&mut tx, caller, &scopes, effects, written, attribution).await?;
    tx.commit().await?;
    app.0.sequencer.notify(program);
    crate::referral::show(app, caller, referral).await
}

/// The affiliate with the terms of a customer who would register for it now.
async fn assignment(
    app: &App,
    caller: &Caller,
    tx: &mut Tx,
    scopes: &Scopes,
    referral: ReferralId,
    to: AffiliateId,
) -> Result<Assignment> {
    let program = caller.program;
    let missing = || Error::invalid("affiliate_id", format!("there is no affiliate {to}"));
    store::affiliate::by_id(tx.read(), program, to).await?.ok_or_else(missing)?;
    let decisions = app.0.cache.decisions(tx, program).await?.ok_or_else(missing)?;
    let scope = scopes.by_id.get(&referral).ok_or_else(|| unknown(referral))?;
    let coupons: Vec<String> = scope.row.attributes.coupon.clone().into_iter().collect();
    let offers = decisions.offers(tx.read(), &[to].into(), &coupons, std::iter::empty()).await?;
    // A sender's clock may run ahead of ours: what is known by now is the former affiliate's.
    let known = scope.history.iter().flat_map(|history| &history.facts).map(|fact| fact.occurred_at).max();
    let from = known.map_or(caller.now, |newest| caller.now.max(newest + TimeDelta::microseconds(1)));
    let terms = offers.choose(&scopes.program, to, &scope.row.attributes, None, from);
    Ok(Assignment { from, affiliate: to, terms })
}

fn book(
    caller: &Caller,
    scopes: &mut Scopes,
    referral: ReferralId,
    assignment: Assignment,
    log: LogId,
) -> Result<Effects> {
    let mut effects = Effects::new(scopes.program.zone, scopes.program.closed_through);
    let scope = scopes.by_id.get_mut(&referral).ok_or_else(|| unknown(referral))?;
    let origin = Origin { cause: Cause::Decision, cause_id: log.0, log };
    let version = assignment.terms.as_ref().map(|(version, _)| *version);
    let Assignment { from, affiliate, .. } = assignment;
    let row = &mut scope.row;
    // Terms that were accepted for later were the former affiliate's.
    row.assignments.retain(|known| known.from < from);
    row.assignments.push(AssignmentRow { from, affiliate, version });
    row.affiliate = affiliate;
    scope.course.assignments.retain(|known| known.from < from);
    scope.course.assignments.push(assignment);
    re_rate(scope, &scopes.network, &mut effects, from, caller.now, origin)?;
    Ok(effects)
}

async fn write(
    tx: &mut Tx,
    caller: &Caller,
    scopes: &Scopes,
    mut effects: Effects,
    log: LogRow,
    attribution: AttributionRow,
) -> Result<()> {
    effects.logs.push(log);
    let changed: Vec<&ReferralRow> = scopes.by_id.values().map(|scope| &scope.row).collect();
    let disputed: Vec<_> = effects.disputed.iter().map(|(id, is_open)| (*id, *is_open)).collect();
    store::commission::mark_disputed(tx, caller.program, &disputed).await?;
    store::referral::assign(tx, caller.program, &changed).await?;
    store::attribution::append(tx, caller.program, &[attribution]).await?;
    store::write(tx, caller.program, effects.rows(&changed, &[])).await?;
    store::period::mark(tx, caller.program, &late_months(&effects.late, caller.now)).await?;
    store::write(tx, caller.program, effects.sums()).await?;
    Ok(())
}
