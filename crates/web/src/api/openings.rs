//! `POST /v1/openings`: books brought in from an old system.

use app::App;
use app::opening::NewOpening as Opening;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use domain::ids::AffiliateId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::extract::{Body, Operator, Params, RequiredKey};
use crate::api::fields::{Amount, Instant, LogId, Micros, object};
use crate::api::once;
use crate::api::problem::Problem;

/// What an old system said of an affiliate, in the program's currency. What is left out is zero.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewOpening {
    /// Whose books.
    #[schema(value_type = i64, minimum = 1)]
    affiliate_id: AffiliateId,
    /// The cut-over.
    #[schema(value_type = String, format = DateTime)]
    effective_at: Instant,
    /// Earned until then.
    #[serde(default, deserialize_with = "object")]
    earned: OpeningEarned,
    /// Paid out until then.
    #[serde(default)]
    #[schema(value_type = Amount, required = false)]
    paid: Micros,
    /// Adjustments until then, signed.
    #[serde(default)]
    #[schema(value_type = Amount, required = false)]
    adjustments: Micros,
    /// The last payout until then.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_paid_at: Option<Instant>,
    /// Registrations until then.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000_000_000i64)]
    registrations: i64,
    /// First payments until then.
    #[serde(default, deserialize_with = "object")]
    first_payments: OpeningFigure,
    /// Payments until then, first ones included.
    #[serde(default, deserialize_with = "object")]
    payments: OpeningFigure,
}

/// Earned until the cut-over, by kind of commission; may be negative.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct OpeningEarned {
    /// For registrations.
    #[serde(default)]
    #[schema(value_type = Amount, required = false)]
    lead: Micros,
    /// Flat sums.
    #[serde(default)]
    #[schema(value_type = Amount, required = false)]
    acquisition: Micros,
    /// Percentages.
    #[serde(default)]
    #[schema(value_type = Amount, required = false)]
    share: Micros,
    /// Parts of what sub-affiliates earned.
    #[serde(default)]
    #[schema(value_type = Amount, required = false)]
    sub_affiliate: Micros,
}

/// A count and its amount.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct OpeningFigure {
    /// How many.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000_000_000i64, required = false)]
    count: i64,
    /// Their amount.
    #[serde(default)]
    #[schema(value_type = Amount, required = false)]
    amount: Micros,
}

/// Opened books.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenedBooks {
    /// The log row that recorded them.
    #[schema(value_type = LogId)]
    id: String,
    /// Whose.
    affiliate_id: i64,
    /// The cut-over.
    effective_at: DateTime<Utc>,
}

/// Open the books of an affiliate
///
/// Balances and figures of an old system, dated at the cut-over. What was earned and not paid is due at once. Once per
/// `Idempotency-Key`: the same request again gets the first answer again.
#[utoipa::path(post, path = "/v1/openings", tag = "Adjustments", operation_id = "create_opening",
    params(("Idempotency-Key" = String, Header, min_length = 1, max_length = 255, description =
        "A text of your own that is new for every affiliate.")),
    request_body = NewOpening,
    responses(
        (status = 201, description = "The books are open.", body = OpenedBooks),
        (status = 200, description = "It was done before: the first answer again.", body = OpenedBooks,
            headers(("Idempotent-Replayed" = String, description = "`true`"))),
    ))]
pub(crate) async fn create_opening(
    State(app): State<App>,
    Operator(caller): Operator,
    RequiredKey(key): RequiredKey,
    params: Params,
    Body(body): Body<NewOpening>,
) -> Result<Response, Problem> {
    params.finish()?;
    let NewOpening { earned, .. } = &body;
    let new = Opening {
        affiliate: body.affiliate_id,
        effective_at: body.effective_at.0,
        earned_micros: [earned.lead.0, earned.acquisition.0, earned.share.0, earned.sub_affiliate.0],
        paid_micros: body.paid.0,
        adjustments_micros: body.adjustments.0,
        last_paid_at: body.last_paid_at.map(|at| at.0),
        registrations: body.registrations,
        first_payments: (body.first_payments.count, body.first_payments.amount.0),
        payments: (body.payments.count, body.payments.amount.0),
    };
    let (id, replayed) = app::opening::create_once(&app, &caller, &key, new).await?;
    let opened = OpenedBooks {
        id: id.to_string(),
        affiliate_id: body.affiliate_id.0,
        effective_at: body.effective_at.0,
    };
    Ok(once::answer(opened, replayed))
}
