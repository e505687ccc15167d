//! `POST /v1/adjustments`.

use app::App;
use axum::extract::State;
use axum::response::Response;
use domain::ids::AffiliateId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Adjustment;
use crate::api::extract::{Body, Operator, Params, RequiredKey};
use crate::api::fields::{Amount, Micros};
use crate::api::once;
use crate::api::problem::Problem;

/// A new adjustment.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewAdjustment {
    /// Whose balance.
    #[schema(value_type = i64, minimum = 1)]
    affiliate_id: AffiliateId,
    /// How much, signed, in the program's currency.
    #[schema(value_type = Amount)]
    amount: Micros,
    /// Why.
    #[schema(max_length = 1000)]
    reason: String,
}

/// Adjust a balance
///
/// The amount is due at once. Once per `Idempotency-Key`: the same request again gets the first answer again.
#[utoipa::path(post, path = "/v1/adjustments", tag = "Adjustments", operation_id = "create_adjustment",
    params(("Idempotency-Key" = String, Header, min_length = 1, max_length = 255, description =
        "A text of your own that is new for every adjustment.")),
    request_body = NewAdjustment,
    responses(
        (status = 201, description = "The adjustment.", body = Adjustment),
        (status = 200, description = "It was made before: the first answer again.", body = Adjustment,
            headers(("Idempotent-Replayed" = String, description = "`true`"))),
    ))]
pub(crate) async fn create_adjustment(
    State(app): State<App>,
    Operator(caller): Operator,
    RequiredKey(key): RequiredKey,
    params: Params,
    Body(body): Body<NewAdjustment>,
) -> Result<Response, Problem> {
    params.finish()?;
    let new = app::adjustment::NewAdjustment {
        affiliate: body.affiliate_id,
        amount_micros: body.amount.0,
        reason: body.reason,
    };
    let (row, replayed) =
        app::adjustment::create_once(&app, &caller, "v1.adjustment", Some(&key), new).await?;
    Ok(once::answer(Adjustment::from(row), replayed))
}
