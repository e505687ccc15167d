//! `GET /v1/affiliates/{id}/balances`.

use app::App;
use axum::Json;
use axum::extract::State;
use domain::ids::AffiliateId;

use crate::api::balances::Balance;
use crate::api::extract::{Anyone, Id, Params};
use crate::api::page::{Paged, whole};
use crate::api::problem::Problem;

/// Balances of an affiliate
///
/// One per currency in which anything was booked; none before that.
#[utoipa::path(get, path = "/v1/affiliates/{id}/balances", tag = "Balances", operation_id = "show_balances",
    params(("id" = i64, Path, minimum = 1, description = "The affiliate.")),
    responses((status = 200, description = "The balances, by currency.", body = Paged<Balance>)))]
pub(crate) async fn show_balances(
    State(app): State<App>,
    Anyone(caller): Anyone,
    Id(id): Id<AffiliateId>,
    params: Params,
) -> Result<Json<Paged<Balance>>, Problem> {
    params.finish()?;
    let rows = app::balance::of_affiliate(&app, &caller, id).await?;
    Ok(whole(rows.iter().map(Balance::from).collect()))
}
