//! Transfers: the ledger's movements, append only. The one column that changes says what no payout has claimed.

use std::collections::BTreeMap;

use domain::claim::Line;
use domain::ids::{AffiliateId, CommissionId, LogId, ProgramId, TransferId};
use domain::ledger::{Account, Cause, Entry, Movement};
use domain::time::{Period, Timestamp};
use uuid::Uuid;

use crate::error::{Result, corrupt};
use crate::{Connection, Step, Tx};

/// A row of `transfer`.
#[derive(Clone, PartialEq, Debug)]
pub struct TransferRow {
    /// Its id.
    pub id: TransferId,
    /// Whose accounts.
    pub affiliate: AffiliateId,
    /// In which currency.
    pub currency: String,
    /// What moves where.
    pub movement: Movement,
    /// What sort of cause.
    pub cause: Cause,
    /// The cause.
    pub cause_id: Uuid,
    /// The cause's revision.
    pub revision: i32,
    /// The commission it belongs to.
    pub commission: Option<CommissionId>,
    /// Its place among the cause's transfers of one commission.
    pub leg: i16,
    /// The sort of entry, for a commission's.
    pub entry: Option<Entry>,
    /// When it takes effect.
    pub effective_at: Timestamp,
    /// The month it is posted in.
    pub period: Period,
    /// The log row that recorded it.
    pub log: LogId,
}

impl TransferRow {
    /// What the movement leaves to be claimed by payouts: its effect on `due`, unless a payout made it.
    pub fn claimable_micros(&self) -> i64 {
        if self.cause == Cause::Payout { 0 } else { self.movement.on_due() }
    }
}

/// Transfers as [`crate::write`] takes them, column by column.
pub(crate) struct Columns<'a> {
    pub(crate) ids: Vec<Uuid>,
    pub(crate) affiliates: Vec<i64>,
    pub(crate) currencies: Vec<&'a str>,
    pub(crate) debits: Vec<i16>,
    pub(crate) credits: Vec<i16>,
    pub(crate) amounts: Vec<i64>,
    pub(crate) causes: Vec<i16>,
    pub(crate) cause_ids: Vec<Uuid>,
    pub(crate) revisions: Vec<i32>,
    pub(crate) commissions: Vec<Uuid>,
    pub(crate) legs: Vec<i16>,
    pub(crate) entries: Vec<Option<i16>>,
    pub(crate) effective: Vec<Timestamp>,
    pub(crate) periods: Vec<i32>,
    pub(crate) logs: Vec<Uuid>,
    pub(crate) unclaimed: Vec<i64>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(transfers: &'a [TransferRow]) -> Columns<'a> {
        let commission = |row: &TransferRow| row.commission.map_or(Uuid::nil(), |id| id.0);
        Columns {
            ids: transfers.iter().map(|row| row.id.0).collect(),
            affiliates: transfers.iter().map(|row| row.affiliate.0).collect(),
            currencies: transfers.iter().map(|row| row.currency.as_str()).collect(),
            debits: transfers.iter().map(|row| row.movement.debit().code()).collect(),
            credits: transfers.iter().map(|row| row.movement.credit().code()).collect(),
            amounts: transfers.iter().map(|row| row.movement.micros()).collect(),
            causes: transfers.iter().map(|row| row.cause.code()).collect(),
            cause_ids: transfers.iter().map(|row| row.cause_id).collect(),
            revisions: transfers.iter().map(|row| row.revision).collect(),
            commissions: transfers.iter().map(commission).collect(),
            legs: transfers.iter().map(|row| row.leg).collect(),
            entries: transfers.iter().map(|row| row.entry.map(Entry::code)).collect(),
            effective: transfers.iter().map(|row| row.effective_at).collect(),
            periods: transfers.iter().map(|row| row.period.number()).collect(),
            logs: transfers.iter().map(|row| row.log.0).collect(),
            unclaimed: transfers.iter().map(TransferRow::claimable_micros).collect(),
        }
    }
}

/// The lines of an affiliate that no payout has claimed in full, oldest first, read without a lock.
pub async fn unclaimed(
    connection: &mut Connection,
    program: ProgramId,
    affiliate: AffiliateId,
    currency: &str,
) -> Result<Vec<Line<TransferId>>> {
    let rows = sqlx::query!(
        "select id, unclaimed_micros from transfer
         where program_id = $1 and affiliate_id = $2 and currency = $3 and unclaimed_micros <> 0
         order by effective_at, id",
        program.0,
        affiliate.0,
        currency
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Line { id: TransferId(row.id), unclaimed_micros: row.unclaimed_micros })
        .collect())
}

