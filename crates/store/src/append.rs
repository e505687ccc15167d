//! What a transaction appends without meeting a conflict: facts, commissions, transfers, log rows. One statement writes
//! all of them, because a payment that comes alone waits for every statement (docs/PERFORMANCE.md).

use domain::ids::ProgramId;

use crate::commission::{self, CommissionRow};
use crate::error::Result;
use crate::fact::{self, FactRow};
use crate::log::{self, LogRow};
use crate::transfer::{self, TransferRow};
use crate::{Step, Tx};

/// Rows to append.
#[derive(Clone, Copy, Default, Debug)]
pub struct Rows<'a> {
    /// Facts.
    pub facts: &'a [FactRow],
    /// Commissions.
    pub commissions: &'a [CommissionRow],
    /// Transfers. Their effect on the account rows is booked by `account::apply` in the same transaction.
    pub transfers: &'a [TransferRow],
    /// Log rows, which are queued for their numbers.
    pub logs: &'a [LogRow],
}

/// Appends rows.
pub async fn append(tx: &mut Tx, program: ProgramId, rows: Rows<'_>) -> Result<()> {
    let Rows { facts, commissions, transfers, logs } = rows;
    if facts.is_empty() && commissions.is_empty() && transfers.is_empty() && logs.is_empty() {
        return Ok(());
    }
    let facts = fact::Columns::of(facts);
    let commissions = commission::Columns::of(commissions);
    let transfers = transfer::Columns::of(transfers);
    let logs = log::Columns::of(logs);
    sqlx::query_file!(
        "src/append.sql",
        program.0,
        &facts.ids as _,
        &facts.kinds as _,
        &facts.operations as _,
        &facts.referrals as _,
        &facts.payments as _,
        &facts.amounts as _,
        &facts.currencies as _,
        &facts.values as _,
        &facts.sources as _,
        &facts.occurred as _,
        &facts.recorded as _,
        &facts.hashes as _,
        &facts.engines as _,
        &facts.details as _,
        &facts.outcomes as _,
        &facts.exchanges as _,
        &commissions.ids as _,
        &commissions.facts as _,
        &commissions.referrals as _,
        &commissions.affiliates as _,
        &commissions.rules as _,
        &commissions.kinds as _,
        &commissions.versions as _,
        &commissions.currencies as _,
        &commissions.occurred as _,
        &commissions.release as _,
        &commissions.released as _,
        &commissions.after_close as _,
        &commissions.disputed as _,
        &transfers.ids as _,
        &transfers.affiliates as _,
        &transfers.currencies as _,
        &transfers.debits as _,
        &transfers.credits as _,
        &transfers.amounts as _,
        &transfers.causes as _,
        &transfers.cause_ids as _,
        &transfers.revisions as _,
        &transfers.commissions as _,
        &transfers.legs as _,
        &transfers.entries as _,
        &transfers.effective as _,
        &transfers.periods as _,
        &transfers.logs as _,
        &transfers.unclaimed as _,
        &logs.ids as _,
        &logs.kinds as _,
        &logs.scopes as _,
        &logs.versions as _,
        &logs.recorded as _,
        &logs.bodies as _
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}
