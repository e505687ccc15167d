//! `GET /v1/affiliates/{id}`.

use app::App;
use axum::Json;
use axum::extract::State;
use domain::ids::AffiliateId;

use super::Affiliate;
use crate::api::extract::{Anyone, Id, Params};
use crate::api::problem::Problem;

/// Show an affiliate
#[utoipa::path(get, path = "/v1/affiliates/{id}", tag = "Affiliates", operation_id = "show_affiliate",
    params(("id" = i64, Path, minimum = 1, description = "The affiliate.")),
    responses((status = 200, description = "The affiliate.", body = Affiliate)))]
pub(crate) async fn show_affiliate(
    State(app): State<App>,
    Anyone(caller): Anyone,
    Id(id): Id<AffiliateId>,
    params: Params,
) -> Result<Json<Affiliate>, Problem> {
    params.finish()?;
    let row = app::affiliate::show(&app, &caller, id).await?;
    let currency = app::program::show(&app, &caller).await?.currency;
    Ok(Json(Affiliate::of(row, currency)))
}
