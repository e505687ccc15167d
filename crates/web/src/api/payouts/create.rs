//! `POST /v1/payouts`.

use app::App;
use app::payout::{PayoutRow, Rail};
use axum::extract::State;
use axum::response::Response;
use domain::ids::AffiliateId;
use domain::payout;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Payout;
use crate::api::extract::{Body, Operator, Params, RequiredKey};
use crate::api::fields::{Instant, Micros, PositiveAmount};
use crate::api::once;
use crate::api::problem::Problem;

/// A new payout.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewPayout {
    /// Who is paid.
    #[schema(value_type = i64, minimum = 1)]
    affiliate_id: AffiliateId,
    /// How much, in whole minor units of the program's currency; all that is payable when it is left out.
    #[schema(value_type = Option<PositiveAmount>)]
    amount: Option<Micros>,
    /// The beginning of the period it is for.
    #[schema(value_type = Option<String>, format = DateTime)]
    period_from: Option<Instant>,
    /// The end of the period it is for.
    #[schema(value_type = Option<String>, format = DateTime)]
    period_to: Option<Instant>,
    /// For the staff.
    #[schema(max_length = 4000)]
    operator_comments: Option<String>,
    /// For the affiliate.
    #[schema(max_length = 4000)]
    payment_details: Option<String>,
    /// Whether the affiliate is told by mail once it is paid.
    #[serde(default)]
    #[schema(required = false)]
    send_mail: bool,
}

/// Pay an affiliate
///
/// In a program with `direct` payouts it is paid in the same step, else it waits for its next steps. At most what is
/// payable. Once per `Idempotency-Key`: the same request again gets the first answer again.
#[utoipa::path(post, path = "/v1/payouts", tag = "Payouts", operation_id = "create_payout",
    params(("Idempotency-Key" = String, Header, min_length = 1, max_length = 255, description =
        "A text of your own that is new for every payout.")),
    request_body = NewPayout,
    responses(
        (status = 201, description = "The payout.", body = Payout),
        (status = 200, description = "It was made before: the first answer again.", body = Payout,
            headers(("Idempotent-Replayed" = String, description = "`true`"))),
    ))]
pub(crate) async fn create_payout(
    State(app): State<App>,
    Operator(caller): Operator,
    RequiredKey(key): RequiredKey,
    params: Params,
    Body(body): Body<NewPayout>,
) -> Result<Response, Problem> {
    params.finish()?;
    let new = app::payout::NewPayout {
        rail: Rail::Native,
        affiliate: body.affiliate_id,
        amount_micros: body.amount.map(|amount| amount.0),
        period: (body.period_from.map(|at| at.0), body.period_to.map(|at| at.0)),
        operator_comments: body.operator_comments,
        payment_details: body.payment_details,
        send_mail: body.send_mail,
    };
    let (row, replayed) = app::payout::create(&app, &caller, Some(&key), new).await?;
    Ok(once::answer(Payout::from(as_first_answered(row)), replayed))
}

/// The payout as it was when it was made, whatever steps it has taken since.
fn as_first_answered(mut row: PayoutRow) -> PayoutRow {
    row.state = row.first_state;
    row.paid_at = (row.first_state == payout::State::Paid).then_some(row.requested_at);
    row.updated_at = row.requested_at;
    row
}
