//! Opening figures: what an old system had counted before the books were opened here.

use domain::currency::Currency;
use domain::ids::{AffiliateId, LogId, ProgramId};
use domain::time::Timestamp;

use crate::error::Result;
use crate::{Connection, Step, Tx};

/// A row of `opening`.
#[derive(Clone, PartialEq, Debug)]
pub struct OpeningRow {
    /// The log row that recorded it; its transfers carry it as their cause.
    pub id: LogId,
    /// Whose books.
    pub affiliate: AffiliateId,
    /// In which currency.
    pub currency: Currency,
    /// The cut-over.
    pub effective_at: Timestamp,
    /// Registrations until then.
    pub registrations: i64,
    /// First deposits until then, and their amount in micros.
    pub first_payments: (i64, i64),
    /// Deposits until then, first ones included, and their amount in micros.
    pub payments: (i64, i64),
    /// The last payout until then.
    pub last_paid_at: Option<Timestamp>,
    /// The keyed hash of the request.
    pub input_hash: Vec<u8>,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// Appends opening figures.
pub async fn append(tx: &mut Tx, program: ProgramId, row: &OpeningRow) -> Result<()> {
    sqlx::query!(
        "insert into opening (program_id, id, affiliate_id, currency, effective_at, registrations, first_payments,
                              first_payments_micros, payments, payments_micros, last_paid_at, input_hash, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        program.0,
        row.id.0,
        row.affiliate.0,
        row.currency.code(),
        row.effective_at,
        row.registrations,
        row.first_payments.0,
        row.first_payments.1,
        row.payments.0,
        row.payments.1,
        row.last_paid_at,
        row.input_hash,
        row.created_at
    )
    .execute(tx.enter(Step::Appends)?)
    .await?;
    Ok(())
}

/// The keyed hash of a recorded opening, to compare a repeated request with.
pub async fn input_hash(
    connection: &mut Connection,
    program: ProgramId,
    id: LogId,
) -> Result<Option<Vec<u8>>> {
    Ok(sqlx::query_scalar!(
        "select input_hash from opening where program_id = $1 and id = $2",
        program.0,
        id.0
    )
    .fetch_optional(connection)
    .await?)
}
