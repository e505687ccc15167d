//! `GET /v1/coupons`.

use app::App;
use app::coupon::Filter;
use axum::Json;
use axum::extract::State;
use domain::attribution::Code;

use super::Coupon;
use crate::api::extract::{Anyone, Params};
use crate::api::page::{Page, Paged};
use crate::api::problem::Problem;

/// List coupons
///
/// In the order of their codes. An affiliate's key sees its own.
#[utoipa::path(get, path = "/v1/coupons", tag = "Coupons", operation_id = "list_coupons",
    params(Page, ("affiliate_id" = Option<i64>, Query, minimum = 1, description = "Only of this affiliate.")),
    responses((status = 200, description = "A page of coupons.", body = Paged<Coupon>)))]
pub(crate) async fn list_coupons(
    State(app): State<App>,
    Anyone(caller): Anyone,
    mut params: Params,
) -> Result<Json<Paged<Coupon>>, Problem> {
    let page = params.page()?;
    let filter = Filter {
        affiliate: params.parse("affiliate_id")?,
        after: page.after(|place| Code::parse(place).ok())?,
        ..Filter::default()
    };
    params.finish()?;
    let rows = app::coupon::list(&app, &caller, &filter, page.reads()).await?;
    Ok(page.answer(rows, |row| row.code.to_string(), Coupon::from))
}
