//! `/v1/payouts`: money paid to affiliates.

pub(super) mod create;
pub(super) mod list;
pub(super) mod show;
pub(super) mod step;

use app::payout::PayoutRow;
use chrono::{DateTime, Utc};
use domain::currency::Currency;
use domain::payout::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::{Amount, CurrencyCode, amount, schema, words};

schema! {
    PayoutState = words(
        "`requested`, `approved`, `processing`: on its way. `paid`: arrived. `failed`, `cancelled`, `returned`: the \
         money is due again.",
        State::ALL.map(State::as_str),
    );
}

/// Money paid to an affiliate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Payout {
    /// Its number in the program.
    id: i64,
    /// Who is paid.
    affiliate_id: i64,
    /// How much.
    #[schema(value_type = Amount)]
    amount: String,
    /// In the program's currency.
    #[schema(value_type = CurrencyCode)]
    currency: Currency,
    /// How much of it was paid beyond what was due.
    #[schema(value_type = Amount)]
    advance: String,
    /// Where it stands.
    #[schema(value_type = PayoutState)]
    state: State,
    /// The beginning of the period it is for.
    period_from: DateTime<Utc>,
    /// The end of the period it is for.
    period_to: DateTime<Utc>,
    /// For the staff. Not shown to an affiliate's key.
    operator_comments: Option<String>,
    /// The identical payout that was made within ten minutes before by a Smartico payment without a key: perhaps the same one,
    /// sent twice. Not shown to an affiliate's key.
    repeats_payout_id: Option<i64>,
    /// For the affiliate.
    payment_details: Option<String>,
    /// When it was asked for.
    requested_at: DateTime<Utc>,
    /// When it arrived.
    paid_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

impl From<PayoutRow> for Payout {
    fn from(row: PayoutRow) -> Payout {
        Payout {
            id: row.id.0,
            affiliate_id: row.affiliate.0,
            amount: amount(row.amount_micros, row.currency),
            currency: row.currency,
            advance: amount(row.advance_micros, row.currency),
            state: row.state,
            period_from: row.period.0,
            period_to: row.period.1,
            operator_comments: row.details.operator_comments,
            repeats_payout_id: row.details.repeats.map(|id| id.0),
            payment_details: row.details.payment_details,
            requested_at: row.requested_at,
            paid_at: row.paid_at,
            updated_at: row.updated_at,
        }
    }
}
