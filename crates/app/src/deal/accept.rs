//! A deal's newest version for customers who are there already: from now or a later time on, or dated back, which is a
//! re-rate (money.md §4). Without this a version meets later registrations alone.

use std::collections::{BTreeMap, BTreeSet};

use domain::ids::{AffiliateId, DealId, DealVersionId, LogId, ReferralId};
use domain::ledger::Cause;
use domain::time::Timestamp;
use serde_json::json;
use store::Tx;
use store::log::LogRow;
use store::referral::{AssignmentRow, ReferralRow};

use super::DealRow;
use crate::error::{Error, Result};
use crate::ingest::{Effects, Scopes, late_months, re_rate, scopes};
use crate::ledger::Origin;
use crate::{App, Caller, random};

/// The sort of log row by which a referral got other terms.
pub(crate) const ACCEPTED: &str = "referral.accepted";

/// Referrals that are changed together.
const BATCH: i64 = 500;

/// Who shall have the newest version of a deal, and from when on.
#[derive(Clone, PartialEq, Debug)]
pub struct Acceptance {
    /// Only for the customers of this affiliate.
    pub affiliate: Option<AffiliateId>,
    /// From when on; now unless given. A time in the past makes it a re-rate.
    pub from: Option<Timestamp>,
    /// Why; a re-rate needs a reason.
    pub reason: Option<String>,
    /// Whether the affiliates agreed to earn less; otherwise a re-rate by which one would is refused.
    pub is_agreed: bool,
    /// Only to find out what it would come to.
    pub is_dry_run: bool,
}

/// What an acceptance came to, or would.
#[derive(Clone, PartialEq, Debug)]
pub struct Accepted {
    /// The version.
    pub deal: DealRow,
    /// From when on it is in force for these customers.
    pub from: Timestamp,
    /// How many referrals got it.
    pub referrals: u64,
    /// What commissions stand higher (lower if negative) by it, in micros; closes of months come on top, corrected by the
    /// job that closes them again.
    pub effect: BTreeMap<AffiliateId, i128>,
}

/// Brings customers of a deal under its newest version. Done again, nothing changes; cut short, it goes on where it was.
pub async fn accept(app: &App, caller: &Caller, id: DealId, acceptance: Acceptance) -> Result<Accepted> {
    caller.require_operator()?;
    let versions = super::versions(app, caller, id).await?;
    let Some(newest) = versions.first().cloned() else {
        return Err(Error::NotFound(format!("there is no deal {id}")));
    };
    let from = acceptance.from.unwrap_or(caller.now);
    let is_back = from < caller.now;
    match acceptance.reason.as_deref().filter(|reason| !reason.trim().is_empty()) {
        Some(reason) => domain::text::check(reason, 1000).map_err(|error| Error::invalid("reason", error))?,
        None if is_back && !acceptance.is_dry_run => {
            return Err(Error::invalid(
                "reason",
                "a version that is dated back changes what was earned: say why",
            ));
        }
        None => {}
    }
    let log = LogId(random::id());
    let older = versions.iter().skip(1).map(|row| row.version).collect();
    let mut work = Work { newest: newest.version, older, affiliate: acceptance.affiliate, from, log };
    let preview = work.run(app, caller, true).await?;
    if acceptance.is_dry_run {
        return Ok(preview.accepted(newest, from));
    }
    let loser = preview.effect.iter().find(|(_, micros)| **micros < 0);
    if let Some((affiliate, micros)) = loser.filter(|_| !acceptance.is_agreed) {
        let message = format!(
            "affiliate {affiliate} would lose {} that it has earned; that takes its consent (agreed)",
            domain::money::decimal(-micros, 2)
        );
        return Err(Error::Conflict { code: "earns_less", message });
    }
    let effect: BTreeMap<String, String> = preview
        .effect
        .iter()
        .map(|(affiliate, micros)| (affiliate.to_string(), domain::money::decimal(*micros, 2)))
        .collect();
    let mut tx = Tx::begin_decision(app.pool(), caller.program).await?;
    // What was booked since the trial began is under the older version.
    let caller = &caller.decides(app);
    let from = acceptance.from.unwrap_or(caller.now);
    work.from = from;
    let row = LogRow {
        id: log,
        kind: "deal.accepted",
        scope: None,
        recorded_at: caller.now,
        body: Some(json!({
            "deal": id, "version": newest.version, "from": from, "affiliate": acceptance.affiliate,
            "reason": acceptance.reason, "agreed": acceptance.is_agreed, "referrals": preview.referrals, "effect": effect,
        })),
    };
    store::log::append(&mut tx, caller.program, &[row]).await?;
    tx.commit().await?;
    let done = work.run(app, caller, false).await?;
    app.0.sequencer.notify(caller.program);
    Ok(done.accepted(newest, from))
}

