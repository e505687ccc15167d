//! `PATCH /v1/coupons/{code}`.

use app::App;
use app::coupon::Changes;
use axum::Json;
use axum::extract::State;
use domain::attribution::Code;
use domain::ids::DealId;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Coupon, CouponCode, in_path};
use crate::api::extract::{Body, Id, Operator, Params};
use crate::api::fields::{Instant, nullable};
use crate::api::problem::Problem;

/// What of a coupon is to change; what is left out stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct CouponChanges {
    /// What a payment provider calls it; null for the same as the code.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<CouponCode>)]
    provider_code: Option<Option<Code>>,
    /// The deal that its customers get; null for what any customer of the affiliate gets.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 1)]
    deal_id: Option<Option<DealId>>,
    /// From when on it is valid; null for always.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    valid_from: Option<Option<Instant>>,
    /// Until when it is valid; null for ever.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    valid_until: Option<Option<Instant>>,
}

/// Change a coupon
///
/// Customers who were put down to its affiliate stay so, under the deal that they got.
#[utoipa::path(patch, path = "/v1/coupons/{code}", tag = "Coupons", operation_id = "update_coupon",
    params(("code" = inline(CouponCode), Path, description = "The coupon's code, in any case.")),
    request_body = CouponChanges,
    responses((status = 200, description = "The coupon as it is now.", body = Coupon)))]
pub(crate) async fn update_coupon(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(code): Id<String>,
    params: Params,
    Body(body): Body<CouponChanges>,
) -> Result<Json<Coupon>, Problem> {
    params.finish()?;
    let changes = Changes {
        provider_code: body.provider_code,
        deal: body.deal_id,
        valid_from: body.valid_from.map(|at| at.map(|at| at.0)),
        valid_until: body.valid_until.map(|at| at.map(|at| at.0)),
    };
    Ok(Json(app::coupon::update(&app, &caller, &in_path(&code)?, changes).await?.into()))
}
