//! Adjustments: corrections by hand.

use chrono::{DateTime, Utc};
use domain::currency::Currency;
use domain::ids::{AdjustmentId, AffiliateId, LogId, ProgramId};
use uuid::Uuid;

use crate::error::{Result, corrupt};
use crate::{Connection, Step, Tx};

/// A row of `adjustment`.
#[derive(Clone, PartialEq, Debug)]
pub struct AdjustmentRow {
    /// Its id.
    pub id: AdjustmentId,
    /// The log row that recorded it.
    pub decision: LogId,
    /// Whose balance.
    pub affiliate: AffiliateId,
    /// In which currency.
    pub currency: Currency,
    /// How much, signed, in micros.
    pub amount_micros: i64,
    /// Why.
    pub reason: String,
    /// When it takes effect.
    pub effective_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The keyed hash of the request.
    pub input_hash: Vec<u8>,
}

struct Raw {
    id: i64,
    decision_id: Uuid,
    affiliate_id: i64,
    currency: String,
    amount_micros: i64,
    reason: String,
    effective_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    input_hash: Vec<u8>,
}

impl TryFrom<Raw> for AdjustmentRow {
    type Error = crate::StoreError;

    fn try_from(raw: Raw) -> Result<AdjustmentRow> {
        Ok(AdjustmentRow {
            id: AdjustmentId(raw.id),
            decision: LogId(raw.decision_id),
            affiliate: AffiliateId(raw.affiliate_id),
            currency: raw.currency.parse().map_err(|_| corrupt("adjustment", "currency", raw.id))?,
            amount_micros: raw.amount_micros,
            reason: raw.reason,
            effective_at: raw.effective_at,
            created_at: raw.created_at,
            input_hash: raw.input_hash,
        })
    }
}

/// Appends an adjustment.
pub async fn append(tx: &mut Tx, program: ProgramId, row: &AdjustmentRow) -> Result<()> {
    sqlx::query!(
        "insert into adjustment (program_id, id, decision_id, affiliate_id, currency, amount_micros, reason,
                                 effective_at, created_at, input_hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        program.0,
        row.id.0,
        row.decision.0,
        row.affiliate.0,
        row.currency.code(),
        row.amount_micros,
        row.reason,
        row.effective_at,
        row.created_at,
        row.input_hash
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// An adjustment by the decision that made it.
pub async fn by_decision(
    connection: &mut Connection,
    program: ProgramId,
    decision: LogId,
) -> Result<Option<AdjustmentRow>> {
    sqlx::query_as!(
        Raw,
        "select id, decision_id, affiliate_id, currency, amount_micros, reason, effective_at, created_at, input_hash
         from adjustment where program_id = $1 and decision_id = $2",
        program.0,
        decision.0
    )
    .fetch_optional(connection)
    .await?
    .map(AdjustmentRow::try_from)
    .transpose()
}

/// A page of adjustments, newest first, of an affiliate if one is given, and below an id.
pub async fn page(
    connection: &mut Connection,
    program: ProgramId,
    affiliate: Option<AffiliateId>,
    below: Option<AdjustmentId>,
    limit: i64,
) -> Result<Vec<AdjustmentRow>> {
    sqlx::query_as!(
        Raw,
        "select id, decision_id, affiliate_id, currency, amount_micros, reason, effective_at, created_at, input_hash
         from adjustment
         where program_id = $1 and ($2::bigint is null or affiliate_id = $2) and ($3::bigint is null or id < $3)
         order by id desc limit $4",
        program.0,
        affiliate.map(|id| id.0),
        below.map(|id| id.0),
        limit
    )
    .fetch_all(connection)
    .await?
    .into_iter()
    .map(AdjustmentRow::try_from)
    .collect()
}
