//! `/v1/coupons`: codes that bring their affiliate the customers who use them.

pub(super) mod create;
pub(super) mod list;
pub(super) mod show;
pub(super) mod update;

use app::coupon::CouponRow;
use chrono::{DateTime, Utc};
use domain::attribution::Code;
use serde::Serialize;
use utoipa::ToSchema;

use super::fields::{self, schema};
use super::problem::Problem;

schema! {
    CouponCode = fields::pattern(
        "A coupon's code, without white space, unique in the program; kept in upper case.", r"^\S{1,100}$", "SAVE20",
    );
}

/// A coupon.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Coupon {
    /// What a customer types.
    #[schema(value_type = CouponCode)]
    code: String,
    /// What a payment provider calls it, where that is something else (Stripe: the coupon's id).
    #[schema(value_type = Option<CouponCode>)]
    provider_code: Option<String>,
    /// Whose it is.
    affiliate_id: i64,
    /// The deal that its customers get; null for what any customer of the affiliate gets.
    deal_id: Option<i64>,
    /// From when on it is valid; null for always.
    valid_from: Option<DateTime<Utc>>,
    /// Until when it is valid; null for ever.
    valid_until: Option<DateTime<Utc>>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
}

impl From<CouponRow> for Coupon {
    fn from(row: CouponRow) -> Coupon {
        Coupon {
            code: row.code.into(),
            provider_code: row.provider_code.map(String::from),
            affiliate_id: row.affiliate.0,
            deal_id: row.deal.map(|id| id.0),
            valid_from: row.validity.from,
            valid_until: row.validity.until,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The code in a path. What is no code names nothing.
fn in_path(text: &str) -> Result<Code, Problem> {
    Code::parse(text).map_err(|error| Problem::not_found(format!("there is no such coupon: {error}")))
}
