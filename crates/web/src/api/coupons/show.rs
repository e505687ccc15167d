//! `GET /v1/coupons/{code}`.

use app::App;
use axum::Json;
use axum::extract::State;

use super::{Coupon, CouponCode, in_path};
use crate::api::extract::{Anyone, Id, Params};
use crate::api::problem::Problem;

/// Show a coupon
///
/// An affiliate's key sees its own.
#[utoipa::path(get, path = "/v1/coupons/{code}", tag = "Coupons", operation_id = "show_coupon",
    params(("code" = inline(CouponCode), Path, description = "The coupon's code, in any case.")),
    responses((status = 200, description = "The coupon.", body = Coupon)))]
pub(crate) async fn show_coupon(
    State(app): State<App>,
    Anyone(caller): Anyone,
    Id(code): Id<String>,
    params: Params,
) -> Result<Json<Coupon>, Problem> {
    params.finish()?;
    Ok(Json(app::coupon::show(&app, &caller, &in_path(&code)?).await?.into()))
}
