//! `GET /v1/deals/{id}`.

use app::App;
use axum::Json;
use axum::extract::State;
use domain::ids::DealId;

use super::{Deal, shown};
use crate::api::extract::{Id, Operator, Params};
use crate::api::problem::Problem;

/// Show a deal
///
/// In its newest version.
#[utoipa::path(get, path = "/v1/deals/{id}", tag = "Deals", operation_id = "show_deal",
    params(("id" = i64, Path, minimum = 1, description = "The deal.")),
    responses((status = 200, description = "The deal.", body = Deal)))]
pub(crate) async fn show_deal(
    State(app): State<App>,
    Operator(caller): Operator,
    Id(id): Id<DealId>,
    params: Params,
) -> Result<Json<Deal>, Problem> {
    params.finish()?;
    let row = app::deal::show(&app, &caller, id).await?;
    let currency = app::program::show(&app, &caller).await?.currency;
    Ok(Json(shown(row, currency)))
}