struct Work {
    newest: DealVersionId,
    older: BTreeSet<DealVersionId>,
    affiliate: Option<AffiliateId>,
    from: Timestamp,
    log: LogId,
}

#[derive(Default)]
struct Done {
    referrals: u64,
    effect: BTreeMap<AffiliateId, i128>,
}

impl Done {
    fn accepted(self, deal: DealRow, from: Timestamp) -> Accepted {
        let effect = self.effect.into_iter().filter(|(_, micros)| *micros != 0).collect();
        Accepted { deal, from, referrals: self.referrals, effect }
    }
}

impl Work {
    /// All referrals, a batch a transaction; a trial undoes each of them.
    async fn run(&self, app: &App, caller: &Caller, is_trial: bool) -> Result<Done> {
        let mut done = Done::default();
        let mut after = None;
        loop {
            let mut tx = Tx::begin(app.pool(), caller.program).await?;
            let older: Vec<DealVersionId> = self.older.iter().copied().collect();
            let found =
                store::referral::under(tx.read(), caller.program, &older, self.affiliate, after, BATCH)
                    .await?;
            after = found.last().copied();
            if found.is_empty() {
                tx.rollback().await?;
                return Ok(done);
            }
            let mut rows =
                store::referral::lock(&mut tx, caller.program, &found.into_iter().collect()).await?;
            let before = rows.iter().map(|row| (row.id, row.assignments.clone())).collect();
            rows.retain_mut(|row| self.assign(row));
            done.referrals += rows.len() as u64;
            let Some(mut scopes) = scopes(app, &mut tx, caller.program, rows).await? else { return Ok(done) };
            let effects = self.book(caller, &mut scopes, &before, &mut done)?;
            if is_trial {
                tx.rollback().await?;
            } else {
                write(&mut tx, caller, &scopes, effects).await?;
                tx.commit().await?;
            }
        }
    }

    /// Puts the newest version into a referral's dated list; whether that changed it.
    fn assign(&self, row: &mut ReferralRow) -> bool {
        let before = std::mem::take(&mut row.assignments);
        for (index, assignment) in before.iter().enumerate() {
            let until = before.get(index + 1).map(|next| next.from);
            let is_meant = assignment.version.is_some_and(|version| self.older.contains(&version))
                && self.affiliate.is_none_or(|affiliate| affiliate == assignment.affiliate);
            let newer = AssignmentRow { version: Some(self.newest), ..*assignment };
            if !is_meant {
                row.assignments.push(*assignment);
            } else if assignment.from >= self.from {
                row.assignments.push(newer);
            } else {
                row.assignments.push(*assignment);
                if until.is_none_or(|until| self.from < until) {
                    row.assignments.push(AssignmentRow { from: self.from, ..newer });
                }
            }
        }
        row.assignments != before
    }

    /// Books what the new lists come to; what they were before is logged, for the replay.
    fn book(
        &self,
        caller: &Caller,
        scopes: &mut Scopes,
        before: &BTreeMap<ReferralId, Vec<AssignmentRow>>,
        done: &mut Done,
    ) -> Result<Effects> {
        let mut effects = Effects::new(scopes.program.zone, scopes.program.closed_through);
        for (id, scope) in &mut scopes.by_id {
            let log = LogId(random::id());
            let origin = Origin { cause: Cause::Decision, cause_id: log.0, log };
            add(&mut done.effect, scope.standings(), -1);
            re_rate(scope, &scopes.network, &mut effects, self.from, caller.now, origin)?;
            add(&mut done.effect, scope.standings(), 1);
            effects.logs.push(LogRow {
                id: log,
                kind: ACCEPTED,
                scope: Some((id.0, scope.row.version)),
                recorded_at: caller.now,
                body: Some(json!({ "decision": self.log, "from": self.from, "before": before.get(id) })),
            });
        }
        Ok(effects)
    }
}

fn add(sums: &mut BTreeMap<AffiliateId, i128>, standings: Vec<(AffiliateId, i64)>, sign: i128) {
    for (affiliate, micros) in standings {
        *sums.entry(affiliate).or_default() += sign * i128::from(micros);
    }
}

async fn write(tx: &mut Tx, caller: &Caller, scopes: &Scopes, effects: Effects) -> Result<()> {
    let changed: Vec<&ReferralRow> = scopes.by_id.values().map(|scope| &scope.row).collect();
    let disputed: Vec<_> = effects.disputed.iter().map(|(id, is_open)| (*id, *is_open)).collect();
    store::commission::mark_disputed(tx, caller.program, &disputed).await?;
    store::referral::assign(tx, caller.program, &changed).await?;
    store::write(tx, caller.program, effects.rows(&changed, &[])).await?;
    store::period::mark(tx, caller.program, &late_months(&effects.late, caller.now)).await?;
    store::write(tx, caller.program, effects.sums()).await?;
    Ok(())
}
