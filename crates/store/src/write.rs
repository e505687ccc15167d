//! What a transaction has come to, written by one statement: a payment that comes alone waits for every statement
//! (docs/PERFORMANCE.md). What each table takes is in its own file; what few transactions write is too.

use std::collections::BTreeMap;

use domain::ids::ProgramId;

use crate::account::{self, Delta, Owner};
use crate::commission::{self, CommissionRow};
use crate::error::Result;
use crate::fact::{self, FactRow};
use crate::log::{self, LogRow};
use crate::referral::{self, ReferralRow};
use crate::roll_up::{self, Day, Figures};
use crate::transfer::{self, TransferRow};
use crate::{Step, Tx};

/// Rows to write.
#[derive(Clone, Copy, Default, Debug)]
pub struct Rows<'a> {
    /// Referrals that the transaction has locked, as the fold left them.
    pub referrals: &'a [&'a ReferralRow],
    /// New facts.
    pub facts: &'a [FactRow],
    /// New commissions.
    pub commissions: &'a [CommissionRow],
    /// New transfers. Their effect on the account rows is what `accounts` says.
    pub transfers: &'a [TransferRow],
    /// New log rows, which are queued for their numbers.
    pub logs: &'a [LogRow],
    /// Changes of daily figures.
    pub days: Option<&'a BTreeMap<Day, Figures>>,
    /// Changes of account rows; nothing may be locked after them.
    pub accounts: Option<&'a BTreeMap<Owner, Delta>>,
}

impl Rows<'_> {
    /// The last lock that writing them takes; `None` where there is nothing to write.
    fn step(&self) -> Option<Step> {
        let has_days = self.days.is_some_and(|days| !days.is_empty());
        if has_days || self.accounts.is_some_and(|accounts| !accounts.is_empty()) {
            return Some(Step::Accounts);
        }
        let is_empty = self.referrals.is_empty()
            && self.facts.is_empty()
            && self.commissions.is_empty()
            && self.transfers.is_empty()
            && self.logs.is_empty();
        (!is_empty).then_some(Step::Appends)
    }
}

/// Writes rows.
pub async fn write(tx: &mut Tx, program: ProgramId, rows: Rows<'_>) -> Result<()> {
    let Some(step) = rows.step() else { return Ok(()) };
    let referrals = referral::Columns::of(rows.referrals);
    let facts = fact::Columns::of(rows.facts);
    let commissions = commission::Columns::of(rows.commissions);
    let transfers = transfer::Columns::of(rows.transfers);
    let logs = log::Columns::of(rows.logs);
    let days = rows.days.map(roll_up::Columns::of).unwrap_or_default();
    let (accounts, months) = rows.accounts.map(account::Columns::of).unwrap_or_default();
    #[rustfmt::skip]
    sqlx::query_file!(
        "src/write.sql",
        program.0,
        &facts.ids as _, &facts.kinds as _, &facts.operations as _, &facts.referrals as _,
        &facts.payments as _, &facts.amounts as _, &facts.currencies as _, &facts.values as _,
        &facts.sources as _, &facts.occurred as _, &facts.recorded as _, &facts.hashes as _,
        &facts.engines as _, &facts.details as _, &facts.outcomes as _, &facts.exchanges as _,
        &commissions.ids as _, &commissions.facts as _, &commissions.referrals as _,
        &commissions.affiliates as _, &commissions.rules as _, &commissions.kinds as _,
        &commissions.versions as _, &commissions.currencies as _, &commissions.occurred as _,
        &commissions.release as _, &commissions.released as _, &commissions.after_close as _,
        &commissions.disputed as _,
        &transfers.ids as _, &transfers.affiliates as _, &transfers.currencies as _, &transfers.debits as _,
        &transfers.credits as _, &transfers.amounts as _, &transfers.causes as _, &transfers.cause_ids as _,
        &transfers.revisions as _, &transfers.commissions as _, &transfers.legs as _, &transfers.entries as _,
        &transfers.effective as _, &transfers.periods as _, &transfers.logs as _, &transfers.unclaimed as _,
        &logs.ids as _, &logs.kinds as _, &logs.scopes as _, &logs.versions as _, &logs.recorded as _,
        &logs.bodies as _,
        &referrals.ids as _, &referrals.affiliates as _, &referrals.states as _, &referrals.state_set as _,
        &referrals.rejected as _, &referrals.folds as _, &referrals.versions as _, &referrals.updated as _,
        &accounts.affiliates as _, &accounts.currencies as _, &accounts.moved as _,
        &accounts.registrations as _, &accounts.first_payments as _, &accounts.first_payments_micros as _,
        &accounts.payments as _, &accounts.payments_micros as _, &accounts.last_paid as _,
        &months.affiliates as _, &months.currencies as _, &months.months as _, &months.moved as _,
        &days.affiliates as _, &days.days as _, &days.deals as _, &days.counts as _, &days.amounts as _,
        domain::ENGINE_VERSION
    )
    .execute(tx.enter(step)?)
    .await?;
    Ok(())
}
