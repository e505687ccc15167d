//! `POST /v1/coupons`.

use app::App;
use app::coupon::NewCoupon as New;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::attribution::{Code, Validity};
use domain::ids::{AffiliateId, DealId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Coupon, CouponCode};
use crate::api::extract::{Body, Operator, Params};
use crate::api::fields::Instant;
use crate::api::problem::Problem;

/// A new coupon.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, expecting = "an object")]
pub(crate) struct NewCoupon {
    /// What a customer types.
    #[schema(value_type = CouponCode)]
    code: Code,
    /// What a payment provider calls it, where that is something else (Stripe: the coupon's id).
    #[schema(value_type = Option<CouponCode>)]
    provider_code: Option<Code>,
    /// Whose it is; that never changes.
    #[schema(value_type = i64, minimum = 1)]
    affiliate_id: AffiliateId,
    /// The deal that its customers get.
    #[schema(value_type = Option<i64>, minimum = 1)]
    deal_id: Option<DealId>,
    /// From when on it is valid.
    #[schema(value_type = Option<DateTime<Utc>>)]
    valid_from: Option<Instant>,
    /// Until when it is valid.
    #[schema(value_type = Option<DateTime<Utc>>)]
    valid_until: Option<Instant>,
}

/// Make a coupon
///
/// Whoever registers with it, or pays with it for the first time, is a customer of its affiliate, whatever link was
/// clicked.
#[utoipa::path(post, path = "/v1/coupons", tag = "Coupons", operation_id = "create_coupon",
    request_body = NewCoupon,
    responses((status = 201, description = "The coupon.", body = Coupon)))]
pub(crate) async fn create_coupon(
    State(app): State<App>,
    Operator(caller): Operator,
    params: Params,
    Body(body): Body<NewCoupon>,
) -> Result<(StatusCode, Json<Coupon>), Problem> {
    params.finish()?;
    let validity = Validity { from: body.valid_from.map(|at| at.0), until: body.valid_until.map(|at| at.0) };
    let new = New {
        code: body.code,
        provider_code: body.provider_code,
        affiliate: body.affiliate_id,
        deal: body.deal_id,
        validity,
    };
    Ok((StatusCode::CREATED, Json(app::coupon::create(&app, &caller, new).await?.into())))
}
