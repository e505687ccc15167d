//! `/v1/adjustments`: corrections of balances by hand.

pub(super) mod create;
pub(super) mod list;

use app::adjustment::AdjustmentRow;
use chrono::{DateTime, Utc};
use domain::currency::Currency;
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::{Amount, CurrencyCode, amount};

/// A correction of a balance by hand.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Adjustment {
    /// Its number in the program.
    id: i64,
    /// Whose balance.
    affiliate_id: i64,
    /// How much, signed.
    #[schema(value_type = Amount)]
    amount: String,
    /// In the program's currency.
    #[schema(value_type = CurrencyCode)]
    currency: Currency,
    /// Why.
    reason: String,
    /// When it takes effect.
    effective_at: DateTime<Utc>,
    /// When it was made.
    created_at: DateTime<Utc>,
}

impl From<AdjustmentRow> for Adjustment {
    fn from(row: AdjustmentRow) -> Adjustment {
        Adjustment {
            id: row.id.0,
            affiliate_id: row.affiliate.0,
            amount: amount(row.amount_micros, row.currency),
            currency: row.currency,
            reason: row.reason,
            effective_at: row.effective_at,
            created_at: row.created_at,
        }
    }
}