/// Locks lines in the order of their ids.
pub async fn lock_lines(tx: &mut Tx, program: ProgramId, ids: &[TransferId]) -> Result<()> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    sqlx::query!(
        "select t.id from (select id from unnest($2::uuid[]) as w (id) order by id) w
              cross join lateral (select id from transfer where program_id = $1 and id = w.id offset 0
                                  for no key update) t",
        program.0,
        &ids
    )
    .fetch_all(tx.enter(Step::Commissions)?)
    .await?;
    Ok(())
}

/// Takes signed parts off what is unclaimed of lines that the transaction has locked; negative parts of a claim give
/// the lines back.
pub async fn take(tx: &mut Tx, program: ProgramId, parts: &[(TransferId, i64)]) -> Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let parts: BTreeMap<TransferId, i64> = parts.iter().copied().collect();
    let ids: Vec<Uuid> = parts.keys().map(|id| id.0).collect();
    let micros: Vec<i64> = parts.into_values().collect();
    // The ids ascend, so a line's place among them is a binary search; a join would compare each with each.
    sqlx::query!(
        "update transfer
         set unclaimed_micros = unclaimed_micros - ($3::bigint[])[width_bucket(id, $2::uuid[])]
         where program_id = $1 and id = any($2)",
        program.0,
        &ids,
        &micros
    )
    .execute(tx.enter(Step::Commissions)?)
    .await?;
    Ok(())
}

/// A transfer as it is read back, with the version of the rules that booked it.
#[derive(Clone, PartialEq, Debug)]
pub struct BookedRow {
    /// The transfer.
    pub transfer: TransferRow,
    /// The version of the rules.
    pub engine: i16,
}

struct Raw {
    id: Uuid,
    affiliate_id: i64,
    currency: String,
    debit: i16,
    credit: i16,
    amount_micros: i64,
    cause: i16,
    cause_id: Uuid,
    revision: i32,
    commission_id: Uuid,
    leg: i16,
    entry: Option<i16>,
    effective_at: Timestamp,
    period: i32,
    log_id: Uuid,
    engine: i16,
}

impl TryFrom<Raw> for BookedRow {
    type Error = crate::StoreError;

    fn try_from(row: Raw) -> Result<BookedRow> {
        let id = TransferId(row.id);
        let broken = |column| corrupt("transfer", column, id);
        let debit = Account::from_code(row.debit).ok_or_else(|| broken("debit"))?;
        let credit = Account::from_code(row.credit).ok_or_else(|| broken("credit"))?;
        let entry = row.entry.map(|code| Entry::from_code(code).ok_or_else(|| broken("entry")));
        let transfer = TransferRow {
            id,
            affiliate: AffiliateId(row.affiliate_id),
            currency: row.currency,
            movement: Movement::restore(debit, credit, row.amount_micros)
                .ok_or_else(|| broken("amount_micros"))?,
            cause: Cause::from_code(row.cause).ok_or_else(|| broken("cause"))?,
            cause_id: row.cause_id,
            revision: row.revision,
            commission: (!row.commission_id.is_nil()).then_some(CommissionId(row.commission_id)),
            leg: row.leg,
            entry: entry.transpose()?,
            effective_at: row.effective_at,
            period: Period::from_number(row.period).ok_or_else(|| broken("period"))?,
            log: LogId(row.log_id),
        };
        Ok(BookedRow { transfer, engine: row.engine })
    }
}

/// The transfers of an affiliate in the order in which they were made.
pub async fn of_affiliate(
    connection: &mut Connection,
    program: ProgramId,
    affiliate: AffiliateId,
) -> Result<Vec<TransferRow>> {
    let rows = sqlx::query_as!(
        Raw,
        "select id, affiliate_id, currency, debit, credit, amount_micros, cause, cause_id, revision, commission_id, leg,
                entry, effective_at, period, log_id, engine
         from transfer where program_id = $1 and affiliate_id = $2 order by id",
        program.0,
        affiliate.0
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| BookedRow::try_from(row).map(|row| row.transfer)).collect()
}

/// The transfers of commissions in the order in which they were made.
pub async fn of_commissions(
    connection: &mut Connection,
    program: ProgramId,
    ids: &[CommissionId],
) -> Result<Vec<BookedRow>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query_as!(
        Raw,
        "select t.id, t.affiliate_id, t.currency, t.debit, t.credit, t.amount_micros, t.cause, t.cause_id, t.revision,
                t.commission_id, t.leg, t.entry, t.effective_at, t.period, t.log_id, t.engine
         from unnest($2::uuid[]) as w (id)
              cross join lateral (select * from transfer
                                  where program_id = $1 and commission_id = w.id offset 0) t
         order by t.id",
        program.0,
        &ids
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(BookedRow::try_from).collect()
}
